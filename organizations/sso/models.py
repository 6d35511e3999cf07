"""An organization's identity provider, and the assertions that it has already used up."""

import secrets

from django.db import models

from controlplane.crypto import EncryptedTextField
from controlplane.ids import new_id
from organizations.permissions import Role, role_is_known

NO_ACCESS = "none"
LONGEST_ISSUER = 1024
LONGEST_ADDRESS = 2048


def new_connection_id() -> str:
    return new_id("conn")


def new_test_id() -> str:
    return new_id("sit")


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
        DRAFT = "draft", "Never switched on"
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
    former_secret = EncryptedTextField(
        blank=True, default="", help_text="OIDC: the secret before, until the new one has worked once"
    )
    scopes = models.CharField(max_length=255, blank=True, help_text="OIDC: asked for besides openid, email and profile")
    provisioning = models.JSONField(
        default=dict, blank=True, help_text="SCIM: which attribute, and which claim, name a person"
    )
    signs_requests = models.BooleanField(default=False, help_text="SAML: whether our requests are signed")
    request_key = EncryptedTextField(blank=True, default="", help_text="SAML: our own private key, PEM")
    request_certificate = models.TextField(blank=True, help_text="SAML: our own certificate, base64 DER")
    next_request_key = EncryptedTextField(blank=True, default="")
    next_request_certificate = models.TextField(blank=True)
    certificates_end_at = models.DateTimeField(
        null=True, blank=True, help_text="SAML: when the last of the provider's certificates ends"
    )
    told_days_left = models.SmallIntegerField(null=True, blank=True, help_text="The last warning of that end")
    mapping = models.JSONField(default=dict, blank=True, help_text="Which claim is e-mail, name and groups")
    role_rules = models.JSONField(default=list, blank=True, help_text="Group → role, the first that matches counts")
    default_role = models.CharField(
        max_length=32, default=Role.VIEWER, help_text="One of the five, the id of a role of its own, or none"
    )
    just_in_time = models.BooleanField(default=False, help_text="Whether unknown people of a proven domain join")
    does_second_factor = models.BooleanField(
        default=False, help_text="The identity provider asks for a second factor itself"
    )
    second_factor_values = models.JSONField(
        default=list, blank=True, help_text="It counts only where the answer says one of these; empty: always"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    proven_at = models.DateTimeField(null=True, blank=True, help_text="First sign-in that went through")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=role_is_known("default_role", NO_ACCESS),
                name="connection_default_role_is_known",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_enabled(self) -> bool:
        return self.state == self.State.ENABLED

    @property
    def is_saml(self) -> bool:
        return self.kind == self.Kind.SAML

    @property
    def maps_roles(self) -> bool:
        """Whether roles follow the provider's groups, at every sign-in."""
        return bool(self.role_rules)


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
    claims = models.JSONField(default=dict, blank=True, help_text="Attributes, name → values; emptied once taken")
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


class SignInTest(models.Model):
    """
    A sign-in that an administrator tried, to see what the provider sends. It signed in nobody and changed nothing.

    `key` is the request id or state that the answer must carry: who holds it began the test.
    """

    class Outcome(models.TextChoices):
        RUNNING = "running", "Waiting for the provider"
        PASSED = "passed", "Passed"
        REFUSED = "refused", "Refused"

    id = models.CharField(primary_key=True, max_length=32, default=new_test_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="tests")
    tested_by = models.ForeignKey("organizations.User", null=True, on_delete=models.SET_NULL, related_name="+")
    key = models.CharField(max_length=128)
    outcome = models.CharField(max_length=16, choices=Outcome, default=Outcome.RUNNING)
    code = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    uid = models.CharField(max_length=191, blank=True)
    claims = models.JSONField(default=dict, blank=True)
    email_disputed = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["connection", "key"], name="a_test_is_answered_once")]

    def __str__(self) -> str:
        return f"test of {self.connection_id}: {self.outcome}"
