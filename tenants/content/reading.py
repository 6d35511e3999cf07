"""Reads the levels of content that count for a tenant, and what of it was published."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F, Q

from controlplane import rls
from organizations.models import Grant, Organization
from organizations.permissions import roles_with
from organizations.standings import current
from tenants.content.bundles import sha256_of
from tenants.content.layers import Effective, Given, Layer, Level, Source, effective, in_use
from tenants.content.models import ContentBundle, ContentFile, ContentVersion
from tenants.provisioning.models import Tenant

CEILINGS = roles_with("tenant.operate")
"""Of a grant under which a provider's content reaches a client: it may run the client's tenants anyway."""


def layers_of(tenant: Tenant, *, texts: bool = True) -> list[Layer]:
    """The levels that count for a tenant, from afar to near. Args: texts: whether files come with their text."""
    return [*levels_of(tenant.organization, texts=texts), tenant_layer(tenant, texts=texts)]


def levels_of(organization: Organization, *, texts: bool = True) -> list[Layer]:
    """The same of what all tenants of an organization have in common."""
    own = _heads(Q(file__organization=organization, file__tenant=None), texts)
    return [*_of_providers(organization, texts), Layer(_source(Level.ORGANIZATION, organization), own)]


def tenant_layer(tenant: Tenant, *, texts: bool = True) -> Layer:
    """What a tenant has of its own."""
    return Layer(_source(Level.TENANT, tenant), _heads(Q(file__tenant=tenant), texts))


def effective_of(tenant: Tenant, *, texts: bool = True) -> list[Effective]:
    """What counts for a tenant now."""
    return effective(layers_of(tenant, texts=texts))


def applied_digest(tenant: Tenant) -> str | None:
    """What the tenant's manager runs, as the edge told last; None where it runs nothing of this."""
    told = (tenant.edge_view or {}).get("content") or {}
    return told.get("applied")


def bundle_of(tenant: Tenant, digest: str | None) -> ContentBundle | None:
    """The bundle of a digest; None where none is kept. A clone runs what was put together for the tenant it is of."""
    if not digest:
        return None
    known = ContentBundle.objects.filter(organization_id=tenant.organization_id, digest=digest)
    return known.filter(tenant=tenant).first() or known.first()


def differs(found: Sequence[Effective], bundle: ContentBundle | None) -> bool:
    """Whether what counts is other than what a bundle holds."""
    ours = {(*each.given.key, each.given.sha256) for each in in_use(found)}
    theirs = {(each["kind"], each["name"], each["sha256"]) for each in bundle.files} if bundle else set()
    return ours != theirs


def stamp_of(organization_id: str) -> str:
    """Another one after each change of the files that all tenants of an organization have in common."""
    own = _heads(Q(file__organization=organization_id, file__tenant=None), texts=False)
    return sha256_of(json.dumps(sorted((*each.key, each.sha256) for each in own)))


def _heads(which: Q, texts: bool) -> list[Given]:
    """The newest versions of files that are not withdrawn."""
    rows = ContentVersion.objects.filter(which, file__withdrawn_at=None, number=F("file__latest"))
    rows = rows.select_related("file") if texts else rows.select_related("file").defer("text")
    return [_given(each.file, each, each.text if texts else None) for each in rows]


def _given(file: ContentFile, version: ContentVersion, text: str | None) -> Given:
    return Given(file.kind, file.name, file.pk, version.number, version.sha256, text)


def _source(level: Level, whose: Organization | Tenant) -> Source:
    return Source(level, whose.pk, whose.name)


def _of_providers(organization: Organization, texts: bool) -> list[Layer]:
    """
    What providers hand down. Of two that do, the one whose access was granted first is the nearer.

    Row-level security shows a client nothing of its provider, so a narrow function answers this one question.
    """
    rows = rls.call("content_inherited", organization.pk, texts, otherwise=lambda: _inherited(organization, texts))
    layers: dict[str, Layer] = {}
    for row in rows:
        source = Source(Level.PROVIDER, row["provider_id"], row["provider_name"])
        layer = layers.setdefault(source.id, Layer(source, []))
        given = Given(row["kind"], row["name"], row["file_id"], row["number"], row["sha256"], row["content"])
        layers[source.id] = Layer(source, [*layer.files, given])
    return list(layers.values())


def _inherited(organization: Organization, texts: bool) -> list[Mapping[str, Any]]:
    """What `content_inherited` answers, where no row-level security stands in the way."""
    grants = Grant.objects.filter(current(), client=organization, role_ceiling__in=CEILINGS).select_related("msp")
    found: list[Mapping[str, Any]] = []
    for grant in grants.order_by("-created_at", "-id"):
        for given in _heads(Q(file__organization=grant.msp, file__tenant=None), texts):
            told = {"kind": given.kind, "name": given.name, "number": given.number, "sha256": given.sha256}
            of = {"provider_id": grant.msp_id, "provider_name": grant.msp.name, "file_id": given.file_id}
            found.append({**of, **told, "content": given.text})
    return found
