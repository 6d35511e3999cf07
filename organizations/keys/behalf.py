"""Who acts in what somebody asked for a while ago, with what they may do now."""

from controlplane.actor import Actor
from controlplane.problems import Forbidden
from organizations.keys.authentication import KEY, actor_for
from organizations.models import ApiKey


def acting_for(
    user_id: str,
    key_id: str,
    *,
    request_id: str,
    address: str,
    reason: str = "",
    working: tuple[str, str] | None = None,
) -> Actor:
    """
    The person or key behind work that goes on without them. Raises Forbidden where the key works no more.

    Args:
        key_id: empty for a person. address: from where it was asked for. working: the grant and MSP of a person's work
        in a client. request_id, reason: as the audit tells them.
    """
    known = Actor(user_id=user_id, kind="user", request_id=request_id, address=address, reason=reason, working=working)
    if not key_id:
        return known
    key = ApiKey.objects.select_related("owner", "organization").filter(pk=key_id).first()
    if key is None or not KEY.works(key):
        raise Forbidden("The API key that asked for it does not work any more.")
    return actor_for(key, known)
