"""The audit trail by API."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from organizations.people_api import InOrganization
from organizations.trail import queries
from organizations.trail.search import search_of
from organizations.trail.serializers import EntryOut

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
    OpenApiParameter("outcome", str, enum=["done", "refused"]),
]


class Entries(InOrganization):
    """The audit trail of an organization."""

    @extend_schema(
        operation_id="organizations_audit_list", parameters=SEARCH, responses=EntryOut(many=True), filters=False
    )
    def get(self, request: Request, organization_id: str) -> Response:
        """Search the trail, newest first."""
        form = search_of(request.query_params)
        return self.page(queries.entries(self.actor, self.organization(), form), EntryOut)


class OneEntry(InOrganization):
    """One entry of the trail."""

    @extend_schema(operation_id="organizations_audit_retrieve", responses=EntryOut)
    def get(self, request: Request, organization_id: str, entry_id: str) -> Response:
        """Read one entry."""
        return Response(EntryOut(queries.entry(self.actor, self.organization(), entry_id)).data)
