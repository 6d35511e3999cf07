"""Every role × every credential of the edge: what it opens, and as what. An organization's own roles go by rights."""

import json

import jwt
import pytest

from controlplane import rls
from controlplane.models import Message
from controlplane.problems import Forbidden, NotFound
from organizations.actions import custom_roles
from organizations.models import CustomRole, Membership
from organizations.permissions import PERMISSIONS, ROLES
from tenants.access import actions
from tests.cast import actor_for
from tests.database import all_rows

pytestmark = pytest.mark.django_db

DOORS = {
    "dashboard.open": actions.open_dashboard,
    "events.read": actions.event_stream_token,
    "tenant.operate": actions.rotation_token,
}
OF_DASHBOARD = [
    (ROLES["owner"], "admin", "full"),
    (ROLES["admin"], "admin", "full"),
    (ROLES["operator"], "operator", "full"),
    (ROLES["viewer"], "viewer", "read_only"),
    ({"dashboard.open", "tenant.operate"}, "operator", "full"),
    ({"dashboard.open", "tenant.create", "tenant.operate"}, "admin", "full"),
    ({"dashboard.open", "tenant.create"}, "viewer", "read_only"),
    ({"dashboard.open"}, "viewer", "read_only"),
    (PERMISSIONS - {"tenant.operate"}, "viewer", "read_only"),
]


@pytest.fixture
def give(acme, bob):
    """Gives bob a role of Acme's own that allows what is asked for."""

    def given(permissions):
        with all_rows():
            role, _ = CustomRole.objects.update_or_create(
                organization=acme, name="Tried", defaults={"permissions": sorted(permissions)}
            )
            Membership.objects.filter(user=bob, organization=acme).update(role=role.pk)
        return role

    return given


def opens(door, bob, tenant):
    actor = actor_for(bob)
    with rls.acting_as(actor.rls_actor):
        try:
            DOORS[door](by=actor, tenant=tenant)
        except (Forbidden, NotFound):
            return False
    return True


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_the_doors_of_its_permissions(running, edge, acme, bob, role, door):
    with all_rows():
        Membership.objects.filter(user=bob, organization=acme).update(role=role)
    assert opens(door, bob, running) == (door in ROLES[role])


@pytest.mark.parametrize("door", DOORS)
def test_a_door_opens_by_its_own_permission_and_by_no_other(running, edge, bob, give, door):
    for permissions, wanted in (({door}, True), (PERMISSIONS - {door}, False)):
        give(permissions)
        assert opens(door, bob, running) == wanted


@pytest.mark.parametrize(("permissions", "role", "variant"), OF_DASHBOARD)
def test_a_dashboard_opens_as_far_as_the_role_goes(running, edge, bob, give, permissions, role, variant):
    give(permissions)
    assert opens("dashboard.open", bob, running)
    body = json.loads(edge.requests[-1].content)
    assert (body["role"], body["variant"]) == (role, variant)


def test_a_stream_says_the_same_role(running, edge, bob, give):
    give({"events.read", "tenant.operate"})
    actor = actor_for(bob)
    with rls.acting_as(actor.rls_actor):
        token = actions.event_stream_token(by=actor, tenant=running).token
    assert jwt.decode(token, options={"verify_signature": False})["role"] == "operator"


def test_a_role_that_shrinks_ends_at_the_edge_what_it_opened(running, acme, alice, bob, give):
    role, by = give({"dashboard.open", "events.read"}), actor_for(alice)
    with rls.acting_as(by.rls_actor):
        custom_roles.change(by=by, organization=acme, role_id=role.pk, permissions=["events.read"])
    with all_rows():
        (fact,) = Message.objects.filter(topic="organizations.membership.role_changed")
    assert (fact.payload["user"], fact.payload["organizations"]) == (bob.pk, [acme.pk])
