"""How long unfinished things of this room are kept."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from controlplane import audit, rls
from controlplane.actor import Actor
from organizations.actions.sign_in import PENDING_LIFETIME
from organizations.models import (
    GuessCount,
    Invitation,
    JoinRequest,
    MailedCode,
    Organization,
    PersonSession,
    SeenAssertion,
    SignInTest,
)

# They hold what a provider said about a person. The SQL function of Postgres names the same times.
TESTS_KEPT = timedelta(days=30)
# So long an invitation that has ended is listed, and can be sent again.
INVITATIONS_KEPT = timedelta(days=30)


def forget_spent_rows() -> None:
    """Removes what is too old to be used: assertions, invitations, requests to join, test sign-ins, codes, sessions."""
    now = timezone.now()
    with rls.acting_as(""):
        rls.call("organizations_forget_spent", now, otherwise=lambda: _forget_on_sqlite(now))
        rls.call("organizations_forget_spent_accounts", now, otherwise=lambda: _forget_accounts_on_sqlite(now))


def forget_unfinished_sign_ups() -> int:
    """Removes organizations that waited two weeks for their first sign-in; returns how many. The audit trail stays."""
    before = timezone.now() - PENDING_LIFETIME
    with rls.acting_as(""):
        rows: list[dict[str, Any]] = rls.call(
            "organizations_unfinished", before, otherwise=lambda: list(_unfinished(before))
        )
    return sum(_forget(row["id"]) for row in rows)


def _forget(organization_id: str) -> bool:
    with rls.acting_as(f"org:{organization_id}"):
        waiting = Organization.objects.select_for_update().filter(pk=organization_id, state=Organization.State.PENDING)
        organization = waiting.first()
        if organization is None:
            return False
        audit.record(
            by=Actor.system("unfinished sign-up", organization_id=organization_id),
            action="organizations.organization.expire",
            organization_id=organization_id,
            target=organization_id,
            data={"name": organization.name},
        )
        organization.delete()
    return True


def _unfinished(before: datetime) -> Any:
    return Organization.objects.filter(state=Organization.State.PENDING, created_at__lt=before).values("id")[:100]


def _forget_on_sqlite(now: datetime) -> None:
    SeenAssertion.objects.filter(keep_until__lt=now).delete()
    Invitation.objects.filter(expires_at__lt=now - INVITATIONS_KEPT).delete()
    JoinRequest.objects.filter(created_at__lt=now - JoinRequest.LASTS).delete()
    SignInTest.objects.filter(created_at__lt=now - TESTS_KEPT).delete()


def _forget_accounts_on_sqlite(now: datetime) -> None:
    MailedCode.objects.filter(expires_at__lt=now).delete()
    GuessCount.objects.filter(began_at__lt=now - timedelta(days=2)).delete()
    PersonSession.objects.filter(last_seen_at__lt=now - timedelta(days=90)).delete()
