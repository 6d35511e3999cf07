"""The page of a connection's provisioning: address, token, and what names a person in both."""

import datetime as dt
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.forms import told_on
from organizations.actions import scim_tokens
from organizations.frame import Link
from organizations.models import Organization
from organizations.scim.settings.rows import provisioning_of, token_row
from organizations.sso.claims import LONGEST_CLAIM
from organizations.sso.settings.page import done, form_page, managed

NAMES = (("userName", "userName: the directory's user name"), ("externalId", "externalId: the directory's own id"))
LASTING = (("90", "90 days"), ("180", "180 days"), ("365", "1 year"))


class SubjectForm(forms.Form):
    """What names a person in the directory and at sign-in."""

    attribute = forms.ChoiceField(label="In the directory", choices=NAMES)
    claim = forms.CharField(
        label="At sign-in",
        max_length=LONGEST_CLAIM,
        required=False,
        help_text="A claim that nobody can choose for themselves, such as oid. Empty is the subject or NameID.",
    )


class TokenForm(forms.Form):
    """How long a token works."""

    expires_in = forms.ChoiceField(label="Works for", choices=LASTING, initial="365")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def provisioning(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """Everything about it; on POST, make a token, which is shown this once."""
    organization = managed(request, organization_id)
    form = TokenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            _, secret = scim_tokens.create(
                by=actor_of(request),
                organization=organization,
                connection_id=connection_id,
                expires_in=dt.timedelta(days=int(form.cleaned_data["expires_in"])),
            )
            return _page(request, organization, connection_id, {"form": form, "secret": secret})
    return _page(request, organization, connection_id, {"form": form})


@login_required
@require_POST
def subject(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """Say what names a person in both."""
    organization = managed(request, organization_id)
    form = SubjectForm(request.POST)
    if form.is_valid():
        with told_on(form):
            scim_tokens.set_subject(
                by=actor_of(request), organization=organization, connection_id=connection_id, **form.cleaned_data
            )
            words = "Saved. It counts for users who have not signed in yet."
            return done(request, words, "settings:sso-provisioning", organization_id, connection_id)
    return _page(request, organization, connection_id, {"form": form, "subject": form})


@login_required
@require_POST
def revoke(request: HttpRequest, organization_id: str, connection_id: str, scim_token_id: str) -> HttpResponse:
    """End a token."""
    organization = managed(request, organization_id)
    scim_tokens.revoke(
        by=actor_of(request), organization=organization, connection_id=connection_id, token_id=scim_token_id
    )
    return done(request, "The token works no more.", "settings:sso-provisioning", organization_id, connection_id)


@login_required
@require_POST
def stop(request: HttpRequest, organization_id: str, connection_id: str) -> HttpResponse:
    """Forget the directory."""
    organization = managed(request, organization_id)
    scim_tokens.forget(by=actor_of(request), organization=organization, connection_id=connection_id)
    words = "Provisioning has stopped. Members are what they were."
    return done(request, words, "settings:sso-provisioning", organization_id, connection_id)


def _page(
    request: HttpRequest, organization: Organization, connection_id: str, context: dict[str, Any]
) -> HttpResponse:
    told = provisioning_of(actor_of(request), organization, connection_id)
    initial = {"attribute": told["attribute"], "claim": told["claim"]}
    shown = {
        "subject": SubjectForm(initial=initial),
        **told,
        "rows": [token_row(token) for token in told["tokens"]],
        **context,
        "token_form": context["form"] if isinstance(context["form"], TokenForm) else TokenForm(),
    }
    crumb = Link(told["connection"].name, reverse("settings:sso-connection", args=[organization.pk, connection_id]))
    return form_page(request, organization, "Provisioning", shown, "provisioning", crumbs=(crumb,))
