"""What counts as an IP address. A line of client.keys is split at blanks, so no address may hold one."""

import ipaddress
import re

# Python also takes a zone behind "%", which may be any text.
LETTERS = re.compile(r"[0-9A-Fa-f.:/]+")


def is_address(text: str) -> bool:
    """One address, IPv4 or IPv6."""
    return "/" not in text and is_network(text)


def is_network(text: str) -> bool:
    """An address, or a network as `address/length`."""
    if not LETTERS.fullmatch(text):
        return False
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def may_register(text: str) -> bool:
    """Whether an agent may be registered with this: `any`, an address or a network."""
    return text == "any" or is_network(text)
