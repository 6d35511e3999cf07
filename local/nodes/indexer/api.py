"""The REST API on 9200: who is asking, and which call it is."""

from local.nodes.host import Host
from local.nodes.indexer.access import Access
from local.nodes.indexer.bucket import BucketFailed
from local.nodes.indexer.cluster_calls import ClusterCalls, IndexCalls
from local.nodes.indexer.document_calls import DocumentCalls
from local.nodes.indexer.documents import Documents
from local.nodes.indexer.errors import SearchError
from local.nodes.indexer.snapshot_calls import SnapshotCalls
from local.nodes.indexer.snapshots import SnapshotRepositories
from local.web.messages import BadRequest, Request, Response
from local.web.routing import Routes

HEALTH = ("GET", "/_plugins/_security/health")  # the one call without a user
HEALTHY = {"message": None, "mode": "strict", "status": "UP"}


class IndexerApi:
    """Answers requests; every call names what its caller must be allowed to do."""

    def __init__(self, host: Host, documents: Documents, access: Access, repositories: SnapshotRepositories) -> None:
        self._access = access
        calls = (
            ClusterCalls(host, documents),
            SnapshotCalls(repositories),
            DocumentCalls(documents),
            IndexCalls(documents),
        )
        self._routes = Routes(*[route for call in calls for route in call.routes()])

    async def handle(self, request: Request) -> Response:
        try:
            if (request.method, request.path) == HEALTH:
                return Response.of_json(HEALTHY)
            identity = self._access.identify(request)
            return await self._routes.answer(request, _unknown_route, identity)
        except BucketFailed as error:
            return SearchError(500, "repository_exception", str(error)).response()
        except SearchError as error:
            return error.response()
        except BadRequest as error:
            return SearchError(400, "parse_exception", str(error)).response()


def _unknown_route(status: int) -> Response:
    return SearchError(status, "invalid_request", "the stand-in indexer does not know this method and path").response()
