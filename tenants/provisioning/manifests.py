"""
Seed manifests: tenants described in files, `clusters/<name>.json`, each `{"name": …, "plan": {…}}`.

The plan has the form that the edge takes, with anything left out that the organization's subscription decides. KV has
plans under the same names; those are copies that the tenant objects write, and are not read here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from billing.entitlements import Entitlement
from controlplane.problems import FieldError
from tenants.provisioning import specs

ROLES = ("manager", "indexer", "dashboard")
PLAIN = ("version", "certificate_days", "retention_days", "archive_days", "max_agents", "raw_enrollment", *specs.GROUPS)
LARGEST = 64 * 1024
"""Bytes of a manifest; a longer file is none."""


class Unreadable(Exception):
    """The file is no manifest; `faults` names each place by its path and what is wrong there."""

    def __init__(self, *faults: FieldError) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True)
class Manifest:
    """One tenant as its file describes it; `plan` as it stands there, `wishes` as the actions take them."""

    file: Path
    name: str
    plan: Mapping[str, Any]

    @property
    def wishes(self) -> specs.Wishes:
        """What is asked for."""
        images = {role: size["image"] for role, size in self.plan.get("roles", {}).items() if "image" in size}
        plain = {name: self.plan[name] for name in PLAIN if name in self.plan}
        return cast(specs.Wishes, {**plain, **({"images": images} if images else {})})

    def beyond(self, entitlement: Entitlement) -> Iterator[FieldError]:
        """Node counts and sizes that are not those of the organization's plan."""
        for role, size in self.plan.get("roles", {}).items():
            for part in ("count", "instance"):
                paid = entitlement.plan.roles[role][part]
                if part in size and size[part] != paid:
                    words = f"The plan {entitlement.plan.code} gives {paid}."
                    yield FieldError(f"plan.roles.{role}.{part}", words)

    def differs_from(self, spec: Mapping[str, Any]) -> list[str]:
        """Paths of what the file says and a tenant's spec says otherwise."""
        return [path for path, value in _leaves("", self.plan) if _at(spec, path) != value]


def files_of(place: Path) -> list[Path]:
    """The file itself, or every manifest of a folder, by name; also those of its folder `clusters`."""
    if not place.is_dir():
        return [place]
    return sorted([*place.glob("*.json"), *place.glob("clusters/*.json")])


def read(file: Path) -> Manifest:
    """Read a manifest. Raises Unreadable naming every fault of its form."""
    content = _json(file)
    name, plan = content.get("name", file.stem), content.get("plan", {})
    faults = [FieldError(key, "There is no such part.") for key in content if key not in ("name", "plan")]
    if not isinstance(name, str):
        faults.append(FieldError("name", "Expected a text."))
    faults += _plan_faults(plan) if isinstance(plan, dict) else [FieldError("plan", "Expected an object.")]
    if faults:
        raise Unreadable(*faults)
    return Manifest(file, name.strip(), plan)


def _json(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > LARGEST:
            raise Unreadable(FieldError("file", f"Larger than {LARGEST} bytes."))
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unreadable(FieldError("file", str(error.strerror))) from error
    except ValueError as error:
        raise Unreadable(FieldError("file", f"No JSON: {error}")) from error
    if not isinstance(content, dict):
        raise Unreadable(FieldError("file", "Expected an object."))
    return content


def _plan_faults(plan: dict[str, Any]) -> Iterator[FieldError]:
    for key, value in plan.items():
        if key != "roles" and key not in PLAIN:
            yield FieldError(f"plan.{key}", "There is no such setting.")
        elif value is None or (key in (*specs.GROUPS, "roles") and not isinstance(value, dict)):
            yield FieldError(f"plan.{key}", "Expected a value." if value is None else "Expected an object.")
        elif key == "roles":
            yield from _role_faults(value)


def _role_faults(roles: dict[str, Any]) -> Iterator[FieldError]:
    for role, size in roles.items():
        if role not in ROLES:
            yield FieldError(f"plan.roles.{role}", "There is no such role.")
        elif not isinstance(size, dict):
            yield FieldError(f"plan.roles.{role}", "Expected an object.")
        else:
            known = ("count", "instance", "image")
            yield from (
                FieldError(f"plan.roles.{role}.{part}", "There is no such setting.")
                for part in size
                if part not in known
            )


def _leaves(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{where}.{key}" if where else key, inner)
    else:
        yield where, value


def _at(spec: Any, path: str) -> Any:
    for key in path.split("."):
        spec = spec.get(key) if isinstance(spec, Mapping) else None
    return spec
