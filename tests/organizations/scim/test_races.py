"""A directory that deactivates somebody in the very moment in which they sign in."""

import pytest

from organizations.models import Connection
from tests.database import all_rows
from tests.organizations.conftest import Browser
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.scim.client import ScimClient
from tests.organizations.scim.steps import INACTIVE, enters, membership_of
from tests.organizations.test_races import at_once

ROUNDS = 5


@pytest.mark.django_db(transaction=True)
def test_whoever_comes_first_they_are_shut_out_in_the_end(scim: ScimClient, own: Connection, own_idp: OidcIdp) -> None:
    for number in range(ROUNDS):
        name = f"ann{number}"
        made = scim.user(f"{name}@acme.example", externalId=name)
        own_idp.person = {"sub": name, "email": f"{name}@acme.example", "name": name.title()}
        browser = Browser()
        way_back = f"/sso/oidc/{own.pk}/callback/?{own_idp.authorize(browser.begin(f'/sso/{own.pk}/'))}"
        came, ended = at_once(
            lambda browser=browser, way_back=way_back: browser.get(way_back),
            lambda path=f"/Users/{made['id']}": scim.patch(path, INACTIVE),
        )
        assert came.status_code < 500
        assert not ended["active"]
        assert not enters(browser, own)
        member = membership_of(own, f"{name}@acme.example")
        with all_rows():
            assert member is None or member.blocked_at, number
