"""
What an organization's directory told us by SCIM, and the tokens by which it does.

A row here opens nothing. It says who may belong to one organization by one connection; a membership comes of it only
for whom that connection proved. No row is ever tied to an account by an e-mail address.
"""

from typing import Any

from django.db import models
from django.utils import timezone

from controlplane.ids import new_id
from organizations.keys.models import BearerToken

LONGEST_VALUE = 255


def new_scim_token_id() -> str:
    return new_id("stok")


def new_directory_user_id() -> str:
    return new_id("duser")


def new_directory_group_id() -> str:
    return new_id("dgroup")


def name_key(name: str) -> str:
    """The form in which names are compared: without regard to case, the same on every database."""
    return name.casefold()


class ScimToken(BearerToken):
    """What a provider's SCIM client signs in with. It opens the directory of one connection, and nothing else."""

    id = models.CharField(primary_key=True, max_length=32, default=new_scim_token_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey("organizations.Connection", on_delete=models.CASCADE, related_name="scim_tokens")
    created_by = models.ForeignKey("organizations.User", null=True, on_delete=models.SET_NULL, related_name="+")
    told_days_left = models.SmallIntegerField(null=True, blank=True, help_text="The last warning of its end")

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.pk} of {self.connection_id}"


class DirectoryUser(models.Model):
    """
    Somebody in the directory. `user` is the person whom the connection proved to be it; nobody before that.

    A row that was deleted by SCIM stays without names and addresses: it keeps who was taken away from joining again by
    signing in, until the directory gives them back.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_directory_user_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey("organizations.Connection", on_delete=models.CASCADE, related_name="directory_users")
    user = models.ForeignKey("organizations.User", null=True, on_delete=models.SET_NULL, related_name="+")
    user_name = models.CharField(max_length=LONGEST_VALUE)
    name_key = models.CharField(max_length=LONGEST_VALUE * 3, editable=False)
    external_id = models.CharField(max_length=LONGEST_VALUE, blank=True)
    display_name = models.CharField(max_length=LONGEST_VALUE, blank=True)
    name = models.JSONField(default=dict, blank=True)
    emails = models.JSONField(default=list, blank=True)
    active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "name_key"], condition=models.Q(deleted_at=None), name="one_directory_user_a_name"
            ),
            models.UniqueConstraint(
                fields=["connection", "external_id"],
                condition=models.Q(deleted_at=None) & ~models.Q(external_id=""),
                name="one_directory_user_an_external_id",
            ),
            models.UniqueConstraint(
                fields=["connection", "user"],
                condition=models.Q(deleted_at=None, user__isnull=False),
                name="one_directory_user_a_person",
            ),
        ]
        indexes = [models.Index(fields=["connection", "created_at", "id"], name="directory_users_in_order")]

    def __str__(self) -> str:
        return self.user_name

    def save(self, *args: Any, **more: Any) -> None:
        """Stores the row, with the form of its name that is compared."""
        self.name_key = name_key(self.user_name)
        super().save(*args, **more)

    @property
    def is_closed(self) -> bool:
        """Whether the directory says that this one does not belong any more."""
        return not self.active or self.deleted_at is not None


class DirectoryGroup(models.Model):
    """A group of the directory. Which role it gives, the connection's table says, by its name or its external id."""

    id = models.CharField(primary_key=True, max_length=32, default=new_directory_group_id, editable=False)
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(
        "organizations.Connection", on_delete=models.CASCADE, related_name="directory_groups"
    )
    display_name = models.CharField(max_length=LONGEST_VALUE)
    name_key = models.CharField(max_length=LONGEST_VALUE * 3, editable=False)
    external_id = models.CharField(max_length=LONGEST_VALUE, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            # Two groups of one name could not be told apart in the table of roles.
            models.UniqueConstraint(fields=["connection", "name_key"], name="one_directory_group_a_name"),
            models.UniqueConstraint(
                fields=["connection", "external_id"],
                condition=~models.Q(external_id=""),
                name="one_directory_group_an_external_id",
            ),
        ]
        indexes = [models.Index(fields=["connection", "created_at", "id"], name="directory_groups_in_order")]

    def __str__(self) -> str:
        return self.display_name

    def save(self, *args: Any, **more: Any) -> None:
        """Stores the row, with the form of its name that is compared."""
        self.name_key = name_key(self.display_name)
        super().save(*args, **more)


class DirectoryMember(models.Model):
    """Somebody of the directory is in one of its groups."""

    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(DirectoryGroup, on_delete=models.CASCADE, related_name="members")
    member = models.ForeignKey(DirectoryUser, on_delete=models.CASCADE, related_name="belongings")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["group", "member"], name="once_in_a_directory_group")]

    def __str__(self) -> str:
        return f"{self.member_id} in {self.group_id}"
