"""What people do to templates and to what clients have of them. No tenant changes by any of it."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid
from fleet.client_templates import queries
from fleet.client_templates.drift import drift_of
from fleet.client_templates.merging import ABSENT, chain, changes
from fleet.client_templates.models import ClientTemplate, ClientTemplateVersion, TemplateUse
from fleet.client_templates.settings import SETTINGS, checked
from organizations import access
from organizations.actions import trail
from organizations.models import Organization
from organizations.standings import Standing

LONGEST_NAME, LONGEST_NOTE = 80, 200
MOST_TEMPLATES = 100


@transaction.atomic
def create(
    *, by: Actor, msp: Organization, name: str, settings: Mapping[str, Any], parent: str | None = None, note: str = ""
) -> ClientTemplate:
    """
    Keep a template in its first version.

    Args:
        settings: by the keys of `SETTINGS`; None leaves open what those above ask for.
        parent: id of the template that it inherits from. note: why, in a line.
    Raises Invalid naming every fault, Conflict for a name that is taken, for too many, and for what is no MSP.
    """
    standing = _manager(by, msp)
    templates = _all_locked(msp)
    if len(templates) >= MOST_TEMPLATES:
        raise Conflict(f"There are {MOST_TEMPLATES} templates already. Nothing was saved.", code="TOO_MANY_TEMPLATES")
    template = ClientTemplate(organization=msp, name=_checked_name(name), settings=checked(settings))
    template.parent = _checked_parent(templates, template, parent)
    _insert(template)
    _keep(by, template, note)
    trail.record(by, standing, "fleet.client_template.create", template.pk, name=template.name, **_told({}, template))
    return template


@transaction.atomic
def change(
    *,
    by: Actor,
    template: ClientTemplate,
    name: str,
    settings: Mapping[str, Any],
    parent: str | None,
    note: str = "",
    based_on: int | None = None,
) -> ClientTemplate:
    """
    Keep a template in another version; the newest one where that says the same. Args: as `create` has them.

    Args: based_on: the version that the change was made from; another newest one refuses it.
    Raises Invalid naming every fault, Conflict for a name that is taken or a version that came meanwhile.
    """
    standing = _manager(by, template.organization)
    templates = _all_locked(template.organization)
    template = templates[template.pk]
    if based_on is not None and based_on != template.number:
        raise Conflict(
            f"Version {template.number} was saved meanwhile. Yours was not saved.",
            code="TEMPLATE_CHANGED",
            field="based_on",
            hint="Look at the newest version, bring your change into it, and save that.",
        )
    before = (template.name, template.parent_id, template.settings)
    template.name, template.settings = _checked_name(name), checked(settings)
    template.parent = _checked_parent(templates, template, parent)
    if before == (template.name, template.parent_id, template.settings):
        return template
    template.number, template.changed_at = template.number + 1, timezone.now()
    _insert(template)
    _keep(by, template, note)
    told = {"number": template.number, **_told(before[2], template)}
    trail.record(by, standing, "fleet.client_template.change", template.pk, name=template.name, **told)
    return template


@transaction.atomic
def remove(*, by: Actor, template: ClientTemplate) -> None:
    """Forget a template with its versions. Raises Conflict while a client has it, or another inherits from it."""
    standing, template_id = _manager(by, template.organization), template.pk
    try:
        with transaction.atomic():
            template.delete()
    except ProtectedError as error:
        raise Conflict(
            f"{template.name} is in use. Nothing was removed.",
            code="TEMPLATE_IN_USE",
            hint="Give its clients another template, and let no other template inherit from it.",
        ) from error
    trail.record(by, standing, "fleet.client_template.remove", template_id, name=template.name)


@transaction.atomic
def assign(
    *, by: Actor, msp: Organization, client: Organization, template: ClientTemplate | None
) -> TemplateUse | None:
    """
    Say which template a client has, for all of its tenants; None for none, which forgets what it has otherwise too.

    Raises NotFound for what is no client of the MSP, Conflict for what is no MSP.
    """
    standing = _manager(by, msp)
    queries.client(by, msp, client.pk)
    held = TemplateUse.objects.select_for_update().filter(organization=msp, client=client).first()
    before = held.template if held else None
    if template is None and held is not None:
        held.delete()
        trail.record(by, standing, "fleet.client_template.take_away", client.pk, client=client.pk, before=str(before))
    if template is None or template == before:
        return None if template is None else held
    use, _ = TemplateUse.objects.update_or_create(organization=msp, client=client, defaults={"template": template})
    named = {"template": template.name, "before": str(before) if before else ""}
    trail.record(by, standing, "fleet.client_template.give", client.pk, client_name=client.name, **named)
    return use


@transaction.atomic
def override(*, by: Actor, use: TemplateUse, settings: Mapping[str, Any], reason: str) -> TemplateUse:
    """
    Have a client be otherwise than its template in some settings; others that it has otherwise stay so.

    Args: settings: by key; None leaves one open to the client. reason: why, in a line.
    Raises Invalid naming every fault.
    """
    standing = _manager(by, use.organization)
    found = checked(settings)
    if not found:
        raise Invalid("Name at least one setting.", field="settings")
    if not 1 <= len(reason.strip()) <= LONGEST_NOTE or not reason.strip().isprintable():
        raise Invalid(f"Say why, in 1 to {LONGEST_NOTE} printable characters.", field="reason")
    use = _locked(use)
    why = {"reason": reason.strip(), "by": by.user_id, "at": timezone.now().isoformat()}
    use.overrides |= {key: {"value": value, **why} for key, value in found.items()}
    use.save(update_fields=["overrides"])
    told = {key: SETTINGS[key].told(value) for key, value in found.items()}
    trail.record(
        by,
        standing,
        "fleet.client_template.override",
        use.client_id,
        client_name=use.client.name,
        reason=reason,
        **told,
    )
    return use


@transaction.atomic
def follow(*, by: Actor, use: TemplateUse, key: str) -> TemplateUse:
    """Have a client be as its template in one setting again. Doing it twice changes nothing."""
    standing = _manager(by, use.organization)
    use = _locked(use)
    if use.overrides.pop(key, None) is not None:
        use.save(update_fields=["overrides"])
        trail.record(
            by, standing, "fleet.client_template.follow", use.client_id, client_name=use.client.name, setting=key
        )
    return use


@transaction.atomic
def accept(*, by: Actor, use: TemplateUse, tenant_id: str, key: str, reason: str = "") -> TemplateUse:
    """
    Take what a tenant has of one setting as what its client is to have.

    Raises Conflict where it does not differ, or has what no client can be asked to have.
    """
    _manager(by, use.organization)
    use = _locked(use)
    drifting = drift_of(by, use.organization, [use])
    here = [each for row in drifting if row.tenant.pk == tenant_id for each in row.differences if each.key == key]
    if not here:
        raise Conflict("This does not differ any more. Nothing was changed.", code="NOTHING_DIFFERS")
    try:
        return override(by=by, use=use, settings={key: here[0].actual}, reason=reason or "As the tenant is")
    except Invalid as problem:
        if problem.field == "reason":
            raise
        raise Conflict(
            f"{here[0].actual_words} can't be kept for a client. {problem.detail} Nothing was changed.",
            code="NOT_ACCEPTABLE",
            hint="Roll the template out, or override it with something else.",
        ) from problem


def _manager(by: Actor, msp: Organization) -> Standing:
    standing = access.require_own(by, "client.manage", msp)
    if not msp.is_msp:
        raise Conflict("Only a managed service provider has clients. Nothing was changed.", code="NOT_AN_MSP")
    return standing


def _all_locked(msp: Organization) -> dict[str, ClientTemplate]:
    """So that two who move templates below each other at the same moment make no circle."""
    found = ClientTemplate.objects.select_for_update(of=("self",)).filter(organization=msp).order_by("pk")
    return {each.pk: each for each in found.select_related("organization")}


def _locked(use: TemplateUse) -> TemplateUse:
    found = TemplateUse.objects.select_for_update(of=("self",)).select_related("organization", "client")
    return found.get(pk=use.pk)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Invalid(f"A name has 1 to {LONGEST_NAME} printable characters.", field="name")
    return name


def _checked_parent(
    templates: Mapping[str, ClientTemplate], template: ClientTemplate, parent: str | None
) -> ClientTemplate | None:
    """The template above. Raises Invalid for an unknown one, a circle, and too many above each other."""
    if parent is not None and parent not in templates:
        raise Invalid("There is no such template to inherit from. Nothing was saved.", field="parent")
    template.parent_id = parent
    around = {**templates, template.pk: template}
    for each in around:
        chain(around, each)
    return templates[parent] if parent else None


def _insert(template: ClientTemplate) -> None:
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError as error:
        raise Conflict(
            f"There is a template {template.name} already. Nothing was saved.",
            code="NAME_TAKEN",
            field="name",
            hint="Choose another name.",
        ) from error


def _keep(by: Actor, template: ClientTemplate, note: str) -> None:
    note = note.strip()
    if len(note) > LONGEST_NOTE or not note.isprintable():
        raise Invalid(f"Expected at most {LONGEST_NOTE} printable characters.", field="note")
    ClientTemplateVersion.objects.create(
        organization_id=template.organization_id,
        template=template,
        number=template.number,
        name=template.name,
        parent_name=template.parent.name if template.parent else "",
        settings=template.settings,
        note=note,
        created_by=by.user_id,
    )


def _told(before: Mapping[str, Any], template: ClientTemplate) -> dict[str, str]:
    """What the trail says of the settings: each that differs, as it is now."""
    found = changes(before, template.settings)
    return {
        each.key: "Not asked for" if each.after is ABSENT else SETTINGS[each.key].told(each.after) for each in found
    }
