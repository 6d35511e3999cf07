"""What an organization demands of whoever enters: change it, trust a provider's second factor, sign everybody out."""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid
from organizations.access import require
from organizations.actions import UNCHANGED, facts, trail
from organizations.actions.connections import found
from organizations.actions.locks import locked_organization
from organizations.models import Connection, Grant, Organization
from organizations.security.entering import PROOF_SECONDS, checked_networks, is_from
from organizations.sso.second_factor import checked_values, trust_of
from organizations.standings import Standing, current

PERMISSION = "organization.manage"
LONGEST_MINUTES = PROOF_SECONDS // 60
# The shortest limits: a pause below five minutes is not noticed, and no work gets done in less than a quarter hour.
SHORTEST_MINUTES = {"idle_minutes": 5, "session_minutes": 15}


def change(
    *,
    by: Actor,
    organization: Organization,
    require_second_factor: bool = UNCHANGED,
    allowed_networks: Iterable[str] = UNCHANGED,
    idle_minutes: int | None = UNCHANGED,
    session_minutes: int | None = UNCHANGED,
) -> Organization:
    """
    Say what everybody who enters has to show; what is left out stays as it is.

    Sessions that no longer meet it stop counting here at their next request, and what they had opened at the edge
    closes. Args: allowed_networks: CIDR ranges, none for anywhere; idle_minutes, session_minutes: None for the
    platform's 12 hours.
    Raises Invalid naming the field, also for what would shut the asker out, and NotConfirmed.
    """
    standing = require(by, PERMISSION, organization, confirmed=True)
    given = {
        "require_second_factor": require_second_factor,
        "allowed_networks": allowed_networks,
        "idle_minutes": idle_minutes,
        "session_minutes": session_minutes,
    }
    wanted = {name: _checked(name, value) for name, value in given.items() if value is not UNCHANGED}
    with rls.acting_as(f"org:{organization.pk}"):
        held = locked_organization(organization.pk)
        before = {name: getattr(held, name) for name in wanted}
        after = {name: value for name, value in wanted.items() if value != before[name]}
        if not after:
            return held
        _keep_the_asker_in(by, standing, after)
        for name, value in after.items():
            setattr(held, name, value)
        _check_limits(held)
        held.save(update_fields=list(after))
        if any(_is_stricter(name, before[name], value) for name, value in after.items()):
            _close_at_the_edge(held)
        told = {"before": {name: before[name] for name in after}, "after": after}
        trail.record(by, standing, "organizations.entry.change", held.pk, **told)
    return held


def trust_second_factor(
    *, by: Actor, organization: Organization, connection_id: str, trusted: bool, values: Iterable[str] = ()
) -> Connection:
    """
    Say whether sign-ins by a connection count as a second factor: never, always, or where the answer says one of
    `values` (OpenID Connect: amr or acr; SAML: the class of the authentication context).

    Raises Invalid naming `values`, NotFound, NotConfirmed, and Conflict for what would shut the asker out.
    """
    standing = require(by, PERMISSION, organization, confirmed=True)
    wanted = (trusted, checked_values(values, field="values") if trusted else [])
    with rls.acting_as(f"org:{organization.pk}"):
        held = locked_organization(organization.pk)
        connection = found(held, connection_id)
        before = (connection.does_second_factor, connection.second_factor_values)
        told = {"name": connection.name, "before": _trust_words(connection)}
        if wanted == before:
            return connection
        is_narrower = before[0] and wanted != (True, [])
        if held.require_second_factor and is_narrower and standing.connection_id == connection.pk:
            raise Conflict(
                "You came in by this connection yourself, and its second factor lets you in. Nothing was changed.",
                code="SECOND_FACTOR_UNPROVEN",
                hint="Sign in by your account, with a second factor of your own, and do it again.",
            )
        connection.does_second_factor, connection.second_factor_values = wanted
        connection.save(update_fields=["does_second_factor", "second_factor_values"])
        if held.require_second_factor and is_narrower:
            _close_what_it_opened(connection)
        told["after"] = _trust_words(connection)
        trail.record(by, standing, "organizations.connection.trust_second_factor", connection.pk, **told)
    return connection


def sign_everybody_out(*, by: Actor, organization: Organization) -> Organization:
    """
    Have everybody, the asker too, prove who they are anew before they enter again, and close what is open at the edge.

    API keys stay good: they are revoked one by one.
    """
    standing = require(by, PERMISSION, organization, confirmed=True)
    with rls.acting_as(f"org:{organization.pk}"):
        held = locked_organization(organization.pk)
        held.signed_out_at = timezone.now()
        held.save(update_fields=["signed_out_at"])
        _close_at_the_edge(held)
        trail.record(by, standing, "organizations.organization.sign_out", held.pk)
    return held


def _checked(name: str, value: Any) -> Any:
    if name == "allowed_networks":
        return checked_networks(value, field=name)
    if name == "require_second_factor" or value is None:
        return value
    if not SHORTEST_MINUTES[name] <= value <= LONGEST_MINUTES:
        raise Invalid(
            f"The limit is between {SHORTEST_MINUTES[name]} and {LONGEST_MINUTES} minutes (12 hours).", field=name
        )
    return value


def _check_limits(held: Organization) -> None:
    if held.idle_minutes and held.session_minutes and held.idle_minutes > held.session_minutes:
        raise Invalid("A pause can't be longer than the whole session may last.", field="idle_minutes")


def _keep_the_asker_in(by: Actor, standing: Standing, after: dict[str, Any]) -> None:
    """Refuses what the asker does not meet: nobody would be left who could take it back."""
    if by.kind == "system":
        return
    if not is_from(after.get("allowed_networks", []), by.address):
        raise Invalid(
            f"You come from {by.address or 'an address that is not known'}, which is in none of these networks: "
            "you would shut yourself out. Nothing was changed.",
            hint="Add your own network, or do it from one that is on the list.",
            field="allowed_networks",
            code="WOULD_SHUT_YOU_OUT",
        )
    entered_by = standing.msp_id or standing.organization_id
    if after.get("require_second_factor") and by.second_factor is not None and entered_by not in by.second_factor:
        raise Invalid(
            "You have shown no second factor yourself: you would shut yourself out. Nothing was changed.",
            hint="Show yours first, then do it again.",
            field="require_second_factor",
            code="WOULD_SHUT_YOU_OUT",
        )


def _is_stricter(name: str, before: Any, after: Any) -> bool:
    """Whether somebody who met the demand before may not meet it now."""
    if name == "allowed_networks":
        return bool(after) and not (before and set(before) <= set(after))
    if name == "require_second_factor":
        return bool(after)
    return after is not None and (before is None or after < before)


def _close_at_the_edge(held: Organization) -> None:
    """
    Close every dashboard and stream of the organization's tenants, and what its people opened at its clients'.

    What is open there bears the demands of when it was opened. Whoever meets the new ones opens theirs again.
    """
    facts.publish(facts.ENTRY_DEMANDED, organization_id=held.pk, organization=held.pk)
    for grant in Grant.objects.filter(current(), msp_id=held.pk):
        with rls.acting_as(f"org:{grant.client_id}"):
            facts.publish(facts.ENTRY_OF_MSP_DEMANDED, organization_id=grant.client_id, grant=grant.pk)


def _close_what_it_opened(connection: Connection) -> None:
    facts.publish(
        facts.SECOND_FACTOR_DISTRUSTED,
        organization_id=connection.organization_id,
        connection=connection.pk,
    )


def _trust_words(connection: Connection) -> str:
    trust = trust_of(connection)
    return f"where the answer says {' or '.join(connection.second_factor_values)}" if trust == "said" else trust
