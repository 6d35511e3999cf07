"""Attacks by addresses: metadata, discovery, keys, tokens and user details that point where they must not."""

from typing import Any

import httpx
import pytest

from organizations.models import Connection, Organization, User
from tests.cast import session_of
from tests.database import all_rows
from tests.organizations.attacks import acmes, assert_refused, each
from tests.organizations.conftest import PUBLIC, Browser
from tests.organizations.oidc_idp import OidcIdp

__all__ = ["acmes"]

HOSTILE = {
    "loopback": "https://127.0.0.1/x",
    "loopback in IPv6": "https://[::1]/x",
    "a private network": "https://10.0.0.8/x",
    "link-local": "https://169.254.169.254/latest/meta-data/",
    "carrier-grade NAT": "https://100.64.0.1/x",
    "mapped into IPv6": "https://[::ffff:10.0.0.8]/x",
    "6to4 of a private address": "https://[2002:0a00:0008::]/x",
    "a name that points inside": "https://inside.example/x",
    "a name that points both ways": "https://both.example/x",
    "a number for an address": "https://2130706433/x",
    "without TLS": "http://login.acme.example/x",
    "another scheme": "file:///etc/passwd",
    "a name and password": "https://a:b@login.acme.example/x",
    "the port nought": "https://login.acme.example:0/x",
    "a redirect": "https://redirects.example/x",
    "a bomb": "https://bomb.example/x",
    "no answer": "https://silent.example/x",
}
ENDPOINTS = ("token_endpoint", "jwks_uri", "userinfo_endpoint")


@pytest.fixture
def hostile_world(web: dict[str, Any], names: dict[str, list[str]]) -> None:
    """Hosts that are up to something."""
    names.update({"inside.example": ["10.0.0.8"], "both.example": [PUBLIC, "10.0.0.8"]})
    names.update({"127.0.0.1": ["127.0.0.1"], "::1": ["::1"], "2130706433": ["127.0.0.1"]})
    names.update({host: [host] for host in ("10.0.0.8", "169.254.169.254", "100.64.0.1", "::ffff:10.0.0.8")})
    names["2002:0a00:0008::"] = ["2002:a00:8::"]
    away = httpx.Response(302, headers={"location": "http://169.254.169.254/"})
    web["redirects.example"] = lambda request: away
    web["bomb.example"] = lambda request: httpx.Response(200, content=b"x" * 1_000_001)

    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no answer", request=request)

    web["silent.example"] = silent


@each(HOSTILE)
def test_no_connection_is_made_from_a_hostile_address(
    attack: str, acme: Organization, alice: User, own_idp: OidcIdp, hostile_world: None
) -> None:
    url, path = HOSTILE[attack], f"/api/v1/organizations/{acme.pk}/connections"
    client = {"name": "x", "client_id": "x", "client_secret": "x"}
    bodies = (
        ({"kind": "saml", "name": "x", "metadata_url": url}, "metadata_url"),
        ({"kind": "oidc", **client, "issuer": url}, "issuer"),
    )
    for body, field in bodies:
        answer = session_of(alice).post(path, body, content_type="application/json")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    with all_rows():
        assert not Connection.objects.exists()


@pytest.mark.parametrize("endpoint", [*ENDPOINTS, "authorization_endpoint"])
def test_no_connection_is_made_whose_discovery_names_an_address_of_another_kind(
    endpoint: str, acme: Organization, alice: User, own_idp: OidcIdp
) -> None:
    body = {"kind": "oidc", "name": "x", "client_id": "x", "client_secret": "x", "issuer": own_idp.issuer}
    for url in ("http://login.acme.example/x", "file:///etc/passwd", "javascript:alert(1)", 7, None):
        own_idp.discovery_changes = {endpoint: url}
        answer = session_of(alice).post(
            f"/api/v1/organizations/{acme.pk}/connections", body, content_type="application/json"
        )
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "issuer")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@each(HOSTILE)
def test_a_sign_in_asks_no_hostile_address(
    attack: str, endpoint: str, visitor: Browser, acmes: Connection, own_idp: OidcIdp, hostile_world: None
) -> None:
    """The attack: discovery names an endpoint that points inside, or does so by the time it is asked."""
    with all_rows():
        Connection.objects.update(endpoints={**acmes.endpoints, endpoint: HOSTILE[attack]})
    answer = visitor.through_oidc(own_idp, acmes.pk)
    assert_refused(answer, visitor, acmes.organization_id, "OIDC_UNAVAILABLE")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_name_that_turns_inside_after_it_was_checked_is_not_asked(
    endpoint: str,
    visitor: Browser,
    acmes: Connection,
    own_idp: OidcIdp,
    names: dict[str, list[str]],
    web: dict[str, Any],
) -> None:
    """The attack (DNS rebinding): public when the connection is made, private when somebody signs in."""
    asked: list[httpx.Request] = []
    web["turns.example"] = lambda request: asked.append(request) or own_idp.answer(request)
    moved = acmes.endpoints[endpoint].replace(own_idp.host, "turns.example")
    with all_rows():
        Connection.objects.update(endpoints={**acmes.endpoints, endpoint: moved})
    assert visitor.through_oidc(own_idp, acmes.pk).status_code == 302
    assert len(asked) == 1, "while it is public"
    names["turns.example"] = ["169.254.169.254"]
    attacker = Browser()
    assert_refused(attacker.through_oidc(own_idp, acmes.pk), attacker, acmes.organization_id, "OIDC_UNAVAILABLE")
    assert len(asked) == 1
