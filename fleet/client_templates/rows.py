"""Templates ready to be read: plain values and marks."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import reverse

from controlplane.marks import Mark
from fleet.client_templates.drift import TenantDrift
from fleet.client_templates.merging import ABSENT, OF_CLIENT, Chosen, changes
from fleet.client_templates.models import ClientTemplate, ClientTemplateVersion, TemplateUse
from fleet.client_templates.settings import SETTINGS
from fleet.clients.rows import counted

IN_LINE = Mark("ok", "circle-check", "As wanted")
DRIFTS = Mark("attention", "triangle-alert", "Differs")


def template_row(template: ClientTemplate, clients: Mapping[str, int]) -> dict[str, Any]:
    """One template of a list. Args: clients: how many have each template, by its id."""
    return {
        "name": template.name,
        "url": reverse("fleet:client-template", args=[template.organization_id, template.pk]),
        "parent": template.parent.name if template.parent else "",
        "clients": counted(clients.get(template.pk, 0)),
        "asked": len(template.settings),
        "number": template.number,
        "changed_at": template.changed_at,
    }


def wanted_rows(
    wanted: Mapping[str, Chosen], own: str, templates: Mapping[str, ClientTemplate], use: TemplateUse | None = None
) -> list[dict[str, Any]]:
    """
    Each setting that is asked for, or left open by hand, with where that comes from.

    Args: own: the id of the template that is shown, or that the client has; use: of the client, where one is shown.
    """
    overrides = use.overrides if use else {}
    names = {each.pk: each.name for each in templates.values()}
    return [
        {
            "key": key,
            "label": setting.label,
            "note": setting.note,
            "words": setting.told(wanted[key].value if key in wanted else None),
            "source": "" if key not in wanted or wanted[key].source in (own, OF_CLIENT) else names[wanted[key].source],
            "override": _override(overrides[key]) if key in overrides else None,
        }
        for key, setting in SETTINGS.items()
        if key in wanted or key in overrides or key in templates[own].settings
    ]


def drift_rows(drifting: Iterable[TenantDrift], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each tenant with what differs, those in which anything does first. Args: names: of templates by id."""
    rows = [_drift_row(each, names) for each in drifting]
    return sorted(rows, key=lambda row: not row["differences"])


def version_row(
    version: ClientTemplateVersion, before: ClientTemplateVersion | None, people: Mapping[str, str]
) -> dict[str, Any]:
    """One version with what it has otherwise than the one before."""
    lines = [
        {
            "label": SETTINGS[each.key].label,
            "before": _told(each.key, each.before),
            "after": _told(each.key, each.after),
        }
        for each in changes(before.settings if before else {}, version.settings)
    ]
    names = [
        ("Name", before.name if before else "", version.name),
        ("Inherits from", before.parent_name if before else "", version.parent_name),
    ]
    moved = [{"label": label, "before": was or "–", "after": now or "–"} for label, was, now in names if was != now]
    return {
        "number": version.number,
        "note": version.note,
        "by": people.get(version.created_by, "–"),
        "at": version.created_at,
        "lines": [*moved, *lines],
    }


def _drift_row(drift: TenantDrift, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "tenant": drift.tenant,
        "client": drift.use.client,
        "template": names.get(drift.use.template_id, ""),
        "url": reverse("fleet:client-of-template", args=[drift.use.organization_id, drift.use.client_id]),
        "mark": DRIFTS if drift.differences else IN_LINE,
        "differences": drift.differences,
    }


def _override(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"reason": given["reason"], "at": dt.datetime.fromisoformat(given["at"])}


def _told(key: str, value: Any) -> str:
    return "–" if value is ABSENT else SETTINGS[key].told(value)
