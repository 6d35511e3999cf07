"""Credentials with which the platform itself reads a tenant's events, for nobody who asks."""

import datetime as dt

from controlplane import edge_keys


def platform_token(cell_id: str, tenant_id: str, *, purpose: str, life: dt.timedelta) -> str:
    """
    A credential for one tenant's event log.

    Args: purpose: what it is read for, which stands in the credential as its session; life: how long it lasts.
    """
    claims = {
        **{"sub": "operator", "tenant": tenant_id, "scope": "events:read", "role": "viewer"},
        **{"organization": "platform", "grant": None, "connection": None, "session": purpose},
    }
    return edge_keys.sign_scoped(claims, cell_id=cell_id, seconds=int(life.total_seconds()))
