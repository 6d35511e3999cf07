"""Where an organization demands its own sign-in, an account is refused before it counts, whatever it shows."""

from collections.abc import Callable
from typing import Any

import pytest

from organizations.models import Connection, Membership, Organization, User
from tests.cast import actor_for
from tests.database import all_rows
from tests.organizations.account_steps import (
    add_app,
    app_code,
    clock,
    make_recovery_codes,
    nora,
    options,
    sign_in,
    sign_in_with_passkey,
)
from tests.organizations.conftest import Browser, add_oidc, audited
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.soft_authenticator import SoftAuthenticator

__all__ = ["clock", "nora"]
pytestmark = pytest.mark.django_db(transaction=True)
STEP = "/sign-in/second-step/"


def by_password(owner: Browser, clock: Any) -> Callable[[Browser], Any]:
    return sign_in


def by_passkey(owner: Browser, clock: Any) -> Callable[[Browser], Any]:
    key = SoftAuthenticator()
    owner.post("/account/passkeys/new/", {"name": "Laptop", "credential": key.create(options(owner, "add"))})
    return lambda browser: sign_in_with_passkey(browser, key)


def by_an_apps_code(owner: Browser, clock: Any) -> Callable[[Browser], Any]:
    secret = add_app(owner)
    clock.now += 30
    return lambda browser: _second_step(browser, app_code(secret))


def by_a_recovery_code(owner: Browser, clock: Any) -> Callable[[Browser], Any]:
    add_app(owner)
    code = make_recovery_codes(owner)[0]
    return lambda browser: _second_step(browser, code)


def _second_step(browser: Browser, code: str) -> Any:
    assert sign_in(browser)["Location"] == STEP
    return browser.post(STEP, {"code": code})


@pytest.mark.parametrize("way", [by_password, by_passkey, by_an_apps_code, by_a_recovery_code])
def test_it_is_refused_with_the_way_that_is_open(
    way: Callable[[Browser, Any], Callable[[Browser], Any]],
    visitor: Browser,
    nora: User,
    clock: Any,
    acme: Organization,
    alice: User,
    own_idp: OidcIdp,
) -> None:
    enter = way(visitor, clock)
    own: Connection = add_oidc(actor_for(alice), acme, own_idp)
    with all_rows():
        Membership.objects.create(user=nora, organization=acme, role="admin")
        Organization.objects.filter(pk=acme.pk).update(sign_in_policy="connection")
    browser = Browser()
    answer = enter(browser)
    assert answer.status_code == 403
    assert f'href="/sso/{own.pk}/"' in answer.content.decode()
    assert not browser.is_signed_in
    assert browser.session.get("proofs", {}) == {}
    assert audited(acme.pk)[-1].data["code"] == "SSO_DEMANDED"
    assert browser.get(f"/api/v1/organizations/{acme.pk}").status_code == 401
