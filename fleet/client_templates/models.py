"""An MSP's templates, their versions, and which client has which."""

import json

from django.db import models

from controlplane.ids import digest, new_id


def new_template_id() -> str:
    return new_id("tpl")


def new_version_id() -> str:
    return new_id("tplv")


def new_use_id() -> str:
    return new_id("tplu")


class ClientTemplate(models.Model):
    """
    What an MSP wants its clients' tenants to be: `settings`, by the keys of `settings.SETTINGS`; None leaves one open.

    What is said nothing of comes from `parent`. `number` is that of its newest version. Changing one changes no tenant.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_template_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    settings = models.JSONField(default=dict)
    number = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="a_template_has_its_name_alone"),
            models.CheckConstraint(
                condition=models.Q(parent__isnull=True) | ~models.Q(parent=models.F("id")),
                name="no_template_inherits_from_itself",
            ),
        ]
        indexes = [models.Index(fields=["organization", "-created_at", "-id"], name="templates_newest_first")]

    def __str__(self) -> str:
        return self.name


class ClientTemplateVersion(models.Model):
    """A template as somebody left it. Versions are never changed, and go with their template alone."""

    id = models.CharField(primary_key=True, max_length=32, default=new_version_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    template = models.ForeignKey(ClientTemplate, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=80)
    parent_name = models.CharField(max_length=80, blank=True)
    settings = models.JSONField(default=dict)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="a_version_has_its_number_alone")]
        indexes = [models.Index(fields=["template", "-created_at", "-id"], name="versions_of_template")]

    def __str__(self) -> str:
        return f"{self.name}, version {self.number}"


class TemplateUse(models.Model):
    """
    That one of the MSP's clients has a template, for all of its tenants.

    `overrides` are the settings that it has otherwise, by key: `value` (None: left open to the client), `reason`, `by`
    and `at`. `organization` is the MSP: these rows are its own, and the client sees none of them.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_use_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(ClientTemplate, on_delete=models.PROTECT, related_name="uses")
    overrides = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["organization", "client"], name="a_client_has_one_template")]

    def __str__(self) -> str:
        return f"{self.client_id} has {self.template_id}"

    @property
    def exceptions(self) -> dict[str, object]:
        """What the client has otherwise, by key."""
        return {key: given["value"] for key, given in self.overrides.items()}


def mark_of(use: TemplateUse | None) -> str:
    """Stands for what people chose for a client; another one once somebody chose something else."""
    return digest(json.dumps(use and [use.template_id, use.overrides], sort_keys=True))
