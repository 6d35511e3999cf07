"""Reads of the inbox. Every one takes who is asking."""

from collections.abc import Collection, Iterable

from django.db.models import Q, QuerySet
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import NotFound
from fleet.alerts.models import Alert, AlertEntry, Suppression
from organizations import access
from organizations import queries as organizations
from organizations.models import Membership, Organization, User
from organizations.standings import may

ENTRIES = 200
"""So many of an alert's entries are shown, the newest."""


def organizations_around(actor: Actor, organization: Organization) -> list[Organization]:
    """The organization and, where it is an MSP, its clients whose events the asker reads, by name. Raises Forbidden."""
    access.require(actor, "events.read", organization)
    if not organization.is_msp:
        return [organization]
    clients = organizations.clients_reached(actor, organization)
    seen = organizations.visible_to(actor, "events.read")
    return [organization, *seen.filter(pk__in=clients).order_by("name", "pk")]


def alerts_of(actor: Actor, organization: Organization) -> QuerySet[Alert]:
    """Alerts of an organization's tenants and, where it is an MSP, of its clients', suppressed and closed ones too."""
    return within(actor, organizations_around(actor, organization))


def within(actor: Actor, around: Iterable[Organization]) -> QuerySet[Alert]:
    """The same of some of `organizations_around`."""
    rows = Alert.objects.filter(organization__in=[each.pk for each in around])
    rows = rows if actor.tenant_ids is None else rows.filter(tenant__in=actor.tenant_ids)
    return rows.select_related("organization", "tenant")


def shown() -> Q:
    """The condition on alerts that no suppression hides now."""
    return Q(suppressed_until=None) | Q(suppressed_until__lte=timezone.now())


def alert(actor: Actor, organization: Organization, alert_id: str) -> Alert:
    """One alert. Raises NotFound, also for one that the asker does not reach from this organization."""
    found = alerts_of(actor, organization).filter(pk=alert_id).first()
    if found is None:
        raise NotFound("There is no such alert.")
    return found


def entries_of(actor: Actor, alert: Alert) -> list[AlertEntry]:
    """What was done with an alert, the newest first. The caller has found the alert as who is asking."""
    return list(AlertEntry.objects.filter(alert=alert)[:ENTRIES])


def may_handle(actor: Actor, organization_id: str) -> bool:
    """Whether somebody may handle an organization's alerts, as an MSP's person without having chosen to work there."""
    return may(access.working_in(actor, organization_id), "alert.handle", organization_id)


def assignees_of(actor: Actor, organization: Organization) -> list[User]:
    """Who alerts can be assigned to from an organization's page: its members, by name."""
    access.require(actor, "events.read", organization)
    members = Membership.objects.filter(organization=organization, blocked_at=None)
    return list(User.objects.filter(pk__in=members.values("user")).order_by("name", "pk"))


def suppressions_of(actor: Actor, organization: Organization) -> QuerySet[Suppression]:
    """
    Suppressions that somebody made in an organization or, where it is an MSP, in its clients, ended ones included.

    A key that is limited to some tenants has those of its tenants.
    """
    around = organizations_around(actor, organization)
    rows = Suppression.objects.filter(organization__in=[each.pk for each in around])
    rows = rows if actor.tenant_ids is None else rows.filter(tenant__in=actor.tenant_ids)
    return rows.select_related("organization", "tenant")


def suppression(actor: Actor, organization: Organization, suppression_id: str) -> Suppression:
    """One of them; raises NotFound."""
    found = suppressions_of(actor, organization).filter(pk=suppression_id).first()
    if found is None:
        raise NotFound("There is no such suppression.")
    return found


def found_among(actor: Actor, organization: Organization, alert_ids: Collection[str]) -> QuerySet[Alert]:
    """Some alerts; those that the asker does not reach are left out."""
    return alerts_of(actor, organization).filter(pk__in=alert_ids)
