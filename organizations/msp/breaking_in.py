"""What page and API do alike when somebody breaks into a client."""

from django.http import HttpRequest
from rest_framework.request import Request

from controlplane.actor import actor_of
from organizations.actions import emergency_access
from organizations.actions import working as work_actions
from organizations.models import EmergencyAccess, Organization
from organizations.msp import working


def break_into(request: HttpRequest | Request, client: Organization, *, grant_id: str, reason: str) -> EmergencyAccess:
    """Begin an emergency, and work there from now on: without, the session's next request would still be refused."""
    actor = actor_of(request)
    made = emergency_access.begin(by=actor, client=client, grant_id=grant_id, reason=reason)
    grant = work_actions.begin(by=actor, client=client, grant_id=grant_id)
    working.begin(request, grant_id=grant.pk, msp_id=grant.msp_id)
    return made
