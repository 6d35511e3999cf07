"""The product takes what the local stand-in providers really send."""

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from django.test import Client

from local.idp import saml_keys
from local.idp.oidc import OpenIdProvider
from local.idp.people import Person
from local.idp.saml import SamlProvider
from local.web.messages import BadRequest, Request, Response
from local.web.routing import Routes
from tests.organizations.conftest import Browser, connection
from tests.organizations.oidc_idp import OidcIdp

PEOPLE = [Person("alice", "alice@example.test", "Alice"), Person("bob", "bob@example.test", "Bob")]
CALLBACK = "http://testserver/sso/oidc/platform/callback/"


def ask(routes: Routes, method: str, target: str, *, form: dict[str, str] | None = None, **headers: str) -> Response:
    """Calls a provider as its server does."""
    body = urlencode(form).encode() if form else b""
    request = Request(method, target, headers, body)
    return asyncio.run(routes.answer(request, lambda status: Response(status)))


def hidden(page: Response) -> dict[str, str]:
    """Hidden fields of the first form of a page."""
    first = page.body.decode().partition("</form>")[0]
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', first)}


@pytest.fixture
def saml(tmp_path: Path) -> SamlProvider:
    key, certificate = saml_keys.kept_in(tmp_path / "keys")
    return SamlProvider(
        "https://idp.example", portal="http://testserver", key=key, certificate=certificate, people=PEOPLE
    )


@pytest.fixture
def oidc() -> OpenIdProvider:
    return OpenIdProvider(
        "https://login.example",
        client_id="portal",
        client_secret="a secret: with/odd+characters",
        redirects=[CALLBACK],
        people=PEOPLE,
    )


def test_a_whole_sign_up_with_the_saml_stand_in(visitor: Browser, saml: SamlProvider) -> None:
    routes = saml.routes()
    metadata = ask(routes, "GET", "/metadata").body.decode()
    made = visitor.post("/sign-up/saml/", {"name": "Acme", "kind": "organization", "metadata_xml": metadata})
    own = connection(made["Location"].rstrip("/").rpartition("/")[2])
    address = urlsplit(visitor.begin(f"/sso/{own.pk}/"))
    page = ask(routes, "GET", f"{address.path}?{address.query}")
    assert "local stand-in identity provider" in page.body.decode()
    answer = ask(routes, "POST", address.path, form={**hidden(page), "person": "bob"})
    posted = Client().post(f"/sso/saml/{own.pk}/acs/", hidden(answer))
    assert visitor.come_back(posted)["Location"] == f"/o/{own.organization_id}/"


def test_a_whole_sign_in_with_the_openid_stand_in(
    visitor: Browser, oidc: OpenIdProvider, platform_idp: OidcIdp, web: dict[str, Any]
) -> None:
    routes = oidc.routes()

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        inner = Request(request.method, request.url.raw_path.decode(), headers, request.content)
        response = asyncio.run(routes.answer(inner, lambda status: Response(status)))
        return httpx.Response(response.status, content=response.body)

    web[platform_idp.host] = answer
    address = urlsplit(visitor.begin("/sso/platform/"))
    page = ask(routes, "GET", f"{address.path}?{address.query}")
    back = ask(routes, "POST", address.path, form={**hidden(page), "email": "carol@example.test", "name": "Carol"})
    assert back.status == 303
    assert visitor.get(back.headers["location"].removeprefix("http://testserver"))["Location"] == "/"
    assert visitor.is_signed_in


def test_the_saml_stand_in_answers_its_portal_only(saml: SamlProvider, visitor: Browser) -> None:
    elsewhere = SamlProvider(
        "https://idp.example",
        portal="http://elsewhere.example",
        key=saml._key,
        certificate=saml.certificate,
        people=PEOPLE,
    )
    metadata = ask(saml.routes(), "GET", "/metadata").body.decode()
    made = visitor.post("/sign-up/saml/", {"name": "Acme", "kind": "organization", "metadata_xml": metadata})
    address = urlsplit(visitor.begin(f"/sso/{made['Location'].rstrip('/').rpartition('/')[2]}/"))
    with pytest.raises(BadRequest, match="outside the portal"):
        ask(elsewhere.routes(), "GET", f"{address.path}?{address.query}")


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "http://mallory.example/sso/oidc/platform/callback/"},
        {"redirect_uri": "http://testserver/elsewhere/"},
        {"client_id": "another"},
        {"response_type": "token"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
    ],
)
def test_the_openid_stand_in_refuses_what_a_real_one_would(oidc: OpenIdProvider, change: dict[str, str]) -> None:
    asked = {
        "client_id": "portal",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "code_challenge": "x",
        "code_challenge_method": "S256",
    }
    assert ask(oidc.routes(), "GET", f"/authorize?{urlencode(asked)}").status == 200
    with pytest.raises(BadRequest):
        ask(oidc.routes(), "GET", f"/authorize?{urlencode({**asked, **change})}")


def test_the_openid_stand_in_gives_tokens_to_its_client_only(oidc: OpenIdProvider) -> None:
    for form in ({}, {"client_id": "portal", "client_secret": "wrong"}, {"client_id": "x", "client_secret": "x"}):
        assert ask(oidc.routes(), "POST", "/token", form=form or {"code": "x"}).status == 401
    assert ask(oidc.routes(), "GET", "/userinfo", authorization="Bearer x").status == 401


def test_the_saml_key_is_kept_between_starts_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = saml_keys.kept_in(tmp_path / "keys")
    assert saml_keys.kept_in(tmp_path / "keys") == first
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "keys").iterdir())


def test_a_page_escapes_what_it_shows(saml: SamlProvider) -> None:
    from local.idp import pages

    page = pages.choose("SAML", [Person("x", "x@x", "<script>")], {"RelayState": '"><script>'}, origin="http://x")
    assert "<script>" not in page.body.decode()
    assert "form-action 'self' http://x" in page.headers["content-security-policy"]
