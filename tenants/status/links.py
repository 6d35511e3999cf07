"""Public links of a tenant's status: made, found by their token, revoked."""

from django.db import transaction
from django.utils import timezone

from controlplane import rls
from controlplane.actor import Actor
from controlplane.ids import digest
from controlplane.problems import Conflict, Invalid, NotFound
from controlplane.public_links import Kind
from organizations import access
from organizations.actions import trail
from tenants.provisioning.actions import refuse_leaving
from tenants.provisioning.models import Tenant
from tenants.status.models import StatusLink, StatusSubscription, new_link_id

LINKS = Kind(
    prefix="sts",
    id_kind="stl",
    actor="statuslink",
    working=lambda: StatusLink.objects.filter(revoked_at=None),
)
MOST = 20
"""Links of one tenant that have not been revoked."""


@transaction.atomic
def make(*, by: Actor, tenant: Tenant, title: str) -> tuple[StatusLink, str]:
    """
    Make a public link. Returns it with its token, which is told nowhere else.

    Args: title: what strangers read instead of the tenant's name. Raises Invalid, Conflict, Forbidden.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    refuse_leaving(tenant)
    if not 1 <= len(title.strip()) <= 80:
        raise Invalid("A title has 1 to 80 characters.", field="title")
    if StatusLink.objects.filter(tenant=tenant, revoked_at=None).count() >= MOST:
        raise Conflict(f"The tenant has {MOST} public links. Nothing was made.", hint="Revoke one that is not needed.")
    link_id = new_link_id()
    token = LINKS.new_token(link_id)
    link = StatusLink.objects.create(
        id=link_id,
        organization_id=tenant.organization_id,
        tenant=tenant,
        title=title.strip(),
        digest=digest(token),
        created_by=by.user_id,
    )
    trail.record(by, standing, "tenants.status_link.create", link.pk, tenant=tenant.pk, title=link.title)
    return link, token


@transaction.atomic
def revoke(*, by: Actor, tenant: Tenant, link_id: str) -> StatusLink:
    """Shut a public link; whoever subscribed by it is told no more. Doing it again changes nothing. Raises NotFound."""
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    link = StatusLink.objects.select_for_update().filter(pk=link_id, tenant=tenant).first()
    if link is None:
        raise NotFound("There is no such public link.")
    if link.revoked_at is None:
        link.revoked_at = timezone.now()
        link.save(update_fields=["revoked_at"])
        StatusSubscription.objects.filter(link_id=link.pk).delete()
        trail.record(by, standing, "tenants.status_link.revoke", link.pk, tenant=tenant.pk, title=link.title)
    return link


def open_by(token: str) -> StatusLink:
    """The link that a token opens, with its tenant. Raises NotFound: the same for no link and for one that is shut."""
    link = LINKS.opened_by(token)
    if link is None:
        raise NotFound("There is no status here. The link may have been revoked.", hint="Ask whoever gave it to you.")
    with rls.reading_as(f"org:{link.organization_id}"):
        link.tenant = Tenant.objects.select_related("cell").get(pk=link.tenant_id)
    return link
