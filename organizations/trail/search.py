"""Searching an organization's audit trail: what a search can name, its form, and the rows it stands for."""

import datetime as dt
import re
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db import connection
from django.db.models import Q, QuerySet

from controlplane.models import AuditEntry
from controlplane.problems import Malformed
from organizations.models import ApiKey, Grant
from organizations.trail.people import people_called
from organizations.trail.words import action_words, noun_of

LONGEST = 120
ACTION = re.compile(r"\A[a-z_]+\.[a-z_]+(\.[a-z_]+)?\Z")
OF_KIND = {
    "system": Q(actor_kind="system"),
    "msp": Q(actor_grant__isnull=False),
    "api key": Q(actor_kind="api_key"),
    "scim": Q(actor_kind="scim"),
}
"""Words in `who` that stand for a kind of actor instead of somebody's name."""
BY_ID = {"usr": "actor_user", "key": "actor_key", "stok": "actor_key", "grant": "actor_grant"}
"""Kind of an id in `who` → where entries hold it."""


class MomentField(forms.CharField):
    """A day, or a moment in ISO 8601; without an offset it is in UTC. The end of a range holds its whole day."""

    def __init__(self, *, ends: bool = False, **more: Any) -> None:
        super().__init__(required=False, max_length=40, **more)
        self.ends = ends

    def to_python(self, value: Any) -> Any:
        """The moment; None where nothing was given."""
        text = super().to_python(value)
        if not text:
            return None
        try:
            moment = dt.datetime.fromisoformat(text)
            if len(text) == len("2026-01-01") and self.ends:
                moment += dt.timedelta(days=1)
            return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        except (ValueError, OverflowError) as error:
            raise forms.ValidationError(
                "Give a day such as 2026-11-27, or a time such as 2026-11-27T14:00Z."
            ) from error

    def clean(self, value: Any) -> Any:
        """Checks the text's length, then reads it."""
        self.run_validators(super().to_python(value))
        return self.to_python(value)


class SearchForm(forms.Form):
    """What a trail can be searched for; page and API read their parameters by it."""

    who = forms.CharField(
        required=False,
        max_length=LONGEST,
        label="Who",
        widget=forms.TextInput({"placeholder": "Name or address"}),
    )
    action = forms.RegexField(ACTION, required=False, max_length=LONGEST, label="What", widget=forms.Select)
    target = forms.CharField(
        required=False, max_length=LONGEST, label="On", widget=forms.TextInput({"placeholder": "Id"})
    )
    request = forms.CharField(
        required=False, max_length=LONGEST, label="Request", widget=forms.TextInput({"placeholder": "X-Request-Id"})
    )
    since = MomentField(label="From")
    until = MomentField(label="Until", ends=True)
    outcome = forms.ChoiceField(
        required=False, label="Outcome", choices=[("", "Any"), ("done", "Done"), ("refused", "Refused")]
    )

    def __init__(self, given: Any, actions: Any = ()) -> None:
        super().__init__(given, auto_id="search_%s", use_required_attribute=False)
        self.fields["action"].widget.choices = _grouped(actions, given.get("action", ""))
        for name in ("since", "until"):
            if not given.get(name) or len(given[name]) == len("2026-01-01"):
                self.fields[name].widget.input_type = "date"

    def clean(self) -> dict[str, Any]:
        """A range has to go forwards."""
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since >= until:
            self.add_error("until", "This lies before the beginning.")
        return cleaned

    @property
    def given(self) -> dict[str, str]:
        """What was asked for, as the address holds it."""
        return {name: self.data[name] for name in SearchForm.base_fields if self.data.get(name)}

    @property
    def address(self) -> str:
        """The search as a query string; empty where nothing narrows it."""
        return urlencode(self.given)


class ExportForm(SearchForm):
    """A search, and the file that is to hold what it finds."""

    kind = forms.ChoiceField(choices=[("csv", "CSV"), ("jsonl", "JSON lines")], label="As")
    after = forms.IntegerField(required=False, min_value=0, max_value=2**53, label="After entry")


class FeedForm(forms.Form):
    """From where on a trail is followed, and how much of it at once."""

    LARGEST, DEFAULT = 1000, 500

    after = forms.IntegerField(required=False, min_value=0, max_value=2**53)
    limit = forms.IntegerField(required=False, min_value=1, max_value=LARGEST)


def search_of[Form: forms.Form](parameters: Any, form_class: type[Form]) -> Form:
    """What somebody asks for by address. Raises Malformed naming the first parameter that can't be used."""
    form = form_class(parameters)
    for name, messages in form.errors.items():
        raise Malformed(str(messages[0]), field=name)
    return form


def found(organization_id: str, form: SearchForm) -> QuerySet[AuditEntry]:
    """The entries that a valid search stands for, in no order; the caller has checked who asks."""
    asked = form.cleaned_data
    rows = AuditEntry.objects.filter(organization_id=organization_id)
    if asked["who"]:
        rows = rows.filter(_who(organization_id, asked["who"].strip()))
    if asked["action"]:
        rows = rows.filter(_what(organization_id, asked["action"]))
    if asked["target"]:
        rows = rows.filter(target=asked["target"].strip())
    if asked["request"]:
        rows = rows.filter(actor_request=asked["request"].strip())
    if asked["since"]:
        rows = rows.filter(created_at__gte=asked["since"])
    if asked["until"]:
        rows = rows.filter(created_at__lt=asked["until"])
    return rows.filter(refused=asked["outcome"] == "refused") if asked["outcome"] else rows


def actions_in(organization_id: str) -> list[str]:
    """Every action that the trail knows: one step in an index for each, however many entries there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE known(action) AS ("
            " SELECT min(action) FROM controlplane_auditentry WHERE organization_id = %s UNION ALL"
            " SELECT (SELECT min(e.action) FROM controlplane_auditentry e"
            " WHERE e.organization_id = %s AND e.action > known.action)"
            " FROM known WHERE known.action IS NOT NULL"
            ") SELECT action FROM known WHERE action IS NOT NULL",
            [organization_id, organization_id],
        )
        return [action for (action,) in cursor.fetchall()]


def _who(organization_id: str, words: str) -> Q:
    if words.lower() in OF_KIND:
        return OF_KIND[words.lower()]
    if words.partition("_")[0] in BY_ID:
        return Q(**{BY_ID[words.partition("_")[0]]: words})
    named = {
        "actor_user": people_called(organization_id, words),
        "actor_key": _ids(ApiKey.objects.filter(organization_id=organization_id, name__icontains=words)),
        "actor_grant": _ids(Grant.objects.filter(client_id=organization_id, msp__name__icontains=words)),
    }
    condition = Q(pk__in=[])
    for field, ids in named.items():
        if ids:
            condition |= Q(**({field: ids[0]} if len(ids) == 1 else {f"{field}__in": ids}))
    return condition


def _what(organization_id: str, action: str) -> Q:
    if action.count(".") == 2:
        return Q(action=action)
    return Q(action__in=[each for each in actions_in(organization_id) if each.startswith(f"{action}.")])


def _ids(rows: QuerySet[Any]) -> list[str]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:50])


def _grouped(actions: Any, chosen: str) -> list[Any]:
    """Choices for a select: everything of an object, then each action on it, under the object's name."""
    objects: dict[str, list[str]] = {chosen: []} if chosen.count(".") == 1 else {}
    for action in sorted({*actions, *([chosen] if chosen.count(".") == 2 else [])}):
        objects.setdefault(action.rpartition(".")[0], []).append(action)
    groups = [
        (noun_of(known), [(known, f"{noun_of(known)}: everything"), *((each, action_words(each)) for each in members)])
        for known, members in objects.items()
    ]
    return [("", "Anything"), *sorted(groups, key=lambda group: group[0])]
