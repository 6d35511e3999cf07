"""What every way of signing in ends in: who was proven, or why nobody was."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ProvenIdentity:
    """
    A person as an identity provider proved them.

    `provider_id` and `uid` together are the identity; `email` is a label unless `email_verified`, which only the
    platform's own provider may claim. It is empty, with the `email_problem`, where none was sent. `email_disputed` is
    the provider's own word that it has not verified the address. `claims` are all that it said.
    """

    provider_id: str
    uid: str
    email: str
    name: str = ""
    email_verified: bool = False
    email_disputed: bool = False
    email_problem: str = ""
    groups: tuple[str, ...] = ()
    claims: Mapping[str, list[str]] = field(default_factory=dict)
    by_former_secret: bool = False


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


def no_address(protocol: str, problem: str) -> SignInRefused:
    """The refusal of a sign-in without an e-mail address. Args: protocol: "saml" or "oidc"."""
    return SignInRefused(
        f"{protocol.upper()}_NO_EMAIL",
        f"The provider sent no usable e-mail address: {problem}",
        told="Your sign-in provider did not send an e-mail address that can be used.",
        hint=_SEND_IT[protocol],
    )


_SEND_IT = {
    "saml": "Ask your administrator to send it as the attribute “email”.",
    "oidc": "Allow it to share your address, or ask its administrator for the scope “email”.",
}
