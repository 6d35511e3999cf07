"""The short link: a script for programs that fetch it, a page for browsers. Anybody who has it may look."""

import segno
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from controlplane.problems import Malformed
from tenants.enrollment.installers.files import FORMS, rendered
from tenants.enrollment.installers.guides import guides
from tenants.enrollment.installers.links import target_of
from tenants.enrollment.problems import LinkHasEnded


@require_safe
@never_cache
def short_link(request: HttpRequest, token_id: str) -> HttpResponse:
    """What fits whoever asks: by `?os=`, else by what it says of itself."""
    target = target_of(token_id)
    if target is None:
        raise LinkHasEnded
    key = request.GET.get("os") or _form_for(request)
    if key is None:
        context = {"guides": guides(target), "picture": picture(target.link), "link": target.link}
        return render(request, "tenants/installer.html", context)
    if key not in FORMS:
        raise Malformed(f"Expected one of {', '.join(sorted(FORMS))}.", field="os")
    # As text, so that no browser runs or saves it unseen.
    headers = {"Content-Disposition": f'inline; filename="{FORMS[key].filename}"'}
    return HttpResponse(rendered(key, target), content_type="text/plain; charset=utf-8", headers=headers)


def picture(link: str) -> str:
    """The link as a QR code. It has its own light ground: dark on dark can't be read by a camera."""
    return segno.make(link, error="m", micro=False).svg_inline(
        scale=4, border=4, dark="#111111", light="#ffffff", svgclass="qr", lineclass=None, omitsize=True
    )


def _form_for(request: HttpRequest) -> str | None:
    """The file for a program; None for a browser, which asks for HTML."""
    if "powershell" in request.headers.get("User-Agent", "").lower():
        return "windows"
    return None if "text/html" in request.headers.get("Accept", "") else "unix"
