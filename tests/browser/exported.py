"""What was exported of the tenant on the pages."""

from typing import Any

from controlplane import rls
from tenants.protection.exports import actions as exports
from tenants.protection.exports.models import Export
from tenants.provisioning.models import Tenant
from tests.browser.edge import ago
from tests.cast import actor_for
from tests.deliveries import deliver_due


def add_exports(world: Any, tenant: Tenant) -> None:
    """One that was made while the tenant rested, and one that is being made."""
    rested = {
        "what": "Alerts that are older than the edge's journal keeps them",
        "why": "The indexer did not run. Backups hold them; an export of the running tenant has them too.",
    }
    made = _export(world, tenant)
    world.edge.made(tenant.pk, made.pk, b'{"seq":1}\n' * 90_000, left_out=[rested], expires_at=ago(-500_000))
    world.read()
    going = _export(world, tenant)
    world.edge.exports[tenant.pk][0]["steps"][0].update(state="succeeded", started_at=ago(9), finished_at=ago(8))
    world.edge.told(tenant.pk, going.pk, expires_at=ago(-600_000))
    world.read()


def _export(world: Any, tenant: Tenant) -> Export:
    by = actor_for(world.alice)
    with rls.acting_as(by.rls_actor):
        asked = exports.ask(by=by, tenant=tenant)
    while deliver_due():
        continue
    return asked
