"""The Worker's secrets, taken from where the operator keeps them, and kept out of everything that is printed."""

import json
import os
import re
import stat
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deploy.description import Deployment, Unusable

CELL_KEYS = "GARRISON_CELL_ID_KEYS"
HEX_KEY = re.compile(r"([0-9a-f]{2}){32,}")


def secrets_of(deployment: Deployment, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The Worker's secrets by name. Raises Unusable naming what is wrong, never a value."""
    faults: list[str] = []
    cell_key = _cell_key(deployment["cell.id"], variables, faults)
    data_keys = _data_keys(Path(deployment["secrets.data_keys_file"]), faults)
    if faults:
        raise Unusable(faults)
    return {"CELL_ID_KEY": cell_key, "DATA_KEYS": data_keys}


def _cell_key(cell: str, variables: Mapping[str, str], faults: list[str]) -> str:
    """The portal's own key of the cell: both must hold the same, so that there is one place for it."""
    try:
        key = json.loads(variables.get(CELL_KEYS, ""))[cell]
    except (ValueError, KeyError, TypeError):
        key = ""
    if not isinstance(key, str) or not HEX_KEY.fullmatch(key):
        faults.append(f"{CELL_KEYS}: has no key for the cell {cell}, 32 bytes or more in hex")
    return key


def _data_keys(file: Path, faults: list[str]) -> str:
    try:
        text = file.read_text()
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        faults.append(f"secrets.data_keys_file: {error.strerror}")
        return ""
    if mode & 0o077:
        faults.append("secrets.data_keys_file: others than its owner can read it")
    faults += [f"secrets.data_keys_file: {fault}" for fault in _ring_faults(_json(text))]
    return text.strip()


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _ring_faults(ring: Any) -> Iterator[str]:
    keys = ring.get("keys") if isinstance(ring, dict) else None
    if not isinstance(keys, dict) or ring.get("current") not in keys:
        yield 'expected {"current": "k1", "keys": {"k1": "<base64 of 32 bytes>"}}'
        return
    for name, key in keys.items():
        if name.startswith("local"):
            yield f"the key {name} was made for a local run"
        if not _is_key(key):
            yield f"the key {name} is not 32 bytes in base64"


def _is_key(key: Any) -> bool:
    try:
        return isinstance(key, str) and len(b64decode(key, validate=True)) == 32
    except Error:
        return False


class Curtain:
    """Hides secrets in what other programs print, the parts of a JSON secret too."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._hidden = sorted({part for value in secrets.values() for part in _parts(value)}, key=len, reverse=True)

    def over(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "[secret]")
        return text


def _parts(value: str) -> set[str]:
    ring = _json(value)
    inner = ring.get("keys", {}).values() if isinstance(ring, dict) else ()
    return {value, *inner}
