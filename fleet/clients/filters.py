"""By what the fleet is narrowed and sorted; pages, API and saved views read their parameters by this table."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter

from controlplane.ordered import Column, Order
from controlplane.problems import Malformed
from tenants.provisioning.lifecycle import CERTIFICATE_NOTICE
from tenants.provisioning.marks import TENANT
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.statuses import GRAVITY

NO_TENANT = "none"
LONGEST = 128
MOST_VALUES = 12
STATES = {
    **{state: TENANT[state].word for state in GRAVITY if state != "binned"},
    NO_TENANT: "No tenant",
}
CERTIFICATES = {"soon": "Ends within 14 days", "ended": "Has ended"}
AGENTS = {"none": "None enrolled", "silent": "Some silent", "online": "All online"}
AGES = {"week": "Made this week", "month": "Made this month", "quarter": "Made within 90 days", "older": "Older"}
OPERATIONS = {"open": "Running", "scheduled": "Scheduled"}
DAYS = {"week": 7, "month": 30, "quarter": 90}


@dataclass(frozen=True)
class Filter:
    """
    One thing to narrow by.

    `words` says it on pages, `values` those that it takes, with their words (None for any text); `condition` is what
    lines of a value fulfil, in the columns that `queries.lines` gives them.
    """

    words: str
    description: str
    condition: Callable[[str], Q]
    values: Mapping[str, str] | None = None

    def among(self, values: list[str]) -> Q:
        """What lines of any of the values fulfil."""
        found = Q()
        for value in values:
            found |= self.condition(value)
        return found

    def said(self, value: str) -> str:
        """A value for people."""
        return (self.values or {}).get(value, value)


def _client(text: str) -> Q:
    return Q(pk=text) | Q(name__icontains=text)


def _certificate(value: str) -> Q:
    now = timezone.now()
    return Q(ends_at__lte=now + (CERTIFICATE_NOTICE if value == "soon" else dt.timedelta()))


def _age(value: str) -> Q:
    if value == "older":
        return Q(made_at__lte=timezone.now() - dt.timedelta(days=DAYS["quarter"]))
    return Q(made_at__gt=timezone.now() - dt.timedelta(days=DAYS[value]))


def _operation(value: str) -> Q:
    states = Operation.OPEN if value == "open" else (Operation.State.SCHEDULED,)
    return Q(Exists(Operation.objects.filter(tenant=OuterRef("tenant_id"), state__in=states)))


_AGENTS = {
    "none": Q(enrolled=0),
    "silent": Q(active__lt=F("enrolled")),
    "online": Q(enrolled__gt=0, active__gte=F("enrolled")),
}

FILTERS: Mapping[str, Filter] = {
    "state": Filter("State", "What people see of the tenant", lambda value: Q(health=value), STATES),
    "name": Filter(
        "Name",
        "A part of the tenant’s or the client’s name",
        lambda text: Q(tenant_name__icontains=text) | _client(text),
    ),
    "client": Filter("Client", "The client’s id, or a part of its name", _client),
    "version": Filter("Version", "How the version begins", lambda text: Q(version__startswith=text)),
    "plan": Filter("Plan", "Code of the client’s plan", lambda code: Q(plan=code)),
    "ring": Filter(
        "Ring", "In which ring a roll-out reaches it", lambda value: Q(ring=value), dict(Tenant.Ring.choices)
    ),
    "certificate": Filter("Certificate", "When its certificates end", _certificate, CERTIFICATES),
    "agents": Filter("Agents", "How its agents are", _AGENTS.__getitem__, AGENTS),
    "age": Filter("Age", "When it was made", _age, AGES),
    "operation": Filter("Operation", "What is under way", _operation, OPERATIONS),
}

_IDS = (Column("name"), Column("id"), Column("tenant_name"), Column("tenant_id"))
SORTS: Mapping[str, tuple[str, Order]] = {
    "name": ("Name", _IDS),
    "state": ("State, the worst first", (Column("gravity", "number"), *_IDS)),
    "last_event": ("Last event, the newest first", (Column("event_at", "moment", descending=True), *_IDS)),
    "quiet": ("Last event, the oldest first", (Column("event_at", "moment"), *_IDS)),
    "certificate": ("Certificate’s end", (Column("ends_at", "moment"), *_IDS)),
}
BY_NAME = "name"


@dataclass(frozen=True)
class Asked:
    """What somebody wants to see of the fleet: values by filter, and the name of a sort."""

    values: Mapping[str, list[str]]
    sort: str = BY_NAME

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "Asked":
        """From an address's query, or a saved view. Several values stand with commas. Raises Malformed, naming it."""
        values = {name: _values(name, parameters[name]) for name in FILTERS if parameters.get(name)}
        sort = parameters.get("sort") or BY_NAME
        if sort not in SORTS:
            raise Malformed(f"Expected one of {', '.join(SORTS)}.", field="sort")
        return cls({name: given for name, given in values.items() if given}, sort)

    @property
    def order(self) -> Order:
        """The sort's columns."""
        return SORTS[self.sort][1]

    @property
    def filters(self) -> dict[str, str]:
        """As a saved view keeps them, and an address has them."""
        return {name: ",".join(values) for name, values in self.values.items()}

    def condition(self) -> Q:
        """What lines fulfil that fit every filter."""
        found = Q()
        for name, values in self.values.items():
            found &= FILTERS[name].among(values)
        return found

    def address(self, *, without: str = "", **more: str) -> str:
        """The same as a query, without one filter, or with other parameters."""
        given = {name: value for name, value in self.filters.items() if name != without}
        sort = {"sort": self.sort} if self.sort != BY_NAME else {}
        return urlencode({**given, **sort, **more})


def described() -> list[OpenApiParameter]:
    """The parameters for OpenAPI."""
    filters = [
        OpenApiParameter(name, str, description=f"{each.description}{_of(each)}. Several stand with commas.")
        for name, each in FILTERS.items()
    ]
    return [*filters, OpenApiParameter("sort", str, enum=list(SORTS), default=BY_NAME, description="The order")]


OF_VIEW = OpenApiParameter(
    "view", str, description="What a kept view shows; another parameter takes the place of the view's own"
)


def _of(each: Filter) -> str:
    return f": one of {', '.join(each.values)}" if each.values else ""


def _values(name: str, text: str) -> list[str]:
    if len(text) > LONGEST:
        raise Malformed(f"Expected at most {LONGEST} characters.", field=name)
    values = list(dict.fromkeys(value for value in (each.strip() for each in text.split(",")) if value))
    if len(values) > MOST_VALUES:
        raise Malformed(f"Expected at most {MOST_VALUES} values.", field=name)
    known = FILTERS[name].values
    unknown = [value for value in values if known is not None and value not in known]
    if unknown:
        raise Malformed(f"Expected one of {', '.join(known or ())}.", field=name)
    return values
