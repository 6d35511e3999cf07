"""The shared cache. It only counts and remembers, so its absence must never fail a request."""

from collections.abc import Callable
from typing import Any

import structlog
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

log = structlog.get_logger(__name__)

# What each operation answers while Redis is away: as an empty cache would that forgets at once.
WHILE_AWAY: dict[str, Callable[..., Any]] = {
    "get": lambda key, default=None, version=None: default,
    "set": lambda *_, **__: None,
    "add": lambda *_, **__: True,
    "incr": lambda key, delta=1, version=None: delta,
    "delete": lambda *_, **__: False,
    "touch": lambda *_, **__: False,
    "has_key": lambda *_, **__: False,
    "get_many": lambda *_, **__: {},
    "set_many": lambda data, *_, **__: list(data),
    "delete_many": lambda *_, **__: None,
    "clear": lambda *_, **__: False,
}


class ForgivingRedisCache(RedisCache):
    """Redis as a cache that behaves as empty while Redis is away."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        params.setdefault("OPTIONS", {}).update(socket_timeout=1, socket_connect_timeout=1)
        super().__init__(server, params)


def _forgiving(operation: str, away: Callable[..., Any]) -> Callable[..., Any]:
    real = getattr(RedisCache, operation)

    def answer(self: ForgivingRedisCache, *arguments: Any, **named: Any) -> Any:
        try:
            return real(self, *arguments, **named)
        except (RedisError, OSError) as error:
            log.warning("cache_unreachable", operation=operation, error=type(error).__name__)
            return away(*arguments, **named)

    return answer


for _operation, _away in WHILE_AWAY.items():
    setattr(ForgivingRedisCache, _operation, _forgiving(_operation, _away))
