"""Names of domains and hosts: the one form that is stored and compared, and those that nobody may claim."""

import re
from pathlib import Path

from controlplane.problems import Invalid
from organizations.domain_names.claim import LONGEST_DOMAIN

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")

# Mail services in many countries: yahoo.fr, hotmail.co.uk and so on. A claim would reach strangers.
EVERYWHERE = frozenset(
    {"gmail", "googlemail", "outlook", "hotmail", "live", "msn", "yahoo", "ymail", "aol", "gmx", "yandex"}
)
PUBLIC_MAIL = frozenset((Path(__file__).parent / "public_mail.txt").read_text().split())
# Second parts under which a country's registry hands out names, such as co.uk.
REGISTRY_PARTS = frozenset(
    {"ac", "co", "com", "edu", "gov", "gob", "go", "mil", "ne", "net", "nom", "or", "org", "sch"}
)


def usable_domain(text: str, *, field: str = "name") -> str:
    """
    A domain in lower-case ASCII, from what somebody typed (also an address or a link). Raises Invalid naming `field`.

    Public mail services are refused, and what no single organization can own.
    """
    name = _ascii(text.strip().rpartition("@")[2].removeprefix("https://").removeprefix("http://").strip("/. "), field)
    labels = name.split(".")
    if len(labels) < 2 or not is_host(name):
        raise Invalid("Give a domain such as example.com.", field=field)
    if len(labels) == 2 and labels[0] in REGISTRY_PARTS:
        raise Invalid(f"Nobody owns {name} as a whole. Give your own domain below it.", field=field)
    if is_public_mail(name):
        raise Invalid(f"{name} is a public mail service: its addresses belong to everybody.", field=field)
    return name


def is_host(name: str) -> bool:
    """Whether something has the form of a host's name in DNS, in lower-case ASCII. The last label is never a number."""
    labels = name.split(".")
    is_named = all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()
    return len(name) <= LONGEST_DOMAIN and is_named


def is_public_mail(name: str) -> bool:
    """Whether the domain, or one above it, is one of a public mail service."""
    labels = name.split(".")
    registered = labels[-3] if len(labels) > 2 and labels[-2] in REGISTRY_PARTS else labels[-2]
    return registered in EVERYWHERE or any(".".join(labels[n:]) in PUBLIC_MAIL for n in range(len(labels)))


def domain_of(address: str) -> str:
    """The domain of an e-mail address, in the form in which domains are stored; empty if there is none."""
    try:
        return _ascii(address.rpartition("@")[2].strip().rstrip("."), "email") if "@" in address else ""
    except Invalid:
        return ""


def _ascii(name: str, field: str) -> str:
    try:
        return name.encode("idna").decode("ascii").lower() if name else ""
    except UnicodeError as error:
        raise Invalid("This is no domain.", field=field) from error
