"""What lists of the API can be narrowed by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.models import Model, Q, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from controlplane.api.schema import narrowing
from controlplane.problems import Malformed
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.sighting import OBSERVED

LONGEST = 128


@dataclass(frozen=True)
class Filter:
    """One query parameter: the look-up or condition it stands for, and the values it takes (None for any text)."""

    lookup: str | Callable[[str], Q]
    description: str
    values: frozenset[str] | None = None

    def condition(self, value: str) -> Q:
        """What rows fulfil that have this value."""
        return Q(**{self.lookup: value}) if isinstance(self.lookup, str) else self.lookup(value)


@dataclass(frozen=True)
class Filters[Row: Model]:
    """The query parameters of one list. `deleted` is apart: without it what was deleted is left out."""

    by_name: Mapping[str, Filter]
    deletable: bool = False

    def apply(self, rows: QuerySet[Row], request: Request) -> QuerySet[Row]:
        """Narrow rows by the parameters of a request. Raises Malformed, naming the parameter."""
        return self.narrowed(rows, request.query_params)

    def narrowed(self, rows: QuerySet[Row], parameters: Mapping[str, str]) -> QuerySet[Row]:
        """The same by the parameters themselves, as a page has them."""
        for name, each in self.by_name.items():
            value = parameters.get(name)
            if value:
                rows = rows.filter(each.condition(_checked(name, value, each.values)))
        if self.deletable:
            asked = _checked("deleted", parameters.get("deleted") or "false", frozenset(DELETED))
            rows = rows.filter(DELETED[asked])
        return rows

    def described(self) -> list[OpenApiParameter]:
        """The parameters for OpenAPI."""
        described = [
            narrowing(name, each.description, sorted(each.values))
            if each.values
            else OpenApiParameter(name, str, description=each.description)
            for name, each in self.by_name.items()
        ]
        if self.deletable:
            words = "Only deleted ones: all, or only those in the recycle bin"
            values = [*DELETED, ""]
            described.append(OpenApiParameter("deleted", str, description=words, enum=values, default="false"))
        return described


DELETED = {
    "false": Q(deleted_at__isnull=True, erases_at__isnull=True),
    "true": Q(deleted_at__isnull=False) | Q(erases_at__isnull=False),
    "bin": Q(deleted_at__isnull=True, erases_at__isnull=False),
}

TENANTS: Filters[Tenant] = Filters(
    {
        "organization": Filter("organization_id", "Only tenants of this organization"),
        "observed": Filter("observed", "Only tenants that the edge observes so", OBSERVED),
        "requested": Filter("requested", "Only tenants that are asked to be so", frozenset(Tenant.Requested.values)),
        "ring": Filter("ring", "Only tenants of this ring", frozenset(Tenant.Ring.values)),
        "name": Filter("name__icontains", "Only tenants whose name contains this"),
        "external_id": Filter("external_id", "Only the tenant that is called so outside"),
    },
    deletable=True,
)

OPERATIONS: Filters[Operation] = Filters(
    {
        "organization": Filter("organization_id", "Only operations of this organization"),
        "tenant": Filter("tenant_id", "Only operations of this tenant"),
        "state": Filter("state", "Only operations in this state", frozenset(Operation.State.values)),
        "kind": Filter("kind", "Only operations of this kind"),
    }
)


def _checked(name: str, value: str, values: frozenset[str] | None) -> str:
    if len(value) > LONGEST:
        raise Malformed(f"Expected at most {LONGEST} characters.", field=name)
    if values is not None and value not in values:
        raise Malformed(f"Expected one of {', '.join(sorted(values))}.", field=name)
    return value
