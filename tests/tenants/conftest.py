"""A cell, an edge in memory behind it, and tenants made by the product's own actions."""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
import respx
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.models import AuditEntry, Delivery
from organizations.actions import keys
from organizations.hostnames import serving
from organizations.models import Hostname, Organization, User
from organizations.permissions import PERMISSIONS
from tenants.enrollment.models import EnrollmentToken
from tenants.enrollment.tokens import actions as enrollment
from tenants.provisioning import actions, feed
from tenants.provisioning.models import Cell, Operation, Tenant
from tenants.provisioning.reconciler import reconcile
from tests.cast import actor_for
from tests.database import all_rows
from tests.deliveries import deliver_due
from tests.tenants.edge import FakeEdge
from tests.tenants.program import Program

EDGE = "http://edge.test"


@pytest.fixture
def cell(db: None) -> Cell:
    return Cell.objects.create(
        id="lo",
        base_url=EDGE,
        dashboard_zone="dash.test",
        runtime="stand-in",
        versions=["4.14.7", "4.14.6"],
        feed_epoch="epoch-1",
    )


@pytest.fixture
def edge() -> Iterator[FakeEdge]:
    fake = FakeEdge()
    with respx.mock(assert_all_called=False) as router:
        router.route(url__startswith=EDGE).mock(side_effect=fake.handle)
        yield fake


@pytest.fixture
def alice_acts(alice: User) -> Actor:
    return actor_for(alice)


@pytest.fixture
def new_tenant(acme: Organization, alice_acts: Actor, cell: Cell) -> Callable[..., tuple[Tenant, Operation]]:
    """Makes a tenant of Acme that nobody has reconciled yet."""

    def make(name: str = "Office", **more: object) -> tuple[Tenant, Operation]:
        with rls.acting_as(alice_acts.rls_actor):
            return actions.create(by=alice_acts, organization=acme, name=name, **more)

    return make


@pytest.fixture
def tenant(new_tenant: Callable[..., tuple[Tenant, Operation]]) -> Tenant:
    """A tenant just asked for."""
    return new_tenant()[0]


@pytest.fixture
def running(tenant: Tenant, edge: FakeEdge) -> Tenant:
    """A tenant that runs, with what the edge told applied and nothing left to be delivered."""
    deliver()
    reconcile(tenant.pk)
    edge.finish(tenant.pk)
    read_feed()
    return fresh(tenant)


@pytest.fixture
def make_token(running: Tenant, alice_acts: Actor) -> Callable[..., tuple[EnrollmentToken, str]]:
    """Makes an enrollment token of the running tenant, which the edge does not know yet."""

    def make(name: str = "Servers", **more: object) -> tuple[EnrollmentToken, str]:
        with rls.acting_as(alice_acts.rls_actor):
            return enrollment.create_token(by=alice_acts, tenant=running, name=name, **more)

    return make


@pytest.fixture
def program_of() -> Callable[..., Program]:
    """Makes an API key and the program that uses it."""

    def make(user: User, organization: Organization, scopes: object = PERMISSIONS, **more: object) -> Program:
        actor = actor_for(user)
        life = dt.timedelta(days=1)
        with rls.acting_as(actor.rls_actor):
            _, secret = keys.create(
                by=actor, organization=organization, name="test", scopes=scopes, expires_in=life, **more
            )
        return Program(secret)

    return make


@pytest.fixture
def api(program_of: Callable[..., Program], alice: User, acme: Organization, cell: Cell, edge: FakeEdge) -> Program:
    return program_of(alice, acme)


@pytest.fixture
def outsider(
    program_of: Callable[..., Program], mallory: User, rival: Organization, cell: Cell, edge: FakeEdge
) -> Program:
    return program_of(mallory, rival)


def read_feed() -> int:
    """Let one consumer read all that the edge has to tell."""
    owner = feed.claim_feed("lo")
    assert owner is not None
    brought = feed.read_once("lo", owner)
    feed.release("lo", owner)
    return brought


def fresh[Row: (Tenant, Operation)](row: Row) -> Row:
    """The row as the database has it now, read as its organization."""
    with rls.acting_as(f"org:{row.organization_id}"):
        related = ["cell", "organization"] if isinstance(row, Tenant) else ["tenant"]
        return type(row).objects.select_related(*related).get(pk=row.pk)


def operation_of(tenant: Tenant) -> Operation:
    """The tenant's newest operation with its steps."""
    with rls.acting_as(f"org:{tenant.organization_id}"):
        return Operation.objects.prefetch_related("steps").filter(tenant=tenant).order_by("-created_at").first()


def states(operation: Operation) -> dict[str, str]:
    """State by step."""
    with rls.acting_as(f"org:{operation.organization_id}"):
        return {step.name: step.state for step in operation.steps.all()}


def deliver() -> None:
    """Let the outbox deliver everything, and what comes of it, once each."""
    for _ in range(4):
        with all_rows():
            # Postgres' clock stands still inside a test's transaction: what was published in it is not due yet.
            waiting = Delivery.objects.filter(delivered_at__isnull=True)
            waiting.update(next_attempt_at=timezone.now() - dt.timedelta(hours=1))
        deliver_due()


def make_due(tenant: Tenant, **more: object) -> None:
    """Let a tenant be due now, as if time had passed."""
    with rls.acting_as(f"org:{tenant.organization_id}"):
        Tenant.objects.filter(pk=tenant.pk).update(next_attempt_at=tenant.created_at, **more)


def stored(token: EnrollmentToken) -> EnrollmentToken:
    """The token as the database has it now, read as its organization."""
    with rls.acting_as(f"org:{token.organization_id}"):
        return EnrollmentToken.objects.get(pk=token.pk)


def enroll(edge: FakeEdge, token: EnrollmentToken, number: str = "001", name: str = "web-1") -> None:
    """Let the edge tell that an agent has joined."""
    joined = {"id": number, "name": name, "groups": ["default"]}
    data = {"token": token.pk, "uses": 1, "max_uses": token.max_uses, "enrollment_id": "e", "address": "192.0.2.7"}
    edge.publish(token.tenant_id, "enrollment", {**data, "agent": joined})
    read_feed()


def opened(tenant: Tenant) -> int:
    """How many times the trail tells that a dashboard was entered: a change whose effect can be counted."""
    with rls.acting_as(f"org:{tenant.organization_id}"):
        return AuditEntry.objects.filter(action="tenants.dashboard.enter").count()


def open_dashboard(edge: FakeEdge, tenant: Tenant) -> None:
    """Let the edge tell that somebody is in the dashboard."""
    edge.publish(tenant.pk, "dashboard", {"user": "usr_a", "role": "viewer", "session": "s"})


AT_MSP, AT_ACME, AT_RIVAL = (f"status.{each}.example" for each in ("northwatch", "acme", "rival"))


@pytest.fixture
def proven(msp: Organization, acme: Organization, rival: Organization) -> Iterator[None]:
    """Each has a host name of its own, proven."""
    serving.forget()
    with all_rows():
        for organization, name in ((msp, AT_MSP), (acme, AT_ACME), (rival, AT_RIVAL)):
            Hostname.objects.create(
                organization=organization, name=name, state=Hostname.State.PROVEN, proven_at=timezone.now()
            )
    yield
    serving.forget()
