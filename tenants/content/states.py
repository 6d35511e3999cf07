"""A tenant's content as one looks at it: what counts, what runs, and what publishing would change."""

from typing import Any

from controlplane.actor import Actor
from tenants.content import queries, reading
from tenants.content.diffs import Change, changes
from tenants.content.layers import Effective, in_use
from tenants.content.models import ContentBundle
from tenants.provisioning.models import Tenant


def state_of(actor: Actor, tenant: Tenant) -> dict[str, Any]:
    """What counts for a tenant beside what it was asked to run and runs. Raises Forbidden, NotFound."""
    files = queries.effective_for(actor, tenant)
    told = (tenant.edge_view or {}).get("content") or {}
    return {
        "wanted": tenant.spec.get("content"),
        "applied": told.get("applied"),
        "error": told.get("error"),
        "files": files,
        "changes": changes(running_files(tenant), _texts_of(files)),
    }


def changes_now(actor: Actor, tenant: Tenant) -> list[Change]:
    """What publishing now would change of what runs."""
    return changes(running_files(tenant), _texts_of(queries.effective_for(actor, tenant)))


def changes_to(tenant: Tenant, bundle: ContentBundle) -> list[Change]:
    """What returning to a bundle would change of what runs."""
    return changes(running_files(tenant), bundle.wire_files())


def running_files(tenant: Tenant) -> list[dict[str, Any]]:
    """The files that the tenant's manager runs, as the edge told last; none where that bundle is not kept here."""
    bundle = reading.bundle_of(tenant, reading.applied_digest(tenant))
    return bundle.wire_files() if bundle else []


def _texts_of(files: list[Effective]) -> list[dict[str, Any]]:
    used = in_use(files)
    return [{"kind": each.given.kind, "name": each.given.name, "text": each.given.text or ""} for each in used]
