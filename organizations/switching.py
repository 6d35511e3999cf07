"""From one organization to another: a part of the switcher's window, or a page of its own where no script runs."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from controlplane import ordered
from controlplane.actor import actor_of
from controlplane.ordered import Column
from organizations import queries
from organizations.frame import choices_of

LONGEST = 80
BY_NAME = (Column("kind"), Column("name"), Column("id"))


@login_required
@require_safe
def switch(request: HttpRequest) -> HttpResponse:
    """Organizations that somebody may enter, MSPs first, by a part of their name."""
    asked = request.GET.get("q", "").strip()[:LONGEST]
    seen = queries.visible_to(actor_of(request))
    found = seen.filter(name__icontains=asked) if asked else seen
    page = ordered.page_of(found, BY_NAME, cursor=request.GET.get("cursor") or None)
    context = {
        "asked": asked,
        "choices": choices_of(page.rows),
        "page": ordered.pager(page, keeping=urlencode({"q": asked}) if asked else ""),
    }
    template = "organizations/choices.html" if "HX-Request" in request.headers else "organizations/switch.html"
    return render(request, template, context)
