import pytest
from redis import ConnectionError as RedisGone

from controlplane.cache import ForgivingRedisCache


@pytest.fixture
def cache(monkeypatch):
    """A cache whose server is away."""
    cache = ForgivingRedisCache("redis://127.0.0.1:1/0", {})

    class Away:
        def __getattr__(self, name):
            def fail(*_, **__):
                raise RedisGone("away")

            return fail

    monkeypatch.setattr(ForgivingRedisCache, "_cache", Away())
    return cache


def test_a_missing_server_looks_like_an_empty_cache(cache):
    assert cache.get("a", "default") == "default"
    assert cache.set("a", 1) is None
    assert cache.add("a", 1) is True
    assert cache.incr("a") == 1
    assert cache.delete("a") is False
    assert cache.get_or_set("a", 5) == 5
    assert cache.get_many(["a"]) == {}
    assert cache.set_many({"a": 1}) == ["a"]
    assert cache.has_key("a") is False
    assert cache.touch("a") is False
