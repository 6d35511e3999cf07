"""
The attack: a narrow right to decide who manages the organization becomes every right, by way of an MSP.

oskar's role in Acme is `organization.manage` alone. An MSP of mallory's asks.
"""

from dataclasses import replace
from typing import Any

import pytest

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Forbidden
from organizations.actions import access_requests, reviews
from organizations.models import Grant, Organization, User
from tests.cast import actor_for, found, join, person, role_of
from tests.database import all_rows
from tests.organizations.test_access_requests import approve, ask
from tests.organizations.test_custom_roles import make


@pytest.fixture
def oskar(acme: Organization, alice: User) -> User:
    oskar = person("oskar")
    role = make(alice, acme, permissions=["organization.manage"], name="Registrar")
    join(acme, invited_by=alice, user=oskar, role=role.pk)
    return oskar


@pytest.fixture
def code(mallory: User) -> str:
    return ask(found(mallory, "Southwatch", kind="msp"), mallory, role_ceiling="owner")


@pytest.fixture
def limited_key(alice: User, acme: Organization) -> Actor:
    """alice's key, which has leaked and may do one thing."""
    return replace(actor_for(alice), kind="api_key", organization_id=acme.pk, scopes=frozenset({"organization.manage"}))


def review(by: Actor, acme: Organization, **terms: Any) -> Grant:
    with all_rows():
        grant = Grant.objects.get(client=acme, state="active", msp__name="Northwatch")
    with rls.acting_as(by.rls_actor):
        return reviews.review(by=by, grant=grant, **terms)


@pytest.mark.parametrize("terms", [{"role_ceiling": "owner"}, {"role_ceiling": "viewer"}])
def test_nobody_lets_an_msp_in_beyond_their_own_reach(
    acme: Organization, oskar: User, mallory: User, code: str, terms: dict[str, str]
) -> None:
    with pytest.raises(Forbidden, match="more than you"):
        approve(acme, oskar, code, **terms)
    with rls.acting_as(f"user:{mallory.pk}"):
        assert role_of(actor_for(mallory), acme) is None


def test_nor_by_a_key_with_that_scope_alone(acme: Organization, limited_key: Actor, code: str) -> None:
    with rls.acting_as(limited_key.rls_actor), pytest.raises(Forbidden, match="more than you"):
        access_requests.approve(by=limited_key, organization=acme, code=code, role_ceiling="owner")


def test_nor_by_what_is_kept_for_emergencies(acme: Organization, alice: User, code: str) -> None:
    reads = ["organization.manage", "tenant.view", "token.view", "agent.view", "dashboard.open"]
    role = make(alice, acme, permissions=[*reads, "events.read", "member.view"], name="Reads and registers")
    reader = person("rita")
    join(acme, invited_by=alice, user=reader, role=role.pk)
    with pytest.raises(Forbidden, match="more than you"):
        approve(acme, reader, code, role_ceiling="viewer", emergency_ceiling="admin")
    for terms in ({"role_ceiling": "admin"}, {"role_ceiling": "viewer", "emergency_ceiling": "owner"}):
        with pytest.raises(Forbidden, match="more than you"):
            review(actor_for(reader), acme, **terms)
    assert review(actor_for(reader), acme, role_ceiling="viewer").role_ceiling == "viewer"
    assert approve(acme, reader, code, role_ceiling="viewer").role_ceiling == "viewer"
