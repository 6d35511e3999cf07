"""The REST API on 9200: who is asking, and which call it is."""

from local.nodes.host import Host
from local.nodes.indexer.access import Access, Identity
from local.nodes.indexer.bucket import BucketFailed
from local.nodes.indexer.cluster.cluster import Cluster, is_write
from local.nodes.indexer.cluster.settings import ClusterSettings
from local.nodes.indexer.cluster_calls import Alone, ClusterCalls, IndexCalls
from local.nodes.indexer.document_calls import DocumentCalls
from local.nodes.indexer.documents import Documents
from local.nodes.indexer.errors import SearchError
from local.nodes.indexer.snapshot_calls import SnapshotCalls
from local.nodes.indexer.snapshots import SnapshotRepositories
from local.web.messages import BadRequest, Request, Response
from local.web.routing import Routes

HEALTH = ("GET", "/_plugins/_security/health")  # the one call without a user
HEALTHY = {"message": None, "mode": "strict", "status": "UP"}
NOT_READY = {"message": "Not initialized", "mode": "strict", "status": "DOWN"}


class IndexerApi:
    """
    Answers requests; every call names what its caller must be allowed to do.

    `cluster` is this node's place among several, None for a node that is alone.
    """

    def __init__(
        self,
        host: Host,
        documents: Documents,
        access: Access,
        repositories: SnapshotRepositories,
        settings: ClusterSettings | None = None,
    ) -> None:
        self._access = access
        self.cluster = Cluster(host, settings, documents, self._carry_out) if settings else None
        calls = (
            ClusterCalls(host, documents, self.cluster.members if self.cluster else Alone()),
            SnapshotCalls(repositories),
            DocumentCalls(documents),
            IndexCalls(documents),
        )
        self._routes = Routes(*[route for call in calls for route in call.routes()])

    async def handle(self, request: Request) -> Response:
        try:
            if (request.method, request.path) == HEALTH:
                return self._health()
            identity = self._access.identify(request)
            if self.cluster and is_write(request):
                return await self.cluster.write(request, identity)
            return await self._carry_out(request, identity)
        except SearchError as error:
            return error.response()

    async def _carry_out(self, request: Request, identity: Identity) -> Response:
        try:
            return await self._routes.answer(request, _unknown_route, identity)
        except BucketFailed as error:
            return SearchError(500, "repository_exception", str(error)).response()
        except SearchError as error:
            return error.response()
        except BadRequest as error:
            return SearchError(400, "parse_exception", str(error)).response()

    def _health(self) -> Response:
        """Users are kept in an index, and so are there once the cluster is."""
        ready = self.cluster is None or self.cluster.members.nodes > 0
        return Response.of_json(HEALTHY if ready else NOT_READY, 200 if ready else 503)


def _unknown_route(status: int) -> Response:
    return SearchError(status, "invalid_request", "the stand-in indexer does not know this method and path").response()
