"""Files, their versions, what counts for whom, and publishing, by API."""

from functools import partial

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api import validate_only
from controlplane.api.views import ApiView, ListView, valid
from organizations import access
from organizations import queries as organizations
from tenants.content import actions, bulk, publishing, queries, states, trials
from tenants.content.models import ContentFile
from tenants.content.problems import ContentNotFound
from tenants.content.serializers import (
    BundleOut,
    BundleWithTextsOut,
    ChangeOut,
    ContentFileIn,
    ContentFileOut,
    ContentVersionIn,
    ContentVersionOut,
    InheritedOut,
    LogtestIn,
    LogtestOut,
    PublishAtIn,
    PublishedOut,
    PublishIn,
    PublishPreviewOut,
    TenantContentOut,
)
from tenants.provisioning.api import AskingView, TenantView
from tenants.provisioning.operation_serializers import Accepted, PreviewOut
from tenants.provisioning.previews import try_out


def created(file: ContentFile) -> Response:
    """201 with the file and where it is."""
    headers = {"Location": f"/api/v1/content-files/{file.pk}"}
    return Response(ContentFileOut(file).data, status=201, headers=headers)


class OrganizationFiles(ListView):
    """Files that all tenants of an organization, and of a provider's clients, inherit."""

    @extend_schema(operation_id="organizations_content_files_list", responses=ContentFileOut(many=True), filters=False)
    def get(self, request: Request, organization_id: str) -> Response:
        """List an organization's files, newest first, those that were withdrawn included."""
        organization = organizations.find(self.actor, organization_id)
        return self.page(queries.files_of_organization(self.actor, organization), ContentFileOut)

    @extend_schema(
        operation_id="organizations_content_files_create", request=ContentFileIn, responses={201: ContentFileOut}
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """Keep a file for all tenants that inherit from the organization. No tenant changes by it."""
        organization = organizations.find(self.actor, organization_id)
        version = actions.create(by=self.actor, organization=organization, **valid(ContentFileIn, request))
        return created(version.file)


class Inherited(ApiView):
    """What an organization's tenants have in common."""

    @extend_schema(operation_id="organizations_content_retrieve", responses=InheritedOut)
    def get(self, request: Request, organization_id: str) -> Response:
        """Read what counts for a tenant that has nothing of its own, with where each file comes from."""
        organization = organizations.find(self.actor, organization_id)
        return Response(InheritedOut({"files": queries.inherited_by(self.actor, organization)}).data)


class PublishAt(ApiView):
    """Publishing at many tenants."""

    only_validates = ("POST",)

    @extend_schema(
        operation_id="organizations_content_publish",
        request=PublishAtIn,
        parameters=[validate_only.DESCRIBED],
        responses={200: PublishedOut},
    )
    def post(self, request: Request, organization_id: str) -> Response:
        """Publish at several tenants of an organization or of a provider's clients, one operation each."""
        organization, given = organizations.find(self.actor, organization_id), valid(PublishAtIn, request)
        publish = partial(
            bulk.publish_at,
            by=self.actor,
            organization=organization,
            tenant_ids=given["tenants"],
            when=given["when"],
        )
        results = bulk.tried_out(publish) if self.validating else publish()
        return Response(PublishedOut({"results": results}).data)


class TenantFiles(TenantView, ListView):
    """Files that one tenant has alone."""

    @extend_schema(operation_id="tenants_content_files_list", responses=ContentFileOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str) -> Response:
        """List a tenant's own files, newest first, those that were withdrawn included."""
        return self.page(queries.files_of_tenant(self.actor, self.tenant(tenant_id)), ContentFileOut)

    @extend_schema(operation_id="tenants_content_files_create", request=ContentFileIn, responses={201: ContentFileOut})
    def post(self, request: Request, tenant_id: str) -> Response:
        """Keep a file for this tenant alone; it takes the place of what is inherited under its name."""
        tenant = self.tenant(tenant_id)
        given = valid(ContentFileIn, request)
        version = actions.create(by=self.actor, organization=tenant.organization, tenant=tenant, **given)
        return created(version.file)


class OneFile(ApiView):
    """One file of an organization or of a tenant."""

    @extend_schema(operation_id="content_files_retrieve", responses=ContentFileOut)
    def get(self, request: Request, file_id: str) -> Response:
        """Read a file; its text is that of its versions."""
        return Response(ContentFileOut(queries.find(self.actor, file_id)).data)

    @extend_schema(operation_id="content_files_withdraw", responses={200: ContentFileOut})
    def delete(self, request: Request, file_id: str) -> Response:
        """Withdraw a file: what is inherited under its name counts again. Its versions are kept."""
        file = actions.withdraw(by=self.actor, file=queries.find(self.actor, file_id))
        return Response(ContentFileOut(file).data)


class Versions(ListView):
    """The versions of one file."""

    @extend_schema(operation_id="content_versions_list", responses=ContentVersionOut(many=True), filters=False)
    def get(self, request: Request, file_id: str) -> Response:
        """List a file's versions, newest first, with their texts."""
        file = queries.find(self.actor, file_id)
        return self.page(queries.versions_of(self.actor, file), ContentVersionOut)

    @extend_schema(operation_id="content_versions_create", request=ContentVersionIn, responses={201: ContentVersionOut})
    def post(self, request: Request, file_id: str) -> Response:
        """Keep another version; the newest one is answered where it says the same. No tenant changes by it."""
        file = queries.find(self.actor, file_id)
        version = actions.save(by=self.actor, file=file, **valid(ContentVersionIn, request))
        headers = {"Location": f"/api/v1/content-files/{file.pk}/versions/{version.number}"}
        return Response(ContentVersionOut(version).data, status=201, headers=headers)


class OneVersion(ApiView):
    """One version of a file."""

    @extend_schema(operation_id="content_versions_retrieve", responses=ContentVersionOut)
    def get(self, request: Request, file_id: str, version_number: str) -> Response:
        """Read a version with its text."""
        file = queries.find(self.actor, file_id)
        return Response(ContentVersionOut(queries.version(self.actor, file, number_of(version_number))).data)


class TenantContent(TenantView):
    """What counts for a tenant."""

    @extend_schema(operation_id="tenants_content_retrieve", responses=TenantContentOut)
    def get(self, request: Request, tenant_id: str) -> Response:
        """Read what counts for a tenant, from whom it is, and what publishing it now would change."""
        return Response(TenantContentOut(states.state_of(self.actor, self.tenant(tenant_id))).data)


class Publish(AskingView):
    """Putting content into use."""

    @extend_schema(
        operation_id="tenants_content_publish",
        request=PublishIn,
        parameters=[validate_only.DESCRIBED],
        responses={200: PublishPreviewOut, 202: Accepted},
    )
    def post(self, request: Request, tenant_id: str) -> Response:
        """Have the tenant's manager run what counts now, or what an earlier bundle holds; nothing restarts."""
        given, tenant = valid(PublishIn, request), self.tenant(tenant_id)
        if bundle_id := given.pop("bundle", None):
            bundle = queries.bundle(self.actor, tenant, bundle_id)
            act = partial(publishing.return_to, by=self.actor, bundle=bundle, **given)
        else:
            act = partial(publishing.publish, by=self.actor, tenant=tenant, **given)
        if not self.validating:
            return self.ask(act, organization_id=tenant.organization_id, tenant=tenant)
        access.require(self.actor, "tenant.operate", tenant.organization_id)
        preview = try_out(act, organization_id=tenant.organization_id, tenant=tenant)
        changes = states.changes_to(tenant, bundle) if bundle_id else states.changes_now(self.actor, tenant)
        return Response({**PreviewOut(preview).data, "changes": ChangeOut(changes, many=True).data})


class Bundles(TenantView, ListView):
    """What was put together for a tenant."""

    @extend_schema(operation_id="tenants_content_bundles_list", responses=BundleOut(many=True), filters=False)
    def get(self, request: Request, tenant_id: str) -> Response:
        """List the bundles that were published at a tenant, newest first. Each is a way back."""
        return self.page(queries.bundles_of(self.actor, self.tenant(tenant_id)), BundleOut)


class OneBundle(TenantView):
    """One bundle."""

    @extend_schema(operation_id="tenants_content_bundles_retrieve", responses=BundleWithTextsOut)
    def get(self, request: Request, tenant_id: str, bundle_id: str) -> Response:
        """Read a bundle with the files' texts."""
        return Response(BundleWithTextsOut(queries.bundle(self.actor, self.tenant(tenant_id), bundle_id)).data)


class Logtest(TenantView):
    """Trying events."""

    @extend_schema(
        operation_id="tenants_logtest",
        request=LogtestIn,
        responses={200: LogtestOut, (503, "application/problem+json"): OpenApiTypes.OBJECT},
    )
    def post(self, request: Request, tenant_id: str) -> Response:
        """Have the tenant's manager say what one event would come to. No alert comes of it; nothing is kept."""
        tenant = self.tenant(tenant_id)
        return Response(LogtestOut(trials.try_event(by=self.actor, tenant=tenant, **valid(LogtestIn, request))).data)


def number_of(text: str) -> int:
    """A version's number out of an address. Raises ContentNotFound for anything else."""
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ContentNotFound("version")
    return int(text)
