"""
Putting content into use at a tenant, and the way back.

What counts for the tenant is kept whole as a bundle. The plan names it, so that the reconciler hands it over like every
other change; the edge applies it by the manager's API without a restart, and puts the bundle before back where the
manager refuses it.
"""

from typing import Any

from django.db import transaction

from controlplane.actor import Actor
from organizations import access
from tenants.content import reading
from tenants.content.bundles import digest_of
from tenants.content.checking import faults_together
from tenants.content.layers import Effective, in_use
from tenants.content.models import ContentBundle
from tenants.content.problems import ContentNotFound, InvalidContent
from tenants.provisioning import beside, mirror, specs
from tenants.provisioning.actions import refuse_while_busy
from tenants.provisioning.kinds import CONTENT
from tenants.provisioning.models import Operation, Tenant
from tenants.provisioning.problems import NotPossibleNow
from tenants.provisioning.scheduling import NOW, ask, prepares

WITHOUT_CONTENT = "5."
"""How versions begin whose managers take none of it."""
KEPT_BUNDLES = 50
"""Of a tenant; the oldest go first, but never one that is in use or asked for."""


@transaction.atomic
def publish(*, by: Actor, tenant: Tenant, when: str = NOW) -> Operation:
    """
    Have a tenant's manager run what counts for the tenant now.

    Raises InvalidContent where files that are good one by one are not together, NotPossibleNow for a tenant that does
    not run or runs just this, OperationInProgress. Args: when: see `scheduling.ask`.
    """
    standing = access.require(by, "tenant.operate", tenant.organization_id)
    tenant = mirror.locked(tenant.pk)
    bundle = _keep(by, tenant, reading.effective_of(tenant))
    return ask(by, tenant, CONTENT, standing, when, content=bundle.digest)


@transaction.atomic
def return_to(*, by: Actor, bundle: ContentBundle, when: str = NOW) -> Operation:
    """
    Have a tenant's manager run what it ran once, whatever became of the files since.

    Raises NotPossibleNow, OperationInProgress. Args: when: see `scheduling.ask`.
    """
    standing = access.require(by, "tenant.operate", bundle.organization_id)
    return ask(by, mirror.locked(bundle.tenant_id), CONTENT, standing, when, content=bundle.digest)


@prepares(CONTENT)
def _published(tenant: Tenant, content: str) -> dict[str, Any]:
    refuse_while_busy(tenant)
    beside.refuse_while_the_edge_works(tenant)
    if problem := why_not(tenant):
        raise problem
    if not ContentBundle.objects.filter(tenant=tenant, digest=content).exists():
        raise ContentNotFound("bundle")
    if tenant.spec.get("content") == content:
        raise NotPossibleNow("This tenant has exactly this content already.", "Save a change first.")
    return {**tenant.spec, "content": content}


def why_not(tenant: Tenant) -> NotPossibleNow | None:
    """What keeps a tenant from content of its own, but for what is under way; None where nothing does."""
    if tenant.status not in ("running", "attention"):
        return NotPossibleNow("Content is put into use at a tenant that runs.", "Start it and wait until it runs.")
    if specs.manager_version(tenant.spec).startswith(WITHOUT_CONTENT):
        return NotPossibleNow("Managers of Wazuh 5 don't take content of one's own here.", "It counts once they do.")
    return None


def before(tenant: Tenant) -> ContentBundle | None:
    """What the tenant had before the last change of its content; None where that is not kept, or was nothing."""
    last = tenant.operations.filter(kind=CONTENT, state=Operation.State.SUCCEEDED).first()
    digest = (last.base_spec or {}).get("content") if last else None
    return reading.bundle_of(tenant, digest) if digest != tenant.spec.get("content") else None


def _keep(by: Actor, tenant: Tenant, found: list[Effective]) -> ContentBundle:
    files = [_file(each) for each in in_use(found)]
    if not files and not tenant.spec.get("content"):
        raise NotPossibleNow("There is no content for this tenant yet.", "Save a file first.")
    if faults := faults_together(files):
        told = [f"{name}: {words}" if name else words for _, name, words in faults]
        raise InvalidContent(told, field="files", kept="Nothing was published.")
    digest = digest_of(files)
    bundle, made = ContentBundle.objects.get_or_create(
        tenant=tenant,
        digest=digest,
        defaults={
            "organization_id": tenant.organization_id,
            "files": [{name: value for name, value in each.items() if name != "text"} for each in files],
            "texts": {each["sha256"]: each["text"] for each in files},
            "created_by": by.user_id,
        },
    )
    if made:
        _forget_oldest(tenant)
    return bundle


def _file(each: Effective) -> dict[str, Any]:
    given, source = each.given, each.source
    return {
        "kind": given.kind,
        "name": given.name,
        "sha256": given.sha256,
        "text": given.text,
        "version": given.number,
        "file": given.file_id,
        "level": source.level.value,
        "owner": source.id,
        "owner_name": source.name,
    }


def _forget_oldest(tenant: Tenant) -> None:
    open_ = tenant.operations.filter(kind=CONTENT, state__in=(*Operation.OPEN, Operation.State.SCHEDULED))
    used = {tenant.spec.get("content"), reading.applied_digest(tenant), *(each.arguments["content"] for each in open_)}
    kept = ContentBundle.objects.filter(tenant=tenant).values_list("pk", flat=True)[:KEPT_BUNDLES]
    old = ContentBundle.objects.filter(tenant=tenant).exclude(pk__in=list(kept))
    old.exclude(digest__in=[each for each in used if each]).delete()
