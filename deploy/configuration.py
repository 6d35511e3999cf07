"""The Worker's configuration for one cell, made from `worker/wrangler.jsonc`."""

import json
import re
from pathlib import Path
from typing import Any

from deploy.description import ROLES, Deployment, image_key

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY / "worker/wrangler.jsonc"
# Strings first, so that two slashes within one are no comment.
STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.S)


def source() -> dict[str, Any]:
    """The configuration that the repository has, its comments left out."""
    text = STRING_OR_COMMENT.sub(lambda match: match[0] if match[0].startswith('"') else "", SOURCE.read_text())
    return json.loads(text)


def render(deployment: Deployment, base: dict[str, Any]) -> dict[str, Any]:
    """`base` with this cell's account, resources, images, routes and variables."""
    worker = SOURCE.parent
    return {
        **{name: value for name, value in base.items() if name != "$schema"},
        "name": deployment["worker"],
        "account_id": deployment["account_id"],
        "main": str(worker / base["main"]),
        "containers": [_container(deployment, container) for container in base["containers"]],
        "d1_databases": [_d1(deployment, base["d1_databases"][0], worker)],
        "kv_namespaces": [{**base["kv_namespaces"][0], "id": deployment["resources.kv_id"]}],
        "r2_buckets": [_r2(deployment, base["r2_buckets"][0])],
        "routes": _routes(deployment),
        "vars": {**base["vars"], **_variables(deployment)},
    }


def _container(deployment: Deployment, container: dict[str, Any]) -> dict[str, Any]:
    """Every version's image of one role; tenants move from one to another, so that all stay."""
    role = next(role for role in ROLES if container["name"].endswith(role))
    registry = f"registry.cloudflare.com/{deployment['account_id']}/{container['name']}"
    images = {image_key(each["version"]): {"image": f"{registry}@{each[role]}"} for each in deployment.versions}
    return {**container, "images": images}


def _d1(deployment: Deployment, base: dict[str, Any], worker: Path) -> dict[str, Any]:
    own = {"database_name": deployment["resources.d1_name"], "database_id": deployment["resources.d1_id"]}
    return {**base, **own, "migrations_dir": str(worker / base["migrations_dir"])}


def _r2(deployment: Deployment, base: dict[str, Any]) -> dict[str, Any]:
    jurisdiction = deployment["cell.jurisdiction"]
    own = {"bucket_name": deployment["resources.r2_name"]}
    return {**base, **own, **({"jurisdiction": jurisdiction} if jurisdiction else {})}


def _routes(deployment: Deployment) -> list[dict[str, str]]:
    return [
        {"pattern": f"{deployment['hosts.edge']}/*", "zone_name": deployment["hosts.edge_zone"]},
        {"pattern": f"*.{deployment['hosts.dashboards']}/*", "zone_name": deployment["hosts.dashboards_zone"]},
    ]


def _variables(deployment: Deployment) -> dict[str, Any]:
    return {
        "ENVIRONMENT": "production",
        "CELL_ID": deployment["cell.id"],
        "RUNTIME": "cloudflare",
        "JURISDICTION": deployment["cell.jurisdiction"],
        "CONTROL_KEYS": deployment.control_keys,
        "PORTAL_ORIGIN": f"https://{deployment['hosts.portal']}",
        "API_HOSTS": deployment["hosts.edge"],
        "DASHBOARD_ZONE": deployment["hosts.dashboards"],
        "PUBLIC_URL": deployment.edge,
        **deployment.access,
        "VERSIONS": {each["version"]: image_key(each["version"]) for each in deployment.versions},
    }
