"""
Mails to subscribers, once each, whoever dies and whatever is delivered twice.

A fact reaches a page of subscribers at a time. In one transaction a page is claimed by moving the mark of how far its
thing was told, its mails are written, and the next page is published as a fact of its own.
"""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from controlplane import mail, outbox, rls
from controlplane.models import Message
from tenants.provisioning.mirror import ERASED
from tenants.provisioning.models import Tenant
from tenants.status import components, incidents, subscriptions, tenant_periods
from tenants.status.models import IncidentUpdate, StatusLink, StatusSubscription, TenantPeriod

PAGE = 200


@outbox.subscriber(incidents.TOLD)
def tell_of_incident(message: Message) -> None:
    """What staff said, to whoever subscribed to the platform's status."""
    said = IncidentUpdate.objects.select_related("incident").get(pk=message.payload["update"])
    incident = said.incident
    names = {each.key: each.full_name for each in components.everything()}
    context = {
        "title": incident.title,
        "kind": incident.get_kind_display(),
        "state": said.get_state_display(),
        "text": said.text,
        "affects": ", ".join(names.get(key, key) for key in incident.components),
        "begins_at": incident.begins_at,
        "ends_at": incident.ends_at,
        "incident_id": incident.pk,
    }
    claim = IncidentUpdate.objects.filter(pk=said.pk)
    _tell_page(message, claim, of_thing(rls.PLATFORM, ""), "status_incident", context)


@outbox.subscriber(tenant_periods.CHANGED)
def tell_of_tenant(message: Message) -> None:
    """That a tenant has trouble, or has it no more, to whoever subscribed to it."""
    period = TenantPeriod.objects.select_related("tenant").get(pk=message.payload["period"])
    titles = dict(StatusLink.objects.filter(tenant=period.tenant).values_list("pk", "title"))
    context = {"state": period.get_state_display(), "at": period.created_at, "tenant": period.tenant, "titles": titles}
    claim = TenantPeriod.objects.filter(pk=period.pk)
    _tell_page(message, claim, of_thing(period.organization_id, period.tenant_id), "status_tenant", context)


@outbox.subscriber(ERASED)
def forget_tenant(message: Message) -> None:
    """Of a tenant that is no more nobody is told."""
    tenant_id = message.payload["tenant"]
    StatusSubscription.objects.filter(tenant_id=tenant_id).delete()
    StatusLink.objects.filter(tenant_id=tenant_id).delete()


def of_thing(organization_id: str, tenant_id: str) -> QuerySet[StatusSubscription]:
    """Confirmed subscriptions of the platform, or of one tenant, in the order of pages."""
    confirmed = StatusSubscription.objects.filter(confirmed_at__isnull=False)
    return confirmed.filter(organization_id=organization_id, tenant_id=tenant_id).order_by("id")


def _tell_page(
    message: Message,
    thing: QuerySet[IncidentUpdate] | QuerySet[TenantPeriod],
    subscribed: QuerySet[StatusSubscription],
    template: str,
    context: Mapping[str, Any],
) -> None:
    """Args: thing: the one row whose mark says how far it was told; subscribed: in the order of pages."""
    after = message.payload["after"]
    page = list(subscribed.filter(pk__gt=after)[:PAGE])
    if not page or not thing.filter(told_up_to=after).update(told_up_to=page[-1].pk):
        return
    owner = None if message.organization_id == rls.PLATFORM else message.organization_id
    public_base = subscriptions.public_base_of(owner)
    for each in page:
        path = subscriptions.path_of(each)
        own = {**context, "path": path, "title": mail.unlinked(_title(context, each))}
        way_out = subscriptions.one_click_path_of(each)
        mail.write(
            to=each.email,
            template=template,
            context=own,
            organization_id=owner,
            unsubscribe=way_out,
            public_base=public_base,
        )
    if len(page) == PAGE:
        following = {**message.payload, "after": page[-1].pk}
        key = f"{message.key.split(':')[0]}:{page[-1].pk}"
        outbox.publish(message.topic, key=key, organization_id=owner, payload=following)


def _title(context: Mapping[str, Any], subscription: StatusSubscription) -> str:
    """What its mails call the thing: whoever came by a public link knows the tenant by the link's title."""
    if "titles" not in context:
        return str(context["title"])
    tenant: Tenant = context["tenant"]
    return context["titles"].get(subscription.link_id, tenant.name)
