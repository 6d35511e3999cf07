"""Status by API: the same as the pages."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import ApiView, ListView, valid
from organizations import access
from organizations.accounts import guessing
from organizations.addresses import checked_address
from organizations.hostnames.serving import link_of
from tenants.provisioning import queries as tenants
from tenants.provisioning.models import Tenant
from tenants.status import board, links, queries, subscriptions, tenant_board
from tenants.status.serializers import (
    NewStatusLinkOut,
    PeriodOut,
    PlatformStatusOut,
    StatusLinkIn,
    StatusLinkOut,
    StatusSubscriptionIn,
    StatusSubscriptionOut,
    TenantStatusOut,
)

ASKED = OpenApiResponse(description="A mail asks the address to confirm, whether or not it is told already")


class PlatformStatus(ApiView):
    """How the platform is."""

    @extend_schema(operation_id="status_retrieve", responses=PlatformStatusOut)
    def get(self, request: Request) -> Response:
        """
        Read the platform's state, ninety days of it and what staff say.

        Without sign-in the same is at `/status.json`.
        """
        return Response(PlatformStatusOut(board.platform()).data)


class PlatformSubscriptions(ApiView):
    """Who is told of the platform's status."""

    @extend_schema(operation_id="status_subscribe", request=StatusSubscriptionIn, responses={202: ASKED})
    def post(self, request: Request) -> Response:
        """Have an address asked whether it wants to be told of incidents and maintenance."""
        address = _counted(self, request)
        subscriptions.ask(email=address, about=subscriptions.of_platform())
        return Response(status=202)


class OfTenant(ListView):
    """Something about one tenant's status."""

    def tenant(self) -> Tenant:
        """The tenant of the address, if the caller may see it."""
        return tenants.find(self.actor, self.kwargs["tenant_id"])


class TenantStatus(OfTenant):
    """How a tenant is."""

    @extend_schema(operation_id="tenants_status", responses=TenantStatusOut)
    def get(self, request: Request, tenant_id: str) -> Response:
        """Read a tenant's state, ninety days of it, and what is planned."""
        tenant = self.tenant()
        access.require(self.actor, "tenant.view", tenant.organization_id)
        return Response(TenantStatusOut(tenant_board.of(tenant, tenant.name)).data)


class Periods(OfTenant):
    """How it was."""

    @extend_schema(operation_id="tenants_status_periods_list", responses=PeriodOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str) -> Response:
        """List a tenant's changes of state, newest first. The newest has no end."""
        return self.page(queries.periods_of(self.actor, self.tenant()), PeriodOut)


class Links(OfTenant):
    """Public links."""

    @extend_schema(operation_id="tenants_status_links_list", responses=StatusLinkOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str) -> Response:
        """List the public links of a tenant's status, revoked ones included."""
        return self.page(queries.links_of(self.actor, self.tenant()), StatusLinkOut)

    @extend_schema(operation_id="tenants_status_links_create", request=StatusLinkIn, responses={201: NewStatusLinkOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Make a public link. Its address is told this once."""
        link, token = links.make(by=self.actor, tenant=self.tenant(), **valid(StatusLinkIn, request))
        link.address = link_of(link.organization_id, "tenants:public-status", token)  # type: ignore[attr-defined]
        headers = {"Location": f"/api/v1/tenants/{tenant_id}/status/links/{link.pk}"}
        return Response(NewStatusLinkOut(link).data, status=201, headers=headers)


class OneLink(OfTenant):
    """One public link."""

    @extend_schema(operation_id="tenants_status_links_retrieve", responses=StatusLinkOut)
    def get(self, request: Request, tenant_id: str, link_id: str) -> Response:
        """Read a public link, without its address."""
        return Response(StatusLinkOut(queries.link(self.actor, self.tenant(), link_id)).data)

    @extend_schema(operation_id="tenants_status_links_revoke", responses={204: None})
    def delete(self, request: Request, tenant_id: str, link_id: str) -> Response:
        """Revoke a public link. Whoever subscribed by it is told no more."""
        links.revoke(by=self.actor, tenant=self.tenant(), link_id=link_id)
        return Response(status=204)


class Subscriptions(OfTenant):
    """Who is told of a tenant's status."""

    @extend_schema(
        operation_id="tenants_status_subscriptions_list", responses=StatusSubscriptionOut(many=True), filters=False
    )
    def get(self, request: Request, tenant_id: str) -> Response:
        """List who is told of a tenant's state, or was asked to confirm that."""
        return self.page(queries.subscriptions_of(self.actor, self.tenant()), StatusSubscriptionOut)

    @extend_schema(operation_id="tenants_status_subscribe", request=StatusSubscriptionIn, responses={202: ASKED})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Have an address asked whether it wants to be told of the tenant's trouble and its end."""
        tenant = self.tenant()
        access.require(self.actor, "tenant.operate", tenant.organization_id)
        subscriptions.ask_for(by=self.actor, tenant=tenant, email=_counted(self, request))
        return Response(status=202)


class OneSubscription(OfTenant):
    """One address that is told."""

    @extend_schema(operation_id="tenants_status_unsubscribe", responses={204: None})
    def delete(self, request: Request, tenant_id: str, subscription_id: str) -> Response:
        """End somebody's subscription to a tenant's status."""
        subscriptions.remove(by=self.actor, tenant=self.tenant(), subscription_id=subscription_id)
        return Response(status=204)


def _counted(view: ApiView, request: Request) -> str:
    """The address of the body, once the mail that goes there is within bounds."""
    address = checked_address(valid(StatusSubscriptionIn, request)["email"])
    guessing.count_mail(view.actor.address, address)
    return address
