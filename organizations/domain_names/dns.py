"""
Looks for TXT records: a claim's own, and what other rooms of this one ask of a proven domain.

"Not there" and "could not be asked" are two answers: only the first may ever count against a proof. The resolver is the
system's, or those of `GARRISON_DNS_RESOLVERS` (address or address:port).
"""

from dataclasses import dataclass

import dns.exception
import dns.resolver
from dns.nameserver import Do53Nameserver

from controlplane.environment import environment
from controlplane.transactions import let_go

LABEL = "_portal-challenge"
PREFIX = "portal-verification="
SECONDS = 5.0


@dataclass(frozen=True)
class Found:
    """What a look found: `there` is None where nobody could be asked. `words` say it to the domain's owner."""

    there: bool | None
    words: str


def record_name(domain: str) -> str:
    """Where the record has to stand."""
    return f"{LABEL}.{domain}"


def record_text(proof: str) -> str:
    """What it has to say."""
    return PREFIX + proof


class NotAsked(Exception):
    """DNS could not be asked. The message says why, for the domain's owner."""


def texts_at(name: str) -> list[str]:
    """
    The TXT records at a name; none where there are none. Asks outside any transaction, for at most five seconds.

    Raises NotAsked.
    """
    let_go()
    try:
        answer = _resolver().resolve(name, "TXT", lifetime=SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        raise NotAsked(f"DNS could not be asked ({type(error).__name__}).") from error
    return [_readable(b"".join(record.strings)) for record in answer]


def look(domain: str, proof: str) -> Found:
    """Looks for a claim's record. Asks as `texts_at` does."""
    try:
        texts = texts_at(record_name(domain))
    except NotAsked as error:
        return Found(None, str(error))
    if not texts:
        return Found(False, "There is no such TXT record yet.")
    if record_text(proof) in texts:
        return Found(True, "The record is there.")
    return Found(False, f"A TXT record is there, but it says something else ({texts[0][:60]}).")


def _readable(told: bytes) -> str:
    """The attack: whoever has a zone puts a NUL into what rows keep, or marks that turn words around into our mails."""
    text = told.decode("utf-8", "replace").strip()
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _resolver() -> dns.resolver.Resolver:
    listed = environment().dns_resolvers
    resolver = dns.resolver.Resolver(configure=not listed)
    if listed:
        resolver.nameservers = [Do53Nameserver(address, port) for address, port in listed]
    return resolver
