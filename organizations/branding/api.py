"""An organization's brand by API."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.views import valid
from organizations.access import require
from organizations.actions import branding
from organizations.api import InOrganization
from organizations.branding import queries
from organizations.branding.models import LOGOS
from organizations.branding.serializers import BrandIn, BrandOut, LogoIn

_SCHEME = OpenApiParameter("scheme", str, OpenApiParameter.PATH, enum=list(LOGOS))


class OneBrand(InOrganization):
    """The organization's own brand."""

    tagged = frozenset(BrandIn().fields)

    @extend_schema(operation_id="organizations_brand_retrieve", responses=BrandOut)
    def get(self, request: Request, organization_id: str) -> Response:
        """Read the organization's own brand. Without one, its pages carry that of its MSP, or none."""
        return Response(BrandOut(queries.own_brand(self.actor, self.organization())).data)

    @extend_schema(operation_id="organizations_brand_set", request=BrandIn, responses=BrandOut)
    def put(self, request: Request, organization_id: str) -> Response:
        """Give the organization a brand, or change it."""
        given = valid(BrandIn, request)
        return Response(BrandOut(branding.set_brand(by=self.actor, organization=self.organization(), **given)).data)

    @extend_schema(operation_id="organizations_brand_remove", responses={204: None})
    def delete(self, request: Request, organization_id: str) -> Response:
        """Take the brand away."""
        branding.remove_brand(by=self.actor, organization=self.organization())
        return Response(status=204)


class OneLogo(InOrganization):
    """The brand's logo for light or for dark pages."""

    @extend_schema(
        operation_id="organizations_brand_logo_set", parameters=[_SCHEME], request=LogoIn, responses=BrandOut
    )
    def put(self, request: Request, organization_id: str, scheme: str) -> Response:
        """Give the brand a logo for `light` or `dark` pages. Metadata is dropped, an SVG refused."""
        organization = self.organization()
        # Nobody else has us decode a picture.
        require(self.actor, queries.PERMISSION, organization)
        content = valid(LogoIn, request)["image"]
        brand = branding.set_logo(by=self.actor, organization=organization, scheme=scheme, content=content)
        return Response(BrandOut(brand).data)

    @extend_schema(operation_id="organizations_brand_logo_remove", parameters=[_SCHEME], responses={204: None})
    def delete(self, request: Request, organization_id: str, scheme: str) -> Response:
        """Take a logo away."""
        branding.remove_logo(by=self.actor, organization=self.organization(), scheme=scheme)
        return Response(status=204)
