"""An organization's identity providers by API, called as programs do: no test's transaction around it."""

from typing import Any

import httpx
import pytest
from django.db import connection as database
from django.test import Client

from organizations.models import Connection, Organization, User
from tests.cast import session_of
from tests.database import all_rows
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import SamlIdp

pytestmark = pytest.mark.django_db(transaction=True)


class Caller:
    """Calls the API below Acme's address."""

    def __init__(self, client: Client, acme: Organization) -> None:
        self.client, self.base = client, f"/api/v1/organizations/{acme.pk}"

    def __call__(self, method: str, path: str = "", body: Any = None, **headers: str) -> Any:
        send = getattr(self.client, method)
        return send(self.base + path, body, content_type="application/json", headers=headers)


@pytest.fixture
def call(acme: Organization, alice: User) -> Caller:
    return Caller(session_of(alice), acme)


def oidc(idp: OidcIdp, **changes: Any) -> dict[str, Any]:
    told = {
        "kind": "oidc",
        "name": "Login",
        "issuer": idp.issuer,
        "client_id": idp.client_id,
        "client_secret": "a-very-secret",
    }
    return {**told, "client_secret": "a-very-secret", **changes}


def test_an_openid_provider_is_added_once_for_its_key_and_asked_outside_any_transaction(
    call: Caller, own_idp: OidcIdp, web: dict[str, Any]
) -> None:
    calls = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(database.in_atomic_block)
        return own_idp.answer(request)

    web[own_idp.host] = answer
    first, again = (call("post", "/connections", oidc(own_idp), **{"idempotency-key": "once"}) for _ in range(2))
    assert (first.status_code, again["Idempotent-Replayed"]) == (201, "true")
    made = first.json()
    assert again.json() == made
    assert made["redirect_uri"] == f"http://testserver/sso/oidc/{made['id']}/callback/"
    assert "a-very-secret" not in first.content.decode()
    assert not any(calls)
    assert call("get", "/connections").json()["results"] == [made]
    assert call("get", f"/connections/{made['id']}").json() == made


def test_a_saml_provider_is_added_renewed_and_switched_off(call: Caller, saml_idp: SamlIdp) -> None:
    body = {"kind": "saml", "name": "SAML", "metadata_xml": saml_idp.metadata()}
    made = call("post", "/connections", body).json()
    assert made["acs_url"].endswith(f"/sso/saml/{made['id']}/acs/")
    renewed = call("patch", f"/connections/{made['id']}", {"metadata_xml": saml_idp.metadata()})
    assert renewed.status_code == 200
    assert call("patch", f"/connections/{made['id']}", {"state": "disabled"}).json()["state"] == "disabled"
    assert call("patch", f"/connections/{made['id']}", {"client_secret": "x"}).status_code == 409


def test_a_secret_is_renewed(call: Caller, own_idp: OidcIdp) -> None:
    made = call("post", "/connections", oidc(own_idp)).json()
    assert call("patch", f"/connections/{made['id']}", {"client_secret": "the new one"}).status_code == 200
    with all_rows():
        assert Connection.objects.get().client_secret == "the new one"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "oidc", "name": "x", "client_id": "a", "client_secret": "b"}, "issuer"),
        ({"kind": "oidc", "name": "x", "client_id": "a", "client_secret": "b", "issuer": "http://x"}, "issuer"),
        ({"kind": "saml", "name": "x"}, "metadata_url"),
        ({"kind": "saml", "name": "x", "metadata_xml": "<a/>"}, "metadata_xml"),
        ({"kind": "saml", "name": "x", "metadata_xml": "<a/>", "metadata_url": "https://x"}, "metadata_url"),
        ({"kind": "ldap", "name": "x"}, "kind"),
    ],
)
def test_what_can_not_be_used_names_its_field(call: Caller, body: dict[str, str], field: str) -> None:
    answer = call("post", "/connections", body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_the_policy_is_changed_by_who_came_in_by_the_own_sign_in(call: Caller) -> None:
    assert call("patch", "", {"sign_in_policy": "any"}).json()["sign_in_policy"] == "any"
    refused = call("patch", "", {"sign_in_policy": "connection"})
    assert (refused.status_code, refused.json()["code"]) == (409, "CONNECTION_UNPROVEN")


def test_who_may_not_manage_sign_in_has_nothing_fetched(
    acme: Organization, bob: User, mallory: User, own_idp: OidcIdp, web: dict[str, Any]
) -> None:
    web.clear()  # a call would fail
    for user, status in ((bob, 403), (mallory, 404)):
        assert Caller(session_of(user), acme)("post", "/connections", oidc(own_idp)).status_code == status
