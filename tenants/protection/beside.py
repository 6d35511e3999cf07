"""What is asked of a tenant beside its spec: it goes to the edge as a fact of its own, not through the reconciler."""

from controlplane import outbox
from controlplane.actor import Actor
from organizations.standings import Standing
from tenants.provisioning import intents
from tenants.provisioning.actions import asker, note
from tenants.provisioning.kinds import BESIDE_THE_SPEC, ROTATE, ROTATE_CREDENTIALS, SLEEP, WAKE
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import OperationInProgress

ROTATION_ASKED, SLEEP_ASKED, WAKE_ASKED = "tenants.rotation.asked", "tenants.sleep.asked", "tenants.waking.asked"
CREDENTIALS_ASKED = "tenants.credentials.asked"
FACTS = {ROTATE: ROTATION_ASKED, ROTATE_CREDENTIALS: CREDENTIALS_ASKED, SLEEP: SLEEP_ASKED, WAKE: WAKE_ASKED}


def ask(by: Actor, tenant: Tenant, kind: str, standing: Standing) -> Operation:
    """Part of an action, which holds the tenant's lock: open an operation, have it brought to the edge, and tell it."""
    operation = intents.begin(tenant, kind, Operation.Source.USER, **asker(by))
    payload = {"operation": operation.pk}
    outbox.publish(FACTS[kind], key=operation.pk, organization_id=tenant.organization_id, payload=payload)
    note(by, operation, f"tenants.tenant.{kind}", standing)
    return operation


def refuse_while_the_edge_works(tenant: Tenant) -> None:
    """Part of an action. What the edge began by itself is not exclusive here, yet there it is."""
    going = Operation.objects.filter(tenant=tenant, kind__in=BESIDE_THE_SPEC, state__in=Operation.OPEN).first()
    if going is not None:
        raise OperationInProgress(going.kind, going.pk)
