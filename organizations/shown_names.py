"""Names that an organization has strangers read: at the head of its mails and of its public pages."""

import unicodedata

from django.conf import settings

from controlplane.problems import Invalid


def shown_name(text: str, *, longest: int) -> str:
    """
    The name in one line, without odd white space. Raises Invalid naming `name`.

    The attacks: a line break begins another header, marks that turn the direction of writing have people read another
    name, and somebody bears the platform's own, also in letters that only look as if they were others.
    """
    name = " ".join(word for word in unicodedata.normalize("NFC", text).split(" ") if word)
    if not 1 <= len(name) <= longest or not name.isprintable():
        raise Invalid(f"The name is one line of 1 to {longest} printable characters.", field="name")
    if settings.BRAND.casefold() in unicodedata.normalize("NFKC", name).casefold():
        raise Invalid(f"The name {settings.BRAND} is the platform's own.", field="name")
    return name
