"""A deployment that nothing is wrong with, and its parts to spoil."""

import base64
import copy
import json
import secrets
import tomllib
from pathlib import Path
from typing import Any

from deploy.description import Deployment, of

EXAMPLE = Path(__file__).parents[2] / "deploy/deployment.example.toml"
CELL_KEY = secrets.token_hex(32)
DATA_KEY = base64.b64encode(secrets.token_bytes(32)).decode()
DATA_KEYS = json.dumps({"current": "k1", "keys": {"k1": DATA_KEY}})
ALL_SECRETS = (CELL_KEY, DATA_KEY)


def example() -> dict[str, Any]:
    return copy.deepcopy(tomllib.loads(EXAMPLE.read_text()))


def changed(path: str, value: Any) -> dict[str, Any]:
    """The example with one value replaced, or taken away where it is None."""
    content = example()
    *outer, last = path.split(".")
    place = content
    for name in outer:
        place = place[int(name)] if isinstance(place, list) else place[name]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return content


def deployment(**more: Any) -> Deployment:
    content = example()
    content.update(more)
    return of(content)
