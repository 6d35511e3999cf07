"""A domain is claimed by a DNS record, good for one organization, and withdrawn only after a grace."""

import datetime as dt
import json
import re

import dns.exception
import dns.resolver
import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.models import Mail, Message
from controlplane.problems import Conflict, Invalid, NotFound
from organizations import tasks
from organizations.actions import domains
from organizations.domain_names import judging
from organizations.domain_names.dns import Found, record_name
from organizations.domain_names.names import domain_of, usable_domain
from organizations.models import Connection, Domain, Organization, User
from organizations.sso.domains.reach import connection_for, proves
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.organizations.conftest import Browser, Zone, add_oidc, audited, prove
from tests.organizations.oidc_idp import OidcIdp

NOW = timezone.now()


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("acme.example", "acme.example"),
        (" ACME.Example. ", "acme.example"),
        ("alice@acme.example", "acme.example"),
        ("https://acme.example/", "acme.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("acme.co.uk", "acme.co.uk"),
        ("office.acme.example", "office.acme.example"),
    ],
)
def test_a_domain_is_kept_in_one_form(typed: str, name: str) -> None:
    assert usable_domain(typed) == name


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "acme",
        "localhost",
        "10.0.0.1",
        "a..b",
        "-a.example",
        "a_b.example",
        "x" * 64 + ".example",
        "co.uk",
        "com.au",
        "acme.example/path",
        "\0.example",
        "a b.example",
    ],
)
def test_what_is_no_domain_of_an_organization_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        usable_domain(typed)


@pytest.mark.parametrize(
    "typed", ["gmail.com", "GMAIL.com", "yahoo.co.uk", "hotmail.fr", "mail.ru", "x.web.de", "me.com", "proton.me"]
)
def test_a_public_mail_service_can_not_be_claimed(typed: str) -> None:
    with pytest.raises(Invalid, match="public mail service"):
        usable_domain(typed)


@pytest.mark.parametrize(
    ("address", "name"),
    [("alice@acme.example", "acme.example"), ("a@B.Example", "b.example"), ("none", ""), ("a@", ""), ("", "")],
)
def test_the_domain_of_an_address(address: str, name: str) -> None:
    assert domain_of(address) == name


def claimed(state: str = "pending", *, age: int = 0, missing: int | None = None) -> Domain:
    since = None if missing is None else NOW - dt.timedelta(days=missing)
    return Domain(state=state, created_at=NOW - dt.timedelta(days=age), missing_since=since)


THERE, GONE, UNKNOWN = Found(True, ""), Found(False, ""), Found(None, "")


@pytest.mark.parametrize(
    ("domain", "found", "state", "again"),
    [
        (claimed(), THERE, "proven", dt.timedelta(days=1)),
        (claimed(), GONE, "pending", dt.timedelta(minutes=5)),
        (claimed(age=15), GONE, "pending", None),
        (claimed(), UNKNOWN, "pending", dt.timedelta(minutes=5)),
        (claimed("proven"), THERE, "proven", dt.timedelta(days=1)),
        (claimed("proven"), GONE, "missing", dt.timedelta(hours=1)),
        (claimed("proven"), UNKNOWN, "proven", dt.timedelta(days=1)),
        (claimed("missing", missing=6), GONE, "missing", dt.timedelta(hours=1)),
        (claimed("missing", missing=6), THERE, "proven", dt.timedelta(days=1)),
        (claimed("missing", missing=30), UNKNOWN, "missing", dt.timedelta(hours=1)),
        (claimed("missing", missing=7), GONE, "withdrawn", None),
        (claimed("withdrawn", missing=9), GONE, "withdrawn", None),
        (claimed("withdrawn", missing=9), THERE, "proven", dt.timedelta(days=1)),
    ],
)
def test_what_a_look_means(domain: Domain, found: Found, state: str, again: dt.timedelta | None) -> None:
    next_ = judging.after(domain, found, NOW)
    assert (next_.state, next_.look_at) == (state, again and NOW + again)


def test_what_a_zone_says_in_place_of_the_record_is_kept_without_what_no_row_or_mail_may_hold(
    alice: User, acme: Organization, zone: Zone
) -> None:
    """The attack: a NUL in a record has every look fail, so that a proof that is gone counts for ever."""
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        made = domains.claim(by=by, organization=acme, name="acme.example")
    zone.records[record_name(made.name)] = ["no\0thing \u202eof ours"]
    looked = domains.check(by=by, organization=acme, domain_id=made.pk)
    assert (looked.state, "(no\ufffdthing \ufffdof ours)" in looked.looked_words) == ("pending", True)


def test_a_claim_tells_the_record_and_counts_once_that_is_found(alice: User, acme: Organization, zone: Zone) -> None:
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        made = domains.claim(by=by, organization=acme, name="Acme.example")
        assert not proves(acme, "bob@acme.example")
    looked = domains.check(by=by, organization=acme, domain_id=made.pk)
    assert (looked.state, looked.looked_words) == ("pending", "There is no such TXT record yet.")
    zone.publish(made)
    assert domains.check(by=by, organization=acme, domain_id=made.pk).state == "proven"
    with rls.acting_as(by.rls_actor):
        assert proves(acme, "bob@ACME.example")
        assert not proves(acme, "bob@sub.acme.example")
    assert [e.action for e in audited(acme.pk)][-2:] == ["organizations.domain.claim", "organizations.domain.prove"]


def test_a_record_of_another_organization_proves_nothing(
    alice: User, mallory: User, acme: Organization, rival: Organization, zone: Zone
) -> None:
    """The attack: mallory claims the domain too, and hopes that Acme's record is good enough."""
    acmes = prove(zone, actor_for(alice), acme, "acme.example")
    by = actor_for(mallory)
    with rls.acting_as(by.rls_actor):
        mine = domains.claim(by=by, organization=rival, name="acme.example")
    assert mine.proof != acmes.proof
    assert domains.check(by=by, organization=rival, domain_id=mine.pk).state == "pending"


def test_one_organization_has_a_domain_even_where_both_prove_it(
    alice: User, mallory: User, acme: Organization, rival: Organization, zone: Zone
) -> None:
    prove(zone, actor_for(alice), acme, "acme.example")
    with pytest.raises(Conflict) as refusal:
        prove(zone, actor_for(mallory), rival, "acme.example")
    assert refusal.value.code == "DOMAIN_TAKEN"
    with all_rows():
        assert [d.organization_id for d in Domain.objects.filter(state="proven")] == [acme.pk]


def test_a_claim_does_not_tell_that_another_has_proved_the_domain(
    alice: User, mallory: User, acme: Organization, rival: Organization, zone: Zone
) -> None:
    prove(zone, actor_for(alice), acme, "acme.example")
    answer = session_of(mallory).post(f"/o/{rival.pk}/domains/", {"name": "acme.example"})
    assert answer.status_code == 302


def test_a_domain_is_claimed_once_and_given_up(alice: User, acme: Organization, zone: Zone) -> None:
    made = prove(zone, actor_for(alice), acme, "acme.example")
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        with pytest.raises(Conflict):
            domains.claim(by=by, organization=acme, name="acme.example")
        domains.give_up(by=by, organization=acme, domain_id=made.pk)
        with pytest.raises(NotFound):
            domains.give_up(by=by, organization=acme, domain_id=made.pk)


def due(domain: Domain, **more: object) -> None:
    with all_rows():
        Domain.objects.filter(pk=domain.pk).update(next_look_at=timezone.now() - dt.timedelta(seconds=1), **more)


def now(domain: Domain) -> Domain:
    with all_rows():
        return Domain.objects.get(pk=domain.pk)


def test_the_clock_looks_again_and_withdraws_only_after_a_grace(alice: User, acme: Organization, zone: Zone) -> None:
    made = prove(zone, actor_for(alice), acme, "acme.example")
    zone.records.clear()
    due(made)
    tasks.look_for_domain_proof(acme.pk, made.pk)
    assert now(made).state == "missing"
    with rls.acting_as(f"org:{acme.pk}"):
        assert proves(acme, "bob@acme.example")
    due(made, missing_since=timezone.now() - judging.GRACE)
    tasks.look_for_domain_proof(acme.pk, made.pk)
    assert now(made).state == "withdrawn"
    with rls.acting_as(f"org:{acme.pk}"):
        assert not proves(acme, "bob@acme.example")
    with all_rows():
        topics = set(Message.objects.filter(topic__contains=".domain.").values_list("topic", flat=True))
        mails = {mail.template: json.loads(mail.content)["text"] for mail in Mail.objects.all()}
    assert topics == {"organizations.domain.missing", "organizations.domain.withdrawn"}
    assert set(mails) == {"domain_missing", "domain_withdrawn"}
    assert all(made.proof in text for text in mails.values())


@pytest.mark.parametrize("error", [dns.exception.Timeout(), dns.resolver.NoNameservers(), dns.exception.FormError()])
def test_a_name_server_that_does_not_answer_counts_against_nobody(
    alice: User, acme: Organization, zone: Zone, error: Exception
) -> None:
    made = prove(zone, actor_for(alice), acme, "acme.example")
    zone.records[record_name("acme.example")] = error
    due(made)
    tasks.look_for_domain_proof(acme.pk, made.pk)
    assert now(made).state == "proven"
    assert "could not be asked" in now(made).looked_words


def test_a_look_is_taken_by_one_worker_and_not_before_it_is_due(alice: User, acme: Organization, zone: Zone) -> None:
    made = prove(zone, actor_for(alice), acme, "acme.example")
    zone.asked.clear()
    tasks.look_for_domain_proof(acme.pk, made.pk)
    tasks.look_for_domain_proof(acme.pk, "dom_unknown")
    assert zone.asked == []


def test_beat_wakes_a_look_for_each_domain_that_is_due(
    alice: User, acme: Organization, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (prove(zone, actor_for(alice), acme, name) for name in ("one.example", "two.example"))
    woken: list[tuple[str, ...]] = []
    monkeypatch.setattr(tasks, "wake", lambda task, *arguments, queue: woken.append(arguments))
    due(one)
    tasks.look_for_domain_proofs()
    assert woken == [(acme.pk, one.pk)]
    assert two.next_look_at is not None


def test_another_organizations_withdrawn_domain_can_be_proved_by_its_new_owner(
    alice: User, mallory: User, acme: Organization, rival: Organization, zone: Zone
) -> None:
    made = prove(zone, actor_for(alice), acme, "acme.example")
    due(made, state="withdrawn", missing_since=timezone.now())
    assert prove(zone, actor_for(mallory), rival, "acme.example").state == "proven"


@pytest.fixture
def own(alice: User, acme: Organization, own_idp: OidcIdp) -> Connection:
    return add_oidc(actor_for(alice), acme, own_idp)


def lead(alice: User, acme: Organization, domain: Domain, connection_id: str | None) -> Domain:
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        return domains.use(by=by, organization=acme, domain_id=domain.pk, connection_id=connection_id)


def test_the_sign_in_page_leads_people_of_a_domain_to_its_connection(
    visitor: Browser, alice: User, acme: Organization, own: Connection, zone: Zone
) -> None:
    made = prove(zone, actor_for(alice), acme, "acme.example")
    lead(alice, acme, made, own.pk)
    answer = visitor.post("/sign-in/", {"address": "Nobody.Yet@ACME.example", "next": "/sign-up/"})
    assert answer["Location"] == f"/sso/{own.pk}/?next=%2Fsign-up%2F"


def test_every_other_address_gets_one_and_the_same_page(
    visitor: Browser, alice: User, acme: Organization, own: Connection, zone: Zone, platform_idp: OidcIdp
) -> None:
    """No page tells who has an account, or who has claimed a domain without wanting people to be led."""
    made = prove(zone, actor_for(alice), acme, "acme.example")
    shown = set()
    for address in ("x@acme.example", alice.email, "nobody@nowhere.example", "x@sub.acme.example"):
        answer = visitor.post("/sign-in/", {"address": address})
        assert answer.status_code == 200
        shown.add(
            re.sub(r'data-now="[^"]*"|value="[A-Za-z0-9]{64}"', "", answer.content.decode().replace(address, "…"))
        )
    assert len(shown) == 1
    lead(alice, acme, made, own.pk)
    with all_rows():
        Connection.objects.update(state="disabled")
    assert connection_for("x@acme.example") is None


@pytest.mark.parametrize("state", ["pending", "withdrawn"])
def test_a_domain_that_is_not_proven_leads_nobody(
    alice: User, acme: Organization, own: Connection, zone: Zone, state: str
) -> None:
    made = prove(zone, actor_for(alice), acme, "acme.example")
    lead(alice, acme, made, own.pk)
    assert connection_for("x@acme.example") == own
    with all_rows():
        Domain.objects.update(state=state)
    assert connection_for("x@acme.example") is None


def test_a_domain_leads_to_its_own_organizations_connections_only(
    as_alice: Actor, acme: Organization, mallory: User, rival: Organization, own_idp: OidcIdp, zone: Zone
) -> None:
    made = prove(zone, as_alice, acme, "acme.example")
    theirs = add_oidc(actor_for(mallory), rival, own_idp)
    with pytest.raises(Invalid):
        domains.use(by=as_alice, organization=acme, domain_id=made.pk, connection_id=theirs.pk)


def test_only_a_proven_domain_leads_anywhere(as_alice: Actor, acme: Organization, own: Connection, zone: Zone) -> None:
    made = domains.claim(by=as_alice, organization=acme, name="acme.example")
    with pytest.raises(Conflict) as refusal:
        domains.use(by=as_alice, organization=acme, domain_id=made.pk, connection_id=own.pk)
    assert refusal.value.code == "NOT_PROVEN"


def test_domains_are_managed_by_the_pages(alice: User, acme: Organization, own: Connection, zone: Zone) -> None:
    browser, page = session_of(alice), f"/o/{acme.pk}/domains/"
    assert "Prove that your domain is yours" in browser.get(page).content.decode()
    assert browser.post(page, {"name": "gmail.com"}).status_code == 422
    assert browser.post(page, {"name": "acme.example"}).status_code == 302
    with all_rows():
        made = Domain.objects.get()
    shown = browser.get(page).content.decode()
    assert record_name("acme.example") in shown
    assert made.proof in shown
    browser.post(f"{page}{made.pk}/check/")
    assert "There is no such TXT record yet." in browser.get(page).content.decode()
    zone.publish(made)
    browser.post(f"{page}{made.pk}/check/")
    assert browser.post(f"{page}{made.pk}/use/", {"connection": own.pk}).status_code == 302
    assert now(made).connection_id == own.pk
    assert browser.post(f"{page}{made.pk}/use/", {"connection": own.pk, "enforced": "on"}).status_code == 409
    assert browser.post(f"{page}{made.pk}/give-up/").status_code == 302
