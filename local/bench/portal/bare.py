"""What the portal is held against: Django with nothing but a view, behind the same server.

No middleware, no models, no row-level security: it connects as the superuser and asks in SQL.
"""

import os
from typing import Any

from django.conf import settings

from controlplane.databases import database_from_url

settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="of a server without sessions",  # noqa: S106 - signs nothing
    USE_TZ=True,
    DATABASES={"default": database_from_url(os.environ["DATABASE_URL"])},
)

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402

# What the list of tenants tells of one.
ROWS = """
SELECT id, name, external_id, organization_id, cell_id, requested, generation, observed, observed_generation, reason,
 spec, edge_view -> 'nodes' AS nodes, edge_view -> 'agents' AS agents, edge_view -> 'ingest' AS ingest,
 edge_view -> 'certificate' AS certificate, edge_view -> 'content' AS content, edge_view ->> 'sleeping' AS sleeping,
 edge_view ->> 'dashboard_url' AS dashboard_url, edge_view ->> 'next_backup_at' AS next_backup_at, maintenance_window,
 ring, protected, created_at, binned_at, erases_at, deleted_at
FROM tenants_tenant ORDER BY created_at DESC, id DESC LIMIT %s
"""
PROBE = "SELECT id, name, organization_id FROM tenants_tenant WHERE id = %s"


def hello(request: HttpRequest) -> HttpResponse:
    """The least that a view can do."""
    return _counted(JsonResponse({"hello": "world"}))


def rows(request: HttpRequest) -> HttpResponse:
    """Tenants as JSON, by one statement."""
    return _counted(JsonResponse({"results": _asked(ROWS, request.GET["limit"])}))


def probe(request: HttpRequest) -> HttpResponse:
    """One row by its primary key."""
    return _counted(JsonResponse({"results": _asked(PROBE, request.GET["id"])}))


def _asked(statement: str, *given: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _counted(response: HttpResponse) -> HttpResponse:
    """With its length, which a middleware would give, and the load driver reads by."""
    response["Content-Length"] = str(len(response.content))
    return response


urlpatterns = [path("hello", hello), path("rows", rows), path("probe", probe)]
application = get_wsgi_application()
