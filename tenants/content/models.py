"""Content of organizations and tenants: files, their versions, and what of them was put together for a tenant."""

from typing import Any

from django.db import models
from django.db.models import Q

from controlplane.ids import new_id


def new_file_id() -> str:
    return new_id("cfile")


def new_version_id() -> str:
    return new_id("cver")


def new_bundle_id() -> str:
    return new_id("cbun")


class ContentFile(models.Model):
    """
    A file at one level: of an organization, for all tenants that inherit from it, or of one tenant alone.

    Its text is that of its version `latest`. One that was withdrawn keeps its versions and counts no more: whatever is
    inherited under its name counts again.
    """

    class Kind(models.TextChoices):
        RULES = "rules", "Rules"
        DECODERS = "decoders", "Decoders"
        LISTS = "lists", "Lists"
        AGENT_CONFIGURATION = "agent_configuration", "Agents' settings"

    id = models.CharField(primary_key=True, max_length=32, default=new_file_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey(
        "tenants.Tenant", null=True, blank=True, on_delete=models.CASCADE, related_name="content_files"
    )
    kind = models.CharField(max_length=32, choices=Kind)
    name = models.CharField(max_length=128)
    latest = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "name"],
                condition=Q(tenant__isnull=True),
                name="an_organization_has_a_file_once",
            ),
            models.UniqueConstraint(
                fields=["tenant", "kind", "name"], condition=Q(tenant__isnull=False), name="a_tenant_has_a_file_once"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="content_of_organization"),
            models.Index(fields=["tenant", "-created_at", "-id"], name="content_of_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class ContentVersion(models.Model):
    """
    One version of a file, which is never changed.

    Without a `text` it leaves the file out: whatever is inherited under its name does not count below this level.
    `sha256` is of the text as UTF-8, in hex.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_version_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    file = models.ForeignKey(ContentFile, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField(null=True, blank=True)  # noqa: DJ001 - an empty file is not one that is left out
    sha256 = models.CharField(max_length=64, blank=True)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="a_version_has_its_number_once")]
        indexes = [models.Index(fields=["file", "-created_at", "-id"], name="versions_of_content")]

    def __str__(self) -> str:
        return f"version {self.number} of {self.file_id}"

    @property
    def leaves_out(self) -> bool:
        """Whether it says that there is no such file here."""
        return self.text is None


class ContentBundle(models.Model):
    """
    What was put together for a tenant to be published, kept whole so that there is a way back to it.

    `digest` is the edge's name of it (see `bundles.digest_of`). Each of `files` has kind, name, sha256 and from whom,
    which level and which version it came; `texts` has their text by sha256. They stay what they were, whatever becomes
    of the files that they came from.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_bundle_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.CASCADE, related_name="content_bundles")
    digest = models.CharField(max_length=64)
    files = models.JSONField(default=list)
    texts = models.JSONField(default=dict)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "digest"], name="a_tenant_has_a_bundle_once")]
        indexes = [models.Index(fields=["tenant", "-created_at", "-id"], name="content_bundles_of_tenant")]

    def __str__(self) -> str:
        return f"content {self.digest[:12]}"

    def wire_files(self) -> list[dict[str, Any]]:
        """Its files as the edge takes them."""
        return [{"kind": each["kind"], "name": each["name"], "text": self.texts[each["sha256"]]} for each in self.files]
