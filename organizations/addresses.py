"""E-mail addresses, as this room takes them from people and from identity providers."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from controlplane.problems import Invalid

LONGEST = 254


def usable_address(text: object) -> str:
    """
    An address that can be stored and compared without regard to case. Raises ValueError saying what is wrong.

    ASCII only. The attack: Django takes addresses with ſ or the Kelvin sign, which fold to s and k, so that an
    invitation of one address could be taken up with another.
    """
    if not isinstance(text, str) or not text.isascii():
        raise ValueError("An e-mail address holds ASCII characters only.")
    if len(text) > LONGEST:
        raise ValueError(f"An e-mail address has at most {LONGEST} characters.")
    try:
        validate_email(text)
    except ValidationError as error:
        raise ValueError("This is not an e-mail address.") from error
    return text


def checked_address(email: str) -> str:
    """An address that somebody typed, without white space around it. Raises Invalid naming `email`."""
    try:
        return usable_address(email.strip())
    except ValueError as error:
        raise Invalid(str(error), field="email") from error
