"""The shared cache. It only counts and remembers, so its absence must never fail a request."""

from typing import Any

import structlog
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

log = structlog.get_logger(__name__)


class ForgivingRedisCache(RedisCache):
    """Redis as a cache that behaves as empty while Redis is away."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        params.setdefault("OPTIONS", {}).update(socket_timeout=1, socket_connect_timeout=1)
        super().__init__(server, params)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """The value, or the default."""
        return self._try("get", default, key, default, version)

    def set(self, key: str, value: Any, timeout: Any = 300, version: int | None = None) -> None:
        """Remembers, if it can."""
        self._try("set", None, key, value, timeout, version)

    def add(self, key: str, value: Any, timeout: Any = 300, version: int | None = None) -> bool:
        """Remembers what is not there yet."""
        return bool(self._try("add", True, key, value, timeout, version))

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Counts; starts at ``delta`` while Redis is away."""
        return int(self._try("incr", delta, key, delta, version))

    def delete(self, key: str, version: int | None = None) -> bool:
        """Forgets."""
        return bool(self._try("delete", False, key, version))

    def _try(self, operation: str, otherwise: Any, *arguments: Any) -> Any:
        try:
            return getattr(super(), operation)(*arguments)
        except (RedisError, OSError) as error:
            log.warning("cache_unreachable", operation=operation, error=type(error).__name__)
            return otherwise
