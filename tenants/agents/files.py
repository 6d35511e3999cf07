"""An inventory as a file."""

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone

from controlplane.csv_rows import csv_row
from tenants.agents.rows import COLUMNS, csv_line
from tenants.enrollment.models import Agent

MOST = 10_000
"""Agents in one file; its last line says if there are more."""


def csv_of(agents: QuerySet[Agent]) -> HttpResponse:
    """The agents as a file, the newest first."""
    rows = list(agents.order_by("-created_at", "-id")[: MOST + 1])
    complete = len(rows) <= MOST
    end = f"End: {len(rows)} agents, complete" if complete else f"Not complete: narrow the search to {MOST} agents"
    lines = [csv_row(COLUMNS), *(csv_line(agent) for agent in rows[:MOST]), csv_row([end])]
    name = f"agents-{timezone.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse("".join(lines), content_type="text/csv; charset=utf-8", headers=headers)
