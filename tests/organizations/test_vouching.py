"""
The attack: somebody who may manage sign-in, and is no owner, comes in as an owner by the organization's connection.

adam is Acme's admin. alice, its owner, comes in by its SAML connection.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from controlplane import rls
from controlplane.problems import Forbidden
from organizations.access import NotConfirmed
from organizations.actions import certificates, connections, mapping, members, renewing, scim_tokens
from organizations.models import Connection, Membership, Organization, User
from organizations.permissions import PERMISSIONS
from organizations.sso.saml import metadata
from tests.cast import actor_for, join, person, session_of
from tests.database import all_rows
from tests.organizations.conftest import Browser, add_oidc, audited
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import OTHER_PAIR, SamlIdp
from tests.organizations.test_custom_roles import act, make

HIS = OTHER_PAIR[1]


@pytest.fixture
def adam(acme: Organization, alice: User) -> User:
    adam = person("adam")
    join(acme, invited_by=alice, user=adam, role="admin")
    return adam


@pytest.fixture
def own(acme: Organization, alice: User, saml_idp: SamlIdp) -> Connection:
    """The connection by which alice comes in."""
    read = metadata.parse(saml_idp.metadata())
    made = act(alice, connections.add_saml, organization=acme, name="SAML", metadata=read)
    with rls.acting_as(f"user:{alice.pk}"):
        SocialAccount.objects.create(user=alice, provider=made.provider_id, uid="alice")
    return made


@pytest.fixture
def his_idp() -> SamlIdp:
    """What adam runs: it says that it is Acme's provider, and signs with his own key."""
    return SamlIdp(pair=OTHER_PAIR)


def state_of(connection: Connection) -> str:
    with all_rows():
        return Connection.objects.get(pk=connection.pk).state


def comes_in_as_alice(own: Connection, idp: SamlIdp) -> bool:
    browser = Browser()
    browser.through_saml(idp, own, uid="alice")
    return browser.is_signed_in


def test_the_owner_comes_in_and_the_admins_own_key_does_not(
    own: Connection, saml_idp: SamlIdp, his_idp: SamlIdp
) -> None:
    assert comes_in_as_alice(own, saml_idp)
    assert not comes_in_as_alice(own, his_idp)


PAGES: dict[str, Callable[[Client, str, SamlIdp], Any]] = {
    "a further certificate": lambda at, page, idp: at.post(f"{page}/certificates/", {"certificate": HIS}),
    "metadata": lambda at, page, idp: at.post(f"{page}/renew/", {"metadata_xml": idp.metadata()}),
    "what claims mean": lambda at, page, idp: at.post(
        f"{page}/attributes/",
        {"email_claim": "nickname", "default_role": "viewer", "rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0"},
    ),
}
ADDRESSES: dict[str, tuple[str, str, Callable[[SamlIdp], dict[str, Any]]]] = {
    "a further certificate": ("post", "/certificates", lambda idp: {"certificate": HIS}),
    "metadata": ("patch", "", lambda idp: {"metadata_xml": idp.metadata()}),
    "what claims mean": ("patch", "", lambda idp: {"mapping": {"email": "nickname"}}),
    "which group gives which role": ("patch", "", lambda idp: {"role_rules": [{"group": "x", "role": "viewer"}]}),
}


@pytest.mark.parametrize("switched_off", [False, True], ids=["switched on", "after he switched it off"])
@pytest.mark.parametrize("name", PAGES)
def test_on_a_page_an_admin_changes_nothing_of_whom_it_proves(
    own: Connection, acme: Organization, adam: User, his_idp: SamlIdp, name: str, switched_off: bool
) -> None:
    browser, page = session_of(adam), f"/o/{acme.pk}/sso/{own.pk}"
    if switched_off:
        assert browser.post(f"{page}/disable/").status_code == 302
    assert PAGES[name](browser, page, his_idp).status_code == 403
    assert browser.post(f"{page}/enable/").status_code == 403
    with all_rows():
        Connection.objects.update(state="enabled")
    assert not comes_in_as_alice(own, his_idp)


@pytest.mark.parametrize("name", ADDRESSES)
def test_by_api_neither(own: Connection, acme: Organization, adam: User, his_idp: SamlIdp, name: str) -> None:
    verb, path, body = ADDRESSES[name]
    send = getattr(session_of(adam), verb)
    address = f"/api/v1/organizations/{acme.pk}/connections/{own.pk}{path}"
    answer = send(address, body(his_idp), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    assert not comes_in_as_alice(own, his_idp)


def test_nor_by_a_role_of_the_organizations_own_that_lacks_anything(
    own: Connection, acme: Organization, alice: User, adam: User
) -> None:
    role = make(alice, acme, PERMISSIONS - {"billing.manage"})
    with all_rows():
        membership = Membership.objects.get(user=adam, organization=acme)
    act(alice, members.change_role, organization=acme, membership_id=membership.pk, role=role.pk)
    with pytest.raises(Forbidden):
        act(adam, certificates.add, organization=acme, connection_id=own.pk, certificate=HIS)
    with pytest.raises(Forbidden):  # nor does he speak for its directory, whose groups give roles
        act(
            adam,
            scim_tokens.create,
            organization=acme,
            connection_id=own.pk,
            expires_in=dt.timedelta(days=30),
        )


def test_nor_by_an_owners_key_that_is_limited(own: Connection, acme: Organization, alice: User) -> None:
    """The attack: a key for exchanging certificates leaks, and becomes its owner."""
    key = replace(actor_for(alice), kind="api_key", key_id="key_x", organization_id=acme.pk)
    for scopes, refused in ((frozenset({"sso.manage", "organization.manage"}), True), (PERMISSIONS, False)):
        by = replace(key, scopes=scopes)
        with rls.acting_as(by.rls_actor):
            call = {"by": by, "organization": acme, "connection_id": own.pk, "certificate": HIS}
            if refused:
                with pytest.raises(Forbidden):
                    certificates.add(**call)
            else:
                assert len(certificates.add(**call).certificates) == 2


def test_a_client_secret_and_a_providers_documents_are_an_owners_too(
    acme: Organization, alice: User, adam: User, own_idp: OidcIdp
) -> None:
    made = add_oidc(actor_for(alice), acme, own_idp)
    with pytest.raises(Forbidden):
        act(adam, renewing.renew_secret, organization=acme, connection_id=made.pk, client_secret="his")
    answer = session_of(adam).post(f"/api/v1/organizations/{acme.pk}/connections/{made.pk}/refresh")
    assert answer.status_code == 403


def test_what_an_admin_adds_proves_nobody_until_an_owner_has_switched_it_on(
    acme: Organization, alice: User, adam: User, saml_idp: SamlIdp
) -> None:
    """He can set everything up and test it; switching on is the owner's, who takes it over by that."""
    read = metadata.parse(saml_idp.metadata())
    made = act(adam, connections.add_saml, organization=acme, name="Ours", metadata=read)
    assert made.state == "draft"
    act(adam, certificates.add, organization=acme, connection_id=made.pk, certificate=HIS)
    act(
        adam,
        mapping.set_mapping,
        organization=acme,
        connection_id=made.pk,
        mapping={"email": "mail"},
        role_rules=[],
        default_role="viewer",
    )
    tie_to = actor_for(alice)
    assert session_of(alice).post(f"/sso/{made.pk}/link/").status_code == 409
    assert session_of(alice).post(f"/sso/{made.pk}/").status_code == 409
    with pytest.raises(Forbidden):
        act(adam, connections.enable, organization=acme, connection_id=made.pk)
    with rls.acting_as(tie_to.rls_actor):
        assert connections.enable(by=tie_to, organization=acme, connection_id=made.pk).is_enabled
    assert audited(acme.pk)[-1].action == "organizations.connection.enable"


def test_an_owner_proves_first_that_it_is_them(own: Connection, acme: Organization, alice: User) -> None:
    """The attack: a browser left open."""
    by = replace(actor_for(alice), confirmed=False)
    with rls.acting_as(by.rls_actor):
        for attempt in (
            lambda: certificates.add(by=by, organization=acme, connection_id=own.pk, certificate=HIS),
            lambda: connections.enable(by=by, organization=acme, connection_id=own.pk),
        ):
            with pytest.raises(NotConfirmed):
                attempt()


def test_an_admin_still_switches_off_and_is_told_who_decides(own: Connection, acme: Organization, adam: User) -> None:
    browser, page = session_of(adam), f"/o/{acme.pk}/sso/{own.pk}/"
    shown = browser.get(page).content.decode()
    assert "An owner decides what this connection accepts" in shown
    assert "Give new metadata" not in shown
    assert browser.post(f"{page}disable/").status_code == 302
    assert state_of(own) == "disabled"
    assert "an owner switches it on" in browser.get(page).content.decode()
