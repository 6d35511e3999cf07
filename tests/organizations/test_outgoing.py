"""Addresses that somebody else named are fetched without letting them into our network."""

from typing import Any

import httpx
import pytest

from organizations.sso import outgoing
from organizations.sso.outgoing import OutgoingRefused
from tests.organizations.conftest import PUBLIC

INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "fec0::1",
    "feff:ffff::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not outgoing.is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946"])
def test_an_address_outside_is_public(address: str) -> None:
    assert outgoing.is_public(address)


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_points_inside_is_refused(address: str, names: dict[str, list[str]], web: dict[str, Any]) -> None:
    names["idp.example"] = [address]
    with pytest.raises(OutgoingRefused, match="private network"):
        outgoing.get("https://idp.example/", what="address")


def test_one_inside_address_among_public_ones_is_enough_to_refuse(
    names: dict[str, list[str]], web: dict[str, Any]
) -> None:
    names["idp.example"] = [PUBLIC, "10.0.0.1"]
    with pytest.raises(OutgoingRefused):
        outgoing.get("https://idp.example/", what="address")


def test_the_connection_goes_to_the_address_that_was_checked(web: dict[str, Any]) -> None:
    """The attack (DNS rebinding): the name resolves inside the second time. It is asked for once only."""
    seen: list[httpx.Request] = []
    web["idp.example"] = lambda request: seen.append(request) or httpx.Response(200, text="hello")
    assert outgoing.get("https://idp.example/path?a=b", what="address").body == b"hello"
    assert str(seen[0].url) == f"https://{PUBLIC}/path?a=b"
    assert seen[0].extensions["sni_hostname"] == "idp.example"


def test_a_redirect_is_not_followed(web: dict[str, Any]) -> None:
    web["idp.example"] = lambda request: httpx.Response(302, headers={"location": "http://169.254.169.254/"})
    with pytest.raises(OutgoingRefused, match="redirects"):
        outgoing.get("https://idp.example/", what="address")


def test_an_answer_is_asked_for_plainly_and_refused_compressed(web: dict[str, Any]) -> None:
    """The attack: a kilobyte that unfolds to a gigabyte."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"x"))

    web["idp.example"] = answer
    with pytest.raises(OutgoingRefused, match="compressed"):
        outgoing.get("https://idp.example/", what="address")
    assert seen[0].headers["accept-encoding"] == "identity"


def test_an_endless_answer_is_cut_off(web: dict[str, Any]) -> None:
    web["idp.example"] = lambda request: httpx.Response(200, content=b"x" * (outgoing.LIMIT_BYTES + 1))
    with pytest.raises(OutgoingRefused, match="more than"):
        outgoing.get("https://idp.example/", what="address")


def test_an_answer_that_does_not_come_is_said_plainly(web: dict[str, Any]) -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("no answer", request=request)

    web["idp.example"] = silent
    with pytest.raises(OutgoingRefused, match="did not answer"):
        outgoing.get("https://idp.example/", what="address")


def test_a_name_that_does_not_exist_is_said_plainly(names: dict[str, list[str]]) -> None:
    names["idp.example"] = []
    with pytest.raises(OutgoingRefused, match="can't be found"):
        outgoing.get("https://idp.example/", what="address")


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example/",
        "ftp://idp.example/",
        "https://user@idp.example/",
        "https:///nohost",
        "https://idp.example:0/",
        "https://idp.example:99999/",
        "https://idp.example/#fragment",
        "https://idp.example/ space",
        "https://idp.example\\@inside/",
        "https://[::1",
        "https://idp.example/\x7f",
        "https://idp.example/\x00",
        "gopher://127.0.0.1/",
        "http://localhost:9999/",
    ],
)
def test_an_address_of_another_form_is_refused_before_any_look_up(url: str, names: dict[str, list[str]]) -> None:
    with pytest.raises(OutgoingRefused):
        outgoing.get(url, what="address")


def test_only_a_listed_origin_may_be_loopback(names: dict[str, list[str]], web: dict[str, Any], settings: Any) -> None:
    settings.LOOPBACK_ORIGINS = ("http://localhost:9001",)
    names["localhost"] = ["127.0.0.1"]
    web["localhost:9001"] = lambda request: httpx.Response(200, text="here")
    assert outgoing.get("http://localhost:9001/x", what="address").body == b"here"
    for other in ("http://localhost:9002/", "https://localhost:9001/", "http://127.0.0.1:9001/"):
        with pytest.raises(OutgoingRefused):
            outgoing.get(other, what="address")


def test_a_listed_origin_may_still_not_point_elsewhere_inside(names: dict[str, list[str]], settings: Any) -> None:
    settings.LOOPBACK_ORIGINS = ("http://localhost:9001",)
    names["localhost"] = ["10.0.0.1"]
    with pytest.raises(OutgoingRefused):
        outgoing.get("http://localhost:9001/x", what="address")
