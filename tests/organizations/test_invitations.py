"""Invitations by mail: what the mail says, what its link shows to whom, and how it is taken up or declined."""

import re

import pytest
from django.db import transaction

from controlplane import rls
from controlplane.problems import Forbidden, NotFound
from organizations.actions import invitations
from organizations.models import Connection, Domain, Invitation, Membership, Organization, User
from tests.cast import actor_for, found, session_of
from tests.database import all_rows
from tests.organizations.account_steps import EMAIL, PASSWORD, mailed_code, mails_to, sign_in, sign_up
from tests.organizations.conftest import Browser, Zone, add_oidc, audited, prove
from tests.organizations.invitation_steps import invite, mailed_path, roles_in
from tests.organizations.oidc_idp import OidcIdp

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_mail_says_who_invites_where_to_as_what_and_until_when(acme: Organization, alice: User) -> None:
    invitation = invite(alice, acme)
    (sent,) = mails_to(EMAIL)
    assert sent.subject.replace("\u2060", "") == "Alice (alice@example.test) invites you to Acme"
    for words in ("Acme", "as Operator", EMAIL, f"{invitation.expires_at:%-d %B %Y}"):
        assert words in sent.body
    assert mailed_path() == f"/invitations/{invitation.pk}/"


def test_an_invitation_that_is_rolled_back_mails_nobody(acme: Organization, alice: User) -> None:
    with transaction.atomic():
        invite(alice, acme)
        transaction.set_rollback(True)
    assert mails_to(EMAIL) == []


def test_the_mail_is_the_same_whether_or_not_somebody_has_the_address(
    acme: Organization, alice: User, mallory: User
) -> None:
    texts = set()
    for address in (mallory.email, "nobody@example.test"):
        made = invite(alice, acme, address)
        (sent,) = mails_to(address)
        texts.add((sent.subject, sent.body.replace(address, "…").replace(made.pk, "…")))
    assert len(texts) == 1


def test_names_that_somebody_chose_become_no_links_in_the_mail(mallory: User) -> None:
    """The attack: an organization is founded under the name of a hostile address, and has us mail it to strangers."""
    hostile = found(mallory, "You won: https://evil.example/prize")
    invite(mallory, hostile)
    (sent,) = mails_to(EMAIL)
    assert not re.search(r"https?://(?!testserver)|evil\.example", sent.subject + sent.body)


def test_somebody_new_lands_on_the_invitation_after_the_sign_up_and_belongs_after_accepting(
    visitor: Browser, acme: Organization, alice: User
) -> None:
    invite(alice, acme)
    path = mailed_path()
    stranger = visitor.get(path)
    assert "Acme" not in stranger.content.decode()
    onward = re.search(r'href="(/sign-up/email/\?next=[^"]+)"', stranger.content.decode())[1]
    visitor.post(onward, {"email": EMAIL})
    visitor.post("/sign-up/code/", {"code": mailed_code()})
    answer = visitor.post("/sign-up/finish/", {"name": "Nora", "password": PASSWORD, "by": "password"})
    assert answer["Location"] == path
    shown = visitor.get(path).content.decode()
    assert "Join Acme" in shown
    assert "Alice" in shown
    assert visitor.post(f"{path}accept/")["Location"] == f"/o/{acme.pk}/"
    assert roles_in(acme, EMAIL) == ["operator"]
    entry = audited(acme.pk)[-1]
    assert entry.action == "organizations.membership.create"
    assert entry.data["invitation"] == path.split("/")[2]


def test_somebody_with_an_account_comes_back_to_it_from_the_sign_in(
    visitor: Browser, another_visitor: Browser, acme: Organization, alice: User
) -> None:
    sign_up(visitor)
    invite(alice, acme)
    path = mailed_path()
    assert sign_in(another_visitor, next=path)["Location"] == path
    assert "Join Acme" in another_visitor.get(path).content.decode()


def test_by_the_platforms_provider_as_well(
    visitor: Browser, acme: Organization, alice: User, platform_idp: OidcIdp
) -> None:
    invite(alice, acme)
    path = mailed_path()
    platform_idp.person = {"sub": "nora", "email": EMAIL, "email_verified": True}
    location = visitor.begin("/sso/platform/", next=path)
    assert visitor.get(f"/sso/oidc/platform/callback/?{platform_idp.authorize(location)}")["Location"] == path
    assert visitor.post(f"{path}accept/").status_code == 302


def test_a_sign_up_leads_to_no_other_site(visitor: Browser) -> None:
    visitor.post("/sign-up/email/?next=https://evil.example/", {"email": EMAIL})
    visitor.post("/sign-up/code/", {"code": mailed_code()})
    answer = visitor.post("/sign-up/finish/", {"name": "Nora", "password": PASSWORD, "by": "password"})
    assert answer["Location"] == "/sign-up/"


@pytest.mark.parametrize("by", ["policy", "domain"])
def test_where_the_organization_demands_its_own_sign_in_mail_and_page_say_so_and_lead_there(
    visitor: Browser, acme: Organization, alice: User, own_idp: OidcIdp, by: str
) -> None:
    own = add_oidc(actor_for(alice), acme, own_idp)
    with all_rows():
        Connection.objects.update(state="enabled")
        if by == "policy":
            Organization.objects.filter(pk=acme.pk).update(sign_in_policy="connection")
        else:
            Domain.objects.create(organization=acme, name="example.test", state="proven", connection=own, enforced=True)
    invite(alice, acme)
    assert "come in by its own sign-in" in mails_to(EMAIL)[-1].body
    path = mailed_path()
    sign_up(visitor)
    assert "come in by its own sign-in" in visitor.get(path).content.decode()
    location = visitor.post(f"{path}accept/")["Location"]
    entering = visitor.get(location)["Location"]
    assert entering.startswith(f"/sso/enter/{acme.pk}/")
    assert "First time: tie" in visitor.get(entering).content.decode()


def test_every_link_looks_alike_to_whoever_has_not_proven_the_address(
    visitor: Browser, acme: Organization, alice: User, mallory: User
) -> None:
    """The attack: somebody with a forwarded, guessed or made-up link learns who invites whom."""
    real, made_up = invite(alice, acme).pk, "inv_" + "q" * 20
    for browser in (visitor, session_of(mallory)):
        pages = [
            re.sub(
                r'value="[0-9A-Za-z]{64}"|data-now="[^"]*"', "", browser.get(f"/invitations/{one}/").content.decode()
            )
            for one in (real, made_up)
        ]
        assert pages[0].replace(real, "…") == pages[1].replace(made_up, "…")
        assert "Acme" not in pages[0]
        assert EMAIL not in pages[0]


@pytest.mark.parametrize("verb", ["accept", "decline"])
def test_nobody_answers_an_invitation_of_anothers_address(
    acme: Organization, alice: User, mallory: User, verb: str
) -> None:
    invitation = invite(alice, acme)
    assert session_of(mallory).post(f"/invitations/{invitation.pk}/{verb}/").status_code == 404
    with all_rows():
        assert Invitation.objects.filter(pk=invitation.pk).exists()
        assert not Membership.objects.filter(user=mallory, organization=acme).exists()


@pytest.mark.parametrize("verb", ["accept", "decline"])
def test_an_address_that_only_an_organizations_connection_asserts_answers_nothing(
    visitor: Browser,
    acme: Organization,
    alice: User,
    rival: Organization,
    mallory: User,
    zone: Zone,
    own_idp: OidcIdp,
    verb: str,
) -> None:
    """The attack: mallory's organization has its provider say the invited address, unproven and then in her domain."""
    own = add_oidc(actor_for(mallory), rival, own_idp)
    prove(zone, actor_for(mallory), rival, "rival.example")
    with all_rows():
        Connection.objects.update(state="enabled", just_in_time=True)
    invitation = invite(alice, acme, "ann@rival.example")
    own_idp.person = {"sub": "ann", "email": "ann@rival.example"}
    assert visitor.through_oidc(own_idp, own.pk).status_code == 302
    page = visitor.get(f"/invitations/{invitation.pk}/").content.decode()
    assert "Acme" not in page
    assert "Prove your address first" in page
    assert visitor.post(f"/invitations/{invitation.pk}/{verb}/").status_code == 403
    assert roles_in(acme, "ann@rival.example") == []


def test_an_unverified_address_answers_nothing(acme: Organization, alice: User) -> None:
    with all_rows():
        unverified = User.objects.create_user(EMAIL, name="Nora")
    invitation = invite(alice, acme)
    browser = session_of(unverified)
    assert "Acme" not in browser.get(f"/invitations/{invitation.pk}/").content.decode()
    assert browser.post(f"/invitations/{invitation.pk}/accept/").status_code == 403
    actor = actor_for(unverified)
    with rls.acting_as(actor.rls_actor), pytest.raises(NotFound):
        invitations.accept(by=actor, invitation_id=invitation.pk)


def test_a_key_of_the_invited_person_takes_nothing_up(acme: Organization, alice: User, mallory: User) -> None:
    invitation = invite(alice, acme, mallory.email)
    key = actor_for(mallory).__class__(user_id=mallory.pk, kind="api_key", key_id="key_x")
    with rls.acting_as(f"user:{mallory.pk}"), pytest.raises(Forbidden):
        invitations.accept(by=key, invitation_id=invitation.pk)


def test_a_declined_invitation_is_gone_and_the_organization_reads_of_it(
    acme: Organization, alice: User, mallory: User
) -> None:
    invitation = invite(alice, acme, mallory.email)
    browser = session_of(mallory)
    assert browser.post(f"/invitations/{invitation.pk}/decline/")["Location"] == "/"
    assert browser.post(f"/invitations/{invitation.pk}/accept/").status_code == 404
    entry = audited(acme.pk)[-1]
    assert (entry.action, entry.actor["user"]) == ("organizations.invitation.decline", mallory.pk)
    assert entry.data == {"email": mallory.email}


def test_a_withdrawn_invitations_link_shows_nothing_any_more(acme: Organization, alice: User, mallory: User) -> None:
    invitation = invite(alice, acme, mallory.email)
    session_of(alice).post(f"/o/{acme.pk}/invitations/{invitation.pk}/withdraw/")
    assert "No invitation for you here" in session_of(mallory).get(f"/invitations/{invitation.pk}/").content.decode()


def test_who_came_to_belong_meanwhile_is_led_on(acme: Organization, alice: User, mallory: User) -> None:
    invitation = invite(alice, acme, mallory.email)
    with all_rows():
        Membership.objects.create(user=mallory, organization=acme, role="viewer")
    browser = session_of(mallory)
    assert "You belong to Acme already" in browser.get(f"/invitations/{invitation.pk}/").content.decode()
    assert browser.post(f"/invitations/{invitation.pk}/accept/").status_code == 409
    assert roles_in(acme, mallory.email) == ["viewer"]
