"""Sign-in as it really runs: no test's transaction around the requests, and none where a provider is called."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.db import connection as database

from organizations.models import Connection, Organization
from organizations.sso import outgoing
from organizations.sso.outgoing import OutgoingRefused
from tests.database import all_rows
from tests.organizations.conftest import Browser, sign_up_with_saml
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import SamlIdp

pytestmark = pytest.mark.django_db(transaction=True)


def found(visitor: Browser, idp: OidcIdp) -> Any:
    location = visitor.begin("/sign-up/", name="Acme", kind="organization")
    return visitor.get(f"/sso/oidc/platform/callback/?{idp.authorize(location)}")


def test_signing_in_as_somebody_else_ends_the_first_session(visitor: Browser, platform_idp: OidcIdp) -> None:
    assert found(visitor, platform_idp).status_code == 302
    first = dict(visitor.session)
    platform_idp.person = {"sub": "bob", "email": "bob@example.test", "email_verified": True}
    assert visitor.through_oidc(platform_idp).status_code == 302
    assert visitor.session["_auth_user_id"] != first["_auth_user_id"]


def test_signing_in_by_saml_while_somebody_else_is_signed_in_ends_their_session(
    visitor: Browser, platform_idp: OidcIdp, saml_idp: SamlIdp
) -> None:
    own = sign_up_with_saml(Browser(), saml_idp)
    found(visitor, platform_idp)
    first = visitor.session["_auth_user_id"]
    assert visitor.through_saml(saml_idp, own).status_code == 302
    assert visitor.session["_auth_user_id"] != first


def test_a_refused_sign_in_leaves_a_page_and_nothing_else(visitor: Browser, platform_idp: OidcIdp) -> None:
    platform_idp.claims = {"nonce": "another"}
    assert found(visitor, platform_idp).status_code == 403
    with all_rows():
        assert not Organization.objects.exists()


@pytest.fixture
def calls(web: dict[str, Any]) -> list[bool]:
    """For every call to a provider, whether a transaction was open."""
    return []


@pytest.fixture
def watched_idp(platform_idp: OidcIdp, web: dict[str, Any], calls: list[bool]) -> OidcIdp:
    """The platform's provider, which looks at what waits for it."""

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(database.in_atomic_block)
        return platform_idp.answer(request)

    web[platform_idp.host] = answer
    return platform_idp


def test_no_transaction_waits_for_the_platforms_provider(
    visitor: Browser, watched_idp: OidcIdp, calls: list[bool]
) -> None:
    assert found(visitor, watched_idp).status_code == 302
    assert len(calls) == 4
    assert not any(calls)


def test_no_transaction_waits_for_metadata(
    visitor: Browser, web: dict[str, Any], saml_idp: SamlIdp, calls: list[bool]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(database.in_atomic_block)
        return httpx.Response(200, text=saml_idp.metadata())

    web["idp.example"] = answer
    form = {"name": "Acme", "kind": "organization", "metadata_url": "https://idp.example/metadata"}
    assert visitor.post("/sign-up/saml/", form).status_code == 302
    assert calls == [False]
    with all_rows():
        assert Connection.objects.get().source_url == "https://idp.example/metadata"


@pytest.fixture
def far_end(monkeypatch: pytest.MonkeyPatch, settings: Any, names: dict[str, list[str]]) -> Iterator[socket.socket]:
    """The other end of whatever connection is made to http://slow.example:9."""
    near, far = socket.socketpair()
    settings.LOOPBACK_ORIGINS = ("http://slow.example:9",)
    names["slow.example"] = ["127.0.0.1"]
    monkeypatch.setattr("httpcore._backends.sync.socket.create_connection", lambda *_, **__: near)
    monkeypatch.setattr(outgoing, "WHOLE_CALL_SECONDS", 0.3)
    yield far
    near.close()
    far.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.mark.parametrize(
    "begun",
    [b"", HEAD, HEAD + b"\r\nhalf of a body", HEAD + b"Content-Length: 9\r\n\r\nhalf"],
    ids=["silence", "half of the headers", "a body without end", "half of a body"],
)
def test_a_provider_that_never_finishes_is_left_in_time(far_end: socket.socket, begun: bytes) -> None:
    """The attack: a byte now and then keeps every single read in time."""
    stop = threading.Event()

    def drip() -> None:
        far_end.sendall(begun)
        while not stop.wait(0.05):
            far_end.sendall(b"x")

    thread = threading.Thread(target=lambda: _until_cut(drip))
    thread.start()
    started = time.monotonic()
    with pytest.raises(OutgoingRefused, match="did not answer"):
        outgoing.get("http://slow.example:9/", what="address")
    assert time.monotonic() - started < outgoing.TIMEOUT_SECONDS / 2
    stop.set()
    thread.join()


def _until_cut(talk: Any) -> None:
    try:
        talk()
    except OSError:
        return
