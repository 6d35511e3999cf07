"""Reads a connection's metadata or discovery again, where it was read from."""

from typing import Any

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict
from organizations.actions import connections
from organizations.models import Connection, Organization
from organizations.sso.oidc.provider import discover
from organizations.sso.saml import metadata


def refresh(*, by: Actor, organization: Organization, connection: Connection) -> str:
    """
    Take over what the provider publishes now; called outside any transaction. Returns what changed, in words.

    Raises Invalid for what can't be used, Conflict where nothing was read from an address.
    """
    if not connection.source_url:
        raise Conflict(
            "This connection was pasted or typed in, so there is no address to read again. Nothing was changed.",
            code="NO_SOURCE",
            hint="Give its new metadata instead.",
        )
    which: dict[str, Any] = {"by": by, "organization": organization, "connection_id": connection.pk}
    before = _facts(connection)
    if connection.is_saml:
        read = metadata.fetch(connection.source_url)
        with rls.acting_as(by.rls_actor):
            after = connections.renew_saml(**which, metadata=read)
    else:
        found = discover(connection.source_url)
        with rls.acting_as(by.rls_actor):
            after = connections.renew_oidc(**which, provider=found)
    changed = [name for name, value in _facts(after).items() if before[name] != value]
    return f"Read again. Changed: {', '.join(changed)}." if changed else "Read again. Nothing has changed."


def _facts(connection: Connection) -> dict[str, Any]:
    return {
        "sign-in address": connection.sign_in_url,
        "certificates": sorted(connection.certificates),
        "endpoints": connection.endpoints,
    }
