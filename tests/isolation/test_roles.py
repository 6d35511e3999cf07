"""
Every permission × role × page and address of the API: what opens is what the role allows, and nothing decides by name.

The matrix walks with owner, operator and viewer; here go the other two, and roles of an organization's own.
"""

import pytest
from django.db import transaction

from organizations.models import CustomRole, Membership
from organizations.permissions import PERMISSIONS, ROLES
from tests.database import all_rows
from tests.isolation.rules import Rule
from tests.isolation.test_matrix import CASES, dns_is_empty, edge_is_away, send
from tests.isolation.world import World, world

pytestmark = pytest.mark.sqlite
__all__ = ["dns_is_empty", "edge_is_away", "world"]

# Beside the permission these take whoever owns the key, or they would act as somebody else.
OF_ONES_OWN = {
    "/api/v1/organizations/{organization_id}/keys/{key_id}/rotate",
    "/o/{organization_id}/keys/{key_id}/rotate/",
}
INSIDE = [case for case in CASES if case[2].inside and case[2].permission and case[0] not in OF_ONES_OWN]


def answer_to(world: World, role: str, permissions: frozenset[str], case: tuple[str, str, Rule]) -> int:
    """The status that a member with the role gets; `permissions` are those of `role_tried`."""
    address, method, rule = case
    with transaction.atomic():
        with all_rows():
            CustomRole.objects.create(
                pk="role_tried",
                organization_id=world.ids["organization_id"],
                name="Tried",
                permissions=sorted(permissions),
            )
            Membership.objects.filter(user__email="wanda@example.test").update(role=role)
        status = send(world, world.changing, address, method, rule).status_code
        transaction.set_rollback(True)
    return status


@pytest.mark.parametrize("case", INSIDE, ids=lambda case: f"{case[1]} {case[0]}")
def test_what_opens_is_what_the_role_allows(world, case):
    permission = case[2].permission
    for role in ("admin", "billing"):
        assert (answer_to(world, role, ROLES[role], case) not in (403, 404)) == (permission in ROLES[role]), role
    assert answer_to(world, "role_tried", PERMISSIONS - {permission}, case) == 403
    assert answer_to(world, "role_tried", PERMISSIONS, case) not in (403, 404)


def test_every_permission_opens_a_page_or_an_address_of_the_api():
    """
    But for the plan, which the form for new tenants offers to change to whoever may, and for emergencies, which are
    entered from the MSP's side.
    """
    assert PERMISSIONS - {case[2].permission for case in INSIDE} == {"billing.manage", "client.emergency"}
