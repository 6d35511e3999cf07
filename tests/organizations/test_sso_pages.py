"""An owner connects the organization's own identity provider by the pages, and members come in by it."""

import re
from typing import Any

import httpx
import pytest
from django.db import connection as database

from organizations.models import Connection, Membership, Organization, User
from tests.cast import session_of
from tests.database import all_rows
from tests.organizations.conftest import Browser, by_session, link
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import OTHER_PAIR, SamlIdp

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner(alice_by_platform: Browser) -> Browser:
    """alice, who founded an organization and is signed in by the platform's provider."""
    return alice_by_platform


@pytest.fixture
def base(owner: Browser) -> str:
    """Address of the settings pages of the owner's organization."""
    _, organization = by_session(owner)
    return f"/o/{organization.pk}"


def reserved_on(page: Any) -> str:
    return re.search(r'name="reserved" value="([^"]+)"', page.content.decode())[1]


def oidc_form(browser: Browser, base: str, idp: OidcIdp, **changes: str) -> dict[str, str]:
    page = browser.get(f"{base}/sso/new/oidc/")
    return {
        "name": "Acme login",
        "issuer": idp.issuer,
        "client_id": idp.client_id,
        "client_secret": idp.client_secret,
        "reserved": reserved_on(page),
        **changes,
    }


def saml_form(browser: Browser, base: str, idp: SamlIdp, **changes: str) -> dict[str, str]:
    page = browser.get(f"{base}/sso/new/saml/")
    return {"name": "SAML", "metadata_xml": idp.metadata(), "reserved": reserved_on(page), **changes}


def only_connection() -> Connection:
    with all_rows():
        return Connection.objects.select_related("organization").get()


def test_an_openid_provider_is_added_tied_and_then_demanded(owner: Browser, base: str, own_idp: OidcIdp) -> None:
    shown = owner.get(f"{base}/sso/new/oidc/").content.decode()
    redirect_address = re.search(r'id="redirect">([^<]+)<', shown)[1]
    form = oidc_form(owner, base, own_idp, reserved=re.search(r'name="reserved" value="([^"]+)"', shown)[1])
    added = owner.post(f"{base}/sso/new/oidc/", form)
    own = only_connection()
    assert added["Location"] == f"{base}/sso/{own.pk}/"
    assert redirect_address == f"http://testserver/sso/oidc/{own.pk}/callback/"
    assert redirect_address in owner.get(f"{base}/sso/{own.pk}/").content.decode()

    members = owner.get(f"{base}/members/")
    assert f'action="/sso/{own.pk}/link/"' in members.content.decode()
    assert own_idp.issuer in members["Content-Security-Policy"]
    location = owner.begin(f"/sso/{own.pk}/link/", next=f"{base}/members/")
    answer = owner.get(f"/sso/oidc/{own.pk}/callback/?{own_idp.authorize(location)}")
    assert answer["Location"] == f"{base}/members/"
    assert "Tied to your account" in owner.get(f"{base}/members/").content.decode()

    refused = owner.post(f"{base}/sso/", {"policy": "connection"})
    assert "Choose an owner for emergencies first" in refused.content.decode()
    with all_rows():
        chosen = Membership.objects.get().pk
    assert owner.post(f"{base}/sso/emergency/", {"membership": chosen}).status_code == 302
    assert owner.post(f"{base}/sso/", {"policy": "connection"}).status_code == 302
    later = Browser()
    later.through_oidc(own_idp, own.pk)
    assert later.get(f"{base}/members/").status_code == 200
    assert only_connection().organization.sign_in_policy == "connection"


def test_the_own_sign_in_is_demanded_only_by_who_came_in_by_it(owner: Browser, base: str, own_idp: OidcIdp) -> None:
    owner.post(f"{base}/sso/new/oidc/", oidc_form(owner, base, own_idp))
    refused = owner.post(f"{base}/sso/", {"policy": "connection"})
    assert refused.status_code == 422
    assert "Sign in with the connection yourself first" in refused.content.decode()


def test_a_member_who_has_tied_nothing_yet_can_do_so_where_it_is_demanded(
    owner: Browser, base: str, own_idp: OidcIdp
) -> None:
    owner.post(f"{base}/sso/new/oidc/", oidc_form(owner, base, own_idp))
    own = only_connection()
    with all_rows():
        Organization.objects.update(sign_in_policy="connection")
    page = owner.get(f"/sso/enter/{own.organization_id}/").content.decode()
    assert f'action="/sso/{own.pk}/link/"' in page
    location = owner.begin(f"/sso/{own.pk}/link/")
    owner.get(f"/sso/oidc/{own.pk}/callback/?{own_idp.authorize(location)}")
    assert owner.get(f"{base}/members/").status_code == 200


def test_no_transaction_waits_for_the_provider(
    owner: Browser, base: str, own_idp: OidcIdp, web: dict[str, Any]
) -> None:
    calls = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(database.in_atomic_block)
        return own_idp.answer(request)

    web[own_idp.host] = answer
    assert owner.post(f"{base}/sso/new/oidc/", oidc_form(owner, base, own_idp)).status_code == 302
    assert calls == [False]


def test_an_id_that_we_did_not_reserve_is_not_taken(owner: Browser, base: str, own_idp: OidcIdp) -> None:
    form = oidc_form(owner, base, own_idp, reserved="conn_aaaaaaaaaaaaaaaaaaaa")
    assert owner.post(f"{base}/sso/new/oidc/", form).status_code == 422
    form = oidc_form(owner, base, own_idp)
    assert [owner.post(f"{base}/sso/new/oidc/", form).status_code for _ in range(2)] == [302, 422]
    only_connection()


@pytest.mark.parametrize(
    ("change", "field"), [({"issuer": "http://login.acme.example"}, "issuer"), ({"client_id": ""}, "client_id")]
)
def test_what_can_not_be_used_is_said_at_its_field(
    owner: Browser, base: str, own_idp: OidcIdp, change: dict[str, str], field: str
) -> None:
    answer = owner.post(f"{base}/sso/new/oidc/", oidc_form(owner, base, own_idp, **change))
    assert answer.status_code == 422
    assert answer.context["form"].errors[field]
    assert own_idp.client_secret not in answer.content.decode()


def test_a_second_provider_by_saml_is_added_renewed_and_comes_in(
    owner: Browser, base: str, saml_idp: SamlIdp, own_idp: OidcIdp
) -> None:
    form = saml_form(owner, base, saml_idp, name="Head office")
    added = owner.post(f"{base}/sso/new/saml/", form)
    own = only_connection()
    assert added["Location"] == f"{base}/sso/{own.pk}/"
    assert f"/sso/saml/{own.pk}/acs/" in owner.get(added["Location"]).content.decode()
    saml_idp.pair = OTHER_PAIR
    assert link(owner, saml_idp, own).status_code == 403
    assert owner.get(f"{base}/sso/{own.pk}/renew/").status_code == 200
    renewed = owner.post(f"{base}/sso/{own.pk}/renew/", {"metadata_xml": saml_idp.metadata()})
    assert renewed.status_code == 302
    assert link(owner, saml_idp, own).status_code == 302


def test_metadata_of_another_provider_renews_nothing(owner: Browser, base: str, saml_idp: SamlIdp) -> None:
    owner.post(f"{base}/sso/new/saml/", saml_form(owner, base, saml_idp))
    other = SamlIdp(entity_id="https://other.example/")
    answer = owner.post(f"{base}/sso/{only_connection().pk}/renew/", {"metadata_xml": other.metadata()})
    assert answer.status_code == 422
    assert answer.context["form"].errors["metadata_xml"]


def test_a_secret_is_renewed(owner: Browser, base: str, own_idp: OidcIdp) -> None:
    owner.post(f"{base}/sso/new/oidc/", oidc_form(owner, base, own_idp))
    own = only_connection()
    assert owner.post(f"{base}/sso/{own.pk}/renew/", {"client_secret": "the new one"}).status_code == 302
    assert only_connection().client_secret == "the new one"


def test_who_may_not_manage_sign_in_has_nothing_fetched(
    acme: Organization, bob: User, mallory: User, web: dict[str, Any], own_idp: OidcIdp
) -> None:
    web.clear()  # a call would fail
    for user, status in ((bob, 403), (mallory, 404)):
        for page in ("oidc", "saml"):
            answer = session_of(user).post(
                f"/o/{acme.pk}/sso/new/{page}/", {"issuer": own_idp.issuer, "metadata_url": own_idp.issuer}
            )
            assert answer.status_code == status
