"""Lists of the API, by cursor."""

from typing import Any

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import ordered
from controlplane.keyset import DEFAULT_LIMIT, LARGEST_LIMIT, Page, limit_of, page_of


class KeysetPagination(BasePagination):
    """``?cursor=…&limit=…`` → ``{"results": […], "next": cursor, "previous": cursor}``, newest first."""

    page: Page[Any]

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Returns the rows of the page asked for. Args: queryset, and the view's `newest_by`, as for `page_of`."""
        cursor, limit = request.query_params.get("cursor") or None, limit_of(request.query_params.get("limit"))
        self.page = page_of(queryset, cursor=cursor, limit=limit, by=getattr(view, "newest_by", "created_at"))
        return self.page.rows

    def get_paginated_response(self, data: Any) -> Response:
        """Wraps the rows with the cursors of their neighbours."""
        return Response({"results": data, "next": self.page.older, "previous": self.page.newer})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """How OpenAPI describes it."""
        cursor = {"type": ["string", "null"], "description": "Pass as `cursor` for the page; null where none is."}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": cursor, "previous": cursor},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The query's parameters for OpenAPI."""
        limit = {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT}
        return [
            {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"}},
            {"name": "limit", "in": "query", "required": False, "schema": limit},
        ]


class OrderedPagination(KeysetPagination):
    """The same for lists that the caller sorts (see `controlplane.ordered`)."""

    sorted_page: ordered.Page

    def __init__(self, order: ordered.Order = ()) -> None:
        self.order = order

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Returns the rows of the page asked for."""
        given = request.query_params
        cursor, limit = given.get("cursor") or None, limit_of(given.get("limit"))
        self.sorted_page = ordered.page_of(queryset, self.order, cursor=cursor, limit=limit)
        return self.sorted_page.rows

    def get_paginated_response(self, data: Any) -> Response:
        """Wraps the rows with the cursors of their neighbours."""
        return Response({"results": data, "next": self.sorted_page.next, "previous": self.sorted_page.previous})
