"""Which of the files that a provider hands down a tenant is to do without."""

from collections.abc import Callable

from controlplane.actor import Actor
from controlplane.problems import Problem
from tenants.content import actions, publishing, reading
from tenants.content.layers import Level, in_use
from tenants.provisioning.models import Operation, Tenant
from tenants.rollouts.kinds import FilesChanged

NOTE = "Left out by the provider's template"


def handed_down(tenant: Tenant) -> set[str]:
    """Files of providers, as kind/name, that count for a tenant now."""
    found = in_use(reading.effective_of(tenant, texts=False))
    return {"/".join(each.given.key) for each in found if each.source.level == Level.PROVIDER}


def running(tenant: Tenant) -> set[str]:
    """Files of providers in the bundle that a tenant was asked to run."""
    bundle = reading.bundle_of(tenant, tenant.spec.get("content"))
    asked = (each for each in bundle.files if each["level"] == Level.PROVIDER) if bundle else ()
    return {f"{each['kind']}/{each['name']}" for each in asked}


def still_in_use(tenant: Tenant) -> set[str]:
    """Files of providers that count for a tenant now, or that it was asked to run."""
    return handed_down(tenant) | running(tenant)


def why_not(tenant: Tenant, names: list[str]) -> Problem | None:
    """What keeps a tenant from doing without files: only where it runs one, something has to be published."""
    return publishing.why_not(tenant) if running(tenant) & set(names) else None


def bring_left_out(
    by: Actor, tenant: Tenant, names: list[str], when: str, *, changed: Callable[[], bool]
) -> Operation | None:
    """
    Part of an action: leave files out at a tenant, and have it run what counts from then on, if it runs any of them.

    The danger: what is published is all that counts, and somebody saved another file after the canaries had theirs.

    Args: changed: whether the files are others than those that were looked at.
    Raises FilesChanged, FileExists where the tenant has a file of its own under the name, and what publishing does.
    """
    publishes = bool(running(tenant) & set(names))
    if publishes and changed():
        raise FilesChanged
    for name in sorted(handed_down(tenant) & set(names)):
        kind, _, called = name.partition("/")
        actions.create(
            by=by, organization=tenant.organization, tenant=tenant, kind=kind, name=called, text=None, note=NOTE
        )
    return publishing.publish(by=by, tenant=tenant, when=when) if publishes else None
