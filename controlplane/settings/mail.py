"""Mail. The address of the SMTP server belongs to Celery alone, which is what sends."""

from typing import Any
from urllib.parse import unquote, urlsplit

from controlplane.environment import environment

_environment = environment()

SEND_SECONDS = 20


def options_of(address: str) -> dict[str, Any]:
    """What Django's SMTP backend takes, from ``smtps://user:password@host:port`` or ``smtp+starttls://…``."""
    parts = urlsplit(address)
    return {
        "host": parts.hostname,
        "port": parts.port,
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "use_ssl": parts.scheme == "smtps",
        "use_tls": parts.scheme == "smtp+starttls",
        "timeout": SEND_SECONDS,
    }


# Without an address the entry stands, and sending fails: nothing may be dropped silently.
MAILERS = {"default": {"OPTIONS": options_of(_environment.smtp_url) if _environment.smtp_url else {}}}
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _environment.mail_from
# What organizations' SPF records include before mails may come from an address of theirs; empty: they come from ours.
SPF_INCLUDE = _environment.spf_include
