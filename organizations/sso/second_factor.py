"""
Whether an identity provider's answer says that its person showed a second factor.

OpenID Connect tells it by `amr` (RFC 8176) and `acr` in the ID token, SAML by the class of the authentication context,
and Microsoft's SAML by an attribute besides. Which values count, each connection says.
"""

from collections.abc import Iterable, Mapping

from controlplane.problems import FieldError, Invalid
from organizations.sso.claims import CLASS_REF
from organizations.sso.models import Connection

CLAIMS = {
    "oidc": ("amr", "acr"),
    "saml": (CLASS_REF, "http://schemas.microsoft.com/claims/authnmethodsreferences"),
}
# What is offered to begin with. A password over TLS, or "the provider had a session", is in none of them.
USUAL = {
    "oidc": (
        "mfa",
        "https://refeds.org/profile/mfa",
        "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
        "urn:okta:loa:2fa:any",
    ),
    "saml": (
        "https://refeds.org/profile/mfa",
        "http://schemas.microsoft.com/claims/multipleauthn",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI",
    ),
}
MOST_VALUES, LONGEST_VALUE = 20, 255
# When a connection's sign-ins count as a second factor; `said` is where the answer says one of its values.
TRUST = ("never", "always", "said")


def trust_of(connection: Connection) -> str:
    """Which of `TRUST` holds for a connection."""
    if not connection.does_second_factor:
        return "never"
    return "said" if connection.second_factor_values else "always"


def methods_in(kind: str, claims: Mapping[str, Iterable[str]]) -> list[str]:
    """How the provider says that it authenticated somebody. Args: kind: "saml" or "oidc"."""
    said = [value for name in CLAIMS[kind] for value in claims.get(name, ())]
    return [value for value in dict.fromkeys(said) if len(value) <= LONGEST_VALUE][:MOST_VALUES]


def checked_values(values: Iterable[str], *, field: str) -> list[str]:
    """Values that are to count, each once. Raises Invalid naming `field`, with one error a line that is wrong."""
    given = [(number, line.strip()) for number, line in enumerate(values, 1) if line.strip()]
    wrong = [
        FieldError(field, f"Line {number}: a value has no spaces and at most {LONGEST_VALUE} characters.")
        for number, line in given
        if len(line) > LONGEST_VALUE or not line.isprintable() or " " in line
    ]
    if wrong:
        raise Invalid("Values are words or addresses such as mfa.", errors=wrong)
    if len(given) > MOST_VALUES:
        raise Invalid(f"At most {MOST_VALUES} values can be listed.", field=field)
    return list(dict.fromkeys(line for _, line in given))
