"""Which host names an organization may claim."""

from urllib.parse import urlsplit

from django.conf import settings

from controlplane.problems import Invalid
from organizations.domain_names.names import usable_domain


def usable_hostname(text: str) -> str:
    """
    A host name in lower-case ASCII, from what somebody typed. Raises Invalid naming `name`.

    The attack: whoever has a page at the portal's own name, or at one above or below it, reads or fills its cookies.
    """
    name, ours = usable_domain(text), platform_host()
    if f".{name}".endswith(f".{ours}") or f".{ours}".endswith(f".{name}"):
        raise Invalid("This name is the platform's own, or lies above or below it. Give one of yours.", field="name")
    return name


def platform_host() -> str:
    """What the host name is an alias of: its CNAME."""
    return (urlsplit(settings.BASE_URL).hostname or "").lower()
