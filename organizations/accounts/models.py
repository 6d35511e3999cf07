"""What proves a person by themselves, and the sessions they have."""

from django.db import models

from controlplane.crypto import EncryptedTextField
from controlplane.ids import new_id

LONGEST_DEVICE_NAME = 60


def new_mailed_code_id() -> str:
    return new_id("mcode")


def new_passkey_id() -> str:
    return new_id("pkey")


class MailedCode(models.Model):
    """
    A code that was mailed, to prove that somebody reads an address.

    Only its keyed digest is stored. It counts once, for its purpose, until `expires_at`, and for a few guesses.
    Row-level security shows it to the actor ``code:<its id>`` alone; that id is kept in the browser's session, or in
    the mailed link. One that no code may fit has an empty digest, and nothing tells the difference.
    """

    class Purpose(models.TextChoices):
        SIGN_UP = "sign_up", "Sign-up"
        RESET = "reset", "New password"
        ADDRESS = "address", "Proof that an address is read"

    id = models.CharField(primary_key=True, max_length=32, default=new_mailed_code_id, editable=False)
    purpose = models.CharField(max_length=16, choices=Purpose)
    email = models.EmailField(max_length=254)
    digest = models.CharField(max_length=64, blank=True)
    guesses_left = models.SmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="mailed_codes_by_end")]

    def __str__(self) -> str:
        return f"{self.purpose} until {self.expires_at:%Y-%m-%d %H:%M}"


class Passkey(models.Model):
    """
    A WebAuthn credential. It is person and possession at once: it is only taken with user verification.

    `sign_count` never goes back: one that does was copied (WebAuthn Level 3, 6.1.1). Passkeys that are synchronized
    always say 0.
    """

    id = models.CharField(primary_key=True, max_length=32, default=new_passkey_id, editable=False)
    user = models.ForeignKey("organizations.User", on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=LONGEST_DEVICE_NAME)
    credential_id = models.TextField(unique=True, help_text="base64url")
    credential = models.TextField(help_text="Attested credential data with the public key, base64url")
    sign_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.name


class Authenticator(models.Model):
    """
    An app that shows a code which changes every 30 seconds (TOTP, RFC 6238).

    It counts from `confirmed_at`, when its first code was typed in. `last_step` is the last time step whose code was
    taken: none of it or before it is taken again.
    """

    user = models.OneToOneField("organizations.User", on_delete=models.CASCADE, related_name="authenticator")
    name = models.CharField(max_length=LONGEST_DEVICE_NAME)
    secret = EncryptedTextField()
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """A code for the day on which the other factors are lost. It was shown once; using it deletes it."""

    user = models.ForeignKey("organizations.User", on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.user_id}"


class PersonSession(models.Model):
    """
    One browser in which a person is signed in, by the session's public id; its secret key is not known here.

    The row decides: a browser whose row is missing or has ended is signed out at its next request.
    """

    id = models.CharField(primary_key=True, max_length=32, editable=False)
    user = models.ForeignKey("organizations.User", on_delete=models.CASCADE, related_name="browser_sessions")
    way = models.CharField(max_length=32, help_text="How it began: account, platform or a connection's id")
    device = models.CharField(max_length=80, help_text="Browser and system, in words")
    device_digest = models.CharField(max_length=64, help_text="Of the cookie by which the browser is known again")
    address = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-last_seen_at", "-id"]
        indexes = [models.Index(fields=["user", "-last_seen_at", "-id"], name="sessions_of_person")]

    def __str__(self) -> str:
        return f"{self.device} since {self.created_at:%Y-%m-%d %H:%M}"


class GuessCount(models.Model):
    """How often something was tried in a window of time. `key` is a keyed digest: it names nobody."""

    key = models.CharField(primary_key=True, max_length=64)
    count = models.IntegerField()
    began_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["began_at"], name="guess_counts_by_age")]

    def __str__(self) -> str:
        return f"{self.count} since {self.began_at:%Y-%m-%d %H:%M}"
