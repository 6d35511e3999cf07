"""What the edge takes as one: the files of a tenant, named by what they hold. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_FILES = 200
LARGEST_FILE = 512 * 1024
"""Bytes of a file as UTF-8. The edge takes twice as much; a request to the portal, which quotes it, does not."""
LARGEST_BUNDLE = 4 * 1024 * 1024
"""Bytes of all files together."""

Files = Sequence[Mapping[str, Any]]


def sha256_of(text: str) -> str:
    """Of a text as UTF-8, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def in_order(files: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Files as they stand in a bundle: kind, name and text alone, by kind and name."""
    kept = [{"kind": each["kind"], "name": each["name"], "text": each["text"]} for each in files]
    return sorted(kept, key=lambda each: (each["kind"], each["name"]))


def digest_of(files: Iterable[Mapping[str, Any]]) -> str:
    """The bundle's name: SHA-256 in hex of its canonical JSON, as `contracts/edge-api.json` tells it."""
    canonical = json.dumps({"files": in_order(files)}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
