"""
Who is told by mail: asked for, confirmed and ended.

1. `ask` takes an address and mails it a link. What it answers is the same whether the address is subscribed, waits for
   its confirmation, or was never heard of.
2. Whoever opens the link confirms by a button: mail programs open links, and press nothing.
3. Each mail has a link that ends it, which mail programs may post to at once (RFC 8058).
"""

import base64
import datetime as dt
import hashlib
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from controlplane import mail, rls
from controlplane.actor import Actor
from controlplane.ids import BASE62, ID_LENGTH, SECRET_LENGTH, random_text
from controlplane.problems import Conflict, NotFound
from organizations import access
from organizations.actions import trail
from organizations.hostnames.serving import address_for
from tenants.provisioning.models import Tenant
from tenants.status.models import StatusLink, StatusSubscription

HOUR = dt.timedelta(hours=1)
CONFIRMED_WITHIN = 48 * HOUR
MOST = 500
"""Subscriptions of one tenant."""


@dataclass(frozen=True)
class About:
    """What a subscription is about. `title` is what its mails call that."""

    title: str
    organization_id: str = rls.PLATFORM
    tenant_id: str = ""
    link_id: str = ""

    @property
    def owner(self) -> str | None:
        """Whose mails these are; None for the platform's."""
        return None if self.organization_id == rls.PLATFORM else self.organization_id


def of_platform() -> About:
    """The platform's own status."""
    return About(settings.BRAND)


def of_link(link: StatusLink) -> About:
    """A tenant's status, as a public link shows it."""
    return About(link.title, link.organization_id, link.tenant_id, link.pk)


def of_tenant(tenant: Tenant) -> About:
    """A tenant's status, for whom its own people subscribe."""
    return About(tenant.name, tenant.organization_id, tenant.pk)


def id_of(about: About, email: str) -> str:
    """The same for the same address and thing, whatever its case."""
    text = "\0".join((about.organization_id, about.tenant_id, about.link_id, email.lower()))
    return "sub_" + base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:ID_LENGTH]


@transaction.atomic
def ask(*, email: str, about: About) -> None:
    """
    Mail an address the link by which it confirms, or ends what it has. Says nothing of which it is.

    Raises Conflict for a tenant of which too many are told already.
    """
    subscription_id = id_of(about, email)
    _refuse_too_many(about)
    with rls.acting_as(f"subscription:{subscription_id}"):
        subscription, _ = StatusSubscription.objects.get_or_create(
            pk=subscription_id,
            defaults={
                "organization_id": about.organization_id,
                "tenant_id": about.tenant_id,
                "link_id": about.link_id,
                "email": email,
                "secret": random_text(BASE62, SECRET_LENGTH),
            },
        )
        # Whoever is asked again has the whole time again.
        StatusSubscription.objects.filter(pk=subscription_id, confirmed_at=None).update(created_at=timezone.now())
    template = "status_known" if subscription.confirmed_at else "status_confirm"
    context = {"what": mail.unlinked(about.title), "path": path_of(subscription), "hours": hours_to_confirm()}
    mail.write(
        to=subscription.email,
        template=template,
        context=context,
        organization_id=about.owner,
        public_base=public_base_of(about.owner),
    )


@transaction.atomic
def ask_for(*, by: Actor, tenant: Tenant, email: str) -> None:
    """The same, asked by one of a tenant's people for somebody. Raises Conflict, Forbidden."""
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    about = of_tenant(tenant)
    ask(email=email, about=about)
    trail.record(by, standing, "tenants.status_subscription.ask", id_of(about, email), tenant=tenant.pk)


def hours_to_confirm() -> int:
    """For how long a mail that asks can be answered."""
    return CONFIRMED_WITHIN // HOUR


def public_base_of(owner: str | None) -> str:
    """Where what confirms and ends subscriptions is linked to; empty for the platform's, which the portal alone has."""
    if owner is None:
        return ""
    with rls.reading_as(f"org:{owner}"):
        return address_for(owner)


def path_of(subscription: StatusSubscription) -> str:
    """The address that mails carry, by which it is confirmed and ended."""
    return reverse("tenants:status-subscription", args=[subscription.pk, subscription.secret])


def one_click_path_of(subscription: StatusSubscription) -> str:
    """The address that mail programs post to, by which it is ended: at the portal, whatever becomes of a host name."""
    return reverse("tenants:status-one-click", args=[subscription.pk, subscription.secret])


def find(subscription_id: str, secret: str) -> StatusSubscription:
    """A subscription, for whoever has the mailed link. Raises NotFound."""
    with rls.reading_as(f"subscription:{subscription_id}"):
        found = StatusSubscription.objects.filter(pk=subscription_id).first()
    if found is None or not constant_time_compare(found.secret, secret):
        raise NotFound(
            "This link is not good any more: the subscription has ended, or was not confirmed in time.",
            hint="Subscribe again on the status page.",
        )
    return found


def confirm(*, by: Actor, subscription: StatusSubscription) -> None:
    """From now on its address is told. Doing it again changes nothing."""
    with rls.acting_as(f"subscription:{subscription.pk}"):
        unconfirmed = StatusSubscription.objects.filter(pk=subscription.pk, confirmed_at=None)
        if unconfirmed.update(confirmed_at=timezone.now()):
            _record(by, subscription, "tenants.status_subscription.confirm")


def end(*, by: Actor, subscription: StatusSubscription) -> None:
    """Its address is told no more, and forgotten. Doing it again changes nothing."""
    with rls.acting_as(f"subscription:{subscription.pk}"):
        deleted, _ = StatusSubscription.objects.filter(pk=subscription.pk).delete()
        if deleted:
            _record(by, subscription, "tenants.status_subscription.end")


@transaction.atomic
def remove(*, by: Actor, tenant: Tenant, subscription_id: str) -> None:
    """One of a tenant's people ends somebody's subscription. Raises NotFound, Forbidden."""
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    deleted, _ = StatusSubscription.objects.filter(pk=subscription_id, tenant_id=tenant.pk).delete()
    if not deleted:
        raise NotFound("There is no such subscription.")
    trail.record(by, standing, "tenants.status_subscription.remove", subscription_id, tenant=tenant.pk)


def forget(now: dt.datetime) -> None:
    """Remove addresses that did not confirm in time."""
    before = now - CONFIRMED_WITHIN
    old = StatusSubscription.objects.filter(confirmed_at=None, created_at__lt=before)
    with rls.acting_as(""):
        rls.call("status_forget_unconfirmed", before, otherwise=lambda: [old.delete()])


def _record(by: Actor, subscription: StatusSubscription, action: str) -> None:
    """In the trail of the tenant's organization: whom its state is told is its own business to know."""
    if subscription.organization_id == rls.PLATFORM:
        return
    with rls.acting_as(f"org:{subscription.organization_id}"):
        trail.record(by, subscription.organization_id, action, subscription.pk, tenant=subscription.tenant_id)


def _refuse_too_many(about: About) -> None:
    if not about.tenant_id:
        return
    with rls.reading_as(f"org:{about.organization_id}"):
        if StatusSubscription.objects.filter(tenant_id=about.tenant_id).count() >= MOST:
            raise Conflict(f"{MOST} addresses are told of this already. Nothing was kept.", code="TOO_MANY")
