"""A directory's groups decide roles."""

from typing import Any

import pytest

from controlplane import rls
from organizations.actions import members
from organizations.models import (
    Connection,
    Organization,
    User,
)
from tests.cast import actor_for, person
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.scim.client import ScimClient
from tests.organizations.scim.steps import ACTIVE, INACTIVE, facts_about, map_groups, membership_of, sign_in, tie


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
