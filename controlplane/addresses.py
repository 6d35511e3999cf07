"""From which network address a request came, looking through the proxies that this installation trusts."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """
    The address next to our own proxies: the last one of X-Forwarded-For that is not a trusted proxy's.

    The attack: whoever writes the header themselves chooses where they come from. So each hop is believed only if a
    trusted proxy reported it; without ``GARRISON_TRUSTED_PROXIES`` the header is not read at all.
    """
    hops = [*request.headers.get("X-Forwarded-For", "").split(","), request.META.get("REMOTE_ADDR", "")]
    address = ""
    for hop in reversed([text.strip() for text in hops]):
        if not _is_address(hop):
            break
        address = hop
        if not _is_trusted(hop):
            break
    return address


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(address: str) -> bool:
    hop = ip_address(address)
    hop = getattr(hop, "ipv4_mapped", None) or hop
    return any(hop in ip_network(network) for network in settings.TRUSTED_PROXIES)
