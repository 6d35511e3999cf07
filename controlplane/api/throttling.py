"""How often one credential may call, counted in the shared cache in windows of a minute."""

import hashlib
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from controlplane.actor import actor_of

WINDOW = 60


class PerCredentialThrottle(BaseThrottle):
    """One budget an API key, a person or, before sign-in, an address; told in every answer's RateLimit headers."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Counts the request; False if the budget of this minute is used up."""
        now = time.time()
        limit = settings.API_REQUESTS_PER_MINUTE
        used = _count(_credential(request), int(now // WINDOW))
        self.reset = WINDOW - int(now % WINDOW)
        request._request.rate_limit = (limit, max(0, limit - used), self.reset)  # type: ignore[attr-defined]
        return used <= limit

    def wait(self) -> float:
        """Seconds until the next window."""
        return self.reset


def rate_limit_headers(request: Request) -> dict[str, str]:
    """Returns the headers of the counted request; none if it was not counted."""
    counted = getattr(request._request, "rate_limit", None)
    if counted is None:
        return {}
    limit, remaining, reset = counted
    return {
        "RateLimit-Policy": f'"default";q={limit};w={WINDOW}',
        "RateLimit": f'"default";r={remaining};t={reset}',
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(remaining),
        "RateLimit-Reset": str(reset),
    }


def _credential(request: Request) -> str:
    actor = actor_of(request)
    name = actor.key_id or actor.user_id or f"address:{actor.address}"
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _count(credential: str, window: int) -> int:
    key = f"rate.{credential}.{window}"
    if cache.add(key, 1, WINDOW * 2):
        return 1
    try:
        return cache.incr(key)
    except ValueError:
        # It ran out between the two calls: this request is the first of a new window.
        return 1
