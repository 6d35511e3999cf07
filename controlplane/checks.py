"""What production refuses: keys, addresses and rows that were made for local runs."""

import stat
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, register, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections

from controlplane.environment import Environment, environment

TAG = "garrison"


@register(TAG, Tags.security)
def no_local_settings_in_production(app_configs: Any, **_: Any) -> list[Error]:
    """Environment values that only a local run may have."""
    current = environment()
    if not current.is_production:
        return []
    return [Error(message, hint=hint, id=id_) for id_, message, hint in _unsafe_values(current)]


def _unsafe_values(current: Environment) -> Iterator[tuple[str, str, str]]:
    yield from _unsafe_addresses(current)
    yield from _unsafe_keys(current)
    yield from _unsafe_mail(current)
    if current.loopback_origins:
        yield (
            "garrison.E003",
            "GARRISON_LOOPBACK_ORIGINS is set.",
            "It lets sign-in call the machine itself: unset it.",
        )
    if current.database_url.startswith("sqlite"):
        yield (
            "garrison.E006",
            "DATABASE_URL names SQLite, which has no row-level security.",
            "Use Postgres with the roles that `manage.py prepare_database` makes.",
        )


def _unsafe_addresses(current: Environment) -> Iterator[tuple[str, str, str]]:
    addresses = {"GARRISON_BASE_URL": current.base_url, "GARRISON_OIDC_ISSUER": current.oidc_issuer}
    for number, (name, address) in enumerate(addresses.items(), start=1):
        if address and (urlsplit(address).scheme != "https" or is_local_host(urlsplit(address).hostname or "")):
            yield (f"garrison.E00{number}", f"{name} is no public HTTPS address.", "Give the real address.")


def _unsafe_keys(current: Environment) -> Iterator[tuple[str, str, str]]:
    for name, path in {"GARRISON_CONTROL_KEY": current.control_key, "GARRISON_ACCESS_KEY": current.access_key}.items():
        for reason in _reasons_against_key(Path(path)) if path else ():
            yield ("garrison.E004", f"{name} {reason}.", "Make a key for this environment with mode 0600.")
    if len(current.secret_key) < 50 or current.secret_key.startswith("local"):
        yield ("garrison.E005", "GARRISON_SECRET_KEY is short or made for a local run.", "Give 50 random characters.")


def _unsafe_mail(current: Environment) -> Iterator[tuple[str, str, str]]:
    """Mails carry codes that let people in. Whoever has the control key is the worker, which sends them."""
    parts = urlsplit(current.smtp_url)
    if current.control_key and not current.smtp_url:
        yield ("garrison.E009", "GARRISON_SMTP_URL is missing.", "Nobody could sign up or reset a password: give it.")
    elif current.smtp_url and (parts.scheme == "smtp" or is_local_host(parts.hostname or "")):
        yield ("garrison.E009", "GARRISON_SMTP_URL is local or not encrypted.", "Use smtps:// or smtp+starttls://.")
    if is_local_host(current.mail_from.rpartition("@")[2]):
        yield ("garrison.E010", "GARRISON_MAIL_FROM is an address of this machine.", "Give one of your domain.")


def _reasons_against_key(path: Path) -> Iterator[str]:
    if ".local" in path.parts:
        yield "names a key of a local run"
    if not path.is_file():
        yield "names no file"
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield "can be read by others than its owner"


def is_local_host(host: str) -> bool:
    """True for names and addresses of this machine."""
    if host == "localhost" or host.endswith((".localhost", ".local")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@register(TAG, Tags.database)
def no_seeded_rows_in_production(app_configs: Any, databases: Sequence[str] | None = None, **_: Any) -> list[Error]:
    """
    Demonstration people and organizations have sign-ins that everybody knows.

    `migrate` asks of the owner's connection alone, where nothing is served and an empty database has no table yet.
    """
    if not environment().is_production or "default" not in (databases or ()):
        return []
    from controlplane.models import Marker

    if not Marker.objects.filter(name=Marker.SEEDED).exists():
        return []
    return [Error("The database holds demonstration rows.", hint="Start with an empty database.", id="garrison.E007")]


@register(TAG, Tags.database)
def the_role_obeys_row_security(app_configs: Any, databases: Sequence[str] | None = None, **_: Any) -> list[Error]:
    """A superuser, a role with BYPASSRLS or the tables' owner would see every organization's rows."""
    if not databases or connections["default"].vendor != "postgresql":
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolbypassrls OR EXISTS"
            " (SELECT 1 FROM pg_tables WHERE tableowner = current_user AND tablename = 'organizations_access')"
            " FROM pg_roles WHERE rolname = current_user"
        )
        (passes_by,) = cursor.fetchone() or (True,)
    if not passes_by:
        return []
    hint = "Connect as `app` or `worker`; `manage.py prepare_database` makes them."
    return [
        Error("DATABASE_URL connects as a role that row-level security does not bind.", hint=hint, id="garrison.E008")
    ]


def refuse_unsafe_production() -> None:
    """Raises: ImproperlyConfigured if a check fails; the portal's and Celery's processes then do not start."""
    if settings.GARRISON_ENV != "production":
        return
    try:
        found = run_checks(tags=[TAG], databases=["default"])
    except DatabaseError as error:
        raise ImproperlyConfigured("The database can't be checked, so nothing is served.") from error
    errors = [f"{item.id}: {item.msg} {item.hint}" for item in found if item.is_serious()]
    if errors:
        raise ImproperlyConfigured("Refusing to serve:\n- " + "\n- ".join(errors))
