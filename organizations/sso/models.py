"""An organization's identity provider, and the assertions that it has already used up."""

import secrets

from django.db import models

from controlplane.crypto import EncryptedTextField
from controlplane.ids import new_id

LONGEST_ISSUER = 1024
LONGEST_ADDRESS = 2048


def new_connection_id() -> str:
    return new_id("conn")


def new_provider_id() -> str:
    """A name for a provider that no organization chooses: it decides whose people an identity belongs to."""
    return f"idp_{secrets.token_hex(16)}"


class Connection(models.Model):
    """
    The identity provider of one organization, which authenticates into that organization only.

    `provider_id` is what people's identities hang on. It is random, unique by the database, and no setting: an
    organization that names the same issuer and the same subject as another still reaches nobody of that other.
    Everything here was validated when it was saved; addresses were fetched once and pinned.
    """

    class Kind(models.TextChoices):
        SAML = "saml", "SAML 2.0"
        OIDC = "oidc", "OpenID Connect"

    class State(models.TextChoices):
        ENABLED = "enabled", "Enabled"
        DISABLED = "disabled", "Disabled"

    id = models.CharField(primary_key=True, max_length=32, default=new_connection_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="connections")
    kind = models.CharField(max_length=8, choices=Kind)
    name = models.CharField(max_length=120)
    provider_id = models.CharField(max_length=64, unique=True, default=new_provider_id, editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.ENABLED)
    issuer = models.CharField(
        max_length=LONGEST_ISSUER, help_text="SAML entity id or OIDC issuer of the identity provider"
    )
    source_url = models.CharField(
        max_length=LONGEST_ADDRESS, blank=True, help_text="Where metadata or discovery was read"
    )
    sign_in_url = models.CharField(
        max_length=LONGEST_ADDRESS, help_text="SAML redirect binding or OIDC authorization endpoint"
    )
    certificates = models.JSONField(default=list, blank=True, help_text="SAML: signing certificates, base64 DER")
    endpoints = models.JSONField(default=dict, blank=True, help_text="OIDC: token, userinfo and keys, pinned")
    client_id = models.CharField(max_length=255, blank=True)
    client_secret = EncryptedTextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    proven_at = models.DateTimeField(null=True, blank=True, help_text="First sign-in that went through")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_enabled(self) -> bool:
        return self.state == self.State.ENABLED


class SeenAssertion(models.Model):
    """
    A valid SAML assertion that arrived, kept until it would be refused as too old anyway.

    Shared by all processes: the unique constraint is what refuses the same assertion a second time. Between the
    identity provider's cross-site POST, which carries no session cookie, and the browser's return with its session,
    the row also holds who was asserted.
    """

    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    assertion_digest = models.CharField(max_length=64)
    in_response_to = models.CharField(max_length=128)
    uid = models.CharField(max_length=191)
    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=200, blank=True)
    authenticated_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(auto_now_add=True)
    keep_until = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "assertion_digest"], name="an_assertion_counts_once"),
            models.UniqueConstraint(fields=["connection", "in_response_to"], name="a_request_is_answered_once"),
        ]

    def __str__(self) -> str:
        return f"assertion for {self.connection_id} received {self.received_at:%Y-%m-%d %H:%M:%S}"
