"""Reads of roll-outs. Every one takes who is asking."""

from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations import access
from organizations import queries as organizations
from organizations.models import Organization
from tenants.rollouts.models import Rollout, RolloutTarget


def rollouts_of(actor: Actor, organization: Organization) -> QuerySet[Rollout]:
    """
    An organization's roll-outs, the newest first.

    A key that is limited to some tenants has those that reach no other one.
    """
    access.require(actor, "tenant.view", organization)
    found = Rollout.objects.filter(organization=organization)
    if actor.tenant_ids is None:
        return found
    beyond = RolloutTarget.objects.filter(organization=organization).exclude(tenant_id__in=actor.tenant_ids)
    return found.exclude(pk__in=beyond.values("rollout"))


def rollout(actor: Actor, organization: Organization, rollout_id: str) -> Rollout:
    """One roll-out. Raises NotFound, also for another organization's."""
    found = rollouts_of(actor, organization).filter(pk=rollout_id).first()
    if found is None:
        raise NotFound("There is no such roll-out.")
    return found


def targets_of(actor: Actor, rollout: Rollout) -> QuerySet[RolloutTarget]:
    """
    Its tenants with what became of each, in organizations whose tenants somebody sees now.

    The caller has found the roll-out as who is asking.
    """
    seen = organizations.visible_to(actor, "tenant.view")
    return RolloutTarget.objects.filter(rollout=rollout, tenant_organization_id__in=seen.values("pk"))
