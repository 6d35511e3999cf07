"""The answer that is a file of the trail, for page and API."""

from django.http import StreamingHttpResponse
from django.utils import timezone

from controlplane.actor import Actor
from organizations.actions import trail as actions
from organizations.models import Organization
from organizations.trail.export import FORMATS, Asked, written
from organizations.trail.search import ExportForm


def download(actor: Actor, organization: Organization, form: ExportForm) -> StreamingHttpResponse:
    """The file that was asked for. Raises NotFound, Forbidden, NotConfirmed."""
    kind, after = form.cleaned_data["kind"], form.cleaned_data["after"] or 0
    until = actions.export(by=actor, organization=organization, kind=kind, search=form.given, after=after)
    asked = Asked(actor, organization.pk, form, after, until)
    name = f"audit-{organization.slug}-{timezone.now():%Y-%m-%d}.{kind}"
    return StreamingHttpResponse(
        (text.encode() for text in written(asked, FORMATS[kind])),
        content_type=FORMATS[kind].content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
