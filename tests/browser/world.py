"""An MSP with clients in every state, made by the product's own actions over an edge in memory."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from django.utils import timezone

from controlplane import audit, rls
from controlplane.actor import Actor
from fleet.alerts.models import Alert
from fleet.models import ClientImport, ClientTemplate
from fleet.reports.models import Report, ReportPlan
from organizations.actions import (
    access_requests,
    client_roles,
    clients,
    custom_roles,
    invitations,
    keys,
    offboarding,
    sign_up,
)
from organizations.models import (
    Connection,
    CustomRole,
    Grant,
    JoinRequest,
    Membership,
    Offboarding,
    Organization,
    User,
)
from tenants.access import actions as access
from tenants.content import actions as content
from tenants.enrollment.models import EnrollmentToken
from tenants.enrollment.tasks import read_agents
from tenants.enrollment.tokens import actions as enrollment
from tenants.protection.deletion import actions as deletion
from tenants.protection.maintenance import rings
from tenants.protection.receipts.models import Receipt
from tenants.provisioning import actions
from tenants.provisioning.models import Cell, Operation, Tenant
from tenants.provisioning.reconciler import reconcile
from tenants.rollouts import actions as rollouts
from tenants.rollouts.models import Rollout, RolloutTarget
from tenants.status.models import StatusSubscription
from tests.browser.alerts import add_alerts, alerts_of_agents
from tests.browser.branded import add_brand
from tests.browser.brought import add_import
from tests.browser.edge import LivelyEdge, ago
from tests.browser.exported import add_exports
from tests.browser.providers import add_providers
from tests.browser.reported import add_reports
from tests.browser.statuses import add_status
from tests.browser.templates import add_templates
from tests.browser.used import add_usage
from tests.cast import actor_for, join
from tests.database import all_rows
from tests.deliveries import deliver_due
from tests.tenants.conftest import EDGE, read_feed

RULES = """<group name="acme,authentication_failed,">
  <rule id="100100" level="5">
    <if_group>authentication_failed</if_group>
    <time>10 pm - 6 am</time>
    <description>A failed sign-in at night</description>
  </rule>
</group>
"""


@dataclass
class World:
    """What a test looks at: people, organizations, tenants by name, the edge."""

    edge: LivelyEdge
    paula: User
    alice: User
    vera: User
    msp: Organization
    acme: Organization
    clients: dict[str, Organization] = field(default_factory=dict)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    invitation: str = ""
    tokens: dict[str, EnrollmentToken] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)
    code: str = ""
    backup: str = "bak_" + "q" * 20
    technician: Membership | None = None
    left: Offboarding | None = None
    open_grant: Grant | None = None
    role: CustomRole | None = None
    receipt: Receipt | None = None
    content: str = ""
    rollout: Rollout | None = None
    status_token: str = ""
    subscription: StatusSubscription | None = None
    alerts: dict[str, Alert] = field(default_factory=dict)
    report_plan: ReportPlan | None = None
    report: Report | None = None
    report_token: str = ""
    template: ClientTemplate | None = None
    brought: ClientImport | None = None

    def add(self, client: Organization, name: str, by: User) -> Tenant:
        """A tenant just asked for, which the reconciler has handed to the edge."""
        actor = actor_for(by)
        with rls.acting_as(actor.rls_actor):
            tenant, _ = actions.create(by=actor, organization=client, name=name)
        reconcile(tenant.pk)
        self.tenants[name] = tenant
        return tenant

    def read(self) -> None:
        """Let the feed bring what the edge has to tell."""
        while read_feed():
            continue

    def fresh(self, name: str) -> Tenant:
        """The tenant as it is now."""
        with rls.acting_as(f"org:{self.tenants[name].organization_id}"):
            return Tenant.objects.get(pk=self.tenants[name].pk)

    def operation(self, name: str) -> Operation:
        """The tenant's newest operation."""
        with rls.acting_as(f"org:{self.tenants[name].organization_id}"):
            return Operation.objects.filter(tenant=self.tenants[name]).order_by("-created_at").first()

    def newest_entry(self, organization: Organization) -> str:
        """The newest entry of an organization's audit trail in which something had a value before."""
        with rls.acting_as(f"org:{organization.pk}"):
            entries = audit.entries_of(organization.pk)
            return (entries.filter(data__has_key="before").first() or entries[0]).pk


def build(edge: LivelyEdge, *, paula: User, alice: User, vera: User, msp: Organization, acme: Organization) -> World:
    """The whole cast of tenants."""
    Cell.objects.create(
        id="lo", base_url=EDGE, dashboard_zone="dash.test", runtime="stand-in", versions=["4.14.7", "4.14.6"]
    )
    world = World(edge, paula, alice, vera, msp, acme)
    _acme(world)
    _binned(world)
    world.connections = add_providers(paula, msp)
    _outsiders(world)
    for name, make in CLIENTS.items():
        client = _client(world, name)
        if make is not None:
            make(world, world.add(client, f"{name.split()[0]} production", world.paula))
    _people(world)
    _content(world)
    by = actor_for(paula)
    with rls.acting_as(by.rls_actor):
        asked = {"reason": "Watching your servers at night", "days": 90}
        _, world.code = access_requests.ask(by=by, msp=msp, role_ceiling="operator", **asked)
        access_requests.ask(by=by, msp=msp, role_ceiling="viewer", email="it@harbour-logistics.example")
    world.read()
    _rollout(world)
    add_status(world)
    world.alerts = add_alerts(world.edge, world.tenants, world.paula, world.msp, world.acme)
    add_reports(world)
    add_templates(world)
    add_import(world)
    add_brand(world)
    return world


def _rollout(world: World) -> None:
    """The MSP has a version rolled out, which a canary did not take."""
    by = actor_for(world.paula)
    for name, ring in (("Corvid production", "canary"), ("Dunmore production", "early")):
        with rls.acting_as(by.rls_actor):
            rings.set_ring(by=by, tenant=world.fresh(name), ring=ring)
    with rls.acting_as(by.rls_actor):
        given = {"kind": "version", "arguments": {"version": "4.14.6"}}
        world.rollout = rollouts.start(by=by, organization=world.msp, **given)
        targets = RolloutTarget.objects.filter(rollout=world.rollout)
        targets.filter(ring="canary").update(state="failed", reason="manager: The manager exited.")
        reason = "1 tenant failed in the ring canary. Nothing further was begun."
        Rollout.objects.filter(pk=world.rollout.pk).update(state="held", reason=reason, look_at=None)


def _outsiders(world: World) -> None:
    """Alice is invited by the MSP, and somebody asks to join Acme."""
    by = actor_for(world.paula)
    with rls.acting_as(by.rls_actor):
        invited = invitations.invite(by=by, organization=world.msp, email=world.alice.email, role="operator")
    world.invitation = invited.pk
    asker = person("ida.holm@acme.example", "Ida Holm")
    with rls.acting_as(f"org:{world.acme.pk}"):
        JoinRequest.objects.create(organization=world.acme, user=asker, email=asker.email, name=asker.name)


def _people(world: World) -> None:
    """A technician with sets of clients, one who has left, and a client that allows emergencies."""
    by, tom, ida = actor_for(world.paula), person("tom@northwatch.example", "Tom"), person("ida@x.example", "Ida")
    for each in (tom, ida):
        join(world.msp, invited_by=world.paula, user=each, role="operator")
    with rls.acting_as(by.rls_actor):
        world.technician, leaving = (Membership.objects.get(user=each, organization=world.msp) for each in (tom, ida))
        client_roles.set_client_roles(
            by=by,
            msp=world.msp,
            membership_id=world.technician.pk,
            sets=[
                client_roles.WantedSet("viewer", "all"),
                client_roles.WantedSet(
                    "operator", "except", [world.clients["Halden Foods"].pk, world.clients["Fenwick Legal"].pk]
                ),
            ],
        )
        world.left = offboarding.offboard(by=by, msp=world.msp, membership_id=leaving.pk)
        world.open_grant = Grant.objects.get(client=world.clients["Fenwick Legal"])
        Grant.objects.filter(pk=world.open_grant.pk).update(emergency_ceiling="owner")


def _client(world: World, name: str) -> Organization:
    by = actor_for(world.paula)
    with rls.acting_as(by.rls_actor):
        world.clients[name] = clients.create_client(by=by, msp=world.msp, name=name)
    return world.clients[name]


def _acme(world: World) -> None:
    tenant = world.add(world.acme, "Production", world.alice)
    world.edge.run(tenant.pk, agents=6, silent=1)
    world.read()
    _tokens(world, tenant)
    _backups(world, tenant)
    add_exports(world, tenant)
    add_usage(tenant)
    world.edge.logs[tenant.pk] = alerts_of_agents()
    read_agents(tenant.cell_id, tenant.pk)
    world.read()
    by = actor_for(world.alice)
    with rls.acting_as(by.rls_actor):
        keys.create(
            by=by,
            organization=world.acme,
            name="Ticket system",
            scopes=["tenant.view", "agent.view", "events.read", "token.view"],
            expires_in=dt.timedelta(days=90),
        )
        access.event_stream_token(by=by, tenant=tenant)
        world.role = custom_roles.create(
            by=by,
            organization=world.acme,
            name="Night shift",
            description="Looks at dashboards and cuts off machines, from ten to six.",
            permissions=["agent.quarantine", "agent.view", "dashboard.open", "events.read", "tenant.view"],
        )


def _content(world: World) -> None:
    """A provider's list, the organization's rules in two versions, and a list that one tenant leaves out."""
    alice, paula = actor_for(world.alice), actor_for(world.paula)
    with rls.acting_as(alice.rls_actor):
        place = {"by": alice, "organization": world.acme}
        rules = content.create(kind="rules", name="acme_rules.xml", text=RULES, note="Sign-ins at night", **place)
        changed = RULES.replace('level="5"', 'level="10"')
        content.save(by=alice, file=rules.file, text=changed, note="The night shift wants to be woken")
        content.create(kind="lists", name="admins", text="alice:\nbob:\n", note="Who may", **place)
        content.create(kind="lists", name="admins", text=None, tenant=world.tenants["Production"], **place)
    with rls.acting_as(paula.rls_actor):
        content.create(by=paula, organization=world.msp, kind="lists", name="known-networks", text="10.0.0.:\n")
        content.create(by=paula, organization=world.msp, kind="lists", name="old-list", text="a:\n")
    world.content = rules.file_id


def _binned(world: World) -> None:
    """A tenant in the recycle bin, of which the edge has signed how it is kept apart."""
    tenant, by = world.add(world.acme, "Old plant", world.alice), actor_for(world.alice)
    world.edge.run(tenant.pk)
    world.read()
    with rls.acting_as(by.rls_actor):
        deletion.delete(by=by, tenant=tenant, confirm_name="Old plant")
        places = {"tenant": "5f" * 32, "events": "a1" * 32, "nodes": [{"role": "manager", "n": 0, "id": "0c" * 32}]}
        world.receipt = Receipt.objects.create(
            organization=world.acme,
            tenant=tenant,
            kind="isolation",
            receipt="a.b.c",
            statement={"kind": "isolation", "jurisdiction": None, "objects": places},
            key={"kid": "3b" * 8},
            signed_at=timezone.now(),
        )
    reconcile(tenant.pk)
    world.edge.stop(tenant.pk)
    world.read()


def _backups(world: World, tenant: Tenant) -> None:
    """A daily one of last night, one on demand that is being made, and one that could not be made."""
    edge, error = world.edge, {"code": "BACKUP_FAILED", "message": "The disk has no room.", "hint": "Look."}
    edge.back_up(tenant.pk, "bak_" + "w" * 20, kind="before-change", state="failed", error=error, at=ago(90_000))
    edge.backed_up(tenant.pk, world.backup, kind="scheduled", at=ago(50_000), expires_at=ago(-500_000))
    edge.back_up(tenant.pk, "bak_" + "r" * 20, at=ago(20))


def _tokens(world: World, tenant: Tenant) -> None:
    by = actor_for(world.alice)
    wanted: tuple[tuple[str, int, tuple[str, ...], dict[str, str]], ...] = (
        ("Servers, Gdańsk", 40, ("servers",), {"site": "Gdańsk"}),
        ("Contractor batch", 15, ("contractors",), {}),
        ("Warehouse laptops", 50, ("warehouse",), {"shift": "day"}),
    )
    with rls.acting_as(by.rls_actor):
        for name, uses, groups, labels in wanted:
            token, _ = enrollment.create_token(
                by=by,
                tenant=tenant,
                name=name,
                expires_in=dt.timedelta(days=30),
                max_uses=uses,
                groups=groups,
                labels=labels,
            )
            world.tokens[name] = token
        enrollment.revoke_token(by=by, token=world.tokens["Contractor batch"])
    while deliver_due():
        continue
    world.edge.enrolled(tenant.pk, world.tokens["Servers, Gdańsk"].pk)
    world.edge.refused(tenant.pk, world.tokens["Contractor batch"].pk, "revoked")
    world.read()


def _healthy(world: World, tenant: Tenant) -> None:
    world.edge.run(tenant.pk, agents=4)


def _provisioning(world: World, tenant: Tenant) -> None:
    world.edge.reach(tenant.pk, "manager")


def _failed(world: World, tenant: Tenant) -> None:
    world.edge.give_up(tenant.pk, "indexer")


def _ending(world: World, tenant: Tenant) -> None:
    world.edge.run(tenant.pk, agents=3, certificate_days=6)


def _silent(world: World, tenant: Tenant) -> None:
    world.edge.run(tenant.pk, agents=5, silent=2)


def _stopped(world: World, tenant: Tenant) -> None:
    world.edge.run(tenant.pk)
    world.read()
    by = actor_for(world.paula)
    with rls.acting_as(by.rls_actor):
        actions.stop(by=by, tenant=tenant)
    reconcile(tenant.pk)
    world.edge.stop(tenant.pk)


CLIENTS: dict[str, Callable[[World, Tenant], None] | None] = {
    "Alder Dental Group": _healthy,
    "Baltic Freight": _provisioning,
    "Corvid Analytics": _stopped,
    "Dunmore Council": _ending,
    "Eastlake Credit Union": _failed,
    "Fenwick Legal": _silent,
    "Halden Foods": None,
}


def found(owner: User, name: str) -> Organization:
    """An organization with nothing in it yet."""
    actor: Actor = actor_for(owner)
    with rls.acting_as(actor.rls_actor):
        return sign_up.found(by=actor, name=name, kind="organization")


def person(email: str, name: str) -> User:
    """Somebody new."""
    with all_rows():
        return User.objects.create_user(email, name=name, email_verified=True)
