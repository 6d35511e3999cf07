"""Files of an organization and of a tenant: the list, a new one, and one with its versions."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.keyset import page_of, pager
from organizations import access
from organizations import queries as organizations
from organizations.frame import Frame, Link, frame_for
from organizations.models import Organization
from organizations.names import names_of
from tenants.content import actions, bulk, queries
from tenants.content.api import number_of
from tenants.content.diffs import unified
from tenants.content.forms import FileForm, VersionForm
from tenants.content.models import ContentFile
from tenants.content.problems import ContentNotFound
from tenants.content.rows import diff_lines, effective_row, file_mark, version_row
from tenants.content.views import content_frame
from tenants.provisioning import queries as tenants
from tenants.provisioning.buttons import when_of
from tenants.provisioning.models import Tenant


@dataclass(frozen=True)
class Place:
    """At which level a page is: an organization's, or one tenant's. `permission` is what changing takes there."""

    organization: Organization
    tenant: Tenant | None

    @property
    def permission(self) -> str:
        """As `content.actions` asks for it."""
        return "tenant.operate" if self.tenant else "content.manage"

    @property
    def home(self) -> str:
        """Where the files of this level are listed."""
        if self.tenant:
            return reverse("tenants:content", args=[self.tenant.pk])
        return reverse("tenants:content-files", args=[self.organization.pk])

    def of(self, file: ContentFile) -> str:
        """Where one of its files is shown."""
        if self.tenant:
            return reverse("tenants:own-content-file", args=[self.tenant.pk, file.pk])
        return reverse("tenants:content-file", args=[self.organization.pk, file.pk])

    def frame(self, request: HttpRequest, here: str) -> Frame:
        """The frame of a page at this level."""
        crumb = Link("Rules and content", self.home)
        if self.tenant:
            return content_frame(request, self.tenant, here, crumb)
        return frame_for(request, self.organization, here=here, section="content", crumbs=[crumb])


@login_required
@require_safe
def listing(request: HttpRequest, organization_id: str) -> HttpResponse:
    """What all tenants of an organization have in common, and what was withdrawn."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    kind = request.GET.get("kind", "")
    own = queries.files_of_organization(actor, organization)
    ids = {(file.kind, file.name): file.pk for file in own.filter(withdrawn_at=None)}
    rows = [effective_row(each, {}, ids) for each in queries.inherited_by(actor, organization)]
    frame = frame_for(request, organization, here="Rules and content", section="content")
    context = {
        "rows": [row for row in rows if not kind or row["kind"] == kind],
        "any": bool(rows),
        "withdrawn": own.exclude(withdrawn_at=None)[:50],
        "chips": [
            {"label": label, "url": f"?kind={key}" if key else "?", "current": kind == key}
            for key, label in (("", "All"), *ContentFile.Kind.choices)
        ],
        "may_edit": "content.manage" in frame.permissions,
        "may_publish": "tenant.operate" in frame.permissions,
        "organization": organization,
        "frame": frame,
    }
    return render(request, "tenants/content_files.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, organization_id: str) -> HttpResponse:
    """A new file of an organization."""
    return _create(request, Place(organizations.find(actor_of(request), organization_id), None))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def create_own(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """A new file of one tenant, or its own in the place of an inherited one."""
    tenant = tenants.find(actor_of(request), tenant_id)
    return _create(request, Place(tenant.organization, tenant))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, organization_id: str, file_id: str) -> HttpResponse:
    """A file of an organization with its versions; on POST, another version."""
    return _page(request, Place(organizations.find(actor_of(request), organization_id), None), file_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def own_page(request: HttpRequest, tenant_id: str, own_file_id: str) -> HttpResponse:
    """A file of one tenant with its versions; on POST, another version."""
    tenant = tenants.find(actor_of(request), tenant_id)
    return _page(request, Place(tenant.organization, tenant), own_file_id)


@login_required
@require_POST
def withdraw(request: HttpRequest, organization_id: str, file_id: str) -> HttpResponse:
    """Have a file of an organization count no more."""
    return _withdraw(request, Place(organizations.find(actor_of(request), organization_id), None), file_id)


@login_required
@require_POST
def withdraw_own(request: HttpRequest, tenant_id: str, own_file_id: str) -> HttpResponse:
    """Have a tenant's own file count no more."""
    tenant = tenants.find(actor_of(request), tenant_id)
    return _withdraw(request, Place(tenant.organization, tenant), own_file_id)


@login_required
@require_POST
def leave_out(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Have what a provider hands down not count for an organization."""
    return _leave_out(request, Place(organizations.find(actor_of(request), organization_id), None))


@login_required
@require_POST
def leave_out_own(request: HttpRequest, tenant_id: str) -> HttpResponse:
    """Have an inherited file not count for one tenant."""
    tenant = tenants.find(actor_of(request), tenant_id)
    return _leave_out(request, Place(tenant.organization, tenant))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Which tenants inherit, and whether each has what counts; on POST, publish at the chosen ones."""
    actor = actor_of(request)
    organization = organizations.find(actor, organization_id)
    access.require(actor, "tenant.operate", organization)
    results = None
    if request.method == "POST":
        chosen = request.POST.getlist("tenants")
        results = bulk.publish_at(by=actor, organization=organization, tenant_ids=chosen, when=when_of(request))
    place = Place(organization, None)
    context = {
        "rows": bulk.reached_from(actor, organization),
        "results": results,
        "most": bulk.MOST_AT_ONCE,
        "organization": organization,
        "frame": place.frame(request, "Publish"),
    }
    return render(request, "tenants/content_publish.html", context)


def _create(request: HttpRequest, place: Place) -> HttpResponse:
    actor = actor_of(request)
    access.require(actor, place.permission, place.organization)
    form = FileForm(request.POST or None, initial=_offered(request, place))
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            version = actions.create(
                by=actor, organization=place.organization, tenant=place.tenant, **form.cleaned_data
            )
            messages.success(request, f"{version.file.name} is kept. Publish it to put it into use.")
            return redirect(place.of(version.file))
    context = {"form": form, "place": place, "frame": place.frame(request, "New file")}
    return render(request, "tenants/content_new.html", context, status=422 if form.errors else 200)


def _offered(request: HttpRequest, place: Place) -> dict[str, str]:
    """The inherited file that one's own is to take the place of, where the address names one."""
    key = request.GET.get("kind", ""), request.GET.get("name", "")
    if place.tenant is None:
        return {"kind": key[0], "name": key[1]}
    found = queries.effective_for(actor_of(request), place.tenant)
    text = next((each.given.text for each in found if each.given.key == key), None)
    return {"kind": key[0], "name": key[1], "text": text or ""}


def _page(request: HttpRequest, place: Place, file_id: str) -> HttpResponse:
    actor = actor_of(request)
    file = _found(request, place, file_id)
    newest = queries.version(actor, file, file.latest)
    form = VersionForm(request.POST or None, initial={"text": newest.text or "", "based_on": file.latest})
    if request.method == "POST":
        access.require(actor, place.permission, place.organization)
        if form.is_valid():
            with told_on(form):
                saved = actions.save(by=actor, file=file, **form.cleaned_data)
                kept = f"Version {saved.number} is kept. Publish it to put it into use."
                messages.success(request, kept if saved.number > newest.number else "Nothing differs: nothing kept.")
                return redirect(place.of(file))
    history = page_of(queries.versions_of(actor, file), cursor=request.GET.get("cursor"), limit=20)
    names = names_of(version.created_by for version in history.rows)
    frame = place.frame(request, file.name)
    context: dict[str, Any] = {
        "file": file,
        "kind_words": ContentFile.Kind(file.kind).label,
        "mark": file_mark(file, newest),
        "form": form,
        "place": place,
        "versions": [version_row(version, names, file.latest) for version in history.rows],
        "shown": _shown(request, file),
        "page": pager(history),
        "may_edit": place.permission in frame.permissions,
        "frame": frame,
    }
    return render(request, "tenants/content_file.html", context, status=422 if form.errors else 200)


def _shown(request: HttpRequest, file: ContentFile) -> dict[str, Any] | None:
    """The version that the address names, and its difference from the one before."""
    asked = request.GET.get("version")
    if not asked:
        return None
    actor, number = actor_of(request), number_of(asked)
    shown = queries.version(actor, file, number)
    before = queries.version(actor, file, number - 1).text if number > 1 else ""
    return {
        "number": number,
        "text": shown.text,
        "leaves_out": shown.leaves_out,
        "lines": diff_lines(unified(before or "", shown.text or "")),
    }


def _leave_out(request: HttpRequest, place: Place) -> HttpResponse:
    actor = actor_of(request)
    kind, name = request.POST.get("kind", ""), request.POST.get("name", "")
    known = queries.files_at(actor, place.organization, place.tenant).filter(kind=kind, name=name, withdrawn_at=None)
    if (file := known.first()) is not None:
        actions.save(by=actor, file=file, text=None)
    else:
        actions.create(by=actor, organization=place.organization, tenant=place.tenant, kind=kind, name=name, text=None)
    messages.success(request, f"{name} is left out here from the next publishing on.")
    return redirect(place.home)


def _withdraw(request: HttpRequest, place: Place, file_id: str) -> HttpResponse:
    file = actions.withdraw(by=actor_of(request), file=_found(request, place, file_id))
    messages.success(request, f"{file.name} counts no more from the next publishing on. Its versions are kept.")
    return redirect(place.home)


def _found(request: HttpRequest, place: Place, file_id: str) -> ContentFile:
    """A file of exactly this level."""
    file = queries.find(actor_of(request), file_id)
    if (file.organization_id, file.tenant_id) != (place.organization.pk, place.tenant.pk if place.tenant else None):
        raise ContentNotFound
    return file
