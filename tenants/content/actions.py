"""What people do to files: new ones, new versions, leaving out, withdrawing. No tenant changes by any of it."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Invalid
from organizations import access
from organizations.actions import trail
from organizations.models import Organization
from organizations.standings import Standing
from tenants.content import reading
from tenants.content.bundles import sha256_of
from tenants.content.checking import faults_of, faults_together, name_fault
from tenants.content.layers import in_use
from tenants.content.models import ContentFile, ContentVersion
from tenants.content.problems import ChangedMeanwhile, FileExists, InvalidContent
from tenants.provisioning.actions import refuse_leaving
from tenants.provisioning.models import Tenant

LONGEST_NOTE = 200


@transaction.atomic
def create(
    *,
    by: Actor,
    organization: Organization,
    kind: str,
    name: str,
    text: str | None,
    note: str = "",
    tenant: Tenant | None = None,
) -> ContentVersion:
    """
    Keep a file in its first version, or one that was withdrawn in its next.

    Args:
        text: None leaves out what is inherited under this name.
        tenant: of the organization, whose alone it is; None for all tenants that inherit from the organization.
    Raises InvalidContent naming every fault, FileExists, Forbidden.
    """
    standing = _standing(by, organization.pk, tenant)
    if tenant is not None:
        refuse_leaving(tenant)
    if kind not in ContentFile.Kind.values:
        raise Invalid(f"A kind is one of {', '.join(ContentFile.Kind.values)}. Nothing was saved.", field="kind")
    if fault := name_fault(kind, name):
        raise Invalid(f"{fault} Nothing was saved.", field="name", code="INVALID_CONTENT")
    place = {"organization": organization, "tenant": tenant, "kind": kind, "name": name}
    file = _made_or_withdrawn(place)
    return _keep(by, standing, file, text, note)


@transaction.atomic
def save(
    *, by: Actor, file: ContentFile, text: str | None, note: str = "", based_on: int | None = None
) -> ContentVersion:
    """
    Keep another version of a file; the newest one where that says the same.

    Args:
        text: None leaves out what is inherited under this name.
        based_on: the version that the change was made from; another newest one refuses it.
    Raises InvalidContent, ChangedMeanwhile, Forbidden.
    """
    standing = _standing(by, file.organization_id, file.tenant)
    file = _locked(file)
    if based_on is not None and based_on != file.latest:
        raise ChangedMeanwhile(file.latest)
    newest = file.versions.filter(number=file.latest).first()
    if newest is not None and file.withdrawn_at is None and newest.text == _plain(text):
        return newest
    return _keep(by, standing, file, text, note)


@transaction.atomic
def withdraw(*, by: Actor, file: ContentFile) -> ContentFile:
    """
    Have a file count no more at its level: what is inherited under its name counts again. Its versions are kept.

    Raises Forbidden.
    """
    standing = _standing(by, file.organization_id, file.tenant)
    file = _locked(file)
    if file.withdrawn_at is None:
        file.withdrawn_at = timezone.now()
        file.save(update_fields=["withdrawn_at"])
        _record(by, standing, "tenants.content.withdraw", file)
    return file


def _standing(by: Actor, organization_id: str, tenant: Tenant | None) -> Standing:
    """What many tenants inherit takes more than what one of them has: a key for one tenant reaches no other by it."""
    return access.require(by, "content.manage" if tenant is None else "tenant.operate", organization_id)


def _made_or_withdrawn(place: dict[str, Any]) -> ContentFile:
    try:
        with transaction.atomic():
            return ContentFile.objects.create(**place)
    except IntegrityError:
        file = ContentFile.objects.select_for_update().get(**place)
        if file.withdrawn_at is None:
            raise FileExists(file.name, file.pk) from None
        return file


def _locked(file: ContentFile) -> ContentFile:
    return ContentFile.objects.select_for_update(of=("self",)).select_related("organization", "tenant").get(pk=file.pk)


def _keep(by: Actor, standing: Standing, file: ContentFile, text: str | None, note: str) -> ContentVersion:
    """Part of an action, which holds the file's lock."""
    text = _plain(text)
    if text is not None:
        _refuse_faulty(file, text)
    file.latest, file.withdrawn_at = file.latest + 1, None
    file.save(update_fields=["latest", "withdrawn_at"])
    version = ContentVersion.objects.create(
        organization_id=file.organization_id,
        file=file,
        number=file.latest,
        text=text,
        sha256=sha256_of(text) if text is not None else "",
        note=note.strip()[:LONGEST_NOTE],
        created_by=by.user_id,
    )
    done = "tenants.content.leave_out" if text is None else "tenants.content.save"
    _record(by, standing, done, file, version=version.number, note=version.note)
    return version


def _plain(text: str | None) -> str | None:
    """With the line ends of the machines that read it, as browsers don't send them."""
    return text if text is None else text.replace("\r\n", "\n").replace("\r", "\n")


def _refuse_faulty(file: ContentFile, text: str) -> None:
    if faults := faults_of(file.kind, text):
        raise InvalidContent([f"{file.name}: {fault.told}" for fault in faults])
    if file.kind == ContentFile.Kind.RULES:
        beside = [each for each in _beside(file) if (each["kind"], each["name"]) != (file.kind, file.name)]
        found = faults_together([*beside, {"kind": file.kind, "name": file.name, "text": text}])
        ours = [words for kind, name, words in found if (kind, name) == (file.kind, file.name)]
        if ours:
            raise InvalidContent([f"{file.name}: {words}" for words in ours])


def _beside(file: ContentFile) -> list[dict[str, Any]]:
    """The rules that count together with a file at its level."""
    levels = reading.layers_of(file.tenant) if file.tenant else reading.levels_of(file.organization)
    used = in_use(reading.effective(levels))
    return [
        {"kind": each.given.kind, "name": each.given.name, "text": each.given.text}
        for each in used
        if each.given.kind == ContentFile.Kind.RULES
    ]


def _record(by: Actor, standing: Standing, action: str, file: ContentFile, **data: Any) -> None:
    given = {name: value for name, value in data.items() if value}
    where = {"tenant": file.tenant_id, "of_tenant": file.tenant.name} if file.tenant else {}
    trail.record(by, standing, action, file.pk, kind=file.kind, name=file.name, **where, **given)
