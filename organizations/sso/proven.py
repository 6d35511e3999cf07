"""What every way of signing in ends in: who was proven, or why nobody was."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ProvenIdentity:
    """
    A person as an identity provider proved them.

    `provider_id` and `uid` together are the identity; `email` is a label unless `email_verified`, which only the
    platform's own provider may claim.
    """

    provider_id: str
    uid: str
    email: str
    name: str = ""
    email_verified: bool = False


class SignInRefused(Exception):
    """
    A sign-in that was not accepted.

    `code` goes to the audit trail, with `reason` (for the organization's administrators); `told` and `hint` go to the
    page and tell nothing about who exists. `malformed` marks input that is no message at all (answered with 400).
    """

    def __init__(self, code: str, reason: str, *, told: str, hint: str, malformed: bool = False) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        # A reason quotes what a provider sent; NUL and lone surrogates can't be stored.
        self.reason = reason.encode(errors="backslashreplace").decode().replace("\0", "\\0")
        self.told = told
        self.hint = hint
        self.malformed = malformed

    @property
    def status(self) -> int:
        """HTTP status of the page."""
        return 400 if self.malformed else 403
