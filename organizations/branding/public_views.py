"""What pages load of a brand, signed in or not, by an address that only those pages tell."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from controlplane.problems import NotFound
from organizations.branding import colours, queries
from organizations.branding.models import LOGOS
from organizations.hostnames.serving import at_hostnames

ONE_YEAR = 365 * 24 * 3600


@at_hostnames(None)
@require_safe
def stylesheet(request: HttpRequest, organization_id: str, digest: str) -> HttpResponse:
    """The brand's colours."""
    light, dark = map(colours.parsed, queries.served(organization_id, digest, "accent", "accent_dark"))
    assert light is not None
    assert dark is not None
    return _answer(colours.stylesheet(light, dark).encode(), "text/css; charset=utf-8")


@at_hostnames(None)
@require_safe
def logo(request: HttpRequest, organization_id: str, digest: str, scheme: str) -> HttpResponse:
    """The brand's logo for light pages, or the one for dark ones."""
    [png] = queries.served(organization_id, digest, LOGOS[scheme])
    if not png:
        raise NotFound
    return _answer(bytes(png), "image/png")


def _answer(content: bytes, media_type: str) -> HttpResponse:
    """Kept by everybody for good: the address changes with what it answers. Nothing that it holds can run."""
    headers = {
        "Cache-Control": f"public, max-age={ONE_YEAR}, immutable",
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(content, content_type=media_type, headers=headers)
