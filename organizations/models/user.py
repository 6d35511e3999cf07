"""A person. People are global: they belong to organizations through memberships."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from controlplane.ids import new_id


def new_user_id() -> str:
    return new_id("usr")


class UserManager(BaseUserManager["User"]):
    """Makes people. Only staff of the platform ever get a password here."""

    def create_user(self, email: str, *, name: str = "", email_verified: bool = False, **fields: Any) -> "User":
        """Store a person without a usable password: identity providers prove who they are."""
        user = self.model(email=self.normalize_email(email), name=name, email_verified=email_verified, **fields)
        user.set_unusable_password()
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a member of the platform's staff, who opens the admin site with a password."""
        user = self.model(email=self.normalize_email(email), email_verified=True, **fields)
        user.is_staff = user.is_superuser = True
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """
    A person known to the platform, or an organization's service account, which has no address.

    `email` is unique among verified addresses only: an organization's own identity provider may assert any
    address, so an unverified one is a label and never a key to somebody's account.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_user_id, editable=False)
    email = models.EmailField(max_length=254)
    email_verified = models.BooleanField(default=False)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    is_service = models.BooleanField(default=False, help_text="A program: it has keys, and nobody signs in as it")
    created_at = models.DateTimeField(auto_now_add=True)
    # Django would write it as nobody, which row-level security lets find no row; the audit trail knows sign-ins.
    last_login = None

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"), condition=models.Q(email_verified=True), name="one_person_per_verified_email"
            )
        ]

    def __str__(self) -> str:
        return self.name or self.email
