"""
The attack: the owner of any organization learns from their own trail who visits.

mallory sends bob, who is signed in and belongs to Acme, to the address of her own connection.
"""

from typing import Any

import pytest

from organizations.actions import sign_in
from organizations.models import Connection, Organization, User
from organizations.sso.proven import ProvenIdentity
from tests.cast import actor_for, session_of
from tests.database import all_rows
from tests.organizations.conftest import add_oidc, audited
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.test_joining import own

__all__ = ["own"]


@pytest.fixture
def lure(rival: Organization, mallory: User, own_idp: OidcIdp) -> Connection:
    made = add_oidc(actor_for(mallory), rival, own_idp)
    with all_rows():
        Connection.objects.filter(pk=made.pk).update(state="enabled")
    return made


def actors(chain: str) -> list[dict[str, Any]]:
    return [entry.actor for entry in audited(chain) if entry.action == "organizations.session.refuse"]


def test_a_refused_sign_in_tells_the_platform_who_it_was_and_a_strange_organization_not(
    acme: Organization, rival: Organization, bob: User, lure: Connection
) -> None:
    browser = session_of(bob)
    assert browser.get(f"/sso/oidc/{lure.pk}/callback/?state=x").status_code == 403
    (told,) = actors(rival.pk)
    assert not told.get("user")
    assert not told.get("session")
    assert told["address"]
    (known,) = actors("platform")
    assert known["user"] == bob.pk


def test_an_organization_is_told_of_its_own_members(rival: Organization, mallory: User, lure: Connection) -> None:
    session_of(mallory).get(f"/sso/oidc/{lure.pk}/callback/?state=x")
    assert [told["user"] for told in actors(rival.pk)] == [mallory.pk]


def test_whoever_joins_in_a_strangers_browser_is_told_of_alone(
    own: Connection, acme: Organization, rival: Organization, mallory: User
) -> None:
    with all_rows():
        own.refresh_from_db()
    ann = ProvenIdentity(own.provider_id, "ann", "ann@acme.example")
    before = len(audited(acme.pk))
    made = sign_in.by_connection(by=actor_for(mallory), connection=own, identity=ann)
    joined = audited(acme.pk)[before:]
    assert "organizations.membership.create" in [entry.action for entry in joined]
    assert {entry.actor.get("user") or made.pk for entry in joined} == {made.pk}
    assert not any(entry.actor.get("session") for entry in joined)
