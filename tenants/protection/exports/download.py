"""The answer that is an export, for page and API."""

from django.http import StreamingHttpResponse

from controlplane import rls
from controlplane.actor import Actor
from controlplane.transactions import let_go
from tenants.protection.exports import actions, queries
from tenants.protection.exports.archive import written
from tenants.protection.exports.problems import ExportNotFound
from tenants.provisioning import queries as tenants
from tenants.provisioning.edge_api import EdgeApi
from tenants.provisioning.edge_errors import EdgeError
from tenants.provisioning.problems import EdgeNotAvailable

TYPE = "application/x-tar"


def download(actor: Actor, tenant_id: str, export_id: str) -> StreamingHttpResponse:
    """
    One export as a file. Call it without a transaction: the edge is asked before the download is noted.

    Raises TenantNotFound, ExportNotFound, NotConfirmed, NotPossibleNow, EdgeNotAvailable.
    """
    with rls.reading_as(actor.rls_actor):
        export = queries.export(actor, tenants.find(actor, tenant_id), export_id)
        export.tenant.cell  # noqa: B018 - read while the rows can be seen
    actions.note_download(by=actor, export=export)
    let_go()
    try:
        manifest = EdgeApi(export.tenant.cell).export_manifest(tenant_id, export_id)
    except EdgeError as error:
        raise (EdgeNotAvailable(error) if error.retryable else ExportNotFound()) from error
    name = f"export-{tenant_id}-{export.created_at:%Y-%m-%d}.tar"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(written(actor, export, manifest), content_type=TYPE, headers=headers)
