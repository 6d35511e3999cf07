"""What changes on a connection over the years: metadata, certificates, our own key, and the client's secret."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from controlplane import rls
from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.transactions import calls_out
from organizations.actions import certificates, renewing
from organizations.forms import MetadataForm
from organizations.models import Connection, Organization
from organizations.sso.settings.forms import CertificateForm, SecretForm
from organizations.sso.settings.page import done, form_page, managed, managed_connection

HERE = "settings:sso-connection"


@calls_out
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def renew(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """Give an OpenID provider's new secret, or a SAML provider's new metadata."""
    organization, connection = managed_connection(request, organization_id, connection_id, confirmed=True)
    form = _renewal_form(request, connection)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            _renew(request, organization, connection, form)
            return done(request, f"{connection.name} is renewed.", HERE, organization_id, connection_id)
    context = {"form": form, "connection": connection}
    return form_page(request, organization, f"Renew {connection.name}", context, "connection_renew")


@calls_out
@login_required
@require_POST
def refresh(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """Read metadata or discovery again, where they were read from."""
    organization, connection = managed_connection(request, organization_id, connection_id, confirmed=True)
    words = renewing.refresh(by=actor_of(request), organization=organization, connection=connection)
    return done(request, words, HERE, organization_id, connection_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def add_certificate(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """Accept the provider's next certificate beside the present one."""
    organization, connection = managed_connection(request, organization_id, connection_id, confirmed=True)
    form = CertificateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            certificates.add(
                by=actor_of(request), organization=organization, connection_id=connection_id, **form.cleaned_data
            )
            return done(request, "Both certificates are accepted now.", HERE, organization_id, connection_id)
    context = {"form": form, "connection": connection}
    return form_page(request, organization, "Add a certificate", context, "certificate_new")


@login_required
@require_POST
def remove_certificate(
    request: HttpRequest, organization_id: str, connection_id: str, fingerprint: str
) -> HttpResponse:
    """Accept a certificate no longer."""
    organization = managed(request, organization_id, confirmed=True)
    certificates.remove(
        by=actor_of(request), organization=organization, connection_id=connection_id, fingerprint_of=fingerprint
    )
    return done(request, "It is accepted no longer.", HERE, organization_id, connection_id)


OWN_KEY = {
    "sign": (lambda **which: certificates.sign_requests(**which, wanted=True), "Requests are signed from now on."),
    "stop": (lambda **which: certificates.sign_requests(**which, wanted=False), "Requests are no longer signed."),
    "next": (certificates.add_next_own, "The next key is made. Tell your provider, then switch."),
    "switch": (certificates.switch_own, "Requests are signed by the new key."),
}


@login_required
@require_POST
def own_key(request: HttpRequest, organization_id: str, connection_id: str, step: str) -> HttpResponse:
    """Sign our requests, stop it, make our next key, or switch to it."""
    organization = managed(request, organization_id, confirmed=True)
    if step not in OWN_KEY:
        raise Http404
    act, words = OWN_KEY[step]
    act(by=actor_of(request), organization=organization, connection_id=connection_id)
    return done(request, words, HERE, organization_id, connection_id)


def _renewal_form(request: HttpRequest, connection: Connection) -> SecretForm | MetadataForm:
    if connection.kind == Connection.Kind.OIDC:
        return SecretForm(request.POST or None)
    return MetadataForm(request.POST or None, request.FILES or None)


def _renew(
    request: HttpRequest, organization: Organization, connection: Connection, form: SecretForm | MetadataForm
) -> None:
    actor = actor_of(request)
    which: dict[str, Any] = {"by": actor, "organization": organization, "connection_id": connection.pk}
    if isinstance(form, SecretForm):
        with rls.acting_as(actor.rls_actor):
            renewing.renew_secret(**which, client_secret=form.cleaned_data["client_secret"])
        return
    read = form.read()
    with rls.acting_as(actor.rls_actor):
        renewing.renew_saml(**which, metadata=read)
