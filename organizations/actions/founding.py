"""What every way of founding an organization has in common."""

import unicodedata

from django.utils import timezone
from django.utils.text import slugify

from controlplane.actor import Actor
from controlplane.ids import LOWER_BASE32, random_text
from controlplane.problems import Invalid
from organizations.actions import facts, trail
from organizations.models import Organization

LONGEST_NAME = 120


def checked_name(name: str, *, field: str = "name") -> str:
    """An organization's name without odd white space; raises Invalid naming `field`."""
    tidy = " ".join(unicodedata.normalize("NFC", name).split())
    if not 2 <= len(tidy) <= LONGEST_NAME or not tidy.isprintable():
        raise Invalid(f"The name has between 2 and {LONGEST_NAME} printable characters.", field=field)
    return tidy


def checked_kind(kind: str) -> str:
    """`organization` or `msp`; raises Invalid."""
    if kind not in Organization.Kind.values:
        raise Invalid(f"The kind is one of {', '.join(Organization.Kind.values)}.", field="kind")
    return kind


def checked_jurisdiction(jurisdiction: str) -> str:
    """`eu`, or empty for anywhere; raises Invalid."""
    if jurisdiction not in Organization.Jurisdiction.values:
        known = " or ".join(filter(None, Organization.Jurisdiction.values))
        raise Invalid(f"The jurisdiction is {known}, or empty for anywhere.", field="jurisdiction")
    return jurisdiction


def insert_organization(*, by: Actor, organization: Organization, way: str) -> None:
    """
    Store a new organization in the caller's transaction, audited. The caller acts as `org:<its id>`.

    The slug ends in random characters: a plain one would tell who already has the name.
    """
    organization.slug = f"{slugify(organization.name)[:60] or 'organization'}-{random_text(LOWER_BASE32, 5)}"
    if organization.is_active:
        organization.activated_at = timezone.now()
    organization.save(force_insert=True)
    if organization.is_active:
        facts.publish(facts.ORGANIZATION_CREATED, organization_id=organization.pk)
    told = {"name": organization.name, "kind": organization.kind, "state": organization.state, "way": way}
    told["jurisdiction"] = organization.jurisdiction
    trail.record(by, organization.pk, "organizations.organization.create", organization.pk, **told)
