"""An organization's domains by API."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane import rls
from controlplane.api.views import valid
from organizations import queries
from organizations.access import require
from organizations.actions import domains
from organizations.api import InOrganization
from organizations.sso.settings.serializers import DomainChange, DomainIn, DomainOut


class Domains(InOrganization):
    """Domains that an organization claims."""

    @extend_schema(operation_id="organizations_domains_list", responses=DomainOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List claimed domains, newest first, with the record that proves each."""
        return self.page(queries.domains_of(self.actor, self.organization()), DomainOut)

    @extend_schema(operation_id="organizations_domains_create", request=DomainIn, responses={201: DomainOut})
    def post(self, request: Request, organization_id: str) -> Response:
        """Claim a domain. It counts once its TXT record is found."""
        organization = self.organization()
        made = domains.claim(by=self.actor, organization=organization, **valid(DomainIn, request))
        location = f"/api/v1/organizations/{organization.pk}/domains/{made.pk}"
        return Response(DomainOut(made).data, status=201, headers={"Location": location})


class OneDomain(InOrganization):
    """One domain."""

    @extend_schema(operation_id="organizations_domains_retrieve", responses=DomainOut)
    def get(self, request: Request, organization_id: str, domain_id: str) -> Response:
        """Read one domain."""
        return Response(DomainOut(queries.domain(self.actor, self.organization(), domain_id)).data)

    @extend_schema(operation_id="organizations_domains_update", request=DomainChange, responses=DomainOut)
    def patch(self, request: Request, organization_id: str, domain_id: str) -> Response:
        """Say where its people are led, whether members must go there (from a session proven there), who may ask."""
        organization, given = self.organization(), valid(DomainChange, request)
        wanted = {"connection_id": given["connection"]} if "connection" in given else {}
        wanted |= {name: given[name] for name in ("enforced", "join_requests") if name in given}
        changed = domains.use(by=self.actor, organization=organization, domain_id=domain_id, **wanted)
        return Response(DomainOut(changed).data)

    @extend_schema(operation_id="organizations_domains_delete", responses={204: None})
    def delete(self, request: Request, organization_id: str, domain_id: str) -> Response:
        """Give the domain up, with everything that stood on it."""
        domains.give_up(by=self.actor, organization=self.organization(), domain_id=domain_id)
        return Response(status=204)


class DomainCheck(InOrganization):
    """A look at DNS."""

    calls_out = True

    @extend_schema(operation_id="organizations_domains_check", request=None, responses=DomainOut)
    def post(self, request: Request, organization_id: str, domain_id: str) -> Response:
        """Look for the domain's record now."""
        with rls.reading_as(self.actor.rls_actor):
            organization = self.organization()
            require(self.actor, "sso.manage", organization)
        found = DomainOut(domains.check(by=self.actor, organization=organization, domain_id=domain_id)).data
        return self.written(request, lambda: Response(found))
