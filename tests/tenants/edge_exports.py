"""Exports at the edge in memory: ordered, made a step at a time, and their files."""

import hashlib
import json
from typing import Any

import httpx

from tests.tenants.edge_life import LATER, NOW, EdgeLife

STEPS = ("tenant", "agents", "events", "alerts", "archive")


class EdgeExports(EdgeLife):
    """The doors of exports, and what becomes of one by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.exports: dict[str, list[dict[str, Any]]] = {}
        self.export_files: dict[str, list[bytes]] = {}

    def made(self, tenant_id: str, export_id: str, *files: bytes, **more: Any) -> None:
        """The export is made, with these files of events."""
        self.export_files[export_id] = list(files)
        for step in self._export(tenant_id, export_id)["steps"]:
            step.update(state="succeeded", attempts=1, started_at=NOW, finished_at=NOW)
        counted = {"files": len(files), "records": sum(map(_lines, files)), "bytes": sum(map(len, files))}
        self.told(tenant_id, export_id, state="succeeded", finished_at=NOW, **counted, **more)

    def told(self, tenant_id: str, export_id: str, **more: Any) -> None:
        """The feed tells of an export as it is from here on."""
        known = self._export(tenant_id, export_id)
        known.update(more)
        self.publish(tenant_id, "export", known)

    def _export(self, tenant_id: str, export_id: str) -> dict[str, Any]:
        return next(each for each in self.exports[tenant_id] if each["id"] == export_id)

    def _order_export(self, tenant_id: str, export_id: str, *, body: dict[str, Any], query: Any) -> httpx.Response:
        assert set(body) == {"epoch", "operation_id"}
        known = self.exports.setdefault(tenant_id, [])
        if not any(each["id"] == export_id for each in known):
            known.insert(0, _new(export_id, body["operation_id"]))
        return httpx.Response(202, json=self._export(tenant_id, export_id))

    def _exports(self, tenant_id: str, *, body: Any, query: Any) -> httpx.Response:
        return httpx.Response(200, json={"exports": self.exports.get(tenant_id, [])})

    def _export_manifest(self, tenant_id: str, export_id: str, *, body: Any, query: Any) -> httpx.Response:
        listed = [
            {
                **{"number": number, "name": f"events/{number:06}.jsonl", "records": _lines(content)},
                **{"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()},
            }
            for number, content in enumerate(self.export_files[export_id], start=1)
        ]
        more = {"tenant": tenant_id, "audit": {"position": 3, "hash": "a" * 64}, "listed": listed}
        return httpx.Response(200, json={**self._export(tenant_id, export_id), **more})

    def _export_file(self, tenant_id: str, export_id: str, number: str, *, body: Any, query: Any) -> httpx.Response:
        return httpx.Response(200, content=self.export_files[export_id][int(number) - 1])


def _new(export_id: str, operation_id: str) -> dict[str, Any]:
    step = {"state": "pending", "attempts": 0, "started_at": None, "finished_at": None, "error": None}
    return json.loads(
        json.dumps(
            {
                **{"id": export_id, "operation_id": operation_id, "state": "running", "at": NOW, "finished_at": None},
                **{"expires_at": LATER, "steps": [{"name": name, **step} for name in STEPS], "files": 0, "records": 0},
                **{"bytes": 0, "left_out": [], "error": None},
            }
        )
    )


def _lines(content: bytes) -> int:
    return content.count(b"\n")
