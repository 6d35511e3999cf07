"""Reads of content. Every one takes who is asking."""

from django.db.models import QuerySet

from controlplane.actor import Actor
from controlplane.problems import NotFound
from organizations import access
from organizations.models import Organization
from tenants.content import reading
from tenants.content.layers import Effective
from tenants.content.models import ContentBundle, ContentFile, ContentVersion
from tenants.content.problems import ContentNotFound
from tenants.provisioning import queries as tenants
from tenants.provisioning.kinds import CONTENT
from tenants.provisioning.models import Operation, Tenant


def files_of_organization(actor: Actor, organization: Organization) -> QuerySet[ContentFile]:
    """What an organization has for all tenants that inherit from it, withdrawn files included."""
    access.require(actor, "tenant.view", organization)
    return ContentFile.objects.filter(organization=organization, tenant=None)


def files_of_tenant(actor: Actor, tenant: Tenant) -> QuerySet[ContentFile]:
    """What a tenant has of its own, withdrawn files included."""
    access.require(actor, "tenant.view", tenant.organization_id)
    return ContentFile.objects.filter(tenant=tenant)


def files_at(actor: Actor, organization: Organization, tenant: Tenant | None) -> QuerySet[ContentFile]:
    """What a tenant has of its own, or where none is given what its organization has for all."""
    return files_of_tenant(actor, tenant) if tenant else files_of_organization(actor, organization)


def find(actor: Actor, file_id: str) -> ContentFile:
    """One file of either level. Raises ContentNotFound, also for one of strangers or beyond a key's tenants."""
    found = ContentFile.objects.filter(pk=file_id).select_related("organization", "tenant").first()
    if found is None:
        raise ContentNotFound
    try:
        if found.tenant_id:
            tenants.find(actor, found.tenant_id)
        access.require(actor, "tenant.view", found.organization_id)
    except NotFound:
        raise ContentNotFound from None
    return found


def versions_of(actor: Actor, file: ContentFile) -> QuerySet[ContentVersion]:
    """A file's versions, the newest first."""
    return ContentVersion.objects.filter(file=find(actor, file.pk))


def version(actor: Actor, file: ContentFile, number: int) -> ContentVersion:
    """One version of a file; raises ContentNotFound."""
    found = versions_of(actor, file).filter(number=number).first()
    if found is None:
        raise ContentNotFound("version")
    return found


def inherited_by(actor: Actor, organization: Organization) -> list[Effective]:
    """What counts for a tenant of the organization that has nothing of its own."""
    access.require(actor, "tenant.view", organization)
    return reading.effective(reading.levels_of(organization))


def effective_for(actor: Actor, tenant: Tenant) -> list[Effective]:
    """What counts for a tenant now, with texts."""
    access.require(actor, "tenant.view", tenant.organization_id)
    return reading.effective_of(tenant)


def bundles_of(actor: Actor, tenant: Tenant) -> QuerySet[ContentBundle]:
    """What was put together for a tenant, the newest first, without texts."""
    access.require(actor, "tenant.view", tenant.organization_id)
    return ContentBundle.objects.filter(tenant=tenant).defer("texts")


def bundle(actor: Actor, tenant: Tenant, bundle_id: str) -> ContentBundle:
    """One of them, with texts; raises ContentNotFound."""
    access.require(actor, "tenant.view", tenant.organization_id)
    found = ContentBundle.objects.filter(tenant=tenant, pk=bundle_id).first()
    if found is None:
        raise ContentNotFound("bundle")
    return found


def publications_of(actor: Actor, tenant: Tenant) -> QuerySet[Operation]:
    """Operations that published content at a tenant, the newest first."""
    return tenants.operations_of(actor, tenant).filter(kind=CONTENT)
