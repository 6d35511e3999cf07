"""OpenSearch's error shape."""

from local.web.messages import Response


class SearchError(Exception):
    """A refused call: HTTP status, OpenSearch's type name, and the reason in words."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.kind, self.reason = status, kind, reason

    def cause(self) -> dict[str, str]:
        return {"type": self.kind, "reason": self.reason}

    def response(self) -> Response:
        body = {"error": {"root_cause": [self.cause()], **self.cause()}, "status": self.status}
        headers = {"www-authenticate": 'Basic realm="OpenSearch Security"'} if self.status == 401 else {}
        return Response.of_json(body, self.status, headers)


def parsing_error(reason: str) -> SearchError:
    return SearchError(400, "parsing_exception", reason)


def index_missing(name: str) -> SearchError:
    return SearchError(404, "index_not_found_exception", f"no such index [{name}]")
