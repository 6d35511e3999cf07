"""Calls about the whole node, and about indices as such."""

import contextlib
import hashlib
import shutil
import time
from pathlib import Path
from typing import Any, Protocol

from local.nodes.host import Host
from local.nodes.indexer.access import Identity
from local.nodes.indexer.documents import Documents
from local.nodes.indexer.errors import SearchError, index_missing
from local.nodes.indexer.search import resolve
from local.web.messages import Request, Response
from local.web.routing import Route

CLUSTER = "wazuh-cluster"
NO_CLUSTER = "_na_"
"""The uuid that OpenSearch tells before a node has joined a cluster."""
AUTO_CREATE = "action.auto_create_index"
ACKNOWLEDGED = {"acknowledged": True}


class Place(Protocol):
    """Where a node is in its cluster: how many nodes there are with it, 0 where no majority is."""

    @property
    def nodes(self) -> int: ...


class Alone:
    """The only node there is."""

    nodes = 1


class ClusterCalls:
    """What the node is and how it does."""

    def __init__(self, host: Host, documents: Documents, place: Place) -> None:
        self._host, self._documents, self._place = host, documents, place

    def routes(self) -> list[Route]:
        return [
            ("GET", "/", self.root),
            ("GET", "/_cluster/health", self.health),
            ("GET", "/_cluster/settings", self.settings),
            ("PUT", "/_cluster/settings", self.change_settings),
            ("GET", "/_nodes/stats/fs", self.disk_stats),
            ("GET", "/_plugins/_security/authinfo", self.authinfo),
            ("GET", "/_cat/indices", self.cat_indices),
            ("GET", "/_cat/indices/{index}", self.cat_indices),
        ]

    async def root(self, request: Request, identity: Identity) -> Response:
        identity.require("monitor")
        version = {"distribution": "opensearch", "number": "2.19.5", "lucene_version": "9.12.1"}
        tagline = f"Stand-in indexer for Wazuh {self._host.version}: not OpenSearch"
        named = {"name": self._host.name, "cluster_name": CLUSTER, "cluster_uuid": self._documents.fact("cluster_uuid")}
        named["cluster_uuid"] = named["cluster_uuid"] or NO_CLUSTER
        return Response.of_json({**named, "version": version, "tagline": tagline})

    async def health(self, request: Request, identity: Identity) -> Response:
        identity.require("monitor")
        nodes = self._place.nodes
        if not nodes and request.query.get("local") != "true":
            raise SearchError(503, "cluster_manager_not_discovered_exception", "no majority of the nodes is there")
        kept = [self._documents.settings(name) for name in self._documents.indices()]
        shards = sum(one.shards for one in kept)
        # A copy needs a node of its own. The stand-in's nodes hold everything; it tells what OpenSearch would.
        placed = sum(one.shards * min(1 + one.replicas, max(nodes, 1)) for one in kept)
        wanted = sum(one.shards * (1 + one.replicas) for one in kept)
        body = {
            "cluster_name": CLUSTER,
            "status": "red" if not nodes else "green" if placed == wanted else "yellow",
            "timed_out": False,
            "number_of_nodes": max(nodes, 1),
            "number_of_data_nodes": max(nodes, 1),
            "discovered_master": nodes > 0,
            "discovered_cluster_manager": nodes > 0,
            "active_primary_shards": shards,
            "active_shards": placed,
            "relocating_shards": 0,
            "initializing_shards": 0,
            "unassigned_shards": wanted - placed,
            "active_shards_percent_as_number": 100.0 * placed / wanted if wanted else 100.0,
        }
        return Response.of_json(body)

    async def settings(self, request: Request, identity: Identity) -> Response:
        identity.require("monitor")
        value = self._documents.fact(AUTO_CREATE)
        return Response.of_json({"persistent": {AUTO_CREATE: value} if value else {}, "transient": {}})

    async def change_settings(self, request: Request, identity: Identity) -> Response:
        identity.require("manage")
        body = request.json()
        wanted = body.get("persistent") if isinstance(body, dict) else None
        if not isinstance(wanted, dict) or set(wanted) != {AUTO_CREATE}:
            raise SearchError(400, "illegal_argument_exception", f"the stand-in indexer knows [{AUTO_CREATE}] alone")
        self._documents.note_fact(AUTO_CREATE, str(wanted[AUTO_CREATE]))
        return Response.of_json({**ACKNOWLEDGED, **body})

    async def disk_stats(self, request: Request, identity: Identity) -> Response:
        identity.require("monitor")
        now = int(time.time() * 1000)
        node = {"timestamp": now, "name": self._host.name, "fs": {"timestamp": now, "total": disk_of(self._host.disk)}}
        body = {
            "_nodes": {"total": 1, "successful": 1, "failed": 0},
            "cluster_name": CLUSTER,
            "nodes": {hashlib.sha256(self._host.name.encode()).hexdigest()[:22]: node},
        }
        return Response.of_json(body)

    async def authinfo(self, request: Request, identity: Identity) -> Response:
        return Response.of_json({"user_name": identity.user, "backend_roles": list(identity.roles)})

    async def cat_indices(self, request: Request, identity: Identity, index: str = "*") -> Response:
        identity.require("monitor")
        rows = []
        for name in self._documents.indices(index):
            documents, size, _ = self._documents.statistics(name)
            settings = self._documents.settings(name)
            rows.append(
                {
                    "health": "green",
                    "status": "open",
                    "index": name,
                    "pri": str(settings.shards),
                    "rep": str(settings.replicas),
                    "docs.count": str(documents),
                    "store.size": f"{size}b",
                }
            )
        if request.query.get("format") == "json":
            return Response.of_json(rows)
        return Response.of_text("".join(" ".join(row.values()) + "\n" for row in rows))


def disk_of(folder: Path) -> dict[str, int]:
    """A disk of the node's own: what lies in its folder, and what the machine has left for it."""
    free = shutil.disk_usage(folder).free
    held = sum(map(_size_of, folder.rglob("*")))
    return {"total_in_bytes": held + free, "free_in_bytes": free, "available_in_bytes": free}


def _size_of(file: Path) -> int:
    """0 for what is no file, or went away while the folder was read."""
    with contextlib.suppress(FileNotFoundError):
        return file.stat().st_size if file.is_file() else 0
    return 0


class IndexCalls:
    """Making, looking for and deleting an index."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def routes(self) -> list[Route]:
        return [
            ("PUT", "/{index}", self.create_index),
            ("DELETE", "/{index}", self.delete_index),
            ("HEAD", "/{index}", self.index_exists),
            ("GET", "/{index}/_settings", self.read_settings),
        ]

    async def create_index(self, request: Request, identity: Identity, index: str) -> Response:
        identity.require("manage", index)
        if index in self._documents.indices(index):
            raise SearchError(400, "resource_already_exists_exception", f"index [{index}] already exists")
        self._documents.create_index(index)
        return Response.of_json({**ACKNOWLEDGED, "shards_acknowledged": True, "index": index})

    async def delete_index(self, request: Request, identity: Identity, index: str) -> Response:
        identity.require("manage", index)
        for name in resolve(self._documents, index):
            self._documents.delete_index(name)
        return Response.of_json(ACKNOWLEDGED)

    async def index_exists(self, request: Request, identity: Identity, index: str) -> Response:
        identity.require("read", index)
        if not self._documents.indices(index):
            raise index_missing(index)
        return Response(200)

    async def read_settings(self, request: Request, identity: Identity, index: str) -> Response:
        identity.require("monitor", index)
        return Response.of_json({name: _settings_of(self._documents, name) for name in resolve(self._documents, index)})


def _settings_of(documents: Documents, name: str) -> dict[str, Any]:
    settings = documents.settings(name)
    index = {
        "number_of_shards": str(settings.shards),
        "number_of_replicas": str(settings.replicas),
        "refresh_interval": f"{settings.refresh_seconds}s",
    }
    return {"settings": {"index": index}}
