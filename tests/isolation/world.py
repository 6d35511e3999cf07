"""The world the isolation matrix walks in: Acme full of canaries, and everybody who may or may not see them."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from controlplane import rls
from controlplane.models import AuditEntry
from fleet.alerts.actions import add_note
from fleet.alerts.models import Alert, AlertCursor
from fleet.alerts.suppressions import suppress
from fleet.clients import actions as fleet
from fleet.clients.filters import Asked
from fleet.models import ClientImport, ClientImportLine, ClientTemplate, ClientTemplateVersion, TemplateUse
from fleet.onboarding.wanted import Wanted
from fleet.reports import links as report_links
from fleet.reports import making
from fleet.reports import plans as report_plans
from fleet.reports.models import Report
from fleet.routing.actions import add_destination, add_route, try_destination
from fleet.routing.models import Notice
from organizations.actions import access_requests, branding, custom_roles, hostnames, invitations, keys
from organizations.actions.connections import add_saml
from organizations.actions.domains import claim
from organizations.models import (
    AccessRequest,
    EmergencyAccess,
    Grant,
    JoinRequest,
    MailSender,
    Membership,
    Offboarding,
    Organization,
    SignInTest,
    User,
)
from organizations.permissions import OF_TENANTS, PERMISSIONS
from organizations.sso.saml.certificates import fingerprint
from organizations.sso.saml.metadata import parse
from tenants.agents.actions import upgrade
from tenants.agents.batches import actions as batches
from tenants.agents.moves.actions import move
from tenants.content import actions as content
from tenants.content.models import ContentBundle
from tenants.enrollment.models import Agent
from tenants.enrollment.tokens.actions import create_token
from tenants.protection.backups.models import Backup
from tenants.protection.exports.models import Export
from tenants.protection.receipts.models import Receipt
from tenants.provisioning.actions import create
from tenants.provisioning.kinds import EXPORT
from tenants.provisioning.models import Cell, Operation, Tenant
from tenants.rollouts import actions as rollouts
from tenants.status import links as status_links
from tenants.status import subscriptions as status_subscriptions
from tenants.status.models import TenantPeriod
from tests.cast import actor_for, found, found_client, join, person, session_of
from tests.database import all_rows
from tests.isolation.directories import directory_clients, directory_ids
from tests.organizations.saml_idp import SamlIdp

# Stands in the name of everything that is Acme's. Whoever is outside must never read it.
CANARY = "zq7canary"
OTHER_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
"""A picture of one pixel, other than the matrix's own: to send the same one again would change nothing."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who sends requests: a browser session, an API key or a directory's SCIM client.

    Attributes: role: in Acme, empty for outsiders; scopes: what a key is limited to; api_only: a key opens no pages;
    directory: whose directory's token it is.
    """

    name: str
    client: Client
    role: str = ""
    scopes: frozenset[str] | None = None
    api_only: bool = False
    directory: str = ""


@dataclass(frozen=True)
class World:
    """
    What Acme's sign-in page may show, ids by the names that routes give their parameters, and the visitors.

    `undecided` is of the MSP, may work in Acme and has not chosen to.
    """

    on_sign_in_page: tuple[str, ...]
    ids: dict[str, str]
    ids_of_msp: dict[str, str]
    visitors: dict[str, Visitor]
    undecided: Visitor
    changing: Visitor
    """A member of Acme whose role a test sets."""


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: object) -> Iterator[World]:
    """Made once, inside a transaction that is rolled back; each request has a savepoint of its own."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield _with_directories(build())
        transaction.set_rollback(True)


def build() -> World:
    """Makes it, in the caller's transaction."""
    alice, bob, vera, paula, maria, mallory = map(person, ("alice", "bob", "vera", "paula", "maria", "mallory"))
    msp = found(paula, "Northwatch", kind="msp")
    join(msp, invited_by=paula, user=maria, role="operator")
    acme = found_client(msp, paula, alice, f"Acme {CANARY}")
    join(acme, invited_by=alice, user=bob, role="operator")
    join(acme, invited_by=alice, user=vera, role="viewer")
    tom = person("tom")
    join(acme, invited_by=alice, user=tom, role="viewer")
    wanda = person("wanda")
    join(acme, invited_by=alice, user=wanda, role="admin")
    rival = found(mallory, "Rival")
    tenant, ids = _tenants(alice, acme)
    ids |= _people(alice, acme, member=tom) | _reports(alice, acme) | _brand(alice, acme)
    of_msp = _people(paula, msp, member=maria) | _reports(paula, msp)
    of_msp |= _of_a_fleet(paula, msp, acme)
    ids |= _of_a_fleet(alice, acme, _twig(acme))
    asking = actor_for(paula)
    with rls.acting_as(asking.rls_actor):
        _, ids["code"] = access_requests.ask(by=asking, msp=msp, role_ceiling="viewer")
    return World(
        (acme.name, f"IdP {CANARY}"),
        ids,
        of_msp,
        _visitors(alice, bob, vera, maria, mallory, acme, rival, tenant),
        Visitor("maria who has yet to choose", session_of(maria), role="operator"),
        Visitor("wanda", session_of(wanda)),
    )


def _tenants(alice: User, acme: Organization) -> tuple[Tenant, dict[str, str]]:
    """Two tenants, the first with a token, an agent and an operation."""
    with all_rows():
        Cell.objects.create(
            id="lo", base_url="http://edge.test", dashboard_zone="dash.test", runtime="stand-in", versions=["4.14.7"]
        )
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        tenant, operation = create(by=actor, organization=acme, name=f"Office {CANARY}")
        other, _ = create(by=actor, organization=acme, name=f"Plant {CANARY}")
        token, _ = create_token(
            by=actor, tenant=tenant, name=f"Token {CANARY}", expires_in=timedelta(days=1), max_uses=5
        )
    with all_rows():
        agent = Agent.objects.create(
            organization=acme,
            tenant=tenant,
            number="001",
            name=f"agent-{CANARY}",
            token=token,
            enrolled_at=timezone.now(),
        )
        backup = Backup.objects.create(
            organization=acme,
            tenant=tenant,
            kind="on-demand",
            state="succeeded",
            parts=[{"role": "manager", "bytes": 1, "version": "4.14.7"}],
            error={"code": "X", "message": CANARY, "hint": ""},
            created_at=timezone.now(),
        )
        receipt = Receipt.objects.create(
            organization=acme, tenant=tenant, kind="isolation", receipt="a.b.c", statement={"note": CANARY}, key={}
        )
        exported = Operation.objects.create(
            organization=acme,
            tenant=tenant,
            kind=EXPORT,
            state=Operation.State.SUCCEEDED,
            exclusive=False,
            base_generation=1,
        )
        export = Export.objects.create(
            organization=acme,
            tenant=tenant,
            operation=exported,
            left_out=[{"what": CANARY, "why": ""}],
            expires_at=timezone.now() + timedelta(days=7),
        )
        Tenant.objects.filter(pk=tenant.pk).update(reason={"code": "X", "message": CANARY, "hint": ""})
    with rls.acting_as(actor.rls_actor):
        beside = Agent.objects.create(
            organization=acme, tenant=tenant, number="002", name=f"beside-{CANARY}", enrolled_at=timezone.now()
        )
        moving, _ = move(by=actor, tenant=tenant, target=other, agents=[beside.number])
        order = upgrade(by=actor, tenant=tenant, agents=[agent.number])
        batch, _ = batches.give(
            by=actor, organization=acme, selection={tenant.pk: [agent.number]}, kind="upgrade", version="v4.14.7"
        )
        rollout = rollouts.start(
            by=actor, organization=acme, kind="version", arguments={"version": "4.14.7"}, only={"tenants": [other.pk]}
        )
        view = fleet.save(by=actor, msp=acme, name=CANARY, asked=Asked.read({"name": CANARY}), shared=True)
    made = _content(alice, acme, tenant) | _status(alice, acme, tenant) | _alerts(alice, acme, tenant)
    return other, made | {
        "fleet_view_id": view.pk,
        "rollout_id": rollout.pk,
        "batch_id": batch.pk,
        "order_id": order.pk,
        "move_id": moving.pk,
        "other_tenant_id": other.pk,
        "tenant_id": tenant.pk,
        "token_id": token.pk,
        "receipt_id": receipt.pk,
        "operation_id": operation.pk,
        "number": agent.number,
        "backup_id": backup.pk,
        "export_id": export.pk,
    }


def _brand(alice: User, acme: Organization) -> dict[str, str]:
    """What all of Acme's pages carry."""
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        brand = branding.set_brand(
            by=actor, organization=acme, name=f"Brand {CANARY}", accent="#1e3a8a", accent_dark="#93c5fd"
        )
        for scheme in ("light", "dark"):
            brand = branding.set_logo(by=actor, organization=acme, scheme=scheme, content=base64.b64decode(OTHER_PIXEL))
    return {"digest": brand.digest, "scheme": "light"}


def _alerts(alice: User, acme: Organization, tenant: Tenant) -> dict[str, str]:
    """An alert with a note, and what is suppressed."""
    actor, now = actor_for(alice), timezone.now()
    with all_rows():
        alert = Alert.objects.create(
            organization=acme,
            tenant=tenant,
            key="5710:001",
            severity="high",
            level=12,
            title=f"Alert {CANARY}",
            rule_id="5710",
            agent_id="001",
            first_at=now,
            last_at=now,
            recent=[1],
        )
        AlertCursor.objects.create(organization=acme, tenant=tenant)
    with rls.acting_as(actor.rls_actor):
        add_note(by=actor, alert=alert, text=CANARY)
        suppression = suppress(
            by=actor, organization=acme, tenant=tenant, rule_id="1", reason=CANARY, ends_at=now + timedelta(days=1)
        )
        to_chat = {"kind": "slack", "name": f"Chat {CANARY}", "secret": "https://hooks.example/x"}
        destination = add_destination(by=actor, organization=acme, settings={}, **to_chat)
        route = add_route(by=actor, organization=acme, destination=destination, severity="high")
        notice = try_destination(by=actor, destination=destination)
    with all_rows():
        Notice.objects.update(state="failed", next_attempt_at=None, last_error="It answered 404.")
    return {
        "alert_id": alert.pk,
        "suppression_id": suppression.pk,
        "destination_id": destination.pk,
        "route_id": route.pk,
        "notice_id": notice.pk,
    }


def _twig(acme: Organization) -> Organization:
    """A client that Acme has although it is no MSP: what is of clients then has something to show."""
    client = found(person("gil"), f"Twig {CANARY}")
    with all_rows():
        review_at = timezone.now() + timedelta(days=90)
        Grant.objects.create(msp=acme, client=client, role_ceiling="viewer", review_at=review_at)
    return client


def _of_a_fleet(owner: User, organization: Organization, client: Organization) -> dict[str, str]:
    """What an organization has about one that it manages."""
    with all_rows():
        template = ClientTemplate.objects.create(
            organization=organization, name=f"Template {CANARY}", settings={"ring": "early"}
        )
        ClientTemplateVersion.objects.create(
            organization=organization, template=template, number=1, name=template.name, note=CANARY, created_by=owner.pk
        )
        reason = {"reason": CANARY, "by": owner.pk, "at": timezone.now().isoformat()}
        TemplateUse.objects.create(
            organization=organization,
            client=client,
            template=template,
            overrides={"backups": {"value": None, **reason}},
        )
        batch = ClientImport.objects.create(
            organization=organization, name=CANARY, state="finished", created_by=owner.pk, acts_as=owner.pk
        )
        wanted = Wanted(f"Line {CANARY}", external_id="crm-1").as_json()
        ClientImportLine.objects.create(
            organization=organization, batch=batch, number=2, wanted=wanted, state="failed", reason=CANARY
        )
    return {"import_id": batch.pk, "template_id": template.pk, "client_id": client.pk, "setting": "backups"}


def _content(alice: User, acme: Organization, tenant: Tenant) -> dict[str, str]:
    """A file of the organization, one of the tenant, and what was put together of them."""
    actor = actor_for(alice)
    place = {"organization": acme, "kind": "lists", "text": f"{CANARY}:\n", "note": CANARY}
    with rls.acting_as(actor.rls_actor):
        shared = content.create(by=actor, name=f"shared-{CANARY}", **place)
        own = content.create(by=actor, name=f"own-{CANARY}", tenant=tenant, **place)
    with all_rows():
        bundle = ContentBundle.objects.create(
            organization=acme, tenant=tenant, digest="d" * 64, created_by=alice.pk, **_bundled(own.sha256)
        )
    ids = {"file_id": shared.file_id, "own_file_id": own.file_id, "bundle_id": bundle.pk}
    return ids | {"version_number": "1"}


def _status(alice: User, acme: Organization, tenant: Tenant) -> dict[str, str]:
    """A public link, an address that is told, and a state with its reason."""
    actor = actor_for(alice)
    with rls.acting_as(actor.rls_actor):
        link, _ = status_links.make(by=actor, tenant=tenant, title=f"Status {CANARY}")
        TenantPeriod.objects.create(
            organization=acme, tenant=tenant, state="down", reason=CANARY, created_at=timezone.now()
        )
    about = status_subscriptions.of_tenant(tenant)
    status_subscriptions.ask(email=f"told@{CANARY}.example", about=about)
    return {"link_id": link.pk, "subscription_id": status_subscriptions.id_of(about, f"told@{CANARY}.example")}


def _reports(owner: User, organization: Organization) -> dict[str, str]:
    """A planned report, one that was issued with the names of tenants, its public link, and an address."""
    actor, now = actor_for(owner), timezone.now()
    with rls.acting_as(actor.rls_actor):
        terms = report_plans.Terms(name=f"Report {CANARY}", parts=["summary"])
        plan = report_plans.create(by=actor, organization=organization, terms=terms)
        span = (now - timedelta(days=400), now)
        figures = making.figures(actor, organization, clients=[], parts=["summary"], span=span, zone="UTC")
        report = Report.objects.create(
            organization=organization,
            plan=plan,
            name=plan.name,
            begins_at=span[0],
            ends_at=span[1],
            time_zone="UTC",
            figures=figures,
            issued_as=owner.pk,
        )
        link, _ = report_links.make(by=actor, report=report, days=1)
        address = report_plans.allow_address(by=actor, organization=organization, email=f"a@{CANARY}.example")
    ids = {"plan_id": plan.pk, "report_id": report.pk, "report_link_id": link.pk}
    return ids | {"address_id": address.pk}


def _bundled(sha256: str) -> dict[str, object]:
    file = {"kind": "lists", "name": CANARY, "version": 1, "sha256": sha256, "file": "cfile_a"}
    of = {"level": "tenant", "owner": "t", "owner_name": CANARY}
    return {"files": [{**file, **of}], "texts": {sha256: f"{CANARY}:\n"}}


def _people(owner: User, organization: Organization, member: User) -> dict[str, str]:
    """Everything about people that a route can name."""
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        invitation = invitations.invite(
            by=actor, organization=organization, email=f"{CANARY}@example.test", role="viewer"
        )
        key, _ = keys.create(
            by=actor, organization=organization, name=f"Key {CANARY}", scopes=PERMISSIONS, expires_in=timedelta(days=1)
        )
        role = custom_roles.create(
            by=actor, organization=organization, name=f"Role {CANARY}", permissions=["tenant.view"]
        )
        grant = Grant.objects.get()
        membership = Membership.objects.get(organization=organization, user=member)
        connection = add_saml(
            by=actor, organization=organization, name=f"IdP {CANARY}", metadata=parse(SamlIdp().metadata())
        )
        request = AccessRequest.objects.create(
            organization=organization,
            email=f"{CANARY}@example.test",
            secret_digest="d",
            role_ceiling="viewer",
            expires_at=timezone.now() + timedelta(days=1),
        )
        left = Offboarding.objects.create(
            organization=organization, user_id="usr_gone", name=CANARY, email="gone@example.test", sessions=0
        )
        emergency = EmergencyAccess.objects.create(
            grant=grant,
            client_id=grant.client_id,
            msp_id=grant.msp_id,
            user=owner,
            reason=CANARY,
            ends_at=timezone.now() + timedelta(hours=1),
        )
        domain = claim(by=actor, organization=organization, name=f"{CANARY}.{organization.pk[-8:]}.example")
        hostname = hostnames.claim(by=actor, organization=organization, name=f"status.{domain.name}")
        MailSender.objects.create(organization=organization, name=CANARY, reply_to=f"help@{domain.name}")
        SignInTest.objects.create(
            organization=organization,
            connection=connection,
            tested_by=owner,
            key="k",
            outcome="passed",
            uid="u",
            claims={"email": [f"a@{CANARY}.example"]},
        )
        entry = AuditEntry.objects.get(organization_id=organization.pk, target=key.pk)
        asker = person(f"asker-{organization.pk[-8:]}")
        asked = JoinRequest.objects.create(
            organization=organization, user=asker, email=f"asker@{CANARY}.example", name=f"Asker {CANARY}"
        )
    return {
        **directory_ids(actor, connection),
        "organization_id": organization.pk,
        "invitation_id": invitation.pk,
        "join_request_id": asked.pk,
        "key_id": key.pk,
        "grant_id": grant.pk,
        "request_id": request.pk,
        "emergency_id": emergency.pk,
        "offboarding_id": left.pk,
        "membership_id": membership.pk,
        "role_id": role.pk,
        "connection_id": connection.pk,
        "domain_id": domain.pk,
        "hostname_id": hostname.pk,
        "fingerprint": fingerprint(connection.certificates[0]),
        "entry_id": entry.pk,
    }


def _visitors(
    alice: User,
    bob: User,
    vera: User,
    maria: User,
    mallory: User,
    acme: Organization,
    rival: Organization,
    other: Tenant,
) -> dict[str, Visitor]:
    everything = frozenset(PERMISSIONS)
    visitors = [
        Visitor("nobody", Client(raise_request_exception=False)),
        Visitor("alice", session_of(alice), role="owner"),
        Visitor("bob", session_of(bob), role="operator"),
        Visitor("vera", session_of(vera), role="viewer"),
        Visitor("maria", session_of(maria, working_in=acme), role="operator"),
        Visitor("mallory", session_of(mallory)),
        _key("alice's key", alice, acme, role="owner", scopes=everything),
        _key("alice's narrow key", alice, acme, role="owner", scopes=frozenset({"tenant.view"})),
        _key("a key for another tenant", alice, acme, role="owner", scopes=OF_TENANTS, tenant_ids=[other.pk]),
        _key("mallory's key", mallory, rival, scopes=everything),
    ]
    return {visitor.name: visitor for visitor in visitors}


def _key(
    name: str,
    owner: User,
    organization: Organization,
    *,
    scopes: frozenset[str],
    role: str = "",
    tenant_ids: object = (),
) -> Visitor:
    actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        _, text = keys.create(
            by=actor,
            organization=organization,
            name=name,
            scopes=scopes,
            expires_in=timedelta(days=1),
            tenant_ids=tenant_ids,
        )
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {text}"})
    return Visitor(name, client, role=role, scopes=scopes, api_only=True)


def _with_directories(world: World) -> World:
    """The world with SCIM clients among its visitors."""
    for name, client, of in directory_clients(world.ids):
        role = "directory" if of == "acme" else ""
        world.visitors[name] = Visitor(name, client, role=role, api_only=True, directory=of)
    return world
