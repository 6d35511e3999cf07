"""The process environment, read once and validated.

Every variable of the product starts with ``GARRISON_`` or is one of ``DATABASE_URL`` and ``REDIS_URL``. All problems
are reported together, so that an operator mends them in one go. Values never appear in the messages: they may be
secret.
"""

import json
import os
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

KINDS = ("local", "test", "production")
HEX_KEY = re.compile(r"^(?:[0-9a-f]{2}){32,64}$")
MAIL_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
DOMAIN_NAME = re.compile(r"(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
CELL_ID = re.compile(r"^[a-z2-7]{2}$")


@dataclass(frozen=True)
class FieldKeys:
    """Keys that encrypt secrets at rest: ``current`` seals, every key opens. Values are base64 of 32 bytes."""

    current: str
    keys: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Environment:
    """What the process was told. Secrets are left out of ``repr``."""

    kind: str
    base_url: str
    secret_key: str = field(repr=False)
    database_url: str = field(repr=False)
    owner_database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    control_key: str
    access_key: str
    cell_id_keys: Mapping[str, str] = field(repr=False)
    field_keys: FieldKeys = field(repr=False)
    audit_key: str = field(repr=False)
    loopback_origins: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    dns_resolvers: tuple[tuple[str, int], ...]
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str = field(repr=False)
    smtp_url: str = field(repr=False)
    mail_from: str
    spf_include: str
    data_dir: Path

    @property
    def is_production(self) -> bool:
        """True where nothing made for local runs may be accepted."""
        return self.kind == "production"


class _Reader:
    """Reads variables, collecting what is wrong with them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self.problems: list[str] = []

    def text(self, name: str, default: str | None = "") -> str:
        value = self.variables.get(name, "").strip()
        if value:
            return value
        if default is None:
            self.problems.append(f"{name} is missing.")
        return default or ""

    def parsed[T](self, name: str, parse: Callable[[str], T], default: str | None, fallback: T) -> T:
        text = self.text(name, default)
        try:
            return parse(text) if text else fallback
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = str(error) if type(error) is ValueError else "it is malformed"
            self.problems.append(f"{name} can't be used: {reason}.")
            return fallback


def _cell_id_keys(text: str) -> dict[str, str]:
    keys = json.loads(text)
    for cell, key in keys.items():
        if not CELL_ID.match(cell) or not HEX_KEY.match(key):
            raise ValueError('expected {"<two characters a-z2-7>": "<at least 32 bytes in lower-case hex>"}')
    return dict(keys)


def _field_keys(text: str) -> FieldKeys:
    value = json.loads(text)
    if value["current"] not in value["keys"]:
        raise ValueError('"current" names no key of "keys"')
    return FieldKeys(current=value["current"], keys=dict(value["keys"]))


def _hex_key(text: str) -> str:
    if not HEX_KEY.match(text):
        raise ValueError("expected at least 32 bytes in lower-case hex")
    return text


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError("expected an origin such as https://portal.example, without a path")
    return f"{parts.scheme}://{parts.netloc}"


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_origin(item.strip()) for item in text.split(",") if item.strip())


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(item.strip())) for item in text.split(",") if item.strip())
    except ValueError as error:
        raise ValueError("expected networks such as 10.0.0.0/8,192.0.2.7/32") from error


def _resolvers(text: str) -> tuple[tuple[str, int], ...]:
    try:
        return tuple(_resolver(item.strip()) for item in text.split(",") if item.strip())
    except ValueError as error:
        raise ValueError("expected addresses such as 192.0.2.53,127.0.0.1:5353,[2001:db8::53]:53") from error


def _resolver(text: str) -> tuple[str, int]:
    is_bare = text.count(":") > 1 and not text.startswith("[")
    if is_bare or ":" not in text.rpartition("]")[2]:
        return str(ip_address(text.strip("[]"))), 53
    host, _, port = text.rpartition(":")
    return str(ip_address(host.strip("[]"))), int(port)


def _database_url(text: str) -> str:
    if urlsplit(text).scheme not in ("sqlite", "postgres", "postgresql"):
        raise ValueError("expected sqlite:///path or postgres://user:password@host/name")
    return text


def _smtp_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("smtp", "smtp+starttls", "smtps") or not parts.hostname or parts.path or parts.query:
        raise ValueError("expected smtps://user:password@host:port or smtp+starttls://user:password@host:port")
    if parts.port == 0:
        raise ValueError("expected a port")
    return text


def _mail_address(text: str) -> str:
    if not MAIL_ADDRESS.fullmatch(text):
        raise ValueError("expected a plain address such as no-reply@portal.example")
    return text


def _domain_name(text: str) -> str:
    if not DOMAIN_NAME.fullmatch(text):
        raise ValueError("expected a name such as _spf.portal.example")
    return text


def _throw_away_values() -> dict[str, str]:
    """Values for a test run: keys exist in memory only, so no key is ever written to the repository."""
    return {
        "GARRISON_BASE_URL": "http://testserver",
        "GARRISON_SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": "sqlite://:memory:",
        "GARRISON_CELL_ID_KEYS": json.dumps({"lo": secrets.token_hex(32), "lb": secrets.token_hex(32)}),
        "GARRISON_FIELD_KEYS": json.dumps(
            {"current": "t1", "keys": {"t1": b64encode(secrets.token_bytes(32)).decode()}}
        ),
        "GARRISON_AUDIT_KEY": secrets.token_hex(32),
        "GARRISON_LOOPBACK_ORIGINS": "http://127.0.0.1:9,http://localhost:9",
        "GARRISON_MAIL_FROM": "portal@garrison.example",
        "GARRISON_SPF_INCLUDE": "_spf.garrison.example",
        "GARRISON_DATA_DIR": ".local/test",
    }


def read_environment(variables: Mapping[str, str]) -> Environment:
    """Returns the validated environment.

    Args: variables: usually ``os.environ``.
    Raises: ImproperlyConfigured naming every variable that is missing or malformed.
    """
    kind = variables.get("GARRISON_ENV", "")
    if kind not in KINDS:
        raise ImproperlyConfigured(f"GARRISON_ENV is mandatory and one of {', '.join(KINDS)}.")
    reader = _Reader({**_throw_away_values(), **variables} if kind == "test" else variables)
    environment = Environment(
        kind=kind,
        base_url=reader.parsed("GARRISON_BASE_URL", _origin, None, ""),
        secret_key=reader.text("GARRISON_SECRET_KEY", None),
        database_url=reader.parsed("DATABASE_URL", _database_url, None, ""),
        owner_database_url=reader.parsed("GARRISON_OWNER_DATABASE_URL", _database_url, "", ""),
        redis_url=reader.text("REDIS_URL", "" if kind == "test" else None),
        control_key=reader.text("GARRISON_CONTROL_KEY"),
        access_key=reader.text("GARRISON_ACCESS_KEY"),
        cell_id_keys=reader.parsed("GARRISON_CELL_ID_KEYS", _cell_id_keys, None, {}),
        field_keys=reader.parsed("GARRISON_FIELD_KEYS", _field_keys, None, FieldKeys("", {})),
        audit_key=reader.parsed("GARRISON_AUDIT_KEY", _hex_key, None, ""),
        loopback_origins=reader.parsed("GARRISON_LOOPBACK_ORIGINS", _origins, "", ()),
        trusted_proxies=reader.parsed("GARRISON_TRUSTED_PROXIES", _networks, "", ()),
        dns_resolvers=reader.parsed("GARRISON_DNS_RESOLVERS", _resolvers, "", ()),
        oidc_issuer=reader.text("GARRISON_OIDC_ISSUER"),
        oidc_client_id=reader.text("GARRISON_OIDC_CLIENT_ID"),
        oidc_client_secret=reader.text("GARRISON_OIDC_CLIENT_SECRET"),
        smtp_url=reader.parsed("GARRISON_SMTP_URL", _smtp_url, "", ""),
        mail_from=reader.parsed("GARRISON_MAIL_FROM", _mail_address, None, ""),
        spf_include=reader.parsed("GARRISON_SPF_INCLUDE", _domain_name, "", ""),
        data_dir=Path(reader.text("GARRISON_DATA_DIR", None)),
    )
    if reader.problems:
        raise ImproperlyConfigured("The environment is incomplete:\n- " + "\n- ".join(reader.problems))
    return environment


@cache
def environment() -> Environment:
    """The environment of this process, read at the first call."""
    return read_environment(os.environ)
