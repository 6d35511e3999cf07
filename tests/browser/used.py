"""What a tenant used over nine days, with an hour in which the edge told nothing."""

import datetime as dt
import math
from decimal import Decimal

from django.utils import timezone

from tenants.metering.models import UsageHour
from tenants.provisioning.models import Tenant
from tests.database import all_rows

HOURS = 9 * 24
UNTOLD = 30


def add_usage(tenant: Tenant) -> None:
    """Rows as the feed brings them: days swing, the disk fills slowly."""
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    rows = [
        UsageHour(
            organization_id=tenant.organization_id,
            tenant=tenant,
            hour=now - dt.timedelta(hours=ago),
            kind=kind,
            role=role,
            size=size,
            quantity=Decimal(str(round(quantity, 3))),
        )
        for ago in range(1, HOURS)
        if ago != UNTOLD
        for kind, role, size, quantity in _hour(HOURS - ago)
    ]
    with all_rows():
        UsageHour.objects.bulk_create(rows)


def _hour(n: int) -> list[tuple[str, str, str, float]]:
    day = 1 + math.sin((n % 24) / 24 * 2 * math.pi)
    return [
        ("agents_enrolled", "", "", 4 + min(2, n // 80)),
        ("agents_active", "", "", 3 + round(day)),
        ("alerts", "", "", round(180 + 700 * day + 40 * (n % 7))),
        ("tunnel_bytes_up", "", "", 9e6 * (1 + day)),
        ("tunnel_bytes_down", "", "", 4e5 * (1 + day)),
        ("disk_used_bytes", "indexer", "", 1.1e9 + 2.4e7 * n),
        ("container_seconds", "indexer", "standard-2", 3600),
        ("container_seconds", "manager", "standard-1", 3600),
        ("container_seconds", "dashboard", "standard-1", 3600 if n % 24 > 7 else 900),
    ]
