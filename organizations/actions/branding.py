"""An organization's brand: set it and its logos, and take them away."""

import hashlib

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import FieldError, Invalid, NotFound
from organizations.access import require
from organizations.actions import trail
from organizations.actions.locks import locked_organization
from organizations.branding import colours, images
from organizations.branding.models import LOGOS, Brand
from organizations.branding.queries import PERMISSION, digest_of
from organizations.models import Organization
from organizations.shown_names import shown_name

LONGEST_NAME = 60
COLOURS_REFUSED = "These colours can't be read by everybody. Nothing was changed."


def set_brand(*, by: Actor, organization: Organization, name: str, accent: str, accent_dark: str) -> Brand:
    """
    Give the organization's pages a name and accent colours of its own.

    Args: accent, accent_dark: #rrggbb, on light and on dark pages. Raises Invalid naming each field, with the contrast
    that was measured and a colour that would do.
    """
    standing = require(by, PERMISSION, organization)
    colours_wanted = _checked_colours({"accent": accent, "accent_dark": accent_dark})
    wanted = {"name": shown_name(name, longest=LONGEST_NAME), **colours_wanted}
    with rls.acting_as(f"org:{organization.pk}"):
        locked_organization(organization.pk)
        held = Brand.objects.filter(pk=organization.pk).first()
        before = {field: getattr(held, field) for field in wanted} if held else {}
        if held and wanted == before:
            return held
        brand = held or Brand(organization=organization)
        for field, value in wanted.items():
            setattr(brand, field, value)
        brand.digest = digest_of(brand)
        brand.save()
        trail.record(by, standing, "organizations.brand.set", organization.pk, before=before, after=wanted)
    return brand


def remove_brand(*, by: Actor, organization: Organization) -> None:
    """Give the organization's pages back the look that they had without it. Raises NotFound where it has none."""
    standing = require(by, PERMISSION, organization)
    with rls.acting_as(f"org:{organization.pk}"):
        held = _held(organization)
        held.delete()
        trail.record(by, standing, "organizations.brand.remove", organization.pk, name=held.name)


def set_logo(*, by: Actor, organization: Organization, scheme: str, content: bytes) -> Brand:
    """
    Give the brand a logo for light or for dark pages, in place of the one that it has.

    Args: content: a PNG, JPEG or WebP file, which is not trusted. Raises Invalid naming `image`, NotFound where there
    is no brand, or no such scheme.
    """
    standing, field = require(by, PERMISSION, organization), field_of(scheme)
    logo = images.taken(content, field="image")
    with rls.acting_as(f"org:{organization.pk}"):
        brand = _held(organization)
        if bytes(getattr(brand, field)) == logo.png:
            return brand
        _put(brand, field, logo)
        told = {"sha256": hashlib.sha256(logo.png).hexdigest(), "width": logo.width, "height": logo.height}
        trail.record(by, standing, "organizations.brand.set_logo", organization.pk, scheme=scheme, **told)
    return brand


def remove_logo(*, by: Actor, organization: Organization, scheme: str) -> None:
    """Take a logo away. Raises NotFound where there is none."""
    standing, field = require(by, PERMISSION, organization), field_of(scheme)
    with rls.acting_as(f"org:{organization.pk}"):
        brand = _held(organization)
        if not getattr(brand, field):
            raise NotFound(f"The brand has no logo for {scheme} pages. Nothing was changed.")
        _put(brand, field, images.Logo(b"", 0, 0))
        trail.record(by, standing, "organizations.brand.remove_logo", organization.pk, scheme=scheme)


def field_of(scheme: str) -> str:
    """Where a brand keeps its logo for pages of a scheme. Raises NotFound for what is neither light nor dark."""
    if scheme not in LOGOS:
        raise NotFound(f"A logo is for {' or '.join(LOGOS)} pages. Nothing was changed.")
    return LOGOS[scheme]


def _held(organization: Organization) -> Brand:
    """The organization's brand, under the lock of the organization. Raises NotFound where it has none."""
    locked_organization(organization.pk)
    held = Brand.objects.filter(pk=organization.pk).first()
    if held is None:
        raise NotFound("This organization has no brand of its own. Nothing was changed.")
    return held


def _put(brand: Brand, field: str, logo: images.Logo) -> None:
    kept = {field: logo.png, f"{field}_width": logo.width, f"{field}_height": logo.height}
    for name, value in kept.items():
        setattr(brand, name, value)
    brand.digest = digest_of(brand)
    brand.save(update_fields=[*kept, "digest", "updated_at"])


def _checked_colours(given: dict[str, str]) -> dict[str, str]:
    refused = [
        FieldError(field, why)
        for field, text in given.items()
        if (why := colours.refusal(text, colours.SCHEMES[field]))
    ]
    if refused:
        raise Invalid(COLOURS_REFUSED, errors=refused)
    return {field: text.lower() for field, text in given.items()}
