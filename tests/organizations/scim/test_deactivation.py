"""Whom a directory deactivates is out at once, and owners are not lost by it."""

import datetime as dt

import pytest

from controlplane import rls
from controlplane.problems import Conflict, Forbidden
from organizations.actions import invitations, keys, members, scim_tokens
from organizations.actions import sign_in as sign_in_action
from organizations.models import (
    ApiKey,
    Connection,
    Invitation,
    Membership,
    Organization,
    PersonSession,
    User,
)
from organizations.sso.proven import ProvenIdentity
from tests.cast import actor_for, alive, join, person, session_of
from tests.database import all_rows
from tests.organizations.conftest import Browser, Zone, add_oidc, audited, refusals
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.scim.client import ScimClient
from tests.organizations.scim.steps import (
    INACTIVE,
    _user,
    enters,
    facts_about,
    let_join,
    map_groups,
    membership_of,
    sign_in,
    tie,
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
        ended = [entry for entry in audited(acme.pk) if entry.action == "organizations.invitation.withdraw"]
        assert {entry.data["email"] for entry in ended} == {"ann@acme.example", "ann@else.example"}

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

    @pytest.mark.parametrize("rules", [[], [{"group": "soc", "role": "admin"}]])
    def test_who_was_blocked_stays_so_when_the_directory_is_forgotten(
        self,
        scim: ScimClient,
        own: Connection,
        own_idp: OidcIdp,
        ann: tuple[str, Browser],
        acme: Organization,
        alice: User,
        rules: list[dict[str, str]],
    ) -> None:
        """The attack: nobody remembers the deactivation any more, so signing in as usual undoes it."""
        scim.patch(ann[0], INACTIVE)
        with rls.acting_as(actor_for(alice).rls_actor):
            scim_tokens.forget(by=actor_for(alice), organization=acme, connection_id=own.pk)
        with all_rows():
            Connection.objects.update(role_rules=rules)
        assert not enters(sign_in(own_idp, own, groups=["soc"]), own)
        assert refusals(acme.pk) == ["BLOCKED"]

    def test_nobody_ties_a_sign_in_that_the_directory_took_away(
        self, scim: ScimClient, own: Connection, own_idp: OidcIdp, bob: User
    ) -> None:
        scim.user("bob@acme.example", externalId="bob-sub", active=False)
        identity = ProvenIdentity(own.provider_id, "bob-sub", "bob@acme.example")
        with rls.acting_as(actor_for(bob).rls_actor), pytest.raises(Forbidden, match="directory"):
            sign_in_action.link(by=actor_for(bob), connection=own, identity=identity)


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
