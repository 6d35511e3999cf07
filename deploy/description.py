"""The deployment file: what one cell consists of, read from TOML and checked field by field."""

import base64
import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROLES = ("manager", "indexer", "dashboard", "certs")
DOORS = ("control", "access")

HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
DIGEST = (r"sha256:[0-9a-f]{64}", "the digest of an image: sha256: and 64 characters of hex")
HEX_ID = (r"[0-9a-f]{32}", "32 characters of lower-case hex")
NAME = (r"[a-z0-9](?:[a-z0-9-]{1,61}[a-z0-9])?", "a name of a-z, 0-9 and hyphens")
HOST_NAME = (HOST, "a host name, without scheme and path")

# Path -> what its text must match, in full, and how that is said.
FIELDS: Mapping[str, tuple[str, str]] = {
    "account_id": HEX_ID,
    "worker": NAME,
    "cell.id": (r"[a-z2-7]{2}", "two characters of a-z and 2-7"),
    "cell.jurisdiction": (r"(?:eu)?", "eu or empty"),
    "hosts.portal": HOST_NAME,
    "hosts.edge": HOST_NAME,
    "hosts.edge_zone": HOST_NAME,
    "hosts.dashboards": HOST_NAME,
    "hosts.dashboards_zone": HOST_NAME,
    "resources.d1_name": NAME,
    "resources.d1_id": (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a UUID"),
    "resources.kv_id": HEX_ID,
    "resources.r2_name": NAME,
    "secrets.data_keys_file": (r"/.+", "an absolute path"),
}
# All of these or none: a cell can be deployed before anybody has signed up.
SEED: Mapping[str, tuple[str, str]] = {
    "seed.organization": (r"org_[a-z2-7]{20}", "the id of an organization, org_…"),
    "seed.manifests": (r"\S.*", "a manifest, or a folder with manifests"),
}
# Whose people open the operators' door: Cloudflare Access's team and application. Without them the door is shut.
OPERATORS: Mapping[str, tuple[str, str]] = {
    "operators.team": (
        r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
        "the team's name, as it stands in <team>.cloudflareaccess.com",
    ),
    "operators.audience": (r"[0-9a-f]{64}", "the application's audience tag, 64 characters of lower-case hex"),
}
# Each of them whole, or not there at all.
PARTS = {"seed": SEED, "operators": OPERATORS}
VERSION_FIELDS = {"version": (r"\d+\.\d+\.\d+", "a version such as 4.14.7"), **dict.fromkeys(ROLES, DIGEST)}
KEY_FIELDS = {
    "door": ("|".join(DOORS), "control or access"),
    "public": (r"[A-Za-z0-9_-]{43}", "the public half of an Ed25519 key, 43 characters"),
}
LISTS = {"versions": VERSION_FIELDS, "keys": KEY_FIELDS}
OTHERS = ("cell.capacity",)


class Unusable(Exception):
    """The file can't be deployed; `faults` names each place and what is wrong there."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Deployment:
    """One cell, as its file describes it."""

    texts: Mapping[str, str]
    capacity: int
    versions: tuple[Mapping[str, str], ...]
    keys: tuple[Mapping[str, str], ...]

    def __getitem__(self, path: str) -> str:
        return self.texts[path]

    @property
    def edge(self) -> str:
        return f"https://{self['hosts.edge']}"

    @property
    def seeds(self) -> bool:
        """Whether the deployment ends with the import of manifests."""
        return "seed.manifests" in self.texts

    @property
    def access(self) -> dict[str, str]:
        """The Worker's variables for the operators' door."""
        team, audience = (self.texts.get(path, "") for path in OPERATORS)
        issuer = f"https://{team}.cloudflareaccess.com" if team else ""
        return {"ACCESS_ISSUER": issuer, "ACCESS_AUDIENCE": audience}

    @property
    def control_keys(self) -> list[dict[str, Any]]:
        """The Worker's `CONTROL_KEYS`."""
        return [
            {
                "kid": kid_of(key["public"]),
                "door": key["door"],
                "jwk": {"kty": "OKP", "crv": "Ed25519", "x": key["public"]},
            }
            for key in self.keys
        ]


def kid_of(public: str) -> str:
    """The name of a key: the first 16 hex characters of the SHA-256 of its raw public half."""
    return hashlib.sha256(base64.urlsafe_b64decode(public + "=")).hexdigest()[:16]


def image_key(version: str) -> str:
    """What the Worker calls the images of a version."""
    return "v" + version.replace(".", "")


def read(path: Path) -> Deployment:
    """The file's content. Raises Unusable naming every fault."""
    try:
        return of(tomllib.loads(path.read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Unusable([f"{path}: {error}"]) from None


def of(content: Mapping[str, Any]) -> Deployment:
    """What a file's content describes. Raises Unusable naming every fault."""
    flat = dict(_flat(content))
    given = [fields for part, fields in PARTS.items() if part in content]
    fields = {**FIELDS, **{path: rule for part in given for path, rule in part.items()}}
    faults = [*_field_faults("", flat, fields), *_unknown(flat), *_capacity_faults(flat), *_list_faults(content)]
    faults = faults or [*_host_faults(flat), *_key_faults(content)]
    if faults:
        raise Unusable(faults)
    texts = {path: flat[path] for path in fields}
    return Deployment(texts, flat["cell.capacity"], tuple(content["versions"]), tuple(content["keys"]))


def _flat(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", part) for inner, part in value.items())
        elif name not in LISTS:
            yield name, value


def _field_faults(where: str, given: Mapping[str, Any], fields: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    for name, (pattern, words) in fields.items():
        value = given.get(name)
        if value is None:
            yield f"{where}{name}: is missing; expected {words}"
        elif not isinstance(value, str) or not re.fullmatch(pattern, value):
            yield f"{where}{name}: expected {words}"


def _unknown(flat: Mapping[str, Any]) -> Iterator[str]:
    known = (*FIELDS, *(path for fields in PARTS.values() for path in fields), *OTHERS)
    yield from (f"{path}: is not known" for path in flat if path not in known)


def _capacity_faults(flat: Mapping[str, Any]) -> Iterator[str]:
    capacity = flat.get("cell.capacity")
    if type(capacity) is not int or not 1 <= capacity <= 100_000:
        yield "cell.capacity: expected how many tenants the cell takes, 1 to 100000"


def _list_faults(content: Mapping[str, Any]) -> Iterator[str]:
    for name, fields in LISTS.items():
        entries = content.get(name)
        if not isinstance(entries, list) or not entries:
            yield f"{name}: is missing; expected at least one [[{name}]]"
            continue
        for at, entry in enumerate(entries):
            given = entry if isinstance(entry, dict) else {}
            yield from _field_faults(f"{name}[{at}].", given, fields)
            yield from (f"{name}[{at}].{extra}: is not known" for extra in given if extra not in fields)


def _host_faults(flat: Mapping[str, Any]) -> Iterator[str]:
    for host in ("edge", "dashboards"):
        if not _within(flat[f"hosts.{host}"], flat[f"hosts.{host}_zone"]):
            yield f"hosts.{host}: does not lie in hosts.{host}_zone"
    for other in ("portal", "edge"):
        # Pages of a dashboard would share cookies and a site with it.
        if _within(flat[f"hosts.{other}"], flat["hosts.dashboards"]):
            yield f"hosts.dashboards: contains hosts.{other}"


def _within(host: str, zone: str) -> bool:
    return host == zone or host.endswith(f".{zone}")


def _key_faults(content: Mapping[str, Any]) -> Iterator[str]:
    doors = [key["door"] for key in content["keys"]]
    yield from (f"keys: no key opens the door {door}" for door in DOORS if door not in doors)
    for name, entries in (("versions", "version"), ("keys", "public")):
        values = [entry[entries] for entry in content[name]]
        if len(set(values)) < len(values):
            yield f"{name}: the same {entries} stands there twice"
