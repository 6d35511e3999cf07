"""Makes the keys of a local stack at its first start. None is ever committed or shared between stacks."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

DOORS = ("control", "access")


@dataclass(frozen=True)
class LocalKeys:
    """Secrets of one local stack, as strings in the form that settings and bindings take."""

    django_secret: str
    audit_key: str
    cell_id_key: str
    field_keys: str
    data_keys: str
    oidc_client_secret: str


def _key_ring() -> str:
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return json.dumps({"current": "local1", "keys": {"local1": key}})


def _fresh() -> LocalKeys:
    return LocalKeys(
        django_secret=secrets.token_urlsafe(50),
        audit_key=secrets.token_hex(32),
        cell_id_key=secrets.token_hex(32),
        field_keys=_key_ring(),
        data_keys=_key_ring(),
        oidc_client_secret=secrets.token_urlsafe(32),
    )


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, also while it is being written."""
    partial = path.with_suffix(path.suffix + ".part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)


def ensure(folder: Path) -> LocalKeys:
    """The stack's keys, made now if this is its first start."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for door in DOORS:
        if not door_key_path(folder, door).exists():
            pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            write_private(door_key_path(folder, door), pem.decode())
    kept = folder / "keys.json"
    if not kept.exists():
        write_private(kept, json.dumps(asdict(_fresh())))
    return LocalKeys(**json.loads(kept.read_text()))


def door_key_path(folder: Path, door: str) -> Path:
    return folder / f"{door}.pem"


def public_door_keys(folder: Path) -> list[dict[str, Any]]:
    """The Worker's `CONTROL_KEYS`: for each door the public key as JWK (RFC 8037) and its id."""
    return [_public(folder, door) for door in DOORS]


def _public(folder: Path, door: str) -> dict[str, Any]:
    private = load_pem_private_key(door_key_path(folder, door).read_bytes(), password=None)
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {"kid": sha256(raw).hexdigest()[:16], "door": door, "jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}}
