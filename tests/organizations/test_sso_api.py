"""An organization's identity providers by API, called as programs do: no test's transaction around it."""

from typing import Any

import httpx
import pytest
from django.db import connection as database
from django.test import Client

from organizations.models import Connection, Organization, SignInTest, User
from tests.cast import session_of
from tests.database import all_rows
from tests.organizations.conftest import Zone
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import OTHER_PAIR, SamlIdp

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


def test_claims_groups_and_joining_are_set_and_read(call: Caller, own_idp: OidcIdp) -> None:
    made = call("post", "/connections", oidc(own_idp, scopes="groups")).json()
    assert (made["scopes"], made["mapping"], made["just_in_time"]) == ("groups", {}, False)
    path = f"/connections/{made['id']}"
    wanted = {
        "name": "Okta",
        "mapping": {"groups": "realm_access.roles"},
        "role_rules": [{"group": "soc", "role": "admin"}],
        "default_role": "none",
    }
    assert call("patch", path, wanted).json() == {**made, **wanted}
    refused = call("patch", path, {"just_in_time": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "NO_DOMAIN")
    wrong = call("patch", path, {"role_rules": [{"group": "soc", "role": "king"}]})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "role_rules.0.role")


def test_certificates_and_our_own_key_are_exchanged(call: Caller, saml_idp: SamlIdp) -> None:
    typed = {
        "kind": "saml",
        "name": "Typed",
        "entity_id": saml_idp.entity_id,
        "sign_in_url": saml_idp.sign_in_url,
        "certificate": saml_idp.pair[1],
    }
    made = call("post", "/connections", typed).json()
    path = f"/connections/{made['id']}"
    both = call("post", f"{path}/certificates", {"certificate": OTHER_PAIR[1]})
    assert (both.status_code, len(both.json()["certificates"])) == (201, 2)
    left = call("delete", f"{path}/certificates/{made['certificates'][0]['fingerprint']}").json()
    assert [one["fingerprint"] for one in left["certificates"]] == [both.json()["certificates"][1]["fingerprint"]]
    assert call("post", f"{path}/own-key").status_code == 409
    assert len(call("patch", path, {"signs_requests": True}).json()["own_certificates"]) == 1
    next_ = call("post", f"{path}/own-key").json()["own_certificates"]
    assert call("put", f"{path}/own-key").json()["own_certificates"] == next_[1:]
    assert call("post", f"{path}/refresh").json()["code"] == "NO_SOURCE"


def test_what_a_provider_publishes_is_read_again(call: Caller, own_idp: OidcIdp) -> None:
    made = call("post", "/connections", oidc(own_idp)).json()
    own_idp.discovery_changes = {"authorization_endpoint": f"{own_idp.issuer}/new"}
    read = call("post", f"/connections/{made['id']}/refresh")
    assert read.json()["sign_in_url"] == f"{own_idp.issuer}/new"


def test_a_domain_is_claimed_proven_and_given_up(call: Caller, zone: Zone, own_idp: OidcIdp) -> None:
    refused = call("post", "/domains", {"name": "gmail.com"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "name")
    made = call("post", "/domains", {"name": "acme.example"}).json()
    path = f"/domains/{made['id']}"
    assert (made["state"], made["connection"]) == ("pending", None)
    zone.records[made["record_name"]] = [made["record_text"]]
    assert call("post", f"{path}/check").json()["state"] == "proven"
    own = call("post", "/connections", oidc(own_idp)).json()
    assert call("patch", path, {"connection": own["id"]}).json()["connection"] == own["id"]
    strict = call("patch", path, {"enforced": True})
    assert (strict.status_code, strict.json()["code"]) == (409, "CONNECTION_UNPROVEN")
    assert call("patch", f"/connections/{own['id']}", {"just_in_time": True}).json()["just_in_time"] is True
    assert [row["id"] for row in call("get", "/domains").json()["results"]] == [made["id"]]
    assert call("delete", path).status_code == 204
    assert call("get", path).status_code == 404


def test_the_owner_for_emergencies_is_chosen(call: Caller) -> None:
    owners = [row for row in call("get", "/members").json()["results"] if row["role"] == "owner"]
    assert call("patch", "", {"break_glass": owners[0]["id"]}).json()["break_glass"] == owners[0]["user"]
    assert call("patch", "", {"break_glass": None}).json()["break_glass"] is None
    assert call("patch", "", {"break_glass": "mem_unknown"}).status_code == 422


def test_the_last_test_sign_in_is_read(call: Caller, own_idp: OidcIdp, alice: User, acme: Organization) -> None:
    made = call("post", "/connections", oidc(own_idp)).json()
    path = f"/connections/{made['id']}/test"
    assert call("get", path).status_code == 404
    with all_rows():
        own = Connection.objects.get()
        SignInTest.objects.create(
            organization=acme,
            connection=own,
            tested_by=alice,
            key="k",
            outcome="passed",
            uid="u",
            claims={"email": ["ann@acme.example"], "groups": ["soc"]},
        )
    read = call("get", path).json()
    assert (read["email"], read["groups"], read["claims"]["groups"]) == ("ann@acme.example", ["soc"], ["soc"])
    assert read["would"] == {"fate": "NOT_A_MEMBER", "role": None, "group": "", "kept": False}
