"""
What an organization demands of whoever enters: where they come from, how lately they proved who they are, and whether
they showed a second factor.

`lack` judges one organization for one asker. It is asked for an organization's own members and for an MSP's people who
act in a client, for pages, API and keys alike, since all of them stand on `organizations.access`.
"""

import datetime as dt
import ipaddress
import time
from collections.abc import Iterable

from controlplane.actor import Actor
from controlplane.problems import FieldError, Invalid
from organizations.models import Organization

LONGEST_LIST = 100
# The platform's own limit, for every proof; an organization can only set a shorter one.
PROOF_SECONDS = 12 * 3600


def lack(organization: Organization, actor: Actor, *, by: str) -> str:
    """
    What `actor` lacks to enter `organization` by their membership in the organization `by`; empty if nothing.

    "address", "proof" (it is too old here), or "second_factor". The last two are asked of sessions only: keys have
    limits of their own.
    """
    if not is_from(organization.allowed_networks, actor.address):
        return "address"
    if any(one == by and not counts(organization, at, longest_pause=pause) for one, at, pause in actor.shown_at):
        return "proof"
    has_factor = actor.second_factor is None or by in actor.second_factor
    return "second_factor" if organization.require_second_factor and not has_factor else ""


def counts(organization: Organization, at: int, *, longest_pause: float) -> bool:
    """Whether what was proven at that time still counts there: not too long ago, and no longer pause since."""
    if time.time() - at >= _seconds(organization.session_minutes) or _signed_out_since(organization, at):
        return False
    return longest_pause < _seconds(organization.idle_minutes)


def ends_at(organization: Organization, actor: Actor, *, by: str) -> dt.datetime | None:
    """When a session's proof ends by the organization's own limit; None where it sets none, and for keys."""
    limit = organization.session_minutes
    proven = next((at for one, at, _ in actor.shown_at if one == by), None)
    return dt.datetime.fromtimestamp(proven + _seconds(limit), dt.UTC) if limit and proven is not None else None


def is_from(networks: Iterable[str], address: str) -> bool:
    """
    Whether `address` lies in one of `networks`; an empty list is everywhere.

    It fails closed: an address that is unknown is in no list, and what can't be read lets nobody in.
    """
    allowed = list(networks)
    if not allowed:
        return True
    try:
        source = ipaddress.ip_address(address)
        known = [ipaddress.ip_network(network) for network in allowed]
    except ValueError:
        return False
    source = getattr(source, "ipv4_mapped", None) or source
    return any(source in network for network in known)


def checked_networks(networks: Iterable[str], *, field: str = "networks") -> list[str]:
    """CIDR ranges in their plain form, each once. Raises Invalid naming `field`, with an error for every bad line."""
    given = [(number, line.strip()) for number, line in enumerate(networks, 1) if line.strip()]
    if len(given) > LONGEST_LIST:
        raise Invalid(f"At most {LONGEST_LIST} networks can be listed.", field=field)
    known, wrong = [], []
    for number, line in given:
        try:
            known.append(str(_network(line)))
        except ValueError as error:
            wrong.append(FieldError(field, f"Line {number}: {error}."))
    if wrong:
        raise Invalid("Networks are CIDR ranges such as 192.0.2.0/24 or 2001:db8::/32.", errors=wrong)
    return list(dict.fromkeys(known))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"“{text[:60]}” is no network; one looks like 192.0.2.0/24 or 2001:db8::/32") from error
    if "/" in text and ipaddress.ip_interface(text).ip != network.network_address:
        raise ValueError(
            f"“{text}” is an address inside a network; the network is {network}, the address {_alone(text)}"
        )
    if network.version == 6 and network.network_address.ipv4_mapped:
        raise ValueError(f"“{text}” is an IPv4 network in the form of IPv6; write it as IPv4")
    return network


def _alone(text: str) -> str:
    """An address as a network of its own."""
    address = ipaddress.ip_interface(text).ip
    return f"{address}/{address.max_prefixlen}"


def _seconds(minutes: int | None) -> int:
    """An organization's own limit, within the platform's."""
    return min(minutes * 60, PROOF_SECONDS) if minutes else PROOF_SECONDS


def _signed_out_since(organization: Organization, at: int) -> bool:
    # Proofs have whole seconds: one of the very second in which everybody was signed out counts no more.
    return organization.signed_out_at is not None and at <= organization.signed_out_at.timestamp()
