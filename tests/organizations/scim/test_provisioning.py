"""What provisioning means: who belongs, as what, and who does not any more."""

import datetime as dt
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount

from controlplane import rls
from controlplane.models import Message
from controlplane.problems import Conflict, Forbidden
from organizations.actions import invitations, keys, mapping, members, scim_tokens
from organizations.actions import sign_in as sign_in_action
from organizations.models import (
    ApiKey,
    Connection,
    DirectoryUser,
    Invitation,
    Membership,
    Organization,
    PersonSession,
    User,
)
from organizations.sso.proven import ProvenIdentity
from tests.cast import actor_for, alive, join, person, session_of
from tests.database import all_rows
from tests.organizations.conftest import Browser, Zone, add_oidc, audited, prove, refusals
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.scim.client import ScimClient

INACTIVE = {"op": "replace", "path": "active", "value": False}
ACTIVE = {"op": "replace", "path": "active", "value": True}
RULES = [{"group": "SOC", "role": "admin"}, {"group": "0b6c-staff", "role": "viewer"}]


def sign_in(idp: OidcIdp, connection: Connection, sub: str = "ann", **more: Any) -> Browser:
    """Signs somebody in by the connection, in a browser of their own."""
    idp.person = {"sub": sub, "email": f"{sub}@acme.example", "name": sub.title(), **more}
    browser = Browser()
    browser.through_oidc(idp, connection.pk)
    return browser


def enters(browser: Browser, connection: Connection) -> bool:
    """Whether the browser is inside the connection's organization."""
    return browser.get(f"/api/v1/organizations/{connection.organization_id}").status_code == 200


def membership_of(connection: Connection, user_name: str) -> Membership | None:
    with all_rows():
        entry = DirectoryUser.objects.filter(connection=connection, user_name=user_name).order_by("-created_at").first()
        return Membership.objects.filter(organization_id=connection.organization_id, user_id=entry.user_id).first()


def tie(user: User, connection: Connection, sub: str) -> None:
    """As linking does: the user has signed in by the connection."""
    with all_rows():
        SocialAccount.objects.create(user=user, provider=connection.provider_id, uid=sub)


def map_groups(connection: Connection, default: str = "none", rules: list[dict[str, str]] = RULES) -> None:
    with all_rows():
        Connection.objects.filter(pk=connection.pk).update(role_rules=rules, default_role=default)


def facts_about(topic: str) -> list[dict[str, Any]]:
    with all_rows():
        return [message.payload for message in Message.objects.filter(topic=f"organizations.{topic}")]


class TestJoining:
    def test_who_is_in_the_directory_joins_by_signing_in(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp
    ) -> None:
        made = scim.user("ann@acme.example", externalId="ann")
        assert membership_of(own, "ann@acme.example") is None
        assert enters(sign_in(own_idp, own), own)
        joined = membership_of(own, "ann@acme.example")
        assert joined is not None
        assert joined.role == "viewer"
        with all_rows():
            assert DirectoryUser.objects.get(pk=made["id"]).user_id == joined.user_id
            # No domain is proven here: what the provider says is a label.
            assert not User.objects.get(pk=joined.user_id).email_verified

    def test_who_is_not_in_it_does_not(self, scim: ScimClient, own: Connection, own_idp: OidcIdp) -> None:
        scim.user("ann@acme.example", externalId="somebody else")
        browser = sign_in(own_idp, own)
        assert not browser.is_signed_in
        assert refusals(own.organization_id) == ["NOT_A_MEMBER"]

    def test_an_address_ties_nobody_to_an_account(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, bob: User
    ) -> None:
        """The attack: a directory claims somebody's address to take over, or to throw out, their account."""
        made = scim.user(bob.email, externalId="x", emails=[{"value": bob.email, "primary": True}])
        scim.patch(f"/Users/{made['id']}", INACTIVE)
        scim.send("DELETE", f"/Users/{made['id']}")
        with all_rows():
            assert Membership.objects.get(user=bob).blocked_at is None
            assert not DirectoryUser.objects.exclude(user=None).exists()
        scim.user(bob.email, externalId="mallet")
        sign_in(own_idp, own, sub="mallet", email=bob.email)
        with all_rows():
            assert DirectoryUser.objects.exclude(user=None).get().user_id != bob.pk

    def test_whom_the_connection_knows_already_becomes_a_member_at_once(
        self, scim: ScimClient, own: Connection
    ) -> None:
        carla = person("carla")
        tie(carla, own, "carla-sub")
        scim.user("carla@acme.example", externalId="carla-sub")
        joined = membership_of(own, "carla@acme.example")
        assert joined is not None
        assert joined.user_id == carla.pk
        created = [each for each in audited(own.organization_id) if each.action == "organizations.membership.create"]
        assert created[-1].actor["kind"] == "scim"

    def test_a_member_is_tied_by_what_the_connection_calls_them(
        self, scim: ScimClient, own: Connection, bob: User
    ) -> None:
        tie(bob, own, "bob-sub")
        scim.user("bob@acme.example", externalId="bob-sub")
        known = membership_of(own, "bob@acme.example")
        assert known is not None
        assert (known.user_id, known.role) == (bob.pk, "operator")

    def test_by_user_name_where_the_organization_says_so(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, alice: User
    ) -> None:
        name_people(alice, own, "userName")
        scim.user("Ann@Acme.Example", externalId="unrelated")
        assert enters(sign_in(own_idp, own, sub="ann@acme.example", email="ann@acme.example"), own)

    def test_by_a_claim_where_the_organization_says_so(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, alice: User
    ) -> None:
        name_people(alice, own, "externalId", "oid")
        scim.user("ann@acme.example", externalId="object-1")
        assert not sign_in(own_idp, own, sub="object-1").is_signed_in
        assert enters(sign_in(own_idp, own, sub="pairwise", oid="object-1"), own)

    def test_a_row_that_is_tied_stays_tied(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, alice: User
    ) -> None:
        """The attack: a second account of the provider chooses the claim by which somebody else is known."""
        name_people(alice, own, "externalId", "nickname")
        scim.user("ann@acme.example", externalId="annie")
        sign_in(own_idp, own, sub="ann", nickname="annie")
        assert not sign_in(own_idp, own, sub="mallet", nickname="annie").is_signed_in

    def test_the_address_is_verified_only_in_a_proven_domain(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, alice: User, acme: Organization, zone: Zone
    ) -> None:
        prove(zone, actor_for(alice), acme, "acme.example")
        scim.user("ann@acme.example", externalId="ann")
        scim.user("eve@acme.example", externalId="eve")
        sign_in(own_idp, own)
        sign_in(own_idp, own, sub="eve", email_verified=False)
        with all_rows():
            found = dict(User.objects.filter(email__endswith="@acme.example").values_list("email", "email_verified"))
        assert found == {"ann@acme.example": True, "eve@acme.example": False}

    def test_who_is_tied_later_gets_what_the_groups_say(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, bob: User
    ) -> None:
        map_groups(own)
        scim.group("SOC", scim.user("bob@acme.example", externalId="bob-sub"))
        browser = Browser()
        browser.cookies = session_of(bob).cookies
        own_idp.person = {"sub": "bob-sub", "email": "bob@acme.example"}
        location = browser.begin(f"/sso/{own.pk}/link/")
        browser.get(f"/sso/oidc/{own.pk}/callback/?{own_idp.authorize(location)}")
        with all_rows():
            assert Membership.objects.get(user=bob).role == "admin"


def name_people(owner: User, connection: Connection, attribute: str, claim: str = "") -> None:
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        scim_tokens.set_subject(
            by=actor,
            organization=connection.organization,
            connection_id=connection.pk,
            attribute=attribute,
            claim=claim,
        )


class TestDeactivation:
    @pytest.fixture
    def ann(self, scim: ScimClient, own: Connection, own_idp: OidcIdp) -> tuple[str, Browser]:
        """The path of somebody who has signed in, and their browser."""
        made = scim.user("ann@acme.example", externalId="ann", emails=[{"value": "ann@else.example"}])
        return f"/Users/{made['id']}", sign_in(own_idp, own)

    def key_of(self, connection: Connection, name: str = "ann@acme.example") -> tuple[ApiKey, str]:
        member = membership_of(connection, name)
        assert member is not None
        with all_rows():
            Membership.objects.filter(pk=member.pk).update(role="admin")
        actor = actor_for(User(pk=member.user_id))
        with rls.acting_as(actor.rls_actor):
            return keys.create(
                by=actor,
                organization=connection.organization,
                name="ci",
                scopes=["tenant.view"],
                expires_in=dt.timedelta(days=1),
            )

    @pytest.mark.parametrize("way", ["patch", "entra", "put", "delete"])
    def test_it_ends_sessions_keys_and_what_they_opened_at_the_edge(
        self, scim: ScimClient, own: Connection, ann: tuple[str, Browser], way: str
    ) -> None:
        path, browser = ann
        key, text = self.key_of(own)
        headers = {"authorization": f"Bearer {text}"}
        inside = f"/api/v1/organizations/{own.organization_id}"
        assert Browser().get(inside, headers=headers).status_code == 200
        member = membership_of(own, "ann@acme.example")
        assert member is not None
        if way == "put":
            scim.put(path, {**scim.get(path), "active": False})
        elif way == "delete":
            assert scim.send("DELETE", path).status_code == 204
        else:
            scim.patch(path, INACTIVE if way == "patch" else {"op": "Replace", "path": "active", "value": "False"})
        assert not enters(browser, own)
        assert not browser.is_signed_in
        assert Browser().get(inside, headers=headers).status_code == 401
        with all_rows():
            assert ApiKey.objects.get(pk=key.pk).revoked_at is not None
            assert not PersonSession.objects.filter(user_id=member.user_id, ended_at=None).exists()
        topic = "membership.ended" if way == "delete" else "membership.blocked"
        (fact,) = facts_about(topic)
        assert (fact["user"], fact["organizations"]) == (member.user_id, [own.organization_id])
        assert [each["key"] for each in facts_about("api_key.revoked")] == [key.pk]

    def test_signing_in_again_does_not_undo_it(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, ann: tuple[str, Browser], zone: Zone, alice: User
    ) -> None:
        let_join(own, alice, zone)
        scim.patch(ann[0], INACTIVE)
        assert not sign_in(own_idp, own).is_signed_in
        scim.send("DELETE", ann[0])
        assert not sign_in(own_idp, own).is_signed_in
        assert set(refusals(own.organization_id)) == {"DEPROVISIONED"}
        assert membership_of(own, "ann@acme.example") is None

    def test_who_was_deleted_before_ever_signing_in_does_not_join_either(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, zone: Zone, alice: User
    ) -> None:
        let_join(own, alice, zone)
        made = scim.user("ann@acme.example", externalId="ann")
        scim.send("DELETE", f"/Users/{made['id']}")
        assert not sign_in(own_idp, own).is_signed_in
        assert enters(sign_in(own_idp, own, sub="zoe"), own)

    def test_another_connection_of_the_organization_does_not_undo_it(
        self,
        scim: ScimClient,
        own: Connection,
        own_idp: OidcIdp,
        ann: tuple[str, Browser],
        acme: Organization,
        alice: User,
    ) -> None:
        other = add_oidc(actor_for(alice), acme, own_idp, name="Other")
        map_groups(other, default="admin", rules=[{"group": "x", "role": "viewer"}])
        member = membership_of(own, "ann@acme.example")
        assert member is not None
        tie(_user(member), other, "ann-there")
        scim.patch(ann[0], INACTIVE)
        assert not sign_in(own_idp, other, sub="ann-there").is_signed_in
        scim.send("DELETE", ann[0])
        assert not sign_in(own_idp, other, sub="ann-there").is_signed_in

    def test_an_invitation_from_before_does_not_undo_it(
        self, scim: ScimClient, own: Connection, ann: tuple[str, Browser], acme: Organization, alice: User
    ) -> None:
        for address in ("ann@acme.example", "ann@else.example", "other@acme.example"):
            with rls.acting_as(actor_for(alice).rls_actor):
                invitations.invite(by=actor_for(alice), organization=acme, email=address, role="viewer")
        scim.patch(ann[0], INACTIVE)
        with all_rows():
            assert list(Invitation.objects.values_list("email", flat=True)) == ["other@acme.example"]

    def test_a_member_with_a_session_of_their_own_loses_this_organization_alone(
        self, scim: ScimClient, own: Connection, bob: User, rival: Organization, mallory: User
    ) -> None:
        join(rival, invited_by=mallory, user=bob, role="viewer")
        tie(bob, own, "bob-sub")
        made = scim.user("bob@acme.example", externalId="bob-sub")
        browser = session_of(bob)
        elsewhere = f"/api/v1/organizations/{rival.pk}"
        scim.patch(f"/Users/{made['id']}", INACTIVE)
        assert browser.get(f"/api/v1/organizations/{own.organization_id}").status_code == 404
        assert browser.get(elsewhere).status_code == 200
        with all_rows():
            assert Membership.objects.get(user=bob, organization=rival).blocked_at is None
            bob.refresh_from_db()
            assert bob.is_active

    def test_only_sessions_that_the_connection_began_end(
        self, scim: ScimClient, own: Connection, ann: tuple[str, Browser]
    ) -> None:
        member = membership_of(own, "ann@acme.example")
        assert member is not None
        own_session = alive(_user(member))
        scim.patch(ann[0], INACTIVE)
        with all_rows():
            living = PersonSession.objects.filter(user_id=member.user_id, ended_at=None)
            assert [each.pk for each in living] == [own_session]

    def test_it_is_idempotent(self, scim: ScimClient, own: Connection, ann: tuple[str, Browser]) -> None:
        scim.patch(ann[0], INACTIVE)
        before = len(audited(own.organization_id))
        scim.patch(ann[0], INACTIVE)
        assert len(audited(own.organization_id)) == before
        assert len(facts_about("membership.blocked")) == 1

    def test_activation_brings_the_membership_back_but_no_key(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, ann: tuple[str, Browser]
    ) -> None:
        _, text = self.key_of(own)
        scim.patch(ann[0], INACTIVE)
        scim.patch(ann[0], {"op": "Replace", "path": "active", "value": "True"})
        member = membership_of(own, "ann@acme.example")
        assert member is not None
        assert (member.blocked_at, member.role) == (None, "admin")
        inside = f"/api/v1/organizations/{own.organization_id}"
        assert Browser().get(inside, headers={"authorization": f"Bearer {text}"}).status_code == 401
        assert enters(sign_in(own_idp, own), own)

    def test_who_is_given_back_after_a_deletion_is_the_same_person(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, ann: tuple[str, Browser]
    ) -> None:
        before = membership_of(own, "ann@acme.example")
        scim.send("DELETE", ann[0])
        scim.user("ann@acme.example", externalId="ann")
        after = membership_of(own, "ann@acme.example")
        assert before is not None
        assert after is not None
        assert (after.user_id, after.pk != before.pk) == (before.user_id, True)
        assert enters(sign_in(own_idp, own), own)

    def test_somebody_new_with_a_user_name_of_somebody_deleted_is_somebody_else(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, ann: tuple[str, Browser]
    ) -> None:
        scim.send("DELETE", ann[0])
        scim.user("ann@acme.example", externalId="ann-the-second")
        assert not sign_in(own_idp, own).is_signed_in
        assert enters(sign_in(own_idp, own, sub="ann-the-second"), own)

    def test_an_administrator_does_not_undo_it_by_a_role(
        self, scim: ScimClient, own: Connection, ann: tuple[str, Browser], acme: Organization, alice: User
    ) -> None:
        scim.patch(ann[0], INACTIVE)
        member = membership_of(own, "ann@acme.example")
        assert member is not None
        given = {"by": actor_for(alice), "organization": acme, "membership_id": member.pk, "role": "viewer"}
        with rls.acting_as(actor_for(alice).rls_actor), pytest.raises(Conflict, match="directory"):
            members.change_role(**given)
        with rls.acting_as(actor_for(alice).rls_actor):
            scim_tokens.forget(by=actor_for(alice), organization=acme, connection_id=own.pk)
            assert members.change_role(**given).blocked_at is None
        assert scim.refused("GET", "/Users") == (401, "")

    def test_nobody_ties_a_sign_in_that_the_directory_took_away(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, bob: User
    ) -> None:
        scim.user("bob@acme.example", externalId="bob-sub", active=False)
        identity = ProvenIdentity(own.provider_id, "bob-sub", "bob@acme.example")
        with rls.acting_as(actor_for(bob).rls_actor), pytest.raises(Forbidden, match="directory"):
            sign_in_action.link(by=actor_for(bob), connection=own, identity=identity)


def _user(member: Membership) -> User:
    with all_rows():
        return User.objects.get(pk=member.user_id)


def let_join(connection: Connection, owner: User, zone: Zone) -> None:
    """Just-in-time joining, for everybody of a proven domain."""
    prove(zone, actor_for(owner), connection.organization, "acme.example")
    with rls.acting_as(actor_for(owner).rls_actor):
        mapping.set_just_in_time(
            by=actor_for(owner), organization=connection.organization, connection_id=connection.pk, wanted=True
        )


class TestOwners:
    @pytest.fixture
    def owner(self, scim: ScimClient, own: Connection, alice: User) -> str:
        tie(alice, own, "alice-sub")
        return f"/Users/{scim.user('alice@acme.example', externalId='alice-sub')['id']}"

    @pytest.mark.parametrize("way", ["patch", "put", "delete"])
    def test_the_last_owner_is_not_lost(
        self, scim: ScimClient, own: Connection, alice: User, owner: str, way: str
    ) -> None:
        whole = scim.get(owner)
        if way == "delete":
            answer = scim.send("DELETE", owner)
        elif way == "put":
            answer = scim.send("PUT", owner, {**whole, "active": False})
        else:
            answer = scim.send("PATCH", owner, {"Operations": [INACTIVE]})
        assert answer.status_code == 409
        assert "last one" in answer.json()["detail"]
        assert "Make somebody else an owner first" in answer.json()["detail"]
        assert scim.get(owner) == whole
        with all_rows():
            assert Membership.objects.get(user=alice).blocked_at is None
        told = audited(own.organization_id)[-1]
        assert (told.action, told.refused) == ("organizations.directory_user.deactivate", True)
        assert told.data["code"] == "LAST_OWNER"

    def test_nor_the_one_for_emergencies(
        self, scim: ScimClient, own: Connection, alice: User, owner: str, acme: Organization
    ) -> None:
        join(acme, invited_by=alice, user=person("olga"), role="owner")
        with all_rows():
            Organization.objects.filter(pk=acme.pk).update(break_glass=alice)
        answer = scim.send("PATCH", owner, {"Operations": [INACTIVE]})
        assert (answer.status_code, "emergencies" in answer.json()["detail"]) == (409, True)

    def test_one_of_two_owners_can_go(
        self, scim: ScimClient, own: Connection, alice: User, owner: str, acme: Organization
    ) -> None:
        join(acme, invited_by=alice, user=person("olga"), role="owner")
        assert scim.patch(owner, INACTIVE)["active"] is False
        with all_rows():
            assert Membership.objects.get(user=alice).blocked_at is not None

    def test_a_row_that_is_made_inactive_does_not_lose_the_last_owner_either(
        self, scim: ScimClient, own: Connection, alice: User
    ) -> None:
        tie(alice, own, "alice-sub")
        body = {"userName": "alice@acme.example", "externalId": "alice-sub", "active": False}
        assert scim.refused("POST", "/Users", body)[0] == 409
        assert scim.get("/Users")["totalResults"] == 0

    def test_groups_do_not_take_the_last_owners_role(
        self, scim: ScimClient, own: Connection, alice: User, owner: str
    ) -> None:
        map_groups(own)
        scim.group("SOC", scim.get(owner))
        with all_rows():
            assert Membership.objects.get(user=alice).role == "owner"


class TestGroupsAndRoles:
    @pytest.fixture
    def ann(self, scim: ScimClient, own: Connection) -> Any:
        map_groups(own)
        tie(person("ann"), own, "ann")
        return scim.user("ann@acme.example", externalId="ann")

    def role(self, own: Connection) -> str:
        member = membership_of(own, "ann@acme.example")
        return "not a member" if member is None else "blocked" if member.blocked_at else member.role

    def test_roles_follow_groups_at_once(self, scim: ScimClient, own: Connection, ann: Any) -> None:
        assert self.role(own) == "not a member"
        soc = scim.group("SOC")
        staff = scim.group("All staff", ann, externalId="0b6c-staff")
        assert self.role(own) == "viewer"
        path = f"/Groups/{soc['id']}"
        scim.patch(path, {"op": "add", "path": "members", "value": [{"value": ann["id"]}]})
        assert self.role(own) == "admin"
        scim.patch(path, {"op": "remove", "path": f'members[value eq "{ann["id"]}"]'})
        assert self.role(own) == "viewer"
        assert [each["user"] for each in facts_about("membership.role_changed")] == [self.user(own)]
        scim.send("DELETE", f"/Groups/{staff['id']}")
        assert self.role(own) == "blocked"
        assert [each["user"] for each in facts_about("membership.blocked")] == [self.user(own)]
        scim.put(path, {"displayName": "SOC", "members": [{"value": ann["id"]}]})
        assert self.role(own) == "admin"

    def user(self, own: Connection) -> str:
        member = membership_of(own, "ann@acme.example")
        assert member is not None
        return member.user_id

    def test_a_group_that_is_renamed_gives_what_its_new_name_gives(
        self, scim: ScimClient, own: Connection, ann: Any
    ) -> None:
        path = f"/Groups/{scim.group('Guests', ann)['id']}"
        assert self.role(own) == "not a member"
        scim.patch(path, {"op": "replace", "path": "members", "value": [{"value": ann["id"]}]})
        scim.put(path, {"displayName": "SOC", "members": [{"value": ann["id"]}]})
        assert self.role(own) == "admin"

    def test_what_is_said_at_sign_in_does_not_undo_it(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, ann: Any
    ) -> None:
        """The attack: an old or a lying claim of groups gives back what the directory took."""
        scim.group("SOC")
        scim.group("All staff", ann, externalId="0b6c-staff")
        sign_in(own_idp, own, groups=["SOC"])
        assert self.role(own) == "viewer"

    def test_a_directory_without_groups_leaves_roles_to_the_sign_in(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, ann: Any
    ) -> None:
        sign_in(own_idp, own, groups=["SOC"])
        assert self.role(own) == "admin"
        scim.patch(f"/Users/{ann['id']}", {"op": "replace", "path": "displayName", "value": "Ann"})
        assert self.role(own) == "admin"

    def test_activation_gives_what_the_groups_say_then(self, scim: ScimClient, own: Connection, ann: Any) -> None:
        soc = scim.group("SOC", ann)
        scim.group("All staff", ann, externalId="0b6c-staff")
        scim.patch(f"/Users/{ann['id']}", INACTIVE)
        assert self.role(own) == "blocked"
        scim.send("DELETE", f"/Groups/{soc['id']}")
        assert self.role(own) == "blocked"
        scim.patch(f"/Users/{ann['id']}", ACTIVE)
        assert self.role(own) == "viewer"

    def test_groups_do_not_let_in_whom_the_directory_took_away(
        self, scim: ScimClient, own: Connection, ann: Any
    ) -> None:
        scim.patch(f"/Users/{ann['id']}", INACTIVE)
        scim.group("SOC", ann)
        assert self.role(own) == "not a member"

    def test_who_was_removed_here_is_not_let_in_by_a_change_of_a_name(
        self, scim: ScimClient, own: Connection, ann: Any, acme: Organization, alice: User
    ) -> None:
        scim.group("SOC", ann)
        member = membership_of(own, "ann@acme.example")
        assert member is not None
        with rls.acting_as(actor_for(alice).rls_actor):
            members.remove(by=actor_for(alice), organization=acme, membership_id=member.pk)
        scim.patch(f"/Users/{ann['id']}", {"op": "replace", "path": "displayName", "value": "Ann"})
        assert self.role(own) == "not a member"

    def test_another_organizations_table_is_not_asked(
        self, scim: ScimClient, own: Connection, ann: Any, stranger: ScimClient, theirs: Connection
    ) -> None:
        map_groups(theirs, default="owner")
        stranger.group("SOC", stranger.user("ann@acme.example", externalId="ann"))
        assert self.role(own) == "not a member"
