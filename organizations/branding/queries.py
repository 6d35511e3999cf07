"""Whose brand an organization's pages carry."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.crypto import salted_hmac

from controlplane import once, rls
from controlplane.actor import Actor
from controlplane.mail import OURS, Letterhead, unlinked
from controlplane.problems import NotFound
from organizations.access import require
from organizations.branding.models import LOGOS, Brand
from organizations.models import Organization
from organizations.standings import standing_msps

PERMISSION = "organization.manage"


@dataclass(frozen=True)
class Picture:
    """A logo: its path at the portal, and its measures in pixels."""

    address: str
    width: int
    height: int

    @classmethod
    def of(cls, brand: Brand, scheme: str) -> Self | None:
        """The brand's logo for a scheme; None where it has none."""
        width, height = (getattr(brand, f"{LOGOS[scheme]}_{side}") for side in ("width", "height"))
        return cls(reverse(f"brand-logo-{scheme}", args=[brand.pk, brand.digest]), width, height) if width else None


@dataclass(frozen=True)
class Look:
    """What templates show of a brand. `stylesheet` is its path at the portal."""

    name: str
    stylesheet: str
    accent: str
    logo: Picture | None
    logo_dark: Picture | None

    @classmethod
    def of(cls, brand: Brand) -> Self:
        """The look of one brand."""
        stylesheet = reverse("brand-stylesheet", args=[brand.pk, brand.digest])
        return cls(brand.name, stylesheet, brand.accent, Picture.of(brand, "light"), Picture.of(brand, "dark"))


@dataclass(frozen=True)
class Printed:
    """What paper shows of a brand. Attributes: logo: a PNG, empty for none."""

    name: str
    accent: str
    logo: bytes


def own_brand(actor: Actor, organization: Organization) -> Brand:
    """The organization's own brand, for whoever may change it. Raises NotFound where it has none."""
    require(actor, PERMISSION, organization)
    brand = _without_pictures().filter(pk=organization.pk).first()
    if brand is None:
        raise NotFound("This organization has no brand of its own.", hint="Give it one by PUT, or on its page “Brand”.")
    return brand


def brand_of(organization: Organization) -> Brand | None:
    """
    The brand that an organization's pages carry: its own, else that of the MSP that manages it, else none.

    Of several MSPs it is the one with a brand whose standing access is the oldest; access that ends by itself, as for
    one task, brings no brand. Row-level security shows a client's people the brand of their MSP.
    """
    return once.ask(("brand", organization.pk), lambda: _brand_of(organization.pk))


def look_of(organization: Organization) -> Look | None:
    """The same for templates."""
    brand = brand_of(organization)
    return Look.of(brand) if brand else None


def look_for(owner: str | None) -> Look | None:
    """
    What pages of an organization's carry that are opened without a sign-in, as by a public link.

    Args: owner: the organization whose page it is; None for the platform's, which carry no brand.
    """
    brand = _read_as(owner) if owner else None
    return Look.of(brand) if brand else None


def letterhead_of(organization_id: str) -> Letterhead:
    """What an organization's mails carry. Its name becomes no link there."""
    brand = _read_as(organization_id)
    return Letterhead(unlinked(brand.name), brand.accent) if brand else OURS


def printed_for(organization_id: str) -> Printed | None:
    """What files of an organization's carry."""
    with rls.reading_as(f"org:{organization_id}"):
        brand = _brand_of(organization_id)
        return Printed(brand.name, brand.accent, bytes(brand.logo)) if brand else None


def served(organization_id: str, digest: str, *columns: str) -> tuple[Any, ...]:
    """
    Columns of a brand, by the address that only its pages tell.

    Raises NotFound, alike for what never was and what is over.
    """
    with rls.reading_as(f"org:{organization_id}"):
        found = Brand.objects.filter(pk=organization_id, digest=digest).values_list(*columns).first()
    if found is None:
        raise NotFound
    return found


def digest_of(brand: Brand) -> str:
    """
    What names a brand's files. The attack: whoever has a company's logo computes the address and learns who is a
    customer here.
    """
    logos = [hashlib.sha256(getattr(brand, field)).hexdigest() for field in LOGOS.values()]
    told = json.dumps([brand.pk, brand.name, brand.accent, brand.accent_dark, *logos])
    return salted_hmac("organizations.brand", told, algorithm="sha256").hexdigest()


def _read_as(organization_id: str) -> Brand | None:
    """The brand of an organization, whoever asks."""
    with rls.reading_as(f"org:{organization_id}"):
        return _brand_of(organization_id)


def _without_pictures() -> QuerySet[Brand]:
    """Brands without their pictures, which pages load by themselves."""
    return Brand.objects.defer(*LOGOS.values())


def _brand_of(organization_id: str) -> Brand | None:
    msps = standing_msps(organization_id)
    found = {brand.pk: brand for brand in _without_pictures().filter(pk__in=[organization_id, *msps])}
    return next((found[each] for each in (organization_id, *msps) if each in found), None)
