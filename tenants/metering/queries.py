"""Reads of what tenants used."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import F, Max, QuerySet, Sum
from django.db.models.functions import TruncDay

from tenants.metering.models import UsageHour
from tenants.provisioning.models import Tenant

LONGEST = {"hour": dt.timedelta(days=31), "day": dt.timedelta(days=400)}
"""By what rows are added up → the longest time that one answer covers."""


def used(tenant: Tenant, *, since: dt.datetime, until: dt.datetime, by: str) -> Sequence[Mapping[str, Any]]:
    """
    What a tenant used in a time, added up by UTC hour or day: `at`, `kind`, `role`, `size`, `amount`.

    Args:
        tenant: found under the asker's rights.
        since: the first hour that counts is the one that begins then or after.
        until: no hour counts that begins then or later.
        by: "hour" or "day".
    """
    hours = UsageHour.objects.filter(tenant=tenant, hour__gte=since, hour__lt=until)
    peaks, sums = hours.filter(kind__in=UsageHour.PEAKS), hours.exclude(kind__in=UsageHour.PEAKS)
    rows = [*_added(peaks, by, Max("quantity")), *_added(sums, by, Sum("quantity"))]
    return sorted(rows, key=lambda row: (row["at"], row["kind"], row["role"], row["size"]))


def _added(hours: QuerySet[UsageHour], by: str, added: Max | Sum) -> Iterable[Mapping[str, Any]]:
    at = TruncDay("hour", tzinfo=dt.UTC) if by == "day" else F("hour")
    return hours.order_by().annotate(at=at).values("at", "kind", "role", "size").annotate(amount=added)
