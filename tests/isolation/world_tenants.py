"""What the world holds of an organization's tenants: agents, backups, alerts, content, status."""

from datetime import timedelta

from django.utils import timezone

from controlplane import rls
from fleet.alerts.actions import add_note
from fleet.alerts.models import Alert, AlertCursor
from fleet.alerts.suppressions import suppress
from fleet.clients import actions as fleet
from fleet.clients.filters import Asked
from fleet.routing.actions import add_destination, add_route, try_destination
from fleet.routing.models import Notice
from organizations.models import (
    Organization,
    User,
)
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
from tests.cast import actor_for
from tests.database import all_rows
from tests.isolation.canary import CANARY


def tenants_of(alice: User, acme: Organization) -> tuple[Tenant, dict[str, str]]:
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


def _bundled(sha256: str) -> dict[str, object]:
    file = {"kind": "lists", "name": CANARY, "version": 1, "sha256": sha256, "file": "cfile_a"}
    of = {"level": "tenant", "owner": "t", "owner_name": CANARY}
    return {"files": [{**file, **of}], "texts": {sha256: f"{CANARY}:\n"}}


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
