"""The world the isolation matrix walks in: Acme full of canaries, and everybody who may or may not see them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client

from controlplane import rls
from organizations.actions import access_requests, keys
from organizations.models import (
    Organization,
    User,
)
from organizations.permissions import OF_TENANTS, PERMISSIONS
from tenants.provisioning.models import Tenant
from tests.cast import actor_for, found, found_client, join, person, session_of
from tests.isolation.canary import CANARY
from tests.isolation.directories import directory_clients
from tests.isolation.world_fleet import fleet_of, reports_of, twig_of
from tests.isolation.world_people import brand_of, people_of
from tests.isolation.world_tenants import tenants_of


@dataclass(frozen=True)
class Visitor:
    """Somebody who sends requests: a browser session, an API key or a directory's SCIM client.

    Attributes: role: in Acme, empty for outsiders; scopes: what a key is limited to; api_only: a key opens no pages;
    directory: whose directory's token it is.
    """

    name: str
    client: Client
    role: str = ""
    scopes: frozenset[str] | None = None
    api_only: bool = False
    directory: str = ""


@dataclass(frozen=True)
class World:
    """
    What Acme's sign-in page may show, ids by the names that routes give their parameters, and the visitors.

    `undecided` is of the MSP, may work in Acme and has not chosen to.
    """

    on_sign_in_page: tuple[str, ...]
    ids: dict[str, str]
    ids_of_msp: dict[str, str]
    visitors: dict[str, Visitor]
    undecided: Visitor
    changing: Visitor
    """A member of Acme whose role a test sets."""


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: object) -> Iterator[World]:
    """Made once, inside a transaction that is rolled back; each request has a savepoint of its own."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield _with_directories(build())
        transaction.set_rollback(True)


def build() -> World:
    """Makes it, in the caller's transaction."""
    alice, bob, vera, paula, maria, mallory = map(person, ("alice", "bob", "vera", "paula", "maria", "mallory"))
    msp = found(paula, "Northwatch", kind="msp")
    join(msp, invited_by=paula, user=maria, role="operator")
    acme = found_client(msp, paula, alice, f"Acme {CANARY}")
    join(acme, invited_by=alice, user=bob, role="operator")
    join(acme, invited_by=alice, user=vera, role="viewer")
    tom = person("tom")
    join(acme, invited_by=alice, user=tom, role="viewer")
    wanda = person("wanda")
    join(acme, invited_by=alice, user=wanda, role="admin")
    rival = found(mallory, "Rival")
    tenant, ids = tenants_of(alice, acme)
    ids |= people_of(alice, acme, member=tom) | reports_of(alice, acme) | brand_of(alice, acme)
    of_msp = people_of(paula, msp, member=maria) | reports_of(paula, msp)
    of_msp |= fleet_of(paula, msp, acme)
    ids |= fleet_of(alice, acme, twig_of(acme))
    asking = actor_for(paula)
    with rls.acting_as(asking.rls_actor):
        _, ids["code"] = access_requests.ask(by=asking, msp=msp, role_ceiling="viewer")
    return World(
        (acme.name, f"IdP {CANARY}"),
        ids,
        of_msp,
        _visitors(alice, bob, vera, maria, mallory, acme, rival, tenant),
        Visitor("maria who has yet to choose", session_of(maria), role="operator"),
        Visitor("wanda", session_of(wanda)),
    )


def _visitors(
    alice: User,
    bob: User,
    vera: User,
    maria: User,
    mallory: User,
    acme: Organization,
    rival: Organization,
    other: Tenant,
) -> dict[str, Visitor]:
    everything = frozenset(PERMISSIONS)
    visitors = [
        Visitor("nobody", Client(raise_request_exception=False)),
        Visitor("alice", session_of(alice), role="owner"),
        Visitor("bob", session_of(bob), role="operator"),
        Visitor("vera", session_of(vera), role="viewer"),
        Visitor("maria", session_of(maria, working_in=acme), role="operator"),
        Visitor("mallory", session_of(mallory)),
        _key("alice's key", alice, acme, role="owner", scopes=everything),
        _key("alice's narrow key", alice, acme, role="owner", scopes=frozenset({"tenant.view"})),
        _key("a key for another tenant", alice, acme, role="owner", scopes=OF_TENANTS, tenant_ids=[other.pk]),
        _key("mallory's key", mallory, rival, scopes=everything),
    ]
    return {visitor.name: visitor for visitor in visitors}


def _key(
    name: str,
    owner: User,
    organization: Organization,
    *,
    scopes: frozenset[str],
    role: str = "",
    tenant_ids: object = (),
) -> Visitor:
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        _, text = keys.create(
            by=actor,
            organization=organization,
            name=name,
            scopes=scopes,
            expires_in=timedelta(days=1),
            tenant_ids=tenant_ids,
        )
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {text}"})
    return Visitor(name, client, role=role, scopes=scopes, api_only=True)


def _with_directories(world: World) -> World:
    """The world with SCIM clients among its visitors."""
    for name, client, of in directory_clients(world.ids):
        role = "directory" if of == "acme" else ""
        world.visitors[name] = Visitor(name, client, role=role, api_only=True, directory=of)
    return world
