"""The inbox by API: the same actions and queries as the pages."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.schema import narrowing
from controlplane.api.views import ListView, valid
from controlplane.rls import reading_as
from fleet.alerts import actions, behind, queries, suppressions
from fleet.alerts.models import Alert
from fleet.alerts.search import ALL, AlertSearch, narrowed
from fleet.alerts.serializers import (
    AlertEntryOut,
    AlertOut,
    BehindOut,
    HandledOut,
    HandleIn,
    NoteIn,
    SuppressionIn,
    SuppressionOut,
    WholeAlertOut,
)
from fleet.alerts.severity import Severity
from organizations import access
from organizations import queries as organizations
from organizations.models import Organization
from organizations.trail.search import search_of
from tenants.provisioning import queries as tenants

SEARCH = [
    OpenApiParameter(
        "state",
        str,
        enum=[*Alert.State.values, ALL, ""],
        description="Without it, or empty, what is open or acknowledged",
    ),
    narrowing("severity", "Only alerts so grave", Severity.values),
    narrowing("kind", "Only alerts of a kind", Alert.Kind.values),
    *(
        OpenApiParameter(name, str, description=words)
        for name, words in {
            "client": "Only of an organization, by its id or a part of its name",
            "tenant": "Only of a tenant, by its id or a part of its name",
            "text": "A part of title or agent, or a rule's id",
            "technique": "ATT&CK technique, such as T1110, with those below it",
            "tactic": "ATT&CK tactic, or how its name begins",
            "agent": "An agent's id, or a part of its name",
            "assignee": "`me`, `nobody` or a person's id",
        }.items()
    ),
    OpenApiParameter(
        "suppressed", str, enum=["only", "too", ""], description="Without it, or empty, what is suppressed is left out"
    ),
]


class OfOrganization(ListView):
    """Something about alerts that are looked at from an organization: its own, and an MSP's clients'."""

    def organization(self) -> Organization:
        """The organization of the address."""
        return organizations.find(self.actor, self.kwargs["organization_id"])

    def alert(self) -> Alert:
        """The alert of the address."""
        return queries.alert(self.actor, self.organization(), self.kwargs["alert_id"])


class Alerts(OfOrganization):
    """Alerts of an organization."""

    newest_by = "last_at"

    @extend_schema(operation_id="alerts_list", parameters=SEARCH, responses=AlertOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List alerts, an MSP's clients' too; those that came last first."""
        form = search_of(request.query_params, AlertSearch)
        alerts = queries.alerts_of(self.actor, self.organization())
        return self.page(narrowed(alerts, form, me=self.actor.user_id), AlertOut)


class Handling(OfOrganization):
    """Doing something with alerts."""

    @extend_schema(operation_id="alerts_handle", request=HandleIn, responses=HandledOut)
    def post(self, request: Request, organization_id: str) -> Response:
        """
        Acknowledge, assign, close or reopen one or several alerts, of several clients too.

        Each takes or refuses it by itself: `refused` says which stayed as they were, and why.
        """
        given = valid(HandleIn, request)
        asked: dict[str, Any] = {"alert_ids": given.pop("alerts"), **given}
        handled = actions.handle(by=self.actor, organization=self.organization(), **asked)
        return Response(HandledOut(handled).data)


class OneAlert(OfOrganization):
    """One alert."""

    @extend_schema(operation_id="alerts_retrieve", responses=WholeAlertOut)
    def get(self, request: Request, organization_id: str, alert_id: str) -> Response:
        """Read one alert with what was done with it."""
        alert = self.alert()
        entries = queries.entries_of(self.actor, alert)
        return Response(WholeAlertOut(alert, context={"entries": entries}).data)


class AlertEvents(OfOrganization):
    """What lies behind an alert."""

    calls_out = True

    @extend_schema(operation_id="alerts_events", responses=BehindOut)
    def get(self, request: Request, organization_id: str, alert_id: str) -> Response:
        """Read the newest of the alerts that one stands for, from the tenant's event log at the edge."""
        with reading_as(self.actor.rls_actor):
            alert = self.alert()
        return Response(BehindOut(behind.digests_of(self.actor, alert)).data)


class Notes(OfOrganization):
    """Notes to an alert."""

    @extend_schema(operation_id="alerts_note", request=NoteIn, responses={201: AlertEntryOut})
    def post(self, request: Request, organization_id: str, alert_id: str) -> Response:
        """Write a note to an alert."""
        text = valid(NoteIn, request)["text"]
        return Response(AlertEntryOut(actions.add_note(by=self.actor, alert=self.alert(), text=text)).data, status=201)


class Suppressions(OfOrganization):
    """What is counted and not shown."""

    @extend_schema(operation_id="alert_suppressions_list", responses=SuppressionOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List suppressions, an MSP's clients' too, newest first, ended ones included."""
        return self.page(queries.suppressions_of(self.actor, self.organization()), SuppressionOut)

    @extend_schema(operation_id="alert_suppressions_create", request=SuppressionIn, responses={201: SuppressionOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """
        Have alerts of a rule counted and not shown, until a moment within a year.

        Without `tenant` it holds in all tenants of the organization, and an MSP's in its clients too.
        """
        organization, given = self.organization(), valid(SuppressionIn, request)
        access.require(self.actor, "alert.handle", organization)
        tenant_id = given.pop("tenant", None)
        tenant = tenants.find(self.actor, tenant_id) if tenant_id else None
        made = suppressions.suppress(by=self.actor, organization=organization, tenant=tenant, **given)
        headers = {"Location": f"/api/v1/organizations/{organization.pk}/alert-suppressions/{made.pk}"}
        return Response(SuppressionOut(made).data, status=201, headers=headers)


class OneSuppression(OfOrganization):
    """One suppression."""

    @extend_schema(operation_id="alert_suppressions_retrieve", responses=SuppressionOut)
    def get(self, request: Request, organization_id: str, suppression_id: str) -> Response:
        """Read one suppression."""
        return Response(SuppressionOut(queries.suppression(self.actor, self.organization(), suppression_id)).data)

    @extend_schema(operation_id="alert_suppressions_end", request=None, responses={200: SuppressionOut})
    def delete(self, request: Request, organization_id: str, suppression_id: str) -> Response:
        """Have what it hides shown again now."""
        found = queries.suppression(self.actor, self.organization(), suppression_id)
        return Response(SuppressionOut(suppressions.end(by=self.actor, suppression=found)).data)
