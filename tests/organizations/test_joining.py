"""People of a proven domain join by their first sign-in, and roles follow the provider's groups at every one."""

import datetime as dt
import time
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount

from controlplane import rls
from controlplane.actor import Actor
from controlplane.models import Message
from controlplane.problems import Conflict, Forbidden, Invalid
from organizations.actions import keys, mapping, members
from organizations.models import Connection, Membership, Organization, User
from tests.cast import actor_for, join, person, role_of
from tests.database import all_rows
from tests.organizations.conftest import Browser, Zone, add_oidc, audited, by_session, prove, refusals
from tests.organizations.oidc_idp import OidcIdp

RULES = [{"group": "soc", "role": "admin"}, {"group": "staff", "role": "viewer"}]


@pytest.fixture
def own(acme: Organization, alice: User, own_idp: OidcIdp, zone: Zone) -> Connection:
    """Acme's connection, by which people of acme.example join."""
    prove(zone, actor_for(alice), acme, "acme.example")
    made = add_oidc(actor_for(alice), acme, own_idp)
    with rls.acting_as(actor_for(alice).rls_actor):
        mapping.set_just_in_time(by=actor_for(alice), organization=acme, connection_id=made.pk, wanted=True)
    return made


def sent(idp: OidcIdp, sub: str = "ann", **more: Any) -> OidcIdp:
    idp.person = {"sub": sub, "email": f"{sub}@acme.example", "name": sub.title(), **more}
    return idp


def map_groups(rules: list[dict[str, str]] = RULES, default: str = "none") -> None:
    with all_rows():
        Connection.objects.update(role_rules=rules, default_role=default)


def membership(email: str) -> Membership:
    with all_rows():
        return Membership.objects.select_related("user").get(user__email=email)


def facts_about(topic: str) -> list[str]:
    with all_rows():
        return [message.payload["user"] for message in Message.objects.filter(topic=f"organizations.{topic}")]


def test_somebody_new_of_a_proven_domain_joins_with_a_verified_address(
    visitor: Browser, own: Connection, own_idp: OidcIdp
) -> None:
    assert visitor.through_oidc(sent(own_idp), own.pk)["Location"] == f"/o/{own.organization_id}/"
    ann = membership("ann@acme.example")
    assert (ann.role, ann.user.email_verified, ann.user.name) == ("viewer", True, "Ann")
    assert visitor.get(f"/api/v1/organizations/{own.organization_id}").status_code == 200
    made = [entry for entry in audited(own.organization_id) if entry.action == "organizations.membership.create"][-1]
    assert (made.data["connection"], made.data["because"]) == (own.pk, "default role")


def test_who_joined_comes_back_as_the_same_person(visitor: Browser, own: Connection, own_idp: OidcIdp) -> None:
    visitor.through_oidc(sent(own_idp), own.pk)
    Browser().through_oidc(sent(own_idp), own.pk)
    with all_rows():
        assert Membership.objects.filter(user__email="ann@acme.example").count() == 1


@pytest.mark.parametrize(
    ("email", "more", "code"),
    [
        ("ann@rival.example", {}, "ADDRESS_NOT_PROVEN"),
        ("ann@mail.acme.example", {}, "ADDRESS_NOT_PROVEN"),
        ("ann@acme.example.evil.example", {}, "ADDRESS_NOT_PROVEN"),
        ("ann@acme.example", {"email_verified": False}, "EMAIL_UNVERIFIED"),
        ("ann@acme.example", {"email_verified": "false"}, "EMAIL_UNVERIFIED"),
    ],
)
def test_nobody_joins_by_an_address_that_proves_nothing(
    visitor: Browser, own: Connection, own_idp: OidcIdp, email: str, more: dict[str, Any], code: str
) -> None:
    own_idp.person = {"sub": "ann", "email": email, **more}
    assert visitor.through_oidc(own_idp, own.pk).status_code == 403
    assert refusals(own.organization_id) == [code]
    with all_rows():
        assert not User.objects.filter(email=email).exists()


def test_a_domain_claim_never_takes_over_an_account_that_exists(
    visitor: Browser, own: Connection, own_idp: OidcIdp
) -> None:
    """The attack: Acme proves a domain, and its provider asserts the address of somebody who has an account."""
    with all_rows():
        victim = User.objects.create_user("ann@acme.example", name="Ann", email_verified=True)
    answer = visitor.through_oidc(sent(own_idp, "ann"), own.pk)
    assert answer.status_code == 403
    assert "does not open anything" in answer.content.decode()
    assert refusals(own.organization_id) == ["IDENTITY_CLASH"]
    assert not visitor.is_signed_in
    with all_rows():
        assert not Membership.objects.filter(user=victim).exists()


def test_somebody_whom_an_admin_removed_joins_again_as_somebody_new_would(
    visitor: Browser, own: Connection, own_idp: OidcIdp, alice: User, acme: Organization
) -> None:
    visitor.through_oidc(sent(own_idp), own.pk)
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        members.remove(by=by, organization=acme, membership_id=membership("ann@acme.example").pk)
    Browser().through_oidc(sent(own_idp), own.pk)
    assert membership("ann@acme.example").role == "viewer"


@pytest.mark.parametrize(("groups", "role"), [(["staff"], "viewer"), (["staff", "soc"], "admin")])
def test_groups_give_the_role_of_somebody_who_joins(
    visitor: Browser, own: Connection, own_idp: OidcIdp, groups: list[str], role: str
) -> None:
    map_groups()
    visitor.through_oidc(sent(own_idp, groups=groups), own.pk)
    assert membership("ann@acme.example").role == role


def test_nobody_joins_whose_groups_give_no_access(visitor: Browser, own: Connection, own_idp: OidcIdp) -> None:
    map_groups()
    answer = visitor.through_oidc(sent(own_idp, groups=["guests"]), own.pk)
    assert answer.status_code == 403
    assert refusals(own.organization_id) == ["NO_ACCESS"]


def test_groups_are_asked_again_at_every_sign_in(visitor: Browser, own: Connection, own_idp: OidcIdp) -> None:
    map_groups()
    for groups, role in ((["soc"], "admin"), (["staff"], "viewer"), (["soc"], "admin")):
        Browser().through_oidc(sent(own_idp, groups=groups), own.pk)
        assert membership("ann@acme.example").role == role
    changes = [e for e in audited(own.organization_id) if e.action == "organizations.membership.change_role"]
    assert [(e.data["before"], e.data["after"], e.data["because"]) for e in changes] == [
        ("admin", "viewer", "group staff"),
        ("viewer", "admin", "group soc"),
    ]


def test_only_what_shrinks_is_revoked_at_the_edge(visitor: Browser, own: Connection, own_idp: OidcIdp) -> None:
    map_groups()
    for groups in (["staff"], ["soc"]):
        Browser().through_oidc(sent(own_idp, groups=groups), own.pk)
    assert facts_about("membership.role_changed") == []
    Browser().through_oidc(sent(own_idp, groups=["staff"]), own.pk)
    assert facts_about("membership.role_changed") == [membership("ann@acme.example").user_id]


def test_who_loses_every_group_loses_sessions_and_keys_at_once_and_gets_them_back_with_a_group(
    visitor: Browser, own: Connection, own_idp: OidcIdp, acme: Organization
) -> None:
    map_groups()
    visitor.through_oidc(sent(own_idp, groups=["soc"]), own.pk)
    ann = membership("ann@acme.example")
    actor = actor_for(ann.user)
    with rls.acting_as(actor.rls_actor):
        _, secret = keys.create(
            by=actor, organization=acme, name="k", scopes=["member.view"], expires_in=dt.timedelta(days=1)
        )
    address, by_key = f"/api/v1/organizations/{acme.pk}", {"headers": {"authorization": f"Bearer {secret}"}}
    assert Browser().get(address, **by_key).status_code == 200

    refused = Browser().through_oidc(sent(own_idp, groups=[]), own.pk)
    assert refused.status_code == 403
    assert membership("ann@acme.example").blocked_at is not None
    assert visitor.get(address).status_code == 404
    assert Browser().get(address, **by_key).status_code == 401
    assert facts_about("membership.blocked") == [ann.user_id]
    Browser().through_oidc(sent(own_idp, groups=[]), own.pk)
    assert len(facts_about("membership.blocked")) == 1

    Browser().through_oidc(sent(own_idp, groups=["soc"]), own.pk)
    assert visitor.get(address).status_code == 200
    assert Browser().get(address, **by_key).status_code == 200


def test_an_administrator_can_give_access_again(
    visitor: Browser, own: Connection, own_idp: OidcIdp, acme: Organization, alice: User
) -> None:
    map_groups()
    visitor.through_oidc(sent(own_idp, groups=["staff"]), own.pk)
    Browser().through_oidc(sent(own_idp, groups=[]), own.pk)
    blocked = membership("ann@acme.example")
    by = actor_for(alice)
    with rls.acting_as(by.rls_actor):
        members.change_role(by=by, organization=acme, membership_id=blocked.pk, role=blocked.role)
    assert membership("ann@acme.example").blocked_at is None


def tie(idp: OidcIdp, own: Connection, user: User, **person_: Any) -> None:
    """As if the member had tied a sign-in of the connection to their account."""
    with rls.acting_as(f"user:{user.pk}"):
        SocialAccount.objects.create(user=user, provider=own.provider_id, uid=idp.person["sub"])


@pytest.mark.parametrize("groups", [[], ["staff"]])
def test_the_last_owner_stays_one_whatever_the_groups_say(
    visitor: Browser, own: Connection, own_idp: OidcIdp, alice: User, groups: list[str]
) -> None:
    map_groups()
    tie(sent(own_idp, "alice", groups=groups), own, alice)
    assert visitor.through_oidc(own_idp, own.pk).status_code == 302
    assert membership(alice.email).role == "owner"
    assert audited(own.organization_id)[-1].data["kept"] == "owner, in spite of the groups"


def test_of_two_owners_one_follows_the_groups_and_the_one_for_emergencies_does_not(
    visitor: Browser, own: Connection, own_idp: OidcIdp, alice: User, acme: Organization
) -> None:
    olga = person("olga")
    join(acme, invited_by=alice, user=olga, role="owner")
    map_groups()
    with all_rows():
        Organization.objects.filter(pk=acme.pk).update(break_glass=olga)
    tie(sent(own_idp, "olga", groups=["staff"]), own, olga)
    visitor.through_oidc(own_idp, own.pk)
    assert membership(olga.email).role == "owner"
    with all_rows():
        Organization.objects.filter(pk=acme.pk).update(break_glass=None)
    Browser().through_oidc(own_idp, own.pk)
    assert membership(olga.email).role == "viewer"


def test_roles_stay_as_they_are_where_no_group_is_mapped(
    visitor: Browser, own: Connection, own_idp: OidcIdp, bob: User
) -> None:
    tie(sent(own_idp, "bob", groups=["soc"]), own, bob)
    visitor.through_oidc(own_idp, own.pk)
    assert membership(bob.email).role == "operator"


def test_nobody_can_be_let_join_before_a_domain_is_proven(
    as_alice: Actor, acme: Organization, own_idp: OidcIdp
) -> None:
    made = add_oidc(as_alice, acme, own_idp)
    with pytest.raises(Conflict) as refusal:
        mapping.set_just_in_time(by=as_alice, organization=acme, connection_id=made.pk, wanted=True)
    assert refusal.value.code == "NO_DOMAIN"


def change(by: Actor, acme: Organization, own: Connection, **more: Any) -> Connection:
    with rls.acting_as(by.rls_actor):
        return mapping.set_mapping(
            by=by,
            organization=acme,
            connection_id=own.pk,
            **{"mapping": {}, "role_rules": [], "default_role": "viewer", **more},
        )


def test_nobody_maps_a_group_to_a_role_that_can_do_more_than_theirs(
    own: Connection, acme: Organization, alice: User
) -> None:
    """The attack: an admin makes whoever is in a group of their choice an owner, and joins that group."""
    carol = person("carol")
    join(acme, invited_by=alice, user=carol, role="admin")
    with all_rows():  # once it was switched on, the table is an owner's altogether
        Connection.objects.update(state="draft")
    for rules, default in (([{"group": "x", "role": "owner"}], "viewer"), ([], "owner")):
        with pytest.raises(Forbidden):
            change(actor_for(carol), acme, own, role_rules=rules, default_role=default)
    change(actor_for(carol), acme, own, role_rules=RULES)
    change(actor_for(alice), acme, own, role_rules=[{"group": "x", "role": "owner"}])
    with pytest.raises(Forbidden):  # nor by another claim for the groups of a table that makes owners
        change(actor_for(carol), acme, own, role_rules=[], mapping={"groups": "mine"})
    with rls.acting_as(actor_for(carol).rls_actor):
        assert role_of(actor_for(carol), acme) == "admin"


def test_where_people_join_the_default_is_a_role(own: Connection, acme: Organization, alice: User) -> None:
    with pytest.raises(Invalid) as refusal:
        change(actor_for(alice), acme, own, default_role="none")
    assert refusal.value.field == "default_role"


def test_an_unknown_purpose_or_a_strange_claim_is_refused(own: Connection, acme: Organization, alice: User) -> None:
    for wrong, field in (({"shoe size": "x"}, "mapping"), ({"email": "a\nb"}, "email_claim")):
        with pytest.raises(Invalid) as refusal:
            change(actor_for(alice), acme, own, mapping=wrong)
        assert refusal.value.field == field


@pytest.mark.parametrize(("groups", "left"), [(["staff"], "viewer"), ([], "blocked")])
def test_tying_a_sign_in_again_does_not_go_past_the_groups(
    alice_by_platform: Browser, own_idp: OidcIdp, groups: list[str], left: str
) -> None:
    """The attack: an admin whose groups give less now always enters by the door for tying a sign-in."""
    actor, organization = by_session(alice_by_platform)
    own = add_oidc(actor, organization, own_idp)
    with all_rows():
        alice = User.objects.get(pk=actor.user_id)
        join(organization, invited_by=alice, user=person("olga"), role="owner")
    sent(own_idp, "alice", groups=["soc"], auth_time=int(time.time()))
    assert through_link(alice_by_platform, own_idp, own).status_code == 302
    assert membership(alice.email).role == "owner", "nothing is mapped yet"
    map_groups()
    sent(own_idp, "alice", groups=groups, auth_time=int(time.time()))
    answer = through_link(alice_by_platform, own_idp, own)
    assert answer.status_code == (403 if left == "blocked" else 302)
    now = membership(alice.email)
    assert ("blocked" if now.blocked_at else now.role) == left
    assert refusals(organization.pk) == (["NO_ACCESS"] if left == "blocked" else [])


def through_link(browser: Browser, idp: OidcIdp, own: Connection) -> Any:
    location = browser.begin(f"/sso/{own.pk}/link/")
    return browser.get(f"/sso/oidc/{own.pk}/callback/?{idp.authorize(location)}")


def test_whom_the_groups_of_one_connection_shut_out_does_not_come_in_by_another(
    own: Connection, own_idp: OidcIdp, acme: Organization, alice: User, bob: User, web: dict[str, Any]
) -> None:
    """The attack: one's groups at A give nothing any more, and at B nobody asks for groups."""
    idp = OidcIdp(issuer="https://other.acme.example", client_id="other", client_secret="another secret")
    web[idp.host] = idp.answer
    other = add_oidc(actor_for(alice), acme, idp, "Other")
    with all_rows():
        Connection.objects.filter(pk=own.pk).update(role_rules=RULES, default_role="none")
    tie(sent(own_idp, "bob", groups=[]), own, bob)
    tie(sent(idp, "bob"), other, bob)
    assert Browser().through_oidc(own_idp, own.pk).status_code == 403
    for rules in ([], RULES):
        with all_rows():
            Connection.objects.filter(pk=other.pk).update(role_rules=rules)
        assert Browser().through_oidc(sent(idp, "bob", groups=["soc"]), other.pk).status_code == 403
        assert membership(bob.email).blocked_at is not None
    assert refusals(acme.pk) == ["NO_ACCESS", "BLOCKED"]
    Browser().through_oidc(sent(own_idp, "bob", groups=["staff"]), own.pk)
    assert (membership(bob.email).blocked_at, membership(bob.email).role) == (None, "viewer")


def test_an_empty_table_gives_nobody_access_back(visitor: Browser, own: Connection, own_idp: OidcIdp) -> None:
    map_groups()
    visitor.through_oidc(sent(own_idp, groups=["staff"]), own.pk)
    Browser().through_oidc(sent(own_idp, groups=[]), own.pk)
    map_groups([], "viewer")
    assert Browser().through_oidc(sent(own_idp, groups=[]), own.pk).status_code == 403
    assert membership("ann@acme.example").blocked_at is not None
