"""Browsers: what they call themselves, in words, and by which cookie one is known again."""

import re

from django.http import HttpRequest

from controlplane.ids import BASE62, SECRET_LENGTH, digest, random_text

COOKIE = "device"
LASTS_SECONDS = 400 * 24 * 3600
UNKNOWN = "Unknown browser"
LONGEST = 80

# The first that fits; browsers name those they descend from as well.
_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("iOS", r"iPhone|iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux"),
)


def in_words(user_agent: str) -> str:
    """'Firefox on Linux'. What nobody recognizes is not repeated: it is somebody else's text."""
    names = [next((name for name, sign in table if re.search(sign, user_agent)), "") for table in (_BROWSERS, _SYSTEMS)]
    return " on ".join(name for name in names if name)[:LONGEST] or UNKNOWN


def known_as(request: HttpRequest) -> str:
    """The digest of this browser's cookie. A browser without one gets it with this very answer (`new_cookie`)."""
    text = request.COOKIES.get(COOKIE, "")
    if not re.fullmatch(rf"[0-9A-Za-z]{{{SECRET_LENGTH}}}", text, re.ASCII):
        text = random_text(BASE62, SECRET_LENGTH)
        request.new_device = text  # type: ignore[attr-defined]
    return digest(text)


def new_cookie(request: HttpRequest) -> str:
    """The cookie to set with the answer; empty where the browser has one."""
    return str(getattr(request, "new_device", ""))
