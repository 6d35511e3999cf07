"""An organization's mails bear its name and come from its address for as long as its domain and SPF record say so."""

import datetime as dt
import smtplib
from typing import Any

import dns.exception
import pytest
from django.core import mail as outgoing
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from controlplane import mail, rls
from controlplane.models import Mail
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations import owner_notices, tasks
from organizations.actions import accounts, domains, grants, senders
from organizations.models import Domain, Grant, MailSender, Organization, User
from organizations.senders import counting, spf
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.deliveries import deliver_due
from tests.organizations.conftest import Zone, audited, prove

# What is due to be sent is judged by the database's clock, which stands still within a transaction.
pytestmark = pytest.mark.django_db(transaction=True)

OURS = "_spf.garrison.example"
PLATFORM = "Garrison <portal@garrison.example>"
ALLOWING = [f"v=spf1 mx include:{OURS} -all"]


@pytest.fixture(autouse=True)
def include(settings: Any) -> None:
    settings.SPF_INCLUDE = OURS


@pytest.fixture
def proven(alice: User, acme: Organization, zone: Zone) -> Domain:
    """acme.example, which is Acme's, and whose SPF record includes the platform's."""
    zone.records["acme.example"] = ALLOWING
    return prove(zone, actor_for(alice), acme, "acme.example")


def choose(person: User, organization: Organization, **chosen: str) -> MailSender:
    by = actor_for(person)
    wanted = {"name": "", "reply_to": "", "address": "", **chosen}
    with rls.acting_as(by.rls_actor):
        return senders.choose(by=by, organization=organization, **wanted)


def check(person: User, organization: Organization) -> MailSender:
    return senders.check(by=actor_for(person), organization=organization)


def sent(organization_id: str | None, **more: Any) -> Any:
    """A mail of an organization, or of the platform, as it leaves."""
    outgoing.outbox.clear()
    with rls.acting_as(rls.actor_of(organization_id or rls.PLATFORM)):
        mail.write(
            to="carol@example.test",
            template="join_declined",
            context={"organization": "Acme", "again": "1 May"},
            organization_id=organization_id,
            **more,
        )
    deliver_due()
    return outgoing.outbox[-1]


@pytest.mark.parametrize(
    ("texts", "there"),
    [
        (["v=spf1 include:_spf.garrison.example ~all"], True),
        (["V=SPF1 ip4:192.0.2.1 +include:_SPF.Garrison.Example. -all"], True),
        (["other", "v=spf1 include:_spf.garrison.example"], True),
        ([], False),
        (["v=spf10 include:_spf.garrison.example"], False),
        (["v=spf1 -all include:_spf.garrison.example"], False),
        (["v=spf1 -include:_spf.garrison.example -all"], False),
        (["v=spf1 ?include:_spf.garrison.example -all"], False),
        (["v=spf1 include:not_spf.garrison.example -all"], False),
        (["v=spf1 include:_spf.garrison.example.evil.example -all"], False),
        (["v=spf1 include:_spf.garrison.example -all", "v=spf1 -all"], False),
    ],
)
def test_a_record_allows_us_where_it_includes_ours_and_counts(texts: list[str], there: bool) -> None:
    assert spf.judged(texts, OURS).there is there


def test_mails_come_from_the_own_address_once_dns_allows_it(alice: User, acme: Organization, proven: Domain) -> None:
    choose(alice, acme, name="Acme Security", reply_to="help@acme.example", address="security@acme.example")
    before = sent(acme.pk)
    assert before.from_email == "Acme Security via Garrison <portal@garrison.example>"
    assert before.reply_to == ["help@acme.example"]
    assert check(alice, acme).state == "allowed"
    assert sent(acme.pk).from_email == "Acme Security <security@acme.example>"
    actions = [entry.action for entry in audited(acme.pk)][-2:]
    assert actions == ["organizations.mail_sender.set", "organizations.mail_sender.prove"]


def test_where_dns_no_longer_allows_it_mails_come_from_ours_and_owners_are_told(
    alice: User, acme: Organization, proven: Domain, zone: Zone
) -> None:
    choose(alice, acme, name="Acme", address="security@acme.example")
    check(alice, acme)
    zone.records["acme.example"] = ["v=spf1 -all"]
    with all_rows():
        MailSender.objects.update(next_look_at=timezone.now())
    tasks.look_for_mail_sender(acme.pk)
    found = sent(acme.pk)
    assert (found.from_email, found.reply_to) == (
        "Acme via Garrison <portal@garrison.example>",
        ["security@acme.example"],
    )
    assert audited(acme.pk)[-1].action == "organizations.mail_sender.miss"
    told = [each for each in outgoing.outbox if "come from our address again" in each.subject]
    assert [each.to for each in told] == [[alice.email]]
    page = session_of(alice).get(f"/o/{acme.pk}/brand/sender/").content.decode()
    assert "Mails do not come from security@acme.example" in page


def test_a_domain_that_is_no_longer_proven_lends_nothing(alice: User, acme: Organization, proven: Domain) -> None:
    """The attack: a domain is sold on, and its new owner's mail still goes out from here."""
    choose(alice, acme, name="Acme", reply_to="help@acme.example", address="security@acme.example")
    check(alice, acme)
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        domains.give_up(by=by, organization=acme, domain_id=proven.pk)
    found = sent(acme.pk)
    assert (found.from_email, found.reply_to) == (PLATFORM, [])


def test_what_nobody_could_look_at_for_days_is_not_believed_any_more(
    alice: User, acme: Organization, proven: Domain, zone: Zone
) -> None:
    choose(alice, acme, name="Acme", address="security@acme.example")
    check(alice, acme)
    zone.records["acme.example"] = dns.exception.Timeout()
    assert check(alice, acme).state == "allowed"
    assert sent(acme.pk).from_email == "Acme <security@acme.example>"
    with all_rows():
        MailSender.objects.update(allowed_at=timezone.now() - counting.BELIEVED_FOR - dt.timedelta(minutes=1))
    assert sent(acme.pk).from_email == "Acme via Garrison <portal@garrison.example>"


@pytest.mark.parametrize("address", ["security@acme.example", "x@sub.acme.example", "ceo@rival.example"])
@pytest.mark.parametrize("field", ["reply_to", "address"])
def test_an_address_in_somebody_elses_domain_is_refused(
    alice: User, mallory: User, acme: Organization, rival: Organization, proven: Domain, field: str, address: str
) -> None:
    """The attack: everybody here sends from the same servers, so SPF alone lets one send as another."""
    with pytest.raises(Invalid, match="Prove first") as refused:
        choose(mallory, rival, **{field: address})
    assert refused.value.field == field
    if address != "security@acme.example":
        with pytest.raises(Invalid, match="Prove first"):
            choose(alice, acme, **{field: address})


@pytest.mark.parametrize(
    "name",
    [
        "Acme\r\nBcc: carol@example.test",
        "Acme\nX-Spam: no",
        "Acme\0",
        "Acme \u202etfosorciM",
        "Acme\u2028",
        "ceo@bank.example",
        "Bank <ceo",
        'Acme" <x',
        "Garrison",
        "The GARRISON team",
        "\uff27arrison",
        "x" * 65,
    ],
)
def test_a_name_that_would_be_another_header_or_sender_is_refused(
    alice: User, acme: Organization, proven: Domain, name: str
) -> None:
    with pytest.raises(Invalid) as refused:
        choose(alice, acme, name=name, reply_to="help@acme.example")
    assert refused.value.field == "name"


@pytest.mark.parametrize(
    "address", ["a@acme.example\r\nBcc: x@y.example", "a@acme.example, b@y.example", "Aſ@acme.example"]
)
def test_an_address_that_is_more_than_one_is_refused(
    alice: User, acme: Organization, proven: Domain, address: str
) -> None:
    with pytest.raises(Invalid) as refused:
        choose(alice, acme, reply_to=address)
    assert refused.value.field == "reply_to"


def test_a_name_beyond_ascii_arrives_as_one_header(alice: User, acme: Organization, proven: Domain) -> None:
    choose(alice, acme, name="Müller, Söhne & Co.", address="security@acme.example")
    check(alice, acme)
    head = sent(acme.pk).message()["From"]
    assert "\n" not in str(head)
    assert "security@acme.example" in str(head)


def test_a_name_alone_is_refused_and_so_is_nothing(alice: User, acme: Organization, proven: Domain) -> None:
    """The attack: somebody signs up as a bank, and our address mails strangers in its name."""
    for name in ("", "First Bank"):
        with pytest.raises(Invalid) as refused:
            choose(alice, acme, name=name)
        assert refused.value.field == "reply_to"


def test_codes_and_notices_of_accounts_come_from_the_platform(alice: User, acme: Organization, proven: Domain) -> None:
    choose(alice, acme, name="Acme", address="security@acme.example")
    check(alice, acme)
    outgoing.outbox.clear()
    accounts.ask_for_code(email="carol@example.test")
    accounts.ask_for_reset(email=alice.email)
    deliver_due()
    mailed = {each.to[0]: each.from_email for each in outgoing.outbox}
    assert (mailed["carol@example.test"], mailed[alice.email]) == (PLATFORM, PLATFORM)


def test_notices_to_owners_come_from_the_platform(alice: User, acme: Organization, proven: Domain, zone: Zone) -> None:
    """The attack: an MSP has notices of what it does in a client come from its address, and has them thrown away."""
    choose(alice, acme, name="Acme", address="security@acme.example")
    check(alice, acme)
    with rls.acting_as(f"org:{acme.pk}"):
        owner_notices.tell_owners(acme, "sender_missing", address="security@acme.example", found="Nothing.")
    deliver_due()
    assert (outgoing.outbox[-1].to, outgoing.outbox[-1].from_email) == ([alice.email], PLATFORM)


def test_a_clients_mails_bear_its_msps_name_until_it_chooses_its_own_or_the_access_ends(
    alice: User, paula: User, acme: Organization, msp: Organization, zone: Zone
) -> None:
    prove(zone, actor_for(paula), msp, "northwatch.example")
    choose(paula, msp, name="Northwatch", reply_to="soc@northwatch.example")
    assert sent(acme.pk).reply_to == ["soc@northwatch.example"]
    prove(zone, actor_for(alice), acme, "acme.example")
    choose(alice, acme, reply_to="help@acme.example")
    assert sent(acme.pk).reply_to == ["help@acme.example"]
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        senders.give_up(by=by, organization=acme)
        grants.withdraw(by=by, grant=Grant.objects.get(client=acme))
    found = sent(acme.pk)
    assert (found.from_email, found.reply_to) == (PLATFORM, [])


@pytest.mark.parametrize(
    "refusal",
    [
        smtplib.SMTPSenderRefused(553, b"not yours", "security@acme.example"),
        smtplib.SMTPRecipientsRefused({"carol@example.test": (550, b"sender refused")}),
        smtplib.SMTPDataError(554, b"Message rejected: the address is not verified"),
    ],
)
def test_a_mail_that_is_refused_from_the_own_address_goes_out_from_ours(
    alice: User, acme: Organization, proven: Domain, monkeypatch: pytest.MonkeyPatch, refusal: Exception
) -> None:
    choose(alice, acme, name="Acme", address="security@acme.example")
    check(alice, acme)
    real = EmailBackend.send_messages

    def send(self: EmailBackend, messages: list[Any]) -> int:
        if "security@acme.example" in messages[0].from_email:
            raise refusal
        return real(self, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send)
    arrived = sent(acme.pk)
    assert arrived.from_email == "Acme via Garrison <portal@garrison.example>"
    assert arrived.reply_to == ["security@acme.example"]
    with all_rows():
        assert Mail.objects.get(to="carol@example.test").state == "sent"


def test_another_address_is_looked_for_anew_and_an_old_look_says_nothing_of_it(
    alice: User, acme: Organization, proven: Domain, zone: Zone
) -> None:
    prove(zone, actor_for(alice), acme, "acme.test")
    choose(alice, acme, name="Acme", address="security@acme.example")
    check(alice, acme)
    with all_rows():
        looked_for = MailSender.objects.get()
    changed = choose(alice, acme, name="Acme", address="security@acme.test")
    assert (changed.state, changed.allowed_at) == ("unchecked", None)
    late = senders._settle(actor_for(alice), looked_for, spf.judged(ALLOWING, OURS))
    assert (late.state, late.address) == ("unchecked", "security@acme.test")
    assert sent(acme.pk).from_email == "Acme via Garrison <portal@garrison.example>"


def test_without_a_record_to_include_the_address_can_not_be_chosen_and_the_page_says_why(
    alice: User, acme: Organization, proven: Domain, settings: Any
) -> None:
    settings.SPF_INCLUDE = ""
    with pytest.raises(Invalid, match="its own address only") as refused:
        choose(alice, acme, address="security@acme.example")
    assert refused.value.field == "address"
    choose(alice, acme, name="Acme", reply_to="help@acme.example")
    page = session_of(alice).get(f"/o/{acme.pk}/brand/sender/").content.decode()
    assert "its operator has named no SPF record to include" in page


def test_whoever_chose_an_address_before_the_operator_took_the_record_away_may_change_the_rest(
    alice: User, acme: Organization, proven: Domain, settings: Any
) -> None:
    choose(alice, acme, name="Acme", address="security@acme.example")
    settings.SPF_INCLUDE = ""
    changed = choose(alice, acme, name="Acme SOC", address="security@acme.example")
    assert changed.name == "Acme SOC"


def test_only_who_manages_the_organization_chooses(bob: User, acme: Organization, proven: Domain) -> None:
    with pytest.raises(Forbidden):
        choose(bob, acme, reply_to="help@acme.example")


def test_there_is_nothing_to_look_for_without_an_address(alice: User, acme: Organization, proven: Domain) -> None:
    with pytest.raises(NotFound):
        check(alice, acme)
    choose(alice, acme, reply_to="help@acme.example")
    with pytest.raises(Conflict):
        check(alice, acme)


def test_the_clock_looks_at_each_address_that_is_due_and_at_no_other(
    alice: User, acme: Organization, proven: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tasks, "wake", lambda task, *arguments, queue: woken.append((task.name, *arguments)))
    tasks.look_for_mail_senders()
    assert woken == []
    choose(alice, acme, address="security@acme.example")
    tasks.look_for_mail_senders()
    assert woken == [("organizations.tasks.look_for_mail_sender", acme.pk)]
    tasks.look_for_mail_sender(acme.pk)
    woken.clear()
    tasks.look_for_mail_senders()
    assert woken == []


def test_by_api_it_is_chosen_read_and_given_up(alice: User, acme: Organization, proven: Domain) -> None:
    browser = session_of(alice)
    address = f"/api/v1/organizations/{acme.pk}/mail-sender"
    assert browser.get(address).json()["in_force"] == {"name": "", "reply_to": "", "address": ""}
    body = {"name": "Acme", "reply_to": "help@acme.example", "address": "security@acme.example"}
    chosen = browser.put(address, body, content_type="application/json")
    assert (chosen.status_code, chosen.json()["lacks"]["address"]) == (200, "DNS was not asked yet.")
    checked = browser.post(f"{address}/check").json()
    assert (checked["state"], checked["in_force"]["address"]) == ("allowed", "security@acme.example")
    assert browser.delete(address).status_code == 204
    assert browser.delete(address).status_code == 404


def test_the_page_keeps_what_was_typed_and_names_what_to_mend(alice: User, acme: Organization, proven: Domain) -> None:
    browser = session_of(alice)
    answer = browser.post(f"/o/{acme.pk}/brand/sender/", {"name": "Acme", "reply_to": "help@rival.example"})
    assert answer.status_code == 422
    assert "Prove first that rival.example is yours" in answer.content.decode()
    assert "help@rival.example" in answer.content.decode()
    assert browser.post(f"/o/{acme.pk}/brand/sender/", {"reply_to": "help@acme.example"}).status_code == 302
