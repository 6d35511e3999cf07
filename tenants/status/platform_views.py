"""The platform's status: for everybody, without sign-in or script, kept by caches for half a minute."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from controlplane import rls
from controlplane.actor import actor_of
from controlplane.forms import told_on
from controlplane.problems import Malformed
from controlplane.public_links import View, unlisted
from controlplane.transactions import calls_out
from organizations.accounts import guessing
from organizations.accounts.forms import EmailForm
from organizations.addresses import checked_address
from organizations.branding.queries import Look, look_for
from organizations.hostnames.serving import at_hostnames
from tenants.status import board, components, feeds, queries, rows, subscriptions
from tenants.status.models import StatusSubscription

SECONDS = 30


def for_everybody(view: View) -> View:
    """Reads only, and may be kept by any cache for a while."""
    return require_safe(cache_control(public=True, max_age=SECONDS)(view))


@for_everybody
def page(request: HttpRequest) -> HttpResponse:
    """Every component with ninety days behind it, and what staff say."""
    return render(request, "status/platform.html", rows.platform_page(board.platform()))


@for_everybody
def as_json(request: HttpRequest) -> HttpResponse:
    """The same for programs."""
    return JsonResponse(board.platform())


@for_everybody
def feed(request: HttpRequest) -> HttpResponse:
    """What staff say, as an Atom feed."""
    told = board.platform()
    return feeds.answer(
        title=f"Status of {settings.BRAND}",
        page=settings.BASE_URL + reverse("tenants:platform-status"),
        feed=settings.BASE_URL + reverse("tenants:platform-feed"),
        entries=feeds.of_incidents(told),
    )


@for_everybody
def incident(request: HttpRequest, incident_id: str) -> HttpResponse:
    """One incident or maintenance with all that was said of it."""
    names = {each.key: each.full_name for each in components.everything()}
    told = board.incident_row(queries.incident(incident_id), names, timezone.now())
    return render(request, "status/incident.html", {"incident": rows.incident(told)})


@calls_out
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest) -> HttpResponse:
    """An address to be told; on POST, a mail asks it to confirm, whoever has it."""
    back = reverse("tenants:platform-status")
    return subscribing(request, subscriptions.of_platform(), back)


def subscribing(request: HttpRequest, about: subscriptions.About, back: str) -> HttpResponse:
    """The form and its answer, which is the same for every address. Args: back: path of the status page."""
    form = EmailForm(request.POST or None)
    context: dict[str, Any] = {"form": form, "what": about.title, "back": back, "look": look_for(about.owner)}
    if request.method == "POST" and form.is_valid():
        with told_on(form):
            address = checked_address(form.cleaned_data["email"])
            guessing.count_mail(actor_of(request).address, address)
            subscriptions.ask(email=address, about=about)
            sent = {**context, "email": address, "hours": subscriptions.hours_to_confirm()}
            return render(request, "status/subscribe_sent.html", sent)
    return render(request, "status/subscribe.html", context, status=422 if form.errors else 200)


@at_hostnames(lambda subscription_id, secret: subscriptions.find(subscription_id, secret).organization_id)
@calls_out
@never_cache
@unlisted
@require_http_methods(["GET", "HEAD", "POST"])
def subscription(request: HttpRequest, subscription_id: str, secret: str) -> HttpResponse:
    """The page behind a mailed link; on POST, the subscription is confirmed, or ended."""
    found = subscriptions.find(subscription_id, secret)
    if request.method != "POST":
        return render(request, "status/subscription.html", {"subscription": found, "look": _look(found)})
    act = request.POST.get("act", "")
    if act not in ACTS:
        raise Malformed(f"Expected one of {', '.join(ACTS)}.", field="act")
    ACTS[act](by=actor_of(request), subscription=found)
    return render(request, "status/subscription_done.html", {"confirmed": act == "confirm", "look": _look(found)})


def _look(subscription: StatusSubscription) -> Look | None:
    return look_for(None if subscription.organization_id == rls.PLATFORM else subscription.organization_id)


ACTS = {"confirm": subscriptions.confirm, "end": subscriptions.end}


# Mail programs post here without a page of ours before (RFC 8058, 3.1); the secret in the address proves the right, and
# what it does is what whoever got the mail wants of it.
@csrf_exempt
@calls_out
@never_cache
@unlisted
@require_http_methods(["GET", "HEAD", "POST"])
def one_click(request: HttpRequest, subscription_id: str, secret: str) -> HttpResponse:
    """What a mail program posts to; people who open it are led to the page."""
    if request.method != "POST":
        return redirect("tenants:status-subscription", subscription_id, secret)
    found = subscriptions.find(subscription_id, secret)
    subscriptions.end(by=actor_of(request), subscription=found)
    return render(request, "status/subscription_done.html", {"confirmed": False, "look": _look(found)})
