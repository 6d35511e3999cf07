"""Gathers the rows of this room, so that Django finds them in one place."""

from organizations.accounts.models import (
    Authenticator,
    GuessCount,
    MailedCode,
    Passkey,
    PersonSession,
    RecoveryCode,
)
from organizations.branding.models import Brand
from organizations.hostnames.models import Hostname
from organizations.keys.models import ApiKey
from organizations.models.access_request import AccessRequest
from organizations.models.belonging import Grant, Invitation, JoinRequest, Membership
from organizations.models.client_name import ClientName
from organizations.models.client_role import ClientRole
from organizations.models.emergency_access import EmergencyAccess
from organizations.models.offboarding import Offboarding
from organizations.models.organization import Organization
from organizations.models.role import CustomRole
from organizations.models.staff import StaffGrant
from organizations.models.user import User
from organizations.scim.models import DirectoryGroup, DirectoryMember, DirectoryUser, ScimToken
from organizations.senders.models import MailSender
from organizations.sso.domains.models import Domain
from organizations.sso.models import Connection, SeenAssertion, SignInTest

__all__ = [
    "AccessRequest",
    "ApiKey",
    "Authenticator",
    "Brand",
    "ClientName",
    "ClientRole",
    "Connection",
    "CustomRole",
    "DirectoryGroup",
    "DirectoryMember",
    "DirectoryUser",
    "Domain",
    "EmergencyAccess",
    "Grant",
    "GuessCount",
    "Hostname",
    "Invitation",
    "JoinRequest",
    "MailSender",
    "MailedCode",
    "Membership",
    "Offboarding",
    "Organization",
    "Passkey",
    "PersonSession",
    "RecoveryCode",
    "ScimToken",
    "SeenAssertion",
    "SignInTest",
    "StaffGrant",
    "User",
]
