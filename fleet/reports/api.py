"""Reports by API: the same actions and queries as the pages."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import rls
from controlplane.api import validate_only
from controlplane.api.views import valid, valid_form
from controlplane.problems import Malformed
from fleet.reports import downloads, issuing, links, plans, queries
from fleet.reports.files import FORMS
from fleet.reports.models import Report, ReportPlan
from fleet.reports.serializers import (
    FiguresOut,
    NewReportLinkOut,
    ReportAddressIn,
    ReportAddressOut,
    ReportLinkIn,
    ReportLinkOut,
    ReportOut,
    ReportPlanIn,
    ReportPlanOut,
    ReportRowOut,
)
from fleet.reports.views import as_file
from organizations.api import InOrganization
from organizations.hostnames.serving import link_of


class OfReports(InOrganization):
    """Something about an organization's reports."""

    def plan(self) -> ReportPlan:
        """The planned report of the address."""
        return queries.plan(self.actor, self.organization(), self.kwargs["plan_id"])

    def report(self) -> Report:
        """The issued report of the address."""
        return queries.report(self.actor, self.organization(), self.kwargs["report_id"])


class ReportPlans(OfReports):
    """Planned reports."""

    only_validates = ("POST",)

    @extend_schema(operation_id="report_plans_list", responses=ReportPlanOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List planned reports, newest first."""
        return self.page(queries.plans_of(self.actor, self.organization()), ReportPlanOut)

    @extend_schema(
        operation_id="report_plans_create",
        request=ReportPlanIn,
        parameters=[validate_only.DESCRIBED],
        responses={200: FiguresOut, 201: ReportPlanOut},
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """Plan a report of clients. Asked what it would do, it answers the figures of the last whole span."""
        form, organization = valid_form(ReportPlanIn, request), self.organization()
        if self.validating:
            plans.check(self.actor, organization, form.terms)
            figures = issuing.preview(by=self.actor, plan=plans.unsaved(organization, form.terms))
            return Response(FiguresOut(figures).data)
        made = plans.create(by=self.actor, organization=organization, terms=form.terms)
        headers = {"Location": f"/api/v1/organizations/{organization.pk}/report-plans/{made.pk}"}
        return Response(ReportPlanOut(made).data, status=201, headers=headers)


class OneReportPlan(OfReports):
    """One planned report."""

    @extend_schema(operation_id="report_plans_retrieve", responses=ReportPlanOut)
    def get(self, request: Request, organization_id: str, plan_id: str) -> Response:
        """Read a planned report."""
        return Response(ReportPlanOut(self.plan()).data)

    @extend_schema(operation_id="report_plans_replace", request=ReportPlanIn, responses=ReportPlanOut)
    def put(self, request: Request, organization_id: str, plan_id: str) -> Response:
        """Have it made otherwise from now on, as whoever sends this."""
        form = valid_form(ReportPlanIn, request)
        return Response(ReportPlanOut(plans.change(by=self.actor, plan=self.plan(), terms=form.terms)).data)

    @extend_schema(operation_id="report_plans_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str, plan_id: str) -> Response:
        """Make it no more. Reports that were issued stay."""
        plans.delete(by=self.actor, plan=self.plan())
        return Response(status=204)


class IssueReport(OfReports):
    """Issuing by hand."""

    @extend_schema(operation_id="report_plans_issue", request=None, responses={201: ReportOut})
    def post(self, request: Request, organization_id: str, plan_id: str) -> Response:
        """Issue the report of the last whole week or month now, and mail it to whoever is to have it."""
        report = issuing.issue_now(by=self.actor, plan=self.plan())
        headers = {"Location": f"/api/v1/organizations/{organization_id}/reports/{report.pk}"}
        return Response(ReportOut(report).data, status=201, headers=headers)


class Reports(OfReports):
    """Issued reports."""

    @extend_schema(operation_id="reports_list", responses=ReportRowOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List issued reports, newest first."""
        return self.page(queries.reports_of(self.actor, self.organization()), ReportRowOut)


class OneReport(OfReports):
    """One issued report."""

    @extend_schema(operation_id="reports_retrieve", responses=ReportOut)
    def get(self, request: Request, organization_id: str, report_id: str) -> Response:
        """Read a report with the figures that the asker sees now; a table that they do not see says so in `hidden`."""
        report = self.report()
        report.figures = queries.figures_for(self.actor, report)
        return Response(ReportOut(report).data)


class ReportFile(OfReports):
    """A report as a file."""

    @extend_schema(
        operation_id="reports_file",
        parameters=[OpenApiParameter("form", str, enum=sorted(FORMS), required=True)],
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, (200, "text/csv"): OpenApiTypes.STR},
        filters=False,
    )
    def get(self, request: Request, organization_id: str, report_id: str) -> HttpResponse:
        """Take a report as PDF or CSV, with the clients that the asker sees now. That becomes an entry of the trail."""
        form, report = request.query_params.get("form", ""), self.report()
        if form not in FORMS:
            raise Malformed(f"Expected one of {', '.join(sorted(FORMS))}.", field="form")
        answer = as_file(queries.figures_for(self.actor, report), report, form)
        with rls.acting_as(self.actor.rls_actor):
            downloads.note(by=self.actor, report=report, form=form)
        return answer


class ReportLinks(OfReports):
    """Public links of a report."""

    @extend_schema(operation_id="reports_links_list", responses=ReportLinkOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str, report_id: str) -> Response:
        """List a report's public links, with how often files were taken by each."""
        return self.page(queries.links_of(self.actor, self.report()), ReportLinkOut)

    @extend_schema(operation_id="reports_links_create", request=ReportLinkIn, responses={201: NewReportLinkOut})
    def post(self, request: Request, organization_id: str, report_id: str) -> Response:
        """Make a public link, for somebody who sees every client in the report. Its address is told this once."""
        link, token = links.make(by=self.actor, report=self.report(), **valid(ReportLinkIn, request))
        link.address = link_of(link.organization_id, "fleet:public-report", token)  # type: ignore[attr-defined]
        return Response(NewReportLinkOut(link).data, status=201)


class OneReportLink(OfReports):
    """One public link."""

    @extend_schema(operation_id="reports_links_revoke", responses={204: None})
    def delete(self, request: Request, organization_id: str, report_id: str, report_link_id: str) -> Response:
        """Revoke a public link."""
        links.revoke(by=self.actor, report=self.report(), link_id=report_link_id)
        return Response(status=204)


class ReportAddresses(OfReports):
    """Addresses of others to which reports may be mailed."""

    @extend_schema(operation_id="report_addresses_list", responses=ReportAddressOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List addresses that an owner confirmed."""
        return self.page(queries.addresses_of(self.actor, self.organization()), ReportAddressOut)

    @extend_schema(operation_id="report_addresses_create", request=ReportAddressIn, responses={201: ReportAddressOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """Let reports be mailed to somebody who is no member: an owner's to decide."""
        email = valid(ReportAddressIn, request)["email"]
        made = plans.allow_address(by=self.actor, organization=self.organization(), email=email)
        return Response(ReportAddressOut(made).data, status=201)


class OneReportAddress(OfReports):
    """One of them."""

    @extend_schema(operation_id="report_addresses_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str, address_id: str) -> Response:
        """Mail nothing to an address any more."""
        plans.remove_address(by=self.actor, organization=self.organization(), address_id=address_id)
        return Response(status=204)
