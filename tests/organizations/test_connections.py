"""An organization's own identity providers: added by its admins, tied to people by themselves."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.models import Message
from controlplane.problems import Conflict, Forbidden, Invalid, NotFound
from organizations.actions import connections, renewing
from organizations.models import Connection, Organization, User
from organizations.sso.oidc.provider import discover
from organizations.sso.saml import metadata
from tests.cast import actor_for
from tests.database import all_rows
from tests.organizations.conftest import Browser, add_saml, by_session, link, refusals
from tests.organizations.oidc_idp import OidcIdp
from tests.organizations.saml_idp import SamlIdp


@pytest.fixture
def own(as_alice: Actor, acme: Organization, own_idp: OidcIdp) -> Connection:
    """Acme's connection to it."""
    return connections.add_oidc(
        by=as_alice,
        organization=acme,
        name="Acme login",
        provider=discover(own_idp.issuer),
        client_id=own_idp.client_id,
        client_secret=own_idp.client_secret,
    )


def test_discovery_is_pinned_and_the_secret_is_encrypted_at_rest(own: Connection, own_idp: OidcIdp) -> None:
    from django.db import connection as database

    assert own.endpoints["token_endpoint"] == f"{own_idp.issuer}/token"
    with all_rows(), database.cursor() as cursor:
        cursor.execute("SELECT client_secret FROM organizations_connection WHERE id = %s", [own.pk])
        stored = cursor.fetchone()[0]
    assert own_idp.client_secret not in stored


def test_a_provider_signs_in_nobody_until_a_member_ties_themselves(
    visitor: Browser, own: Connection, own_idp: OidcIdp, alice: User
) -> None:
    """The attack: Acme's provider asserts alice's address, verified, of which she is the owner."""
    own_idp.person = {"sub": "x", "email": alice.email, "email_verified": True}
    assert visitor.through_oidc(own_idp, own.pk).status_code == 403
    assert refusals(own.organization_id) == ["NOT_A_MEMBER"]


def keep_for_emergencies(organization: Organization, owner: Actor) -> None:
    with all_rows():
        Organization.objects.filter(pk=organization.pk).update(break_glass=owner.user_id)


def test_the_organization_can_demand_its_own_sign_in(alice_by_platform: Browser, saml_idp: SamlIdp) -> None:
    own = add_saml(alice_by_platform, saml_idp)
    actor, organization = by_session(alice_by_platform)
    with rls.acting_as(actor.rls_actor), pytest.raises(Conflict) as refusal:
        connections.set_policy(by=actor, organization=organization, policy="connection")
    assert refusal.value.code == "CONNECTION_UNPROVEN"
    link(alice_by_platform, saml_idp, own)
    proven = actor.with_proofs([(organization.pk, own.pk)], confirmed=True)
    keep_for_emergencies(organization, actor)
    with rls.acting_as(actor.rls_actor):
        connections.set_policy(by=proven, organization=organization, policy="connection")


def test_where_the_own_sign_in_is_demanded_the_platforms_leads_to_it(
    alice_by_platform: Browser, platform_idp: OidcIdp, saml_idp: SamlIdp
) -> None:
    own = add_saml(alice_by_platform, saml_idp)
    with all_rows():
        Organization.objects.update(sign_in_policy="connection")
    address = f"/o/{own.organization_id}/members/"
    assert alice_by_platform.get("/api/v1/organizations").json()["results"] == []
    assert alice_by_platform.get(f"/api/v1/organizations/{own.organization_id}").status_code == 403
    led = alice_by_platform.get(address)
    assert led["Location"].startswith(f"/sso/enter/{own.organization_id}/?next=")
    page = alice_by_platform.get(led["Location"])
    assert page.status_code == 200
    assert f'action="/sso/{own.pk}/"' in page.content.decode()
    assert "/sso/platform/" not in page.content.decode()


def test_a_disabled_connections_proof_is_worth_nothing_at_once(
    visitor: Browser, saml_idp: SamlIdp, pending: Connection
) -> None:
    visitor.through_saml(saml_idp, pending)
    assert visitor.get(f"/api/v1/organizations/{pending.organization_id}").status_code == 200
    actor, organization = by_session(visitor)
    with rls.acting_as(actor.rls_actor):
        connections.disable(by=actor, organization=organization, connection_id=pending.pk)
    assert visitor.get(f"/api/v1/organizations/{pending.organization_id}").status_code == 403
    with all_rows():
        fact = Message.objects.get(topic="organizations.connection.disabled")
    assert fact.payload["connection"] == pending.pk
    assert fact.payload["organizations"] == [organization.pk]


@pytest.fixture
def as_paula(paula: User, acme: Organization) -> Iterator[Actor]:
    """The owner of the MSP, of which Acme is a client."""
    actor = actor_for(paula)
    with rls.acting_as(actor.rls_actor):
        yield actor


def facts_of(topic: str) -> list[dict[str, Any]]:
    with all_rows():
        return [message.payload for message in Message.objects.filter(topic=topic).order_by("created_at")]


def test_switching_off_an_msps_connection_ends_what_it_opened_at_its_clients_too(
    as_paula: Actor, msp: Organization, acme: Organization, saml_idp: SamlIdp
) -> None:
    made = connections.add_saml(
        by=as_paula, organization=msp, name="SAML", metadata=metadata.parse(saml_idp.metadata())
    )
    connections.disable(by=as_paula, organization=msp, connection_id=made.pk)
    (fact,) = facts_of("organizations.connection.disabled")
    assert fact["organizations"] == sorted([msp.pk, acme.pk])


def test_demanding_the_own_sign_in_ends_what_members_opened_by_another(
    as_paula: Actor, msp: Organization, acme: Organization, maria: User, saml_idp: SamlIdp
) -> None:
    made = connections.add_saml(
        by=as_paula, organization=msp, name="SAML", metadata=metadata.parse(saml_idp.metadata())
    )
    proven = as_paula.with_proofs([(msp.pk, made.pk)], confirmed=True)
    keep_for_emergencies(msp, as_paula)
    for _ in range(2):
        connections.set_policy(by=proven, organization=msp, policy="connection")
    ended = facts_of("organizations.membership.sign_in_demanded")
    assert sorted(fact["user"] for fact in ended) == sorted([as_paula.user_id, maria.pk])
    assert {tuple(fact["organizations"]) for fact in ended} == {tuple(sorted([msp.pk, acme.pk]))}


def test_the_last_connection_that_the_policy_demands_stays(
    as_alice: Actor, acme: Organization, own: Connection
) -> None:
    proven = as_alice.with_proofs([(acme.pk, own.pk)], confirmed=True)
    Connection.objects.update(proven_at=timezone.now())
    keep_for_emergencies(acme, as_alice)
    connections.set_policy(by=proven, organization=acme, policy="connection")
    with pytest.raises(Conflict) as refusal:
        connections.disable(by=proven, organization=acme, connection_id=own.pk)
    assert refusal.value.code == "LAST_CONNECTION"


def test_certificates_are_renewed_for_the_same_provider_only(
    as_alice: Actor, acme: Organization, saml_idp: SamlIdp
) -> None:
    read = metadata.parse(saml_idp.metadata())
    made = connections.add_saml(by=as_alice, organization=acme, name="SAML", metadata=read)
    other = metadata.parse(SamlIdp(entity_id="https://other.example/").metadata())
    with pytest.raises(Invalid):
        renewing.renew_saml(by=as_alice, organization=acme, connection_id=made.pk, metadata=other)
    renewing.renew_saml(by=as_alice, organization=acme, connection_id=made.pk, metadata=read)
    with pytest.raises(Conflict):
        renewing.renew_secret(by=as_alice, organization=acme, connection_id=made.pk, client_secret="x")


@pytest.mark.parametrize("issuer", ["https://inside.example", "http://login.acme.example", "nonsense", ""])
def test_an_issuer_that_may_not_be_fetched_is_said_at_its_field(names: dict[str, list[str]], issuer: str) -> None:
    names["inside.example"] = ["192.168.0.1"]
    with pytest.raises(Invalid) as refusal:
        discover(issuer)
    assert refusal.value.field == "issuer"


@pytest.mark.parametrize("endpoint", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_an_endpoint_that_later_points_inside_is_not_called(
    visitor: Browser, own: Connection, own_idp: OidcIdp, names: dict[str, list[str]], endpoint: str
) -> None:
    """The attack (server-side request forgery): the name was public when the connection was saved."""
    with all_rows():
        Connection.objects.filter(pk=own.pk).update(
            endpoints={**own.endpoints, endpoint: "https://moved.example/secret"}
        )
    names["moved.example"] = ["169.254.169.254"]
    answer = visitor.through_oidc(own_idp, own.pk)
    assert answer.status_code == 403
    assert refusals(own.organization_id) == ["OIDC_UNAVAILABLE"]


def test_who_may_not_manage_sign_in_can_not(
    acme: Organization, own: Connection, bob: User, mallory: User, maria: User
) -> None:
    for user, error in ((bob, Forbidden), (maria, Forbidden), (mallory, NotFound)):
        actor = actor_for(user)
        with rls.acting_as(actor.rls_actor), pytest.raises(error):
            connections.disable(by=actor, organization=acme, connection_id=own.pk)


def test_anothers_connection_is_not_found(as_alice: Actor, acme: Organization, pending: Connection) -> None:
    with pytest.raises(NotFound):
        connections.disable(by=as_alice, organization=acme, connection_id=pending.pk)


def test_a_proof_ends_after_twelve_hours(visitor: Browser, saml_idp: SamlIdp, pending: Connection) -> None:
    visitor.through_saml(saml_idp, pending)
    session = visitor.session
    session["proofs"] = {pending.pk: int((timezone.now() - dt.timedelta(hours=12, minutes=1)).timestamp())}
    session.save()
    assert visitor.get(f"/api/v1/organizations/{pending.organization_id}").status_code == 403
