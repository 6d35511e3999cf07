"""What a tenant used, by API."""

import datetime as dt

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.problems import Malformed
from tenants.metering import queries
from tenants.metering.serializers import UsageOut
from tenants.provisioning.api import TenantView

BY_DEFAULT = dt.timedelta(days=30)
EARLIEST, LATEST = 2000, 9999
"""Years between which dates can be reckoned with."""
PARAMETERS = [
    OpenApiParameter("from", str, description="The first day (UTC) or moment; 30 days before `to` by default"),
    OpenApiParameter("to", str, description="The day or moment before which it ends; now by default"),
    OpenApiParameter("by", str, description="What is added up", enum=sorted(queries.LONGEST), default="day"),
]


class Usage(TenantView):
    """What a tenant used."""

    @extend_schema(operation_id="tenants_usage", parameters=PARAMETERS, responses=UsageOut)
    def get(self, request: Request, tenant_id: str) -> Response:
        """Read what a tenant used, also one that was deleted. Hours come about ten minutes after their end."""
        tenant, asked = self.tenant(tenant_id), request.query_params
        by = asked.get("by") or "day"
        if by not in queries.LONGEST:
            raise Malformed(f"Expected one of {', '.join(sorted(queries.LONGEST))}.", field="by")
        until = _moment(asked.get("to"), "to") or timezone.now()
        since = _moment(asked.get("from"), "from") or until - BY_DEFAULT
        _check(since, until, by)
        rows = queries.used(tenant, since=since, until=until, by=by)
        return Response(UsageOut({"from": since, "to": until, "by": by, "usage": rows}).data)


def _check(since: dt.datetime, until: dt.datetime, by: str) -> None:
    if since >= until:
        raise Malformed("Expected a time before `to`.", field="from")
    longest = queries.LONGEST[by]
    if until - since > longest:
        raise Malformed(f"Expected at most {longest.days} days by {by}.", field="from")


def _moment(text: str | None, name: str) -> dt.datetime | None:
    """A day or moment of the query; without a zone it is UTC. Raises Malformed, naming the parameter."""
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed("Expected a day such as 2026-11-26, or a moment in ISO 8601.", field=name) from error
    if not EARLIEST < moment.year < LATEST:
        raise Malformed(f"Expected a year after {EARLIEST} and before {LATEST}.", field=name)
    return moment.replace(tzinfo=moment.tzinfo or dt.UTC).astimezone(dt.UTC)
