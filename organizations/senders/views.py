"""The page on which an organization says in whose name its mails go out."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.mail import head_of
from controlplane.marks import Mark
from controlplane.transactions import calls_out
from organizations import queries
from organizations.actions import senders as actions
from organizations.frame import Link
from organizations.models import MailSender, Organization
from organizations.senders.counting import counting_now, sender_of
from organizations.senders.forms import SenderForm
from organizations.settings_page import managed_organization, organization_of, settings_page

HERE = "settings:mail-sender"
MARKS = {
    MailSender.State.UNCHECKED: Mark("attention", "clock", "Waiting for DNS"),
    MailSender.State.ALLOWED: Mark("ok", "circle-check", "Allowed"),
    MailSender.State.MISSING: Mark("attention", "triangle-alert", "Not allowed"),
}


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sender(request: HttpRequest, organization_id: str) -> HttpResponse:
    """What was chosen and what of it counts; on POST, choose."""
    organization = organization_of(request, organization_id)
    chosen = queries.mail_sender(actor_of(request), organization)
    data = request.POST if request.method == "POST" else None
    form = SenderForm.of(chosen, data, own_address=bool(settings.SPF_INCLUDE))
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            actions.choose(by=actor_of(request), organization=organization, **form.cleaned_data)
            messages.success(request, "Saved. It goes into the next mail.")
            return redirect(HERE, organization_id)
    return _page(request, organization, chosen, form)


@calls_out
@login_required
@require_POST
def check(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Look at DNS now."""
    found = actions.check(by=actor_of(request), organization=_managed(request, organization_id))
    tell = messages.success if found.state == MailSender.State.ALLOWED else messages.warning
    tell(request, found.looked_words)
    return redirect(HERE, organization_id)


@login_required
@require_POST
def give_up(request: HttpRequest, organization_id: str) -> HttpResponse:
    """Have mails go out in the platform's name again."""
    actions.give_up(by=actor_of(request), organization=_managed(request, organization_id))
    messages.success(request, f"Mails go out in the name of {settings.BRAND} again.")
    return redirect(HERE, organization_id)


def _managed(request: HttpRequest, organization_id: str) -> Organization:
    return managed_organization(request, organization_id, actions.PERMISSION)


def _page(request: HttpRequest, organization: Organization, chosen: MailSender, form: SenderForm) -> HttpResponse:
    bears = sender_of(organization.pk)
    context = {
        "form": form,
        "chosen": None if chosen._state.adding else chosen,
        "mark": MARKS[MailSender.State(chosen.state)],
        "head": head_of(bears),
        "reply_to": bears.reply_to,
        "lacks": counting_now(chosen).lacks,
        "spf_include": settings.SPF_INCLUDE,
        "looks_again": chosen.next_look_at if chosen.next_look_at and chosen.next_look_at > timezone.now() else None,
    }
    return settings_page(
        request,
        organization,
        "brand",
        "Sender of mails",
        context,
        form=form,
        template="organizations/settings/mail_sender.html",
        crumbs=(Link("Brand", reverse("settings:brand", args=[organization.pk])),),
    )
