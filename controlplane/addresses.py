"""From which network address a request came, looking through the proxies that this installation trusts."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """
    The address next to our own proxies: the last one of X-Forwarded-For that is not a trusted proxy's; empty if it
    can't be told.

    The attack: whoever writes the header themselves chooses where they come from. So each hop is believed only if a
    trusted proxy reported it; without ``GARRISON_TRUSTED_PROXIES`` the header is not read at all. Where a trusted proxy
    reports what is no address, nobody knows who is behind it: to take the proxy's own would let everybody into a
    network that it stands in.
    """
    remote = _plain(request.META.get("REMOTE_ADDR", ""))
    reported = request.headers.get("X-Forwarded-For", "").strip()
    hops = [_plain(text) for text in reported.split(",")] if reported else []
    address = remote
    for hop in reversed(hops):
        if not _is_trusted(address):
            break
        address = hop
    return address


def _plain(text: str) -> str:
    """The address in a hop, which some proxies give with a port; empty for what is none, or is of a local link."""
    hop = text.strip()
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return hop if "%" not in hop and ip_address(hop) else ""
    except ValueError:
        return ""


def _is_trusted(address: str) -> bool:
    if not address:
        return False
    hop = ip_address(address)
    hop = getattr(hop, "ipv4_mapped", None) or hop
    return any(hop in ip_network(network) for network in settings.TRUSTED_PROXIES)
