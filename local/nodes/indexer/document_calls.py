"""Calls that write, read and search documents."""

import asyncio
from collections.abc import Callable
from typing import Any

from local.nodes.indexer.access import Identity
from local.nodes.indexer.bulk import bulk, delete_document, put_document
from local.nodes.indexer.documents import Documents, Reader
from local.nodes.indexer.errors import SearchError, index_missing
from local.nodes.indexer.search import SHARDS, count, search
from local.web.messages import Request, Response
from local.web.routing import Route

# answers a search body over an expression of indices
Answerer = Callable[[Reader, str, dict[str, Any]], dict[str, Any]]


class DocumentCalls:
    """Everything with documents in it."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def routes(self) -> list[Route]:
        return [
            ("POST", "/_bulk", self.bulk),
            ("PUT", "/_bulk", self.bulk),
            ("POST", "/{index}/_bulk", self.bulk),
            ("GET", "/_search", self.search),
            ("POST", "/_search", self.search),
            ("GET", "/{index}/_search", self.search),
            ("POST", "/{index}/_search", self.search),
            ("GET", "/{index}/_count", self.count),
            ("POST", "/{index}/_count", self.count),
            ("GET", "/_mget", self.get_many),
            ("POST", "/_mget", self.get_many),
            ("POST", "/{index}/_refresh", self.refresh),
            ("POST", "/{index}/_delete_by_query", self.delete_by_query),
            ("GET", "/{index}/_doc/{id}", self.get_document),
            ("PUT", "/{index}/_doc/{id}", self.put_document),
            ("DELETE", "/{index}/_doc/{id}", self.delete_document),
        ]

    async def bulk(self, request: Request, identity: Identity, index: str | None = None) -> Response:
        identity.require("write", index or "*")
        return Response.of_json(bulk(self._documents, request.body, index))

    async def search(self, request: Request, identity: Identity, index: str = "*") -> Response:
        return await self._read(request, identity, index, search)

    async def count(self, request: Request, identity: Identity, index: str) -> Response:
        return await self._read(request, identity, index, count)

    async def _read(self, request: Request, identity: Identity, index: str, answer: Answerer) -> Response:
        identity.require("read", index)
        body = _search_body(request)

        def scan() -> dict[str, Any]:
            with self._documents.reading() as reader:
                return answer(reader, index, body)

        # in a thread, so that a long scan does not hold up what comes in meanwhile
        return Response.of_json(await asyncio.to_thread(scan))

    async def refresh(self, request: Request, identity: Identity, index: str) -> Response:
        identity.require("write", index)
        return Response.of_json({"_shards": SHARDS})  # every write can be found at once

    async def delete_by_query(self, request: Request, identity: Identity, index: str) -> Response:
        identity.require("write", index)
        found = search(self._documents, index, {"query": request.json().get("query"), "size": 10_000, "_source": False})
        for hit in found["hits"]["hits"]:
            self._documents.delete(hit["_index"], hit["_id"])
        return Response.of_json({"deleted": len(found["hits"]["hits"]), "failures": []})

    async def get_document(self, request: Request, identity: Identity, index: str, id: str) -> Response:
        identity.require("read", index)
        document = self._documents.get(index, id)
        if document is None:
            return Response.of_json({"_index": index, "_id": id, "found": False}, 404)
        body = {"_index": index, "_id": id, "_version": document.version, "found": True, "_source": document.source}
        return Response.of_json(body)

    async def get_many(self, request: Request, identity: Identity) -> Response:
        asked = request.json().get("docs") or []
        for one in asked:
            identity.require("read", one["_index"])
        with_source = request.query.get("_source") != "false"
        return Response.of_json({"docs": [self._looked_up(one, with_source) for one in asked]})

    def _looked_up(self, asked: dict[str, Any], with_source: bool) -> dict[str, Any]:
        index, id = asked["_index"], asked["_id"]
        named = {"_index": index, "_id": id}
        if not self._documents.indices(index):
            cause = index_missing(index).cause()
            return {**named, "error": {"root_cause": [cause], **cause}}
        document = self._documents.get(index, id)
        if document is None:
            return {**named, "found": False}
        source = {"_source": document.source} if with_source else {}
        return {**named, "_version": document.version, "found": True, **source}

    async def put_document(self, request: Request, identity: Identity, index: str, id: str) -> Response:
        identity.require("write", index)
        result = put_document(
            self._documents, index, id, request.body, only_new=request.query.get("op_type") == "create"
        )
        return Response.of_json({"_index": index, "_id": id, **result}, result["status"])

    async def delete_document(self, request: Request, identity: Identity, index: str, id: str) -> Response:
        identity.require("write", index)
        result = delete_document(self._documents, index, id)
        return Response.of_json({"_index": index, "_id": id, **result}, result["status"])


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
