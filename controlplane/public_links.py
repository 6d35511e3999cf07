"""Public addresses that hold a token: what opens something to whoever has it, without an account."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from controlplane import rls
from controlplane.ids import InvalidToken, digest, make_token, new_token_id, parse_token

View = Callable[..., HttpResponse]


class PublicLink(models.Model):
    """What a link of every kind keeps: of its token the digest alone, since that is told once."""

    digest = models.CharField(max_length=64)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


@dataclass(frozen=True)
class Kind[Link: PublicLink]:
    """
    Links to one kind of thing.

    Attributes: prefix: of their tokens; id_kind: of their ids; actor: as whom row-level security shows one of them,
    ``<actor>:<its id>``; working: those that open something now.
    """

    prefix: str
    id_kind: str
    actor: str
    working: Callable[[], models.QuerySet[Link]]

    def new_token(self, link_id: str) -> str:
        """The token of a new link."""
        return make_token(self.prefix, link_id, new_token_id())

    def opened_by(self, token: str) -> Link | None:
        """The link that a token opens; None alike for another kind of token, an unknown one and one that is shut."""
        try:
            parsed = parse_token(token)
        except InvalidToken:
            return None
        if parsed.prefix != self.prefix:
            return None
        link_id = f"{self.id_kind}_{parsed.owner}"
        with rls.reading_as(f"{self.actor}:{link_id}"):
            link = self.working().filter(pk=link_id).first()
        return link if link is not None and constant_time_compare(link.digest, digest(token)) else None


def unlisted(view: View) -> View:
    """
    Addresses that hold a secret: no search engine lists them. That no link tells other sites of them is every page's
    own policy (SECURE_REFERRER_POLICY); a stricter one would have browsers send the forms here without an origin.
    """

    @wraps(view)
    def answered(request: HttpRequest, *arguments: Any, **named: Any) -> HttpResponse:
        response = view(request, *arguments, **named)
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return answered
