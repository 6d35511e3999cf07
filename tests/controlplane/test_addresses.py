"""Where a request comes from, as keys, limits and the audit trail see it."""

import pytest

from controlplane.addresses import client_address

PROXY = "10.0.0.2"


def seen_as(rf, forwarded: str | None, remote: str = PROXY) -> str:
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    return client_address(rf.get("/", headers=headers, REMOTE_ADDR=remote))


def test_without_a_trusted_proxy_the_header_is_not_read(rf):
    assert seen_as(rf, "198.51.100.9") == PROXY


@pytest.mark.parametrize(
    ("forwarded", "remote", "address"),
    [
        ("198.51.100.9", PROXY, "198.51.100.9"),
        ("203.0.113.1, 198.51.100.9", PROXY, "198.51.100.9"),  # the client wrote the first one itself
        ("203.0.113.1, 198.51.100.9, 10.0.0.7", PROXY, "198.51.100.9"),  # two proxies of ours
        ("10.0.0.8, 10.0.0.7", PROXY, "10.0.0.8"),
        ("2001:db8::1", PROXY, "2001:db8::1"),
        ("198.51.100.9", f"::ffff:{PROXY}", "198.51.100.9"),
        ("198.51.100.9", "203.0.113.50", "203.0.113.50"),  # past the proxy
        ("198.51.100.9:4711", PROXY, "198.51.100.9"),
        ("[2001:db8::1]:4711", PROXY, "2001:db8::1"),
        ("rubbish, 198.51.100.9", PROXY, "198.51.100.9"),
        # Who is behind a proxy that reports no address is not known; the proxy's own would be in many a list.
        ("rubbish", PROXY, ""),
        ("198.51.100.9, rubbish", PROXY, ""),
        ("198.51.100.9,", PROXY, ""),
        ("fe80::1%eth0", PROXY, ""),
        ("0", PROXY, ""),
        ("127.0.0.1", "203.0.113.50", "203.0.113.50"),
        ("", PROXY, PROXY),
        (None, PROXY, PROXY),
        ("198.51.100.9", "", ""),
    ],
)
def test_behind_trusted_proxies_it_is_what_they_reported(rf, settings, forwarded, remote, address):
    settings.TRUSTED_PROXIES = ("10.0.0.0/24",)
    assert seen_as(rf, forwarded, remote) == address
