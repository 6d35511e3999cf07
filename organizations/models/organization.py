"""An organization: a company with tenants of its own, or an MSP that also manages client organizations."""

from django.db import models

from controlplane.ids import new_id


def new_organization_id() -> str:
    return new_id("org")


class Organization(models.Model):
    """The unit that owns tenants, people's roles, connections and keys."""

    class Kind(models.TextChoices):
        ORGANIZATION = "organization", "Organization"
        MSP = "msp", "Managed service provider"

    class State(models.TextChoices):
        PENDING = "pending", "Waiting for the first sign-in"
        ACTIVE = "active", "Active"

    class Jurisdiction(models.TextChoices):
        ANYWHERE = "", "Anywhere"
        EU = "eu", "European Union"

    class SignInPolicy(models.TextChoices):
        ANY = "any", "Any verified account, or the organization's own sign-in"
        CONNECTION = "connection", "The organization's own identity provider only"

    id = models.CharField(primary_key=True, max_length=32, default=new_organization_id, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=80, unique=True)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.ORGANIZATION)
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    jurisdiction = models.CharField(
        max_length=16,
        choices=Jurisdiction,
        default=Jurisdiction.ANYWHERE,
        blank=True,
        editable=False,
        help_text="Where its tenants run and keep their data; chosen when it was founded",
    )
    sign_in_policy = models.CharField(max_length=16, choices=SignInPolicy, default=SignInPolicy.ANY)
    break_glass = models.ForeignKey(
        "organizations.User",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The owner who may come in by the platform's sign-in although the organization demands its own",
    )
    require_second_factor = models.BooleanField(default=False)
    allowed_networks = models.JSONField(default=list, blank=True, help_text="CIDR ranges; empty is anywhere")
    idle_minutes = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Sign in anew after such a pause")
    session_minutes = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Sign in anew after this time")
    signed_out_at = models.DateTimeField(null=True, blank=True, help_text="What was proven before counts no more")
    created_by = models.ForeignKey(
        "organizations.User", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["name", "id"], name="organizations_by_name"),
            models.Index(fields=["kind", "name", "id"], name="organizations_by_kind_and_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_msp(self) -> bool:
        """Whether this organization manages clients."""
        return self.kind == self.Kind.MSP

    @property
    def is_active(self) -> bool:
        """False until the first sign-in of an organization that signed up with its identity provider."""
        return self.state == self.State.ACTIVE
