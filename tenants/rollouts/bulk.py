"""What is done with many tenants at once, as kinds of roll-outs that know no rings: every tenant is asked at once."""

from collections.abc import Mapping
from typing import Any

from controlplane.actor import Actor
from controlplane.problems import FieldError, Invalid
from organizations.models import Organization
from tenants.protection.backups.actions import back_up
from tenants.protection.backups.models import Backup
from tenants.protection.maintenance.rings import set_ring
from tenants.protection.maintenance.rotation import rotate_certificates, rotate_credentials
from tenants.protection.maintenance.window import set_window
from tenants.provisioning import actions
from tenants.provisioning.effects import EFFECTS
from tenants.provisioning.kinds import ROTATE, ROTATE_CREDENTIALS
from tenants.provisioning.models import Tenant
from tenants.provisioning.windows import Window
from tenants.rollouts.kind import Arguments, Kind, Outlook

BACK_UP, SET_RING, SET_WINDOW = "back_up", "set_ring", "set_maintenance_window"


def _nothing(organization: Organization, asked: Arguments) -> Arguments:
    return {}


def _settle_ring(organization: Organization, asked: Arguments) -> Arguments:
    if asked.get("ring") not in Tenant.Ring.values:
        message = f"Expected one of {', '.join(Tenant.Ring.values)}. Nothing was begun."
        raise Invalid(message, errors=[FieldError("ring", message)])
    return {"ring": asked["ring"]}


def _settle_window(organization: Organization, asked: Arguments) -> Arguments:
    window = asked.get("maintenance_window")
    return {"maintenance_window": None if window is None else Window.read(window).as_json()}


def _set_ring(by: Actor, tenant: Tenant, when: str, given: Arguments) -> None:
    set_ring(by=by, tenant=tenant, ring=given["ring"])


def _set_window(by: Actor, tenant: Tenant, when: str, given: Arguments) -> None:
    set_window(by=by, tenant=tenant, window=given["maintenance_window"])


def _never(tenant: Tenant, given: Arguments) -> bool:
    return False


def _at_once(words: str, meanwhile: str, **more: Any) -> Kind:
    """A kind without rings. Whether a tenant takes it is tried."""
    given: dict[str, Any] = {"title": lambda _: words, "settle": _nothing, "has": _never, **more}
    has = given["has"]
    given["outlook"] = lambda _, tenant, asked: Outlook(has(tenant, asked))
    return Kind(**given, in_rings=False, words=words, meanwhile=meanwhile)


AT_ONCE: Mapping[str, Kind] = {
    "start": _at_once(
        "Start",
        EFFECTS["start"].meanwhile,
        has=lambda tenant, _: tenant.requested == Tenant.Requested.RUNNING,
        ask=lambda by, tenant, when, _: actions.start(by=by, tenant=tenant),
    ),
    "stop": _at_once(
        "Stop",
        EFFECTS["stop"].meanwhile,
        has=lambda tenant, _: tenant.requested == Tenant.Requested.STOPPED,
        ask=lambda by, tenant, when, _: actions.stop(by=by, tenant=tenant),
    ),
    BACK_UP: _at_once(
        "Back up",
        "Nothing: the edge saves what the nodes hold, and keeps it for 30 days.",
        ask=lambda by, tenant, when, _: back_up(by=by, tenant=tenant),
        follows=Backup,
    ),
    ROTATE: _at_once(
        "Rotate certificates",
        EFFECTS[ROTATE].meanwhile,
        ask=lambda by, tenant, when, _: rotate_certificates(by=by, tenant=tenant, when=when),
        confirmed=True,
        can_wait=True,
    ),
    ROTATE_CREDENTIALS: _at_once(
        "Rotate passwords",
        EFFECTS[ROTATE_CREDENTIALS].meanwhile,
        ask=lambda by, tenant, when, _: rotate_credentials(by=by, tenant=tenant, when=when),
        confirmed=True,
        can_wait=True,
    ),
    SET_RING: _at_once(
        "Set the ring",
        "Nothing that runs changes, nor a roll-out that has begun.",
        settle=_settle_ring,
        title=lambda given: f"Ring: {Tenant.Ring(given['ring']).label}",
        has=lambda tenant, given: tenant.ring == given["ring"],
        ask=_set_ring,
        argument="ring",
    ),
    SET_WINDOW: _at_once(
        "Set the maintenance window",
        "Nothing that runs changes. What is scheduled already keeps its time.",
        settle=_settle_window,
        title=lambda given: f"Maintenance window: {window_words(given)}",
        has=lambda tenant, given: tenant.maintenance_window == given["maintenance_window"],
        ask=_set_window,
        argument="maintenance_window",
    ),
}


def window_words(given: Arguments) -> str:
    """The window for people."""
    window = given["maintenance_window"]
    return Window.read(window).words if window else "none"
