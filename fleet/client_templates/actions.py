"""What people do to templates. No tenant changes by any of it."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from controlplane.actor import Actor
from controlplane.problems import Conflict, Invalid, NotFound
from fleet.client_templates import queries
from fleet.client_templates.merging import ABSENT, chain, changes
from fleet.client_templates.models import ClientTemplate, ClientTemplateVersion
from fleet.client_templates.settings import SETTINGS, checked
from organizations import access
from organizations.actions import trail
from organizations.models import Organization

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
    standing = access.require_managing_clients(by, msp)
    templates = _all_locked(msp)
    if len(templates) >= MOST_TEMPLATES:
        raise Conflict(f"There are {MOST_TEMPLATES} templates already. Nothing was saved.", code="TOO_MANY_TEMPLATES")
    template = ClientTemplate(organization=msp, name=_checked_name(name), settings=checked(settings))
    template.parent = _checked_parent(templates, template, parent)
    _insert(template)
    _keep(by, template, note)
    told = {"inherits_from": _named(template.parent), **_told({}, template)}
    trail.record(by, standing, "fleet.client_template.create", template.pk, name=template.name, **told)
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
    standing = access.require_managing_clients(by, template.organization)
    templates = _all_locked(template.organization)
    if template.pk not in templates:
        raise NotFound("This template was removed meanwhile. Nothing was changed.")
    template = templates[template.pk]
    if based_on is not None and based_on != template.number:
        raise Conflict(
            f"Version {template.number} was saved meanwhile. Yours was not saved.",
            code="TEMPLATE_CHANGED",
            field="based_on",
            hint="Look at the newest version, bring your change into it, and save that.",
        )
    before, above = (template.name, template.parent_id, template.settings), template.parent
    template.name, template.settings = _checked_name(name), checked(settings, kept=template.settings)
    template.parent = _checked_parent(templates, template, parent)
    if before == (template.name, template.parent_id, template.settings):
        return template
    template.number, template.changed_at = template.number + 1, timezone.now()
    _insert(template)
    _keep(by, template, note)
    told = {"number": template.number, **_told(before[2], template)}
    if above != template.parent:
        told["inherits_from"] = _named(template.parent) or "no other"
    trail.record(by, standing, "fleet.client_template.change", template.pk, name=template.name, **told)
    return template


@transaction.atomic
def remove(*, by: Actor, template: ClientTemplate) -> None:
    """
    Forget a template with its versions, and that clients had it whose access has ended.

    Raises Conflict while a client has it, or another inherits from it.
    """
    standing, template_id = access.require_managing_clients(by, template.organization), template.pk
    try:
        with transaction.atomic():
            queries.left_behind(template).delete()
            template.delete()
    except ProtectedError as error:
        raise Conflict(
            f"{template.name} is in use. Nothing was removed.",
            code="TEMPLATE_IN_USE",
            hint="Give its clients another template, and let no other template inherit from it.",
        ) from error
    trail.record(by, standing, "fleet.client_template.remove", template_id, name=template.name)


def _all_locked(msp: Organization) -> dict[str, ClientTemplate]:
    """So that two who move templates below each other at the same moment make no circle."""
    found = ClientTemplate.objects.select_for_update(of=("self",)).filter(organization=msp).order_by("pk")
    return {each.pk: each for each in found.select_related("organization", "parent")}


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
        parent_name=_named(template.parent),
        settings=template.settings,
        note=note,
        created_by=by.user_id,
    )


def _named(parent: ClientTemplate | None) -> str:
    return parent.name if parent else ""


def _told(before: Mapping[str, Any], template: ClientTemplate) -> dict[str, str]:
    """What the trail says of the settings: each that differs, as it is now."""
    found = changes(before, template.settings)
    return {
        each.key: "Not asked for" if each.after is ABSENT else SETTINGS[each.key].told(each.after) for each in found
    }
