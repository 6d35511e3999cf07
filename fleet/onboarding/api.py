"""Bringing clients in by API: the same actions and queries as the pages."""

from django.db import transaction
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api import validate_only
from controlplane.api.schema import narrowing
from controlplane.api.views import valid, valid_form
from fleet.onboarding import imports, queries
from fleet.onboarding.actions import onboard
from fleet.onboarding.import_views import report_of
from fleet.onboarding.models import ClientImport, ClientImportLine
from fleet.onboarding.serializers import (
    ClientImportIn,
    ClientImportLineOut,
    ClientImportOut,
    ClientImportPreview,
    OnboardedOut,
    OnboardingIn,
)
from organizations.api import InOrganization


class Onboardings(InOrganization):
    """Bringing one client in."""

    only_validates = ("POST",)

    @extend_schema(
        operation_id="onboardings_create",
        request=OnboardingIn,
        parameters=[validate_only.DESCRIBED],
        responses={200: OnboardedOut, 201: OnboardedOut},
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """
        Bring a client in: organization, access, template, tenant, enrollment token, invitations, all or nothing.

        The token's text is in this answer and never again. Tried out first, ids and token are those of nothing.
        """
        form = valid_form(OnboardingIn, request)
        with transaction.atomic():
            made = onboard(by=self.actor, msp=self.organization(), wanted=form.wanted(), with_token=not self.validating)
            told = OnboardedOut(made).data
            transaction.set_rollback(self.validating)
        if self.validating:
            return Response({**told, **dict.fromkeys(("client", "tenant", "operation"), ""), "invitations": []})
        headers = {"Location": f"/api/v1/organizations/{made.client.pk}"}
        return Response(told, status=201, headers=headers)


class Imports(InOrganization):
    """Files of clients."""

    only_validates = ("POST",)

    @extend_schema(operation_id="client_imports_list", responses=ClientImportOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List files of clients, newest first."""
        return self.page(queries.imports_of(self.actor, self.organization()), ClientImportOut)

    @extend_schema(
        operation_id="client_imports_create",
        request=ClientImportIn,
        parameters=[validate_only.DESCRIBED],
        responses={200: ClientImportPreview, 201: ClientImportOut},
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """Bring in the clients of a file, line by line. One whose external id is known is not made again."""
        msp, given = self.organization(), valid(ClientImportIn, request)
        if self.validating:
            return Response(
                ClientImportPreview({"lines": imports.preview(by=self.actor, msp=msp, text=given["csv"])}).data
            )
        batch = imports.start(by=self.actor, msp=msp, text=given["csv"], name=given["name"])
        headers = {"Location": f"/api/v1/organizations/{msp.pk}/client-imports/{batch.pk}"}
        return Response(ClientImportOut(batch).data, status=201, headers=headers)


class OfImport(InOrganization):
    """Something about one file."""

    def batch(self) -> ClientImport:
        """The file of the address."""
        return queries.one_import(self.actor, self.organization(), self.kwargs["import_id"])


class OneImport(OfImport):
    """One file."""

    @extend_schema(operation_id="client_imports_retrieve", responses=ClientImportOut)
    def get(self, request: Request, organization_id: str, import_id: str) -> Response:
        """Read how far a file of clients is."""
        return Response(ClientImportOut(self.batch()).data)


class ImportLines(OfImport):
    """Its lines."""

    @extend_schema(
        operation_id="client_imports_lines_list",
        parameters=[narrowing("state", "Only lines in this state", ClientImportLine.State.values)],
        responses=ClientImportLineOut(many=True),
        filters=False,
    )
    def get(self, request: Request, organization_id: str, import_id: str) -> Response:
        """List the lines of a file with what became of each."""
        return self.page(queries.lines_of(self.batch(), request.query_params.get("state", "")), ClientImportLineOut)


class ImportRetry(OfImport):
    """Trying what failed once more."""

    @extend_schema(operation_id="client_imports_retry", request=None, responses=ClientImportOut)
    def post(self, request: Request, organization_id: str, import_id: str) -> Response:
        """Try the lines that failed once more."""
        return Response(ClientImportOut(imports.retry(by=self.actor, batch=self.batch())).data)


class ImportReport(OfImport):
    """Its report."""

    @extend_schema(operation_id="client_imports_report", responses={(200, "text/csv"): OpenApiTypes.STR}, filters=False)
    def get(self, request: Request, organization_id: str, import_id: str) -> HttpResponse:
        """Read what became of every line, as CSV."""
        return report_of(self.batch())
