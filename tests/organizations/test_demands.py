"""Members of an enforced domain come in by its connection alone; one owner can break the glass, and is seen."""

import json
import time

import pytest
from allauth.socialaccount.models import SocialAccount

from controlplane import rls
from controlplane.actor import Actor
from controlplane.models import Mail, Message
from controlplane.problems import Conflict, Forbidden, Invalid
from organizations.actions import break_glass, connections, domains, members
from organizations.models import Connection, Domain, Membership, Organization, User
from tests.cast import actor_for, found, join, person, session_of
from tests.database import all_rows
from tests.organizations.conftest import Browser, Zone, add_oidc, audited, prove
from tests.organizations.oidc_idp import OidcIdp


@pytest.fixture
def own(acme: Organization, alice: User, own_idp: OidcIdp) -> Connection:
    return add_oidc(actor_for(alice), acme, own_idp)


@pytest.fixture
def domain(acme: Organization, alice: User, own: Connection, zone: Zone) -> Domain:
    """The domain of everybody's addresses here, proven and led to Acme's connection."""
    made = prove(zone, actor_for(alice), acme, "example.test")
    with all_rows():
        Domain.objects.update(connection=own)
    return made


def membership(organization: Organization, user: User) -> Membership:
    with all_rows():
        return Membership.objects.get(organization=organization, user=user)


def choose(alice: User, acme: Organization, user: User | None) -> None:
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        chosen = membership(acme, user).pk if user else None
        break_glass.choose(by=by, organization=acme, membership_id=chosen)


def proven(alice: User, acme: Organization, own: Connection) -> Actor:
    return actor_for(alice).with_proofs([(acme.pk, own.pk)], confirmed=True)


def demand(by: Actor, acme: Organization, domain: Domain, enforced: bool = True) -> Domain:
    with rls.acting_as(by.rls_actor):
        return domains.use(by=by, organization=acme, domain_id=domain.pk, enforced=enforced)


@pytest.fixture
def enforced(acme: Organization, alice: User, own: Connection, domain: Domain) -> Domain:
    choose(alice, acme, alice)
    return demand(proven(alice, acme, own), acme, domain)


def by_platform(user: User, idp: OidcIdp) -> OidcIdp:
    """The platform's provider, about to prove this person."""
    with rls.acting_as(f"user:{user.pk}"):
        SocialAccount.objects.get_or_create(user=user, provider="platform", defaults={"uid": user.pk})
    idp.person = {"sub": user.pk, "email": user.email, "email_verified": True, "name": user.name}
    return idp


def test_the_demand_is_taken_only_from_a_session_that_the_connection_itself_proved(
    acme: Organization, alice: User, own: Connection, domain: Domain, own_idp: OidcIdp
) -> None:
    choose(alice, acme, alice)
    other = add_oidc(actor_for(alice), acme, own_idp, "Another")
    for by in (actor_for(alice), proven(alice, acme, other)):
        with pytest.raises(Conflict) as refusal:
            demand(by, acme, domain)
        assert refusal.value.code == "CONNECTION_UNPROVEN"
    assert demand(proven(alice, acme, own), acme, domain).enforced


def test_the_demand_needs_an_owner_for_emergencies_who_then_stays(
    acme: Organization, alice: User, own: Connection, domain: Domain
) -> None:
    by = proven(alice, acme, own)
    with pytest.raises(Conflict) as refusal:
        demand(by, acme, domain)
    assert refusal.value.code == "BREAK_GLASS_NEEDED"
    choose(alice, acme, alice)
    demand(by, acme, domain)
    with pytest.raises(Conflict):
        choose(alice, acme, None)
    olga = person("olga")
    join(acme, invited_by=alice, user=olga, role="owner")
    acting = actor_for(olga)
    with rls.acting_as(acting.rls_actor):
        for act in (
            lambda: members.remove(by=acting, organization=acme, membership_id=membership(acme, alice).pk),
            lambda: members.change_role(
                by=acting, organization=acme, membership_id=membership(acme, alice).pk, role="viewer"
            ),
        ):
            with pytest.raises(Conflict) as refusal:
                act()
            assert refusal.value.code == "BREAK_GLASS_OWNER"


def test_the_organizations_own_policy_needs_one_too_who_then_stays(
    acme: Organization, alice: User, own: Connection
) -> None:
    """The accident: the provider is gone one day, and nobody has any other way in."""
    by = proven(alice, acme, own)
    with rls.acting_as(by.rls_actor), pytest.raises(Conflict) as refusal:
        connections.set_policy(by=by, organization=acme, policy="connection")
    assert refusal.value.code == "BREAK_GLASS_NEEDED"
    choose(alice, acme, alice)
    with rls.acting_as(by.rls_actor):
        connections.set_policy(by=by, organization=acme, policy="connection")
    with pytest.raises(Conflict) as refusal:
        choose(alice, acme, None)
    assert refusal.value.code == "BREAK_GLASS_NEEDED"


def test_only_an_owner_chooses_and_only_an_owner_with_a_verified_address_is_chosen(
    acme: Organization, alice: User, bob: User
) -> None:
    carol = person("carol")
    join(acme, invited_by=alice, user=carol, role="admin")
    with pytest.raises(Forbidden):
        choose(carol, acme, alice)
    with pytest.raises(Invalid):
        choose(alice, acme, bob)
    with all_rows():
        User.objects.filter(pk=alice.pk).update(email_verified=False)
    with pytest.raises(Invalid):
        choose(alice, acme, alice)


def test_a_session_that_is_open_loses_the_organization_at_once_and_is_led_to_the_connection(
    acme: Organization, bob: User, enforced: Domain, own: Connection
) -> None:
    browser = session_of(bob)
    assert browser.get(f"/api/v1/organizations/{acme.pk}").status_code == 403
    led = browser.get(f"/o/{acme.pk}/members/")
    assert led["Location"].startswith(f"/sso/enter/{acme.pk}/")
    page = browser.get(led["Location"]).content.decode()
    assert f'action="/sso/{own.pk}/"' in page
    assert "/sso/platform/" not in page


def test_what_other_sign_ins_opened_at_the_edge_is_closed(acme: Organization, bob: User, enforced: Domain) -> None:
    with all_rows():
        told = Message.objects.filter(topic="organizations.membership.sign_in_demanded")
        assert bob.pk in {message.payload["user"] for message in told}


def test_a_members_sign_in_by_the_platform_is_refused_with_the_way_that_is_open(
    visitor: Browser, acme: Organization, bob: User, enforced: Domain, own: Connection, platform_idp: OidcIdp
) -> None:
    answer = visitor.through_oidc(by_platform(bob, platform_idp))
    assert answer.status_code == 403
    assert f'href="/sso/{own.pk}/"' in answer.content.decode()
    assert not visitor.is_signed_in
    assert audited(acme.pk)[-1].data["code"] == "SSO_DEMANDED"


def test_a_refused_sign_in_leaves_no_proof_in_a_session_of_the_same_person(
    visitor: Browser, acme: Organization, bob: User, enforced: Domain, platform_idp: OidcIdp
) -> None:
    """The attack: bob is signed in already, so that nothing changes hands, and only the proof is added."""
    browser = Browser()
    browser.cookies = session_of(bob).cookies
    session = browser.session
    session["proofs"] = {}
    session.save()
    assert browser.through_oidc(by_platform(bob, platform_idp)).status_code == 403
    assert browser.session["proofs"] == {}


def test_the_connection_lets_the_member_in(
    visitor: Browser, acme: Organization, bob: User, enforced: Domain, own: Connection, own_idp: OidcIdp
) -> None:
    own_idp.person = {"sub": "bob", "email": bob.email}
    with rls.acting_as(f"user:{bob.pk}"):
        SocialAccount.objects.create(user=bob, provider=own.provider_id, uid="bob")
    assert visitor.through_oidc(own_idp, own.pk).status_code == 302
    assert visitor.get(f"/api/v1/organizations/{acme.pk}").status_code == 200


def test_another_connection_of_the_organization_is_not_enough(
    acme: Organization, alice: User, bob: User, enforced: Domain, own_idp: OidcIdp
) -> None:
    other = add_oidc(actor_for(alice), acme, own_idp, "Another")
    browser = session_of(bob)
    session = browser.session
    session["proofs"] = {other.pk: int(time.time())}
    session.save()
    assert browser.get(f"/api/v1/organizations/{acme.pk}").status_code == 403


def test_members_with_addresses_elsewhere_are_not_concerned(acme: Organization, alice: User, enforced: Domain) -> None:
    with all_rows():
        zoe = User.objects.create_user("zoe@elsewhere.example", email_verified=True)
    join(acme, invited_by=alice, user=zoe, role="viewer")
    assert session_of(zoe).get(f"/api/v1/organizations/{acme.pk}").status_code == 200


def test_who_also_belongs_elsewhere_signs_in_and_meets_the_demand_at_the_entry(
    visitor: Browser, acme: Organization, bob: User, enforced: Domain, platform_idp: OidcIdp
) -> None:
    """People are global: Acme's demand closes Acme to bob, not what he has elsewhere."""
    elsewhere = found(bob, "Bob's own")
    assert visitor.through_oidc(by_platform(bob, platform_idp)).status_code == 302
    assert visitor.get(f"/api/v1/organizations/{elsewhere.pk}").status_code == 200
    assert visitor.get(f"/api/v1/organizations/{acme.pk}").status_code == 403
    assert visitor.get(f"/o/{acme.pk}/members/")["Location"].startswith("/sso/enter/")


def test_somebody_who_is_no_member_is_not_concerned_by_a_domain(
    visitor: Browser, enforced: Domain, platform_idp: OidcIdp
) -> None:
    platform_idp.person = {"sub": "new", "email": "new@example.test", "email_verified": True}
    assert visitor.through_oidc(platform_idp).status_code == 302


def test_the_demand_outlives_the_proof_of_the_domain(acme: Organization, bob: User, enforced: Domain) -> None:
    """The attack: whoever can empty a zone file opens the organization to a stolen platform account."""
    with all_rows():
        Domain.objects.update(state="withdrawn")
    assert session_of(bob).get(f"/api/v1/organizations/{acme.pk}").status_code == 403


def test_the_demand_ends_when_an_administrator_says_so(
    acme: Organization, alice: User, bob: User, own: Connection, enforced: Domain
) -> None:
    demand(proven(alice, acme, own), acme, enforced, enforced=False)
    assert session_of(bob).get(f"/api/v1/organizations/{acme.pk}").status_code == 200


def test_a_connection_that_is_demanded_can_not_be_switched_off(
    acme: Organization, alice: User, own: Connection, enforced: Domain
) -> None:
    by = proven(alice, acme, own)
    with rls.acting_as(by.rls_actor), pytest.raises(Conflict) as refusal:
        connections.disable(by=by, organization=acme, connection_id=own.pk)
    assert refusal.value.code == "LAST_CONNECTION"


def test_the_owner_for_emergencies_comes_in_by_the_platform_and_everybody_hears_of_it(
    visitor: Browser, acme: Organization, alice: User, enforced: Domain, platform_idp: OidcIdp
) -> None:
    assert visitor.through_oidc(by_platform(alice, platform_idp)).status_code == 302
    assert visitor.get(f"/api/v1/organizations/{acme.pk}").status_code == 200
    (used,) = [entry for entry in audited(acme.pk) if entry.action == "organizations.break_glass.use"]
    assert used.target == alice.pk
    with all_rows():
        facts = [m.payload for m in Message.objects.filter(topic="organizations.break_glass.used")]
        mails = [(mail.to, json.loads(mail.content)) for mail in Mail.objects.all()]
    assert [fact["user"] for fact in facts] == [alice.pk]
    assert [to for to, _ in mails] == [alice.email]
    assert mails[0][1]["subject"] == "Alice came into Acme by the emergency way"
    assert f"/o/{acme.pk}/sso/" in mails[0][1]["text"]
    visitor.post("/sign-out/")
    visitor.through_oidc(by_platform(alice, platform_idp))
    with all_rows():
        assert Message.objects.filter(topic="organizations.break_glass.used").count() == 2


def test_the_owner_for_emergencies_also_passes_the_organizations_own_policy(
    visitor: Browser, acme: Organization, alice: User, bob: User, own: Connection, platform_idp: OidcIdp
) -> None:
    choose(alice, acme, alice)
    by = proven(alice, acme, own)
    with rls.acting_as(by.rls_actor):
        connections.set_policy(by=by, organization=acme, policy="connection")
    assert Browser().through_oidc(by_platform(bob, platform_idp)).status_code == 403
    assert visitor.through_oidc(by_platform(alice, platform_idp)).status_code == 302
    assert "organizations.break_glass.use" in {entry.action for entry in audited(acme.pk)}
    browser = session_of(alice)
    assert browser.get(f"/sso/enter/{acme.pk}/")["Location"] == f"/o/{acme.pk}/"
    session = browser.session
    session["proofs"] = {}
    session.save()
    assert "In an emergency" in browser.get(f"/sso/enter/{acme.pk}/").content.decode()


def test_coming_in_by_the_connection_breaks_no_glass(
    visitor: Browser, acme: Organization, alice: User, enforced: Domain, own: Connection, own_idp: OidcIdp
) -> None:
    own_idp.person = {"sub": "alice", "email": alice.email}
    with rls.acting_as(f"user:{alice.pk}"):
        SocialAccount.objects.create(user=alice, provider=own.provider_id, uid="alice")
    visitor.through_oidc(own_idp, own.pk)
    assert "organizations.break_glass.use" not in {entry.action for entry in audited(acme.pk)}


def test_the_owner_for_emergencies_is_chosen_on_the_page(acme: Organization, alice: User, bob: User) -> None:
    page = f"/o/{acme.pk}/sso/emergency/"
    chosen = {"membership": membership(acme, alice).pk}
    assert session_of(alice).post(page, chosen).status_code == 302
    assert session_of(bob).post(page, chosen).status_code == 403
    assert str(alice) in session_of(alice).get(f"/o/{acme.pk}/sso/").content.decode()
