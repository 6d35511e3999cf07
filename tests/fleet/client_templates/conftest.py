"""Northwatch's templates, given to Acme with its tenant Office, and what comes of them."""

import pytest

from controlplane import rls
from fleet.client_templates import actions, client_actions, queries
from fleet.client_templates.drift import drift_of
from tenants.rollouts import actions as rollouts
from tests.cast import actor_for
from tests.tenants.conftest import program_of
from tests.tenants.test_rollouts import beat

__all__ = ["program_of"]

WINDOW = {"days": ["sun"], "start": "02:00", "minutes": 120, "time_zone": "UTC"}
BACKUPS = {"every_hours": 12, "keep": 14}
AT_ONCE = {"ring": "canary", "maintenance_window": WINDOW, "sleep_after_minutes": 60, "backups": BACKUPS}


@pytest.fixture
def as_paula(msp, paula):
    """Runs the test as paula, inside Northwatch."""
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        yield actor


@pytest.fixture
def make(msp, as_paula):
    def made(name="Offices", settings=None, **more):
        return actions.create(by=as_paula, msp=msp, name=name, settings=settings or {}, **more)

    return made


@pytest.fixture
def office(acme, alice, give_tenant):
    return give_tenant(acme, alice, "Office")


@pytest.fixture
def used(make, msp, acme, as_paula):
    """Gives Acme a new template with these settings."""

    def give(settings, **more):
        return client_actions.assign(by=as_paula, msp=msp, client=acme, template=make(settings=settings, **more))

    return give


def differing(actor, msp, use) -> dict[str, tuple[object, object]]:
    """Wanted and actual of what differs in the client's only tenant, by setting."""
    (row,) = drift_of(actor, msp, queries.tenants_of(actor, queries.uses_of(actor, msp).filter(pk=use.pk)))
    return {each.key: (each.wanted, each.actual) for each in row.differences}


def roll_out(by, msp, template, **more):
    given = {"soak_hours": 0, **more}
    rollout = rollouts.start(by=by, organization=msp, kind="template", arguments={"template": template.pk}, **given)
    beat()
    return rollout
