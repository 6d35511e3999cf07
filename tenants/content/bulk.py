"""Publishing at many tenants at once: one operation each, and what became of each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet, prefetch_related_objects

from controlplane.actor import Actor
from controlplane.problems import Invalid, Problem
from organizations import access
from organizations import queries as organizations
from organizations.models import Organization
from tenants.content import publishing, reading
from tenants.content.layers import Layer, effective
from tenants.content.models import ContentBundle
from tenants.provisioning import queries as tenants
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import TenantNotFound
from tenants.provisioning.scheduling import NOW

MOST_AT_ONCE = 100


@dataclass(frozen=True)
class Result:
    """What became of one tenant: the operation that was begun or scheduled, or why there is none."""

    tenant_id: str
    tenant: Tenant | None
    operation: Operation | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class Reached:
    """A tenant that inherits from an organization. `differs`: what counts for it is not what it was asked to run."""

    tenant: Tenant
    differs: bool


def reached_from(by: Actor, organization: Organization) -> list[Reached]:
    """The tenants that somebody sees of an organization and, where it is a provider, of its clients."""
    living = list(_tenants_of(by, organization).order_by("organization__name", "name"))
    levels: dict[str, list[Layer]] = {}
    wanted = _wanted_bundles(living)
    found = []
    for tenant in living:
        if tenant.organization_id not in levels:
            levels[tenant.organization_id] = reading.levels_of(tenant.organization, texts=False)
        layers = [*levels[tenant.organization_id], reading.tenant_layer(tenant, texts=False)]
        bundle = wanted.get((tenant.pk, tenant.spec.get("content") or ""))
        found.append(Reached(tenant, reading.differs(effective(layers), bundle)))
    return found


def publish_at(*, by: Actor, organization: Organization, tenant_ids: Iterable[str], when: str = NOW) -> list[Result]:
    """
    Have several tenants run what counts for each of them now. One that can't keeps nobody else from it.

    Args:
        organization: whose tenants, or whose clients' tenants, they are.
    Raises Invalid for none or too many of them, Forbidden.
    """
    access.require(by, "tenant.operate", organization)
    chosen = list(dict.fromkeys(tenant_ids))
    if not 1 <= len(chosen) <= MOST_AT_ONCE:
        raise Invalid(f"Choose 1 to {MOST_AT_ONCE} tenants. Nothing was published.", field="tenants")
    known = {tenant.pk: tenant for tenant in _tenants_of(by, organization).filter(pk__in=chosen)}
    return [_published(by, tenant_id, known.get(tenant_id), when) for tenant_id in chosen]


def tried_out(publish: Callable[[], list[Result]]) -> list[Result]:
    """What publishing would come to for each. It is done whole, and taken back before anybody sees of it."""
    with transaction.atomic():
        results = publish()
        for result in results:
            if result.operation is not None:
                prefetch_related_objects([result.operation], "steps")
        transaction.set_rollback(True)
    return results


def _published(by: Actor, tenant_id: str, tenant: Tenant | None, when: str) -> Result:
    if tenant is None:
        return Result(tenant_id, None, problem=TenantNotFound())
    try:
        with transaction.atomic():
            return Result(tenant_id, tenant, publishing.publish(by=by, tenant=tenant, when=when))
    except Problem as problem:
        return Result(tenant_id, tenant, problem=problem)


def _tenants_of(by: Actor, organization: Organization) -> QuerySet[Tenant]:
    access.require(by, "tenant.view", organization)
    whose = [organization.pk]
    if organization.is_msp:
        whose += (
            organizations.visible_to(by, "tenant.view")
            .filter(grants_given__msp=organization)
            .values_list("pk", flat=True)
        )
    return tenants.living(by).filter(organization_id__in=whose)


def _wanted_bundles(living: Iterable[Tenant]) -> dict[tuple[str, str], ContentBundle]:
    """What each tenant was asked to run, by tenant and digest, without texts."""
    digests = {str(tenant.spec["content"]) for tenant in living if tenant.spec.get("content")}
    rows = ContentBundle.objects.filter(tenant__in=list(living), digest__in=digests).defer("texts")
    return {(row.tenant_id, row.digest): row for row in rows}
