"""
What an organization demands of whoever enters: from where they come, and whether they showed a second factor.

`admits` judges one organization for one asker. It is asked for an organization's own members and for an MSP's people
who act in a client, for pages, API and keys alike, since all of them stand on `organizations.access`.
"""

import ipaddress
from collections.abc import Iterable

from controlplane.actor import Actor
from controlplane.problems import Invalid
from organizations.models import Organization

LONGEST_LIST = 100


def admits(organization: Organization, actor: Actor, *, by: str) -> bool:
    """
    Whether `actor` meets the policy of `organization`, entering it by their membership in the organization `by`.

    Second factors are asked of sessions only: keys have limits of their own.
    """
    if not is_from(organization.allowed_networks, actor.address):
        return False
    return not organization.require_second_factor or actor.second_factor is None or by in actor.second_factor


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
    """CIDR ranges in their plain form, each once. Raises Invalid naming `field`."""
    given = [network.strip() for network in networks if network.strip()]
    if len(given) > LONGEST_LIST:
        raise Invalid(f"At most {LONGEST_LIST} networks can be listed.", field=field)
    try:
        return list(dict.fromkeys(str(ipaddress.ip_network(network)) for network in given))
    except ValueError as error:
        raise Invalid(
            f"Networks are CIDR ranges such as 192.0.2.0/24 or 2001:db8::/32: {error}.", field=field
        ) from error
