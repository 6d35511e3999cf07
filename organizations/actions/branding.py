"""An organization's brand: set it, and take it away."""

import unicodedata

from controlplane import rls
from controlplane.actor import Actor
from controlplane.problems import FieldError, Invalid, NotFound
from organizations.access import require
from organizations.actions import trail
from organizations.actions.locks import locked_organization
from organizations.branding import colours
from organizations.branding.models import Brand
from organizations.branding.queries import PERMISSION, digest_of
from organizations.models import Organization

LONGEST_NAME = 60
COLOURS_REFUSED = "These colours can't be read by everybody. Nothing was changed."


def set_brand(*, by: Actor, organization: Organization, name: str, accent: str, accent_dark: str) -> Brand:
    """
    Give the organization's pages a name and accent colours of its own.

    Args: accent, accent_dark: #rrggbb, on light and on dark pages. Raises Invalid naming each field, with the contrast
    that was measured and a colour that would do.
    """
    standing = require(by, PERMISSION, organization)
    wanted = {"name": checked_name(name), **_checked_colours({"accent": accent, "accent_dark": accent_dark})}
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
        locked_organization(organization.pk)
        held = Brand.objects.filter(pk=organization.pk).first()
        if held is None:
            raise NotFound("This organization has no brand of its own. Nothing was changed.")
        held.delete()
        trail.record(by, standing, "organizations.brand.remove", organization.pk, name=held.name)


def checked_name(name: str) -> str:
    """A brand's name without odd white space; raises Invalid. Marks that turn text around are not printable either."""
    tidy = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(tidy) <= LONGEST_NAME or not tidy.isprintable():
        raise Invalid(f"The name has between 1 and {LONGEST_NAME} printable characters.", field="name")
    return tidy


def _checked_colours(given: dict[str, str]) -> dict[str, str]:
    refused = [
        FieldError(field, why)
        for field, text in given.items()
        if (why := colours.refusal(text, colours.SCHEMES[field]))
    ]
    if refused:
        raise Invalid(COLOURS_REFUSED, errors=refused)
    return {field: text.lower() for field, text in given.items()}
