"""The admin site, for staff: reading only. Changes go through the actions, which check and audit them."""

from django.contrib import admin

from organizations.models import ApiKey, Connection, Grant, Invitation, Membership, Organization, StaffGrant, User
from organizations.staff_site import ReadOnly

__all__ = ["ReadOnly"]


@admin.register(User)
class UserAdmin(ReadOnly):
    """People."""

    list_display = ["id", "email", "email_verified", "name", "is_active", "is_staff", "created_at"]
    search_fields = ["id", "email", "name"]
    exclude = ["password"]


@admin.register(Organization)
class OrganizationAdmin(ReadOnly):
    """Organizations."""

    list_display = ["id", "name", "kind", "state", "sign_in_policy", "created_at"]
    list_filter = ["kind", "state"]
    search_fields = ["id", "name", "slug"]


@admin.register(Membership)
class MembershipAdmin(ReadOnly):
    """Memberships."""

    list_display = ["id", "user", "organization", "role", "created_at"]
    list_filter = ["role"]


@admin.register(Grant)
class GrantAdmin(ReadOnly):
    """MSPs' access to clients."""

    list_display = ["id", "msp", "client", "role_ceiling", "state", "ends_at", "review_at"]
    list_filter = ["state"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    """Open invitations."""

    list_display = ["id", "email", "organization", "role", "expires_at"]


@admin.register(Connection)
class ConnectionAdmin(ReadOnly):
    """Identity providers, without their secrets."""

    list_display = ["id", "name", "organization", "kind", "state", "issuer", "proven_at"]
    list_filter = ["kind", "state"]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly):
    """API keys, without anything that could be used."""

    list_display = ["id", "name", "organization", "owner", "expires_at", "last_used_at", "revoked_at"]
    exclude = ["secret_digest"]


@admin.register(StaffGrant)
class StaffGrantAdmin(ReadOnly):
    """When the person who looks may do so."""

    list_display = ["id", "user", "reason", "created_at", "ends_at"]
