"""Files of clients that are brought in, and what became of each line."""

from django.db import models

from controlplane.ids import new_id


def new_import_id() -> str:
    return new_id("cimp")


def new_line_id() -> str:
    return new_id("cline")


class ClientImport(models.Model):
    """
    That clients are brought in by a file.

    Each is made as the person `acts_as` (with the key `acts_with`, from the address `acted_from`): who began it, or had
    the failed ones tried again last. While `look_at` is set, that is when it is to be looked at next.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Under way"
        FINISHED = "finished", "Finished"

    id = models.CharField(primary_key=True, max_length=32, default=new_import_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    look_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=64)
    acts_as = models.CharField(max_length=64)
    acts_with = models.CharField(max_length=64, blank=True)
    acted_from = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="imports_of_organization"),
            models.Index(fields=["look_at"], condition=models.Q(look_at__isnull=False), name="imports_by_look"),
        ]

    def __str__(self) -> str:
        return self.name


class ClientImportLine(models.Model):
    """
    One line of the file: what it asks for, and what became of it.

    `client_id` and `tenant_id` are ids and no references: the rows are the client's, which row-level security keeps
    apart from the MSP's.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Not begun"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    id = models.CharField(primary_key=True, max_length=32, default=new_line_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.PROTECT, related_name="+")
    batch = models.ForeignKey(ClientImport, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField(help_text="in the file, where the header is line 1")
    wanted = models.JSONField()
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    reason = models.CharField(max_length=500, blank=True)
    client_id = models.CharField(max_length=32, blank=True)
    tenant_id = models.CharField(max_length=26, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="a_line_has_its_number_alone")]
        indexes = [models.Index(fields=["batch", "-created_at", "-id"], name="lines_of_import")]

    def __str__(self) -> str:
        return f"line {self.number}: {self.state}"
