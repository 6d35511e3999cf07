"""Templates by API: the same actions and queries as the pages."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.pagination import KeysetPagination
from controlplane.api.views import valid
from controlplane.keyset import page_of
from controlplane.problems import NotFound
from fleet.client_templates import actions, client_actions, queries
from fleet.client_templates.drift import drift_of, wanted_of
from fleet.client_templates.merging import below
from fleet.client_templates.models import ClientTemplate, TemplateUse
from fleet.client_templates.serializers import (
    AcceptIn,
    AssignmentIn,
    ClientOfTemplateOut,
    OverrideIn,
    TemplateChange,
    TemplateIn,
    TemplateOut,
    TemplateVersionOut,
    TenantDriftOut,
)
from organizations.api import InOrganization
from organizations.models import Organization


class Templates(InOrganization):
    """An MSP's templates."""

    @extend_schema(operation_id="client_templates_list", responses=TemplateOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List templates, newest first."""
        return self.page(queries.templates_of(self.actor, self.organization()), TemplateOut)

    @extend_schema(operation_id="client_templates_create", request=TemplateIn, responses={201: TemplateOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """Keep a template: what the tenants of the clients that have it are to be."""
        msp = self.organization()
        template = actions.create(by=self.actor, msp=msp, **valid(TemplateIn, request))
        headers = {"Location": f"/api/v1/organizations/{msp.pk}/client-templates/{template.pk}"}
        return Response(TemplateOut(template).data, status=201, headers=headers)


class OfTemplate(InOrganization):
    """Something about one template."""

    def template(self) -> ClientTemplate:
        """The template of the address."""
        return queries.template(self.actor, self.organization(), self.kwargs["template_id"])


class OneTemplate(OfTemplate):
    """One template."""

    @extend_schema(operation_id="client_templates_retrieve", responses=TemplateOut)
    def get(self, request: Request, organization_id: str, template_id: str) -> Response:
        """Read a template."""
        return Response(TemplateOut(self.template()).data)

    @extend_schema(operation_id="client_templates_replace", request=TemplateChange, responses=TemplateOut)
    def put(self, request: Request, organization_id: str, template_id: str) -> Response:
        """Keep a template in another version. No tenant changes by it until it is rolled out."""
        template, given = self.template(), valid(TemplateChange, request)
        return Response(TemplateOut(actions.change(by=self.actor, template=template, **given)).data)

    @extend_schema(operation_id="client_templates_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str, template_id: str) -> Response:
        """Forget a template that no client has and no other inherits from, with its versions."""
        actions.remove(by=self.actor, template=self.template())
        return Response(status=204)


class TemplateVersions(OfTemplate):
    """Its versions."""

    @extend_schema(
        operation_id="client_templates_versions_list", responses=TemplateVersionOut(many=True), filters=False
    )
    def get(self, request: Request, organization_id: str, template_id: str) -> Response:
        """List a template's versions, newest first: who changed what, and why."""
        return self.page(queries.versions_of(self.actor, self.template()), TemplateVersionOut)


class TemplateDrift(OfTemplate):
    """Where tenants differ from it."""

    @extend_schema(
        operation_id="client_templates_drift_list",
        parameters=[OpenApiParameter("organization", str, description="Only tenants of this client; empty for all")],
        responses=TenantDriftOut(many=True),
        filters=False,
    )
    def get(self, request: Request, organization_id: str, template_id: str) -> Response:
        """List the tenants of clients that have this template, or one that inherits from it, with what differs."""
        template = self.template()
        inheriting = [each.pk for each in below(queries.all_of(template.organization_id), template.pk)]
        uses = queries.uses_of(self.actor, template.organization).filter(template__in=inheriting)
        if client := request.query_params.get("organization"):
            uses = uses.filter(client=queries.client(self.actor, template.organization, client))
        paginator = KeysetPagination()
        page = paginator.paginate_queryset(queries.tenants_of(self.actor, uses), request, self)
        drifting = drift_of(self.actor, template.organization, page)
        return paginator.get_paginated_response(TenantDriftOut(drifting, many=True).data)


class OfClient(InOrganization):
    """Something about a client's template."""

    def client(self) -> Organization:
        """The client of the address."""
        return queries.client(self.actor, self.organization(), self.kwargs["client_id"])

    def use(self) -> TemplateUse:
        """What template the client has. Raises NotFound for none."""
        use = queries.use_of(self.actor, self.organization(), self.client())
        if use is None:
            raise NotFound("This client has no template. Nothing was changed.", hint="Give it one first.")
        return use

    def shown(self) -> Response:
        """The client's template, as it is now."""
        msp, client = self.organization(), self.client()
        use = queries.use_of(self.actor, msp, client)
        if use is None:
            nothing: dict[str, Any] = {"template": None, "overrides": [], "wanted": [], "tenants": [], "cut": False}
            return Response(ClientOfTemplateOut(nothing).data)
        wanted = wanted_of(use, queries.all_of(msp.pk))
        page = page_of(queries.tenants_of(self.actor, queries.uses_of(self.actor, msp).filter(pk=use.pk)))
        found: dict[str, Any] = {
            "template": use.template_id,
            "overrides": [{"setting": key, **given} for key, given in sorted(use.overrides.items())],
            "wanted": [{"setting": key, **vars(chosen)} for key, chosen in sorted(wanted.items())],
            "tenants": drift_of(self.actor, msp, page.rows),
            "cut": page.older is not None,
        }
        return Response(ClientOfTemplateOut(found).data)


class ClientTemplateOf(OfClient):
    """Which template a client has."""

    tagged = frozenset({"template", "overrides"})

    @extend_schema(operation_id="client_templates_client_retrieve", responses=ClientOfTemplateOut)
    def get(self, request: Request, organization_id: str, client_id: str) -> Response:
        """Read a client's template, what it has otherwise, and where its tenants differ."""
        return self.shown()

    @extend_schema(operation_id="client_templates_client_replace", request=AssignmentIn, responses=ClientOfTemplateOut)
    def put(self, request: Request, organization_id: str, client_id: str) -> Response:
        """
        Give a client a template, or none, which forgets what it has otherwise too. No tenant changes by it.

        With `settings`, also all that it has otherwise: both or neither.
        """
        msp, client, given = self.organization(), self.client(), valid(AssignmentIn, request)
        wanted = given.pop("template")
        template = queries.template(self.actor, msp, wanted) if wanted is not None else None
        client_actions.assign(by=self.actor, msp=msp, client=client, template=template, **given)
        return self.shown()


class Overrides(OfClient):
    """What a client has otherwise."""

    @extend_schema(operation_id="client_templates_client_override", request=OverrideIn, responses=ClientOfTemplateOut)
    def post(self, request: Request, organization_id: str, client_id: str) -> Response:
        """Have a client be otherwise than its template in some settings, with the reason."""
        given = valid(OverrideIn, request)
        client_actions.override(by=self.actor, use=self.use(), **given)
        return self.shown()


class OneOverride(OfClient):
    """One setting that a client has otherwise."""

    @extend_schema(operation_id="client_templates_client_follow", responses={204: None})
    def delete(self, request: Request, organization_id: str, client_id: str, setting: str) -> Response:
        """Have a client be as its template in one setting again. Doing it twice changes nothing."""
        client_actions.follow(by=self.actor, use=self.use(), key=setting)
        return Response(status=204)


class Accepting(OfClient):
    """Keeping a difference."""

    @extend_schema(operation_id="client_templates_client_accept", request=AcceptIn, responses=ClientOfTemplateOut)
    def post(self, request: Request, organization_id: str, client_id: str) -> Response:
        """Take what a tenant has of one setting as what its client is to have."""
        given = valid(AcceptIn, request)
        chosen = {"tenant_id": given["tenant"], "key": given["setting"], "reason": given["reason"]}
        client_actions.accept(by=self.actor, use=self.use(), **chosen)
        return self.shown()
