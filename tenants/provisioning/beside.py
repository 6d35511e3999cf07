"""What is asked of a tenant beside its spec: it goes to the edge as a fact of its own, not through the reconciler."""

from controlplane.actor import Actor
from organizations.standings import Standing
from tenants.provisioning import intents
from tenants.provisioning.actions import asker, note
from tenants.provisioning.kinds import BESIDE_THE_SPEC
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import OperationInProgress


def ask(by: Actor, tenant: Tenant, kind: str, standing: Standing, **arguments: str) -> Operation:
    """
    Part of an action, which holds the tenant's lock: open an operation, have it brought to the edge, and tell it.

    Args:
        arguments: what the edge has to know of it besides its kind.
    """
    operation = intents.begin(tenant, kind, Operation.Source.USER, arguments=arguments, **asker(by))
    intents.bring(operation)
    note(by, operation, f"tenants.tenant.{kind}", standing)
    return operation


def refuse_while_the_edge_works(tenant: Tenant) -> None:
    """Part of an action. What the edge began by itself is not exclusive here, yet there it is."""
    going = Operation.objects.filter(tenant=tenant, kind__in=BESIDE_THE_SPEC, state__in=Operation.OPEN).first()
    if going is not None:
        raise OperationInProgress(going.kind, going.pk)
