"""API keys as pages show them."""

from typing import Any

from controlplane.marks import Mark
from organizations.models import ApiKey
from organizations.roles.words import in_words

# Of API keys and provisioning tokens alike: states of a `BearerToken`.
SECRET_MARKS = {
    "active": Mark("ok", "circle-check", "Active"),
    "expired": Mark("off", "clock", "Expired"),
    "revoked": Mark("failed", "circle-x", "Revoked"),
}


def key_row(key: ApiKey, asker_id: str) -> dict[str, Any]:
    """One API key; its secret is not known to anybody. Args: asker_id: who looks at it."""
    return {
        "id": key.pk,
        "name": key.name,
        "tail": key.pk[-6:],
        "mark": SECRET_MARKS[key.state],
        "scopes_words": in_words(key.scopes),
        "owner": key.owner,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "can_revoke": key.state == "active",
        "can_rotate": key.state == "active" and (key.owner_id == asker_id or key.owner.is_service),
    }
