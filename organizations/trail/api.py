"""The audit trail by API."""

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.schema import narrowing
from organizations.api import InOrganization
from organizations.trail import queries
from organizations.trail.download import download
from organizations.trail.search import ExportForm, FeedForm, SearchForm, search_of
from organizations.trail.serializers import EntryOut, FeedOut

SEARCH = [
    OpenApiParameter(
        "who",
        str,
        description="Name or address of a person, name of an API key or MSP, an id of one of these or of a grant, or"
        " `system`, `msp`, `api key`, `scim`",
    ),
    OpenApiParameter("action", str, description="`room.object.verb`, or `room.object` for everything done to it"),
    OpenApiParameter("target", str, description="Id of what was acted on"),
    OpenApiParameter("request", str, description="X-Request-Id of the request that did it"),
    OpenApiParameter("since", str, description="First day or moment (ISO 8601, UTC without an offset)"),
    OpenApiParameter("until", str, description="Last day, or the moment before which it ends"),
    narrowing("outcome", "Only what ended so", ["done", "refused"]),
]


class Entries(InOrganization):
    """The audit trail of an organization."""

    @extend_schema(
        operation_id="organizations_audit_list", parameters=SEARCH, responses=EntryOut(many=True), filters=False
    )
    def get(self, request: Request, organization_id: str) -> Response:
        """Search the trail, newest first."""
        form = search_of(request.query_params, SearchForm)
        return self.page(queries.entries(self.actor, self.organization(), form), EntryOut)


class Feed(InOrganization):
    """The trail as it grows."""

    @extend_schema(
        operation_id="organizations_audit_feed",
        parameters=[
            OpenApiParameter("after", int, description="Position of the last entry that you have; without one, all"),
            OpenApiParameter("limit", int, description=f"1 to {FeedForm.LARGEST}, {FeedForm.DEFAULT} by default"),
        ],
        responses=FeedOut,
        filters=False,
    )
    def get(self, request: Request, organization_id: str) -> Response:
        """
        Follow the trail, the oldest first, as a SIEM does: ask with `next` of the answer before as `after`.

        That it was read leaves no entry, which the next question would find.
        """
        given = search_of(request.query_params, FeedForm).cleaned_data
        after, limit = given["after"] or 0, given["limit"] or FeedForm.DEFAULT
        rows = queries.entries_after(self.actor, self.organization(), after, limit)
        end = rows[-1].position if rows else after
        return Response(FeedOut({"results": rows, "next": end, "more": len(rows) == limit}).data)


class Export(InOrganization):
    """The trail as a file."""

    @extend_schema(
        operation_id="organizations_audit_export",
        parameters=[
            *SEARCH,
            OpenApiParameter("kind", str, enum=["csv", "jsonl"], required=True),
            OpenApiParameter("after", int, description="Begin after this entry, where a file before ended"),
        ],
        responses={
            (200, "application/x-ndjson"): OpenApiTypes.STR,
            (200, "text/csv"): OpenApiTypes.STR,
        },
        filters=False,
    )
    def get(self, request: Request, organization_id: str) -> HttpResponseBase:
        """
        Export what a search finds, oldest first. That it was exported becomes an entry of the trail.

        A file holds at most 100,000 entries; its last line says whether it is complete, and after which entry the next
        one goes on.
        """
        return download(self.actor, self.organization(), search_of(request.query_params, ExportForm))


class OneEntry(InOrganization):
    """One entry of the trail."""

    @extend_schema(operation_id="organizations_audit_retrieve", responses=EntryOut)
    def get(self, request: Request, organization_id: str, entry_id: str) -> Response:
        """Read one entry."""
        return Response(EntryOut(queries.entry(self.actor, self.organization(), entry_id)).data)
