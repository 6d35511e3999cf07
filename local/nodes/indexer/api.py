"""The REST API on 9200."""

import asyncio
from collections.abc import Callable
from typing import Any

from local.nodes.host import Host
from local.nodes.indexer.access import Access, Identity
from local.nodes.indexer.bulk import bulk, delete_document, put_document
from local.nodes.indexer.documents import Documents
from local.nodes.indexer.errors import SearchError, index_missing
from local.nodes.indexer.search import SHARDS, count, resolve, search
from local.nodes.indexer.snapshots import SnapshotRepositories
from local.web.messages import BadRequest, Request, Response
from local.web.routing import Routes

CLUSTER = "wazuh-cluster"
ACKNOWLEDGED = {"acknowledged": True}


class IndexerApi:
    """Answers requests; every route names what its caller must be allowed to do."""

    def __init__(self, host: Host, documents: Documents, access: Access, repositories: SnapshotRepositories) -> None:
        self.host, self.documents, self.access, self.repositories = host, documents, access, repositories
        one, snapshot = "/{index}", "/_snapshot/{repository}/{name}"
        self.routes = Routes(
            ("GET", "/", self.root),
            ("GET", "/_cluster/health", self.health),
            ("GET", "/_plugins/_security/authinfo", self.authinfo),
            ("GET", "/_cat/indices", self.cat_indices),
            ("GET", "/_cat/indices/{index}", self.cat_indices),
            ("POST", "/_bulk", self.bulk),
            ("PUT", "/_bulk", self.bulk),
            ("PUT", "/_snapshot/{repository}", self.register_repository),
            ("DELETE", "/_snapshot/{repository}", self.unregister_repository),
            ("PUT", snapshot, self.take_snapshot),
            ("POST", snapshot, self.take_snapshot),
            ("GET", snapshot, self.describe_snapshot),
            ("DELETE", snapshot, self.delete_snapshot),
            ("POST", f"{snapshot}/_restore", self.restore_snapshot),
            ("GET", "/_search", self.search),
            ("POST", "/_search", self.search),
            ("GET", f"{one}/_search", self.search),
            ("POST", f"{one}/_search", self.search),
            ("GET", f"{one}/_count", self.count),
            ("POST", f"{one}/_count", self.count),
            ("POST", f"{one}/_bulk", self.bulk),
            ("POST", f"{one}/_refresh", self.refresh),
            ("POST", f"{one}/_delete_by_query", self.delete_by_query),
            ("GET", f"{one}/_doc/{{id}}", self.get_document),
            ("PUT", f"{one}/_doc/{{id}}", self.put_document),
            ("DELETE", f"{one}/_doc/{{id}}", self.delete_document),
            ("PUT", one, self.create_index),
            ("DELETE", one, self.delete_index),
            ("HEAD", one, self.index_exists),
        )

    async def handle(self, request: Request) -> Response:
        try:
            if (request.method, request.path) == ("GET", "/_plugins/_security/health"):
                return Response.of_json(
                    {"message": None, "mode": "strict", "status": "UP"}
                )  # the one call without a user
            identity = self.access.identify(request)
            return await self.routes.answer(request, _unknown_route, identity)
        except SearchError as error:
            return error.response()
        except BadRequest as error:
            return SearchError(400, "parse_exception", str(error)).response()

    async def root(self, request: Request, identity: Identity) -> Response:
        identity.require("monitor")
        version = {"distribution": "opensearch", "number": "2.19.5", "lucene_version": "9.12.1"}
        tagline = f"Stand-in indexer for Wazuh {self.host.version}: not OpenSearch"
        return Response.of_json(
            {"name": self.host.name, "cluster_name": CLUSTER, "version": version, "tagline": tagline}
        )

    async def health(self, request: Request, identity: Identity) -> Response:
        identity.require("monitor")
        shards = len(self.documents.indices())
        body = {
            "cluster_name": CLUSTER,
            "status": "green",
            "timed_out": False,
            "number_of_nodes": 1,
            "number_of_data_nodes": 1,
            "discovered_master": True,
            "discovered_cluster_manager": True,
            "active_primary_shards": shards,
            "active_shards": shards,
            "relocating_shards": 0,
            "initializing_shards": 0,
            "unassigned_shards": 0,
            "active_shards_percent_as_number": 100.0,
        }
        return Response.of_json(body)

    async def authinfo(self, request: Request, identity: Identity) -> Response:
        return Response.of_json({"user_name": identity.user, "backend_roles": list(identity.roles)})

    async def cat_indices(self, request: Request, identity: Identity, index: str = "*") -> Response:
        identity.require("monitor")
        rows = []
        for name in self.documents.indices(index):
            documents, size, _ = self.documents.statistics(name)
            rows.append(
                {
                    "health": "green",
                    "status": "open",
                    "index": name,
                    "docs.count": str(documents),
                    "store.size": f"{size}b",
                }
            )
        if request.query.get("format") == "json":
            return Response.of_json(rows)
        return Response.of_text("".join(" ".join(row.values()) + "\n" for row in rows))

    async def bulk(self, request: Request, identity: Identity, index: str | None = None) -> Response:
        identity.require("write", index or "*")
        return Response.of_json(bulk(self.documents, request.body, index))

    async def search(self, request: Request, identity: Identity, index: str = "*") -> Response:
        return await self._read(request, identity, index, search)

    async def count(self, request: Request, identity: Identity, index: str) -> Response:
        return await self._read(request, identity, index, count)

    async def _read(
        self, request: Request, identity: Identity, index: str, answer: Callable[..., dict[str, Any]]
    ) -> Response:
        identity.require("read", index)
        body = _search_body(request)
        # in a thread, so that a long scan does not hold up what comes in meanwhile
        return Response.of_json(await asyncio.to_thread(answer, self.documents, index, body))

    async def refresh(self, request: Request, identity: Identity, index: str) -> Response:
        identity.require("write", index)
        return Response.of_json({"_shards": SHARDS})  # every write can be found at once

    async def delete_by_query(self, request: Request, identity: Identity, index: str) -> Response:
        identity.require("write", index)
        found = search(self.documents, index, {"query": request.json().get("query"), "size": 10_000, "_source": False})
        for hit in found["hits"]["hits"]:
            self.documents.delete(hit["_index"], hit["_id"])
        return Response.of_json({"deleted": len(found["hits"]["hits"]), "failures": []})

    async def get_document(self, request: Request, identity: Identity, index: str, id: str) -> Response:
        identity.require("read", index)
        document = self.documents.get(index, id)
        if document is None:
            return Response.of_json({"_index": index, "_id": id, "found": False}, 404)
        body = {"_index": index, "_id": id, "_version": document.version, "found": True, "_source": document.source}
        return Response.of_json(body)

    async def put_document(self, request: Request, identity: Identity, index: str, id: str) -> Response:
        identity.require("write", index)
        result = put_document(
            self.documents, index, id, request.body, only_new=request.query.get("op_type") == "create"
        )
        return Response.of_json({"_index": index, "_id": id, **result}, result["status"])

    async def delete_document(self, request: Request, identity: Identity, index: str, id: str) -> Response:
        identity.require("write", index)
        result = delete_document(self.documents, index, id)
        return Response.of_json({"_index": index, "_id": id, **result}, result["status"])

    async def create_index(self, request: Request, identity: Identity, index: str) -> Response:
        identity.require("manage", index)
        if index in self.documents.indices(index):
            raise SearchError(400, "resource_already_exists_exception", f"index [{index}] already exists")
        self.documents.create_index(index)
        return Response.of_json({**ACKNOWLEDGED, "shards_acknowledged": True, "index": index})

    async def delete_index(self, request: Request, identity: Identity, index: str) -> Response:
        identity.require("manage", index)
        for name in resolve(self.documents, index):
            self.documents.delete_index(name)
        return Response.of_json(ACKNOWLEDGED)

    async def index_exists(self, request: Request, identity: Identity, index: str) -> Response:
        identity.require("read", index)
        if not self.documents.indices(index):
            raise index_missing(index)
        return Response(200)

    async def register_repository(self, request: Request, identity: Identity, repository: str) -> Response:
        identity.require("manage")
        self.repositories.register(repository, request.json())
        return Response.of_json(ACKNOWLEDGED)

    async def unregister_repository(self, request: Request, identity: Identity, repository: str) -> Response:
        identity.require("manage")
        self.repositories.unregister(repository)
        return Response.of_json(ACKNOWLEDGED)

    async def take_snapshot(self, request: Request, identity: Identity, repository: str, name: str) -> Response:
        identity.require("manage")
        return Response.of_json({"snapshot": self.repositories.take(repository, name)})

    async def describe_snapshot(self, request: Request, identity: Identity, repository: str, name: str) -> Response:
        identity.require("manage")
        return Response.of_json({"snapshots": self.repositories.describe(repository, name)})

    async def delete_snapshot(self, request: Request, identity: Identity, repository: str, name: str) -> Response:
        identity.require("manage")
        self.repositories.delete(repository, name)
        return Response.of_json(ACKNOWLEDGED)

    async def restore_snapshot(self, request: Request, identity: Identity, repository: str, name: str) -> Response:
        identity.require("manage")
        indices = self.repositories.restore(repository, name)
        return Response.of_json({"snapshot": {"snapshot": name, "indices": indices, "shards": SHARDS}})


def _unknown_route(status: int) -> Response:
    return SearchError(status, "invalid_request", "the stand-in indexer does not know this method and path").response()


def _search_body(request: Request) -> dict[str, Any]:
    """The body, with what the address adds (`q`, `size`, `from`, `sort`)."""
    body = request.json() if request.body.strip() else {}
    if not isinstance(body, dict):
        raise SearchError(400, "parsing_exception", "a search body must be an object")
    address = request.query
    if "q" in address:
        body["query"] = {"query_string": {"query": address["q"]}}
    for name in ("size", "from"):
        if name in address:
            body[name] = int(address[name])
    if "sort" in address:
        body["sort"] = [{field: order or "asc"} for field, _, order in [address["sort"].partition(":")]]
    return body
