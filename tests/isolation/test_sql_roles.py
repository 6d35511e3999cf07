"""Functions of the database hold copies of what Python says of grants; they say the same."""

import re

import pytest
from django.db.migrations.loader import MigrationLoader

from controlplane.rls_operations import NarrowFunction
from organizations.models import Grant
from organizations.permissions import ROLES, roles_with

PERMISSIONS = {
    "alert_routes_of": "events.read",
    "alert_suppressions_in_force": "alert.handle",
    "content_inherited": "tenant.operate",
}
"""Functions that go by a grant's ceiling, and what has to be allowed under it."""


def bodies() -> dict[str, str]:
    """Each narrow function as the last migration that makes it says."""
    loader = MigrationLoader(None)
    order = dict.fromkeys(key for leaf in loader.graph.leaf_nodes() for key in loader.graph.forwards_plan(leaf))
    made = [each for key in order for each in loader.disk_migrations[key].operations]
    return {each.name: each.body for each in made if isinstance(each, NarrowFunction)}


def test_every_function_that_goes_by_a_ceiling_is_known():
    assert {name for name, body in bodies().items() if "role_ceiling IN" in body} == set(PERMISSIONS)


@pytest.mark.parametrize("name", PERMISSIONS)
def test_ceilings_are_the_roles_that_have_the_permission(name):
    (listed,) = re.findall(r"role_ceiling IN \(([^)]*)\)", bodies()[name])
    assert sorted(re.findall(r"'(\w+)'", listed)) == roles_with(PERMISSIONS[name])


@pytest.mark.parametrize("name", PERMISSIONS)
def test_the_grace_of_a_review_is_the_same(name):
    (days,) = re.findall(r"review_at > now\(\) - interval '(\d+) days'", bodies()[name])
    assert int(days) == Grant.REVIEW_GRACE.days


def test_roles_that_have_a_permission_are_those_of_the_table():
    assert roles_with("events.read") == ["admin", "operator", "owner", "viewer"]
    for permission in ("alert.handle", "alert.route", "billing.manage"):
        assert {role for role in ROLES if permission in ROLES[role]} == set(roles_with(permission))
