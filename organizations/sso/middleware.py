"""The one place that checks how a session may enter an organization."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from controlplane import rls
from controlplane.actor import actor_of
from organizations.models import Membership
from organizations.sso import sessions

_INSIDE = re.compile(r"^/o/(?P<organization>org_[a-z2-7]{20})/")


class ProvenEntryMiddleware:
    """
    Gives the asker the organizations that their session has proven (`Actor.proofs`).

    `organizations.access` shows nothing of any other, through pages and API alike. Somebody who does belong to an
    organization that this session has not proven yet is led to its sign-in instead of to "not found".
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handles one request."""
        actor = actor_of(request)
        if actor.kind == "user" and actor.is_signed_in:
            proofs = sessions.proofs_of(request, actor.user_id)
            request.actor = actor.with_proofs(proofs)  # type: ignore[attr-defined]
            entered = _INSIDE.match(request.path_info)
            if entered and _belongs_unproven(actor.user_id, entered["organization"], proofs):
                query = urlencode({"next": request.get_full_path()})
                return redirect(f"/sso/enter/{entered['organization']}/?{query}")
        return self.get_response(request)


def _belongs_unproven(user_id: str, organization_id: str, proofs: list[tuple[str, str]]) -> bool:
    if organization_id in dict(proofs):
        return False
    with rls.reading_as(f"user:{user_id}"):
        return Membership.objects.filter(user_id=user_id, organization_id=organization_id, blocked_at=None).exists()
