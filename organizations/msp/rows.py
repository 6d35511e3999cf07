"""Rows of the pages about MSPs' access, ready to be read."""

import datetime as dt
from typing import Any

from django.utils import timezone

from controlplane.marks import Mark
from organizations.models import AccessRequest, Grant, Organization
from organizations.msp.forms import STANDING, AllowForm
from organizations.permissions import Role

REVIEW_SOON = dt.timedelta(days=14)
TO_REVIEW = Mark("attention", "triangle-alert", "To be reviewed")
STANDS = Mark("ok", "circle-check", "Standing")
LIMITED = Mark("ok", "clock", "For a time")

REQUEST_MARKS = {
    "requested": Mark("working", "clock", "Waits for an answer"),
    "approved": Mark("ok", "circle-check", "Approved"),
    "declined": Mark("failed", "circle-x", "Declined"),
    "withdrawn": Mark("off", "circle-dashed", "Taken back"),
    "expired": Mark("off", "clock", "Not answered in time"),
}


def grant_row(grant: Grant, other: Organization) -> dict[str, Any]:
    """One grant as one of its sides reads it, with the form of its terms. Args: other: the other side."""
    role, now = Role(grant.role_ceiling), timezone.now()
    due = grant.review_at is not None and grant.review_at <= now
    return {
        "id": grant.pk,
        "name": other.name,
        "client_id": grant.client_id,
        "role": role.label,
        "mark": TO_REVIEW if due else LIMITED if grant.ends_at else STANDS,
        "due": due,
        "soon": grant.review_at is not None and not due and grant.review_at - now < REVIEW_SOON,
        "ends_at": grant.ends_at,
        "review_at": grant.review_at,
        "lapses_at": grant.lapses_at,
        "since": grant.created_at,
        "emergency": Role(grant.emergency_ceiling).label if grant.emergency_ceiling else "",
        "form": AllowForm(
            auto_id=f"{grant.pk}_%s",
            initial={
                "role_ceiling": role.value,
                "days": STANDING,
                "emergency_ceiling": grant.emergency_ceiling,
            },
        ),
    }


def request_row(request: AccessRequest) -> dict[str, Any]:
    """One request as its MSP reads it."""
    return {
        "id": request.pk,
        "whom": request.email or "Whoever has the code",
        "role": Role(request.role_ceiling).label,
        "lasting": f"{request.days} days" if request.days else "standing",
        "mark": REQUEST_MARKS[request.status],
        "at": request.created_at,
        "expires_at": request.expires_at if request.is_open else None,
        "is_open": request.is_open,
    }
