"""Gathers the rows of this room, so that Django finds them in one place."""

from organizations.keys.models import ApiKey
from organizations.models.belonging import Grant, Invitation, Membership
from organizations.models.organization import Organization
from organizations.models.staff import StaffGrant
from organizations.models.user import User
from organizations.sso.models import Connection, SeenAssertion

__all__ = [
    "ApiKey",
    "Connection",
    "Grant",
    "Invitation",
    "Membership",
    "Organization",
    "SeenAssertion",
    "StaffGrant",
    "User",
]
