"""Calls about snapshots and the repositories they lie in."""

from local.nodes.indexer.access import Identity
from local.nodes.indexer.cluster_calls import ACKNOWLEDGED
from local.nodes.indexer.search import SHARDS
from local.nodes.indexer.snapshots import SnapshotRepositories
from local.web.messages import Request, Response
from local.web.routing import Route

ONE = "/_snapshot/{repository}/{name}"


class SnapshotCalls:
    """All of them need the permission to manage the cluster."""

    def __init__(self, repositories: SnapshotRepositories) -> None:
        self._repositories = repositories

    def routes(self) -> list[Route]:
        return [
            ("PUT", "/_snapshot/{repository}", self.register_repository),
            ("DELETE", "/_snapshot/{repository}", self.unregister_repository),
            ("PUT", ONE, self.take_snapshot),
            ("POST", ONE, self.take_snapshot),
            ("GET", ONE, self.describe_snapshot),
            ("DELETE", ONE, self.delete_snapshot),
            ("POST", f"{ONE}/_restore", self.restore_snapshot),
        ]

    async def register_repository(self, request: Request, identity: Identity, repository: str) -> Response:
        identity.require("manage")
        self._repositories.register(repository, request.json())
        return Response.of_json(ACKNOWLEDGED)

    async def unregister_repository(self, request: Request, identity: Identity, repository: str) -> Response:
        identity.require("manage")
        self._repositories.unregister(repository)
        return Response.of_json(ACKNOWLEDGED)

    async def take_snapshot(self, request: Request, identity: Identity, repository: str, name: str) -> Response:
        identity.require("manage")
        return Response.of_json({"snapshot": await self._repositories.take(repository, name)})

    async def describe_snapshot(self, request: Request, identity: Identity, repository: str, name: str) -> Response:
        identity.require("manage")
        return Response.of_json({"snapshots": await self._repositories.describe(repository, name)})

    async def delete_snapshot(self, request: Request, identity: Identity, repository: str, name: str) -> Response:
        identity.require("manage")
        await self._repositories.delete(repository, name)
        return Response.of_json(ACKNOWLEDGED)

    async def restore_snapshot(self, request: Request, identity: Identity, repository: str, name: str) -> Response:
        identity.require("manage")
        indices = await self._repositories.restore(repository, name)
        return Response.of_json({"snapshot": {"snapshot": name, "indices": indices, "shards": SHARDS}})
