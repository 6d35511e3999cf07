"""Who is asking. Every action and every query takes an `Actor`."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from django.http import HttpRequest

Kind = Literal["user", "api_key", "scim", "system"]


@dataclass(frozen=True)
class Actor:
    """A person, an API key, a directory by its SCIM token, or the system itself.

    Attributes:
        user_id: the person (of an API key: its owner); empty for the system and for people who are not signed in.
        key_id: the API key, or the SCIM token.
        scopes: permissions an API key is limited to; None = no limit.
        tenant_ids: tenants an API key is limited to; None = no limit.
        organization_id: of an API key or a SCIM token its organization, of the system the one it works for.
        session_id: public id of the browser session, never its cookie.
        proofs: pairs (organization id, connection id, "platform" or "account") this session has proven; None = no
            session to judge.
        second_factor: organizations that this session entered with a second factor; None = no session to judge.
        confirmed: whether the person proved who they are within the last minutes; None = no session to judge.
        in_control: whether they did so by a way of their own, not by an organization's, and have shown their second
            factor if they have one; None = no session to judge.
        working: the grant under which this session works in a client, and the MSP that holds it.
        lacks: pairs (organization id, "proof", "second_factor" or "address"): what keeps this session out of the
            person's own organizations.
        shown_at: triples (organization id, when its proof was given, the longest pause since in seconds).
        reason: why the system acts; goes into the audit.
    """

    user_id: str
    kind: Kind
    key_id: str | None = None
    scopes: frozenset[str] | None = None
    tenant_ids: frozenset[str] | None = None
    organization_id: str | None = None
    session_id: str | None = None
    proofs: tuple[tuple[str, str], ...] | None = None
    second_factor: frozenset[str] | None = None
    confirmed: bool | None = None
    in_control: bool | None = None
    working: tuple[str, str] | None = None
    lacks: tuple[tuple[str, str], ...] = ()
    shown_at: tuple[tuple[str, int, int], ...] = ()
    request_id: str = ""
    address: str = ""
    reason: str = ""

    @classmethod
    def system(cls, reason: str, *, organization_id: str | None = None) -> "Actor":
        """Returns the actor of work that nobody asked for in person. Args: reason: plain words for the audit."""
        return cls(user_id="", kind="system", organization_id=organization_id, reason=reason)

    @classmethod
    def nobody(cls, *, request_id: str = "", address: str = "") -> "Actor":
        """Returns the actor of a request before sign-in: row-level security shows it nothing."""
        return cls(user_id="", kind="user", request_id=request_id, address=address)

    @property
    def is_signed_in(self) -> bool:
        """True if a person or a key stands behind this actor."""
        return bool(self.user_id)

    @property
    def rls_actor(self) -> str:
        """How row-level security knows this actor: ``user:…``, ``org:…`` or empty (no rows)."""
        if self.user_id:
            return f"user:{self.user_id}"
        return f"org:{self.organization_id}" if self.organization_id else ""

    @property
    def msp_id(self) -> str | None:
        """The MSP for which this actor works where it works under a grant: the session's choice, or the key's own."""
        return self.working[1] if self.working else self.organization_id if self.kind == "api_key" else None

    @property
    def label(self) -> str:
        """How the audit names this actor."""
        names = {
            "user": self.user_id or "nobody",
            "api_key": f"{self.key_id} of {self.user_id}",
            "scim": f"directory by {self.key_id}",
        }
        return names.get(self.kind, f"system: {self.reason}")

    def with_proofs(
        self,
        proofs: Iterable[tuple[str, str]],
        *,
        second_factor: Iterable[str] = (),
        confirmed: bool = False,
        in_control: bool = False,
        working: tuple[str, str] | None = None,
        lacks: Iterable[tuple[str, str]] = (),
        shown_at: Iterable[tuple[str, int, int]] = (),
    ) -> "Actor":
        """Returns this actor with what its session has proven."""
        return replace(
            self,
            proofs=tuple(proofs),
            second_factor=frozenset(second_factor),
            confirmed=confirmed,
            in_control=in_control,
            working=working,
            lacks=tuple(lacks),
            shown_at=tuple(shown_at),
        )


def actor_of(request: HttpRequest | Any) -> Actor:
    """Returns who is asking in ``request`` (Django's or DRF's); nobody if no middleware has set it."""
    return getattr(request, "actor", None) or Actor.nobody()
