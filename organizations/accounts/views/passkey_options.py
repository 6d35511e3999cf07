"""What the browser needs to make or to use a passkey; asked for by the page's script when its button is pressed."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from controlplane.actor import actor_of
from controlplane.problems import Forbidden, Malformed
from controlplane.transactions import calls_out
from organizations.access import require_control
from organizations.accounts import guessing, half, passkeys
from organizations.accounts.views.sign_up import proven_address

USING, MAKING = ("sign_in", "factor", "confirm"), ("sign_up", "add")


@calls_out
@never_cache
@require_POST
def options(request: HttpRequest) -> JsonResponse:
    """Options of one ceremony. Their challenge is kept in the session, for this purpose and person."""
    purpose = request.POST.get("purpose", "")
    if purpose not in USING + MAKING:
        raise Malformed("There is no such use of a passkey.", field="purpose")
    guessing.count("passkey.place", actor_of(request).address)
    user_id, name = _whose(request, purpose)
    if purpose in MAKING:
        return JsonResponse(passkeys.creation_options(request, purpose, user_id=user_id, name=name))
    return JsonResponse(passkeys.request_options(request, purpose, user_id=user_id))


def _whose(request: HttpRequest, purpose: str) -> tuple[str, str]:
    """Whose passkey it is to be, and their address; nobody's at sign-in, where the passkey itself tells."""
    if purpose == "sign_in":
        return "", ""
    if purpose == "sign_up":
        proven = proven_address(request)
        if proven is None:
            raise Forbidden("Prove your address first.", hint="Begin the sign-up again.")
        return proven["user"], proven["email"]
    waiting = half.current(request) if purpose == "factor" else None
    if waiting:
        return waiting.user, ""
    actor = actor_of(request)
    if not actor.is_signed_in:
        raise Forbidden("Nobody is signed in.", hint="Sign in first.")
    if purpose == "add":
        require_control(actor)
    return actor.user_id, getattr(request.user, "email", "")
