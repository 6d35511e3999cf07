"""The dashboard node: pages under /dashboard on 5601, for nobody but whom the proxy headers name."""

from pathlib import Path

from local.nodes.dashboard.markup import Markup
from local.nodes.dashboard.pages import BASE, Visitor, agents_page, alert_page, alerts_page, failure_page
from local.nodes.dashboard.upstream import Search, Unavailable, Upstream
from local.nodes.host import SERVER_NAME, Host
from local.web.messages import BadRequest, Request, Response
from local.web.routing import Routes
from local.web.server import http_listener

PORT = 5601
STYLE = Path(__file__).with_name("style.css").read_text()
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    '<rect x="1.5" y="1.5" width="13" height="13" rx="3" fill="none" stroke="#0b6b64" stroke-dasharray="2.5 2"/></svg>'
)
API_METHODS = {"GET", "POST", "PUT", "DELETE"}
PERIODS = {"15m", "24h", "7d", ""}
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
UNAUTHORIZED = {"statusCode": 401, "error": "Unauthorized", "message": "Authentication required"}
NOT_FOUND = {"statusCode": 404, "error": "Not Found", "message": "Not Found"}


class DashboardNode:
    """Answers requests that came through the edge."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.routes = Routes(
            ("GET", f"{BASE}", self.to_start),
            ("GET", f"{BASE}/", self.alerts),
            ("GET", f"{BASE}/alerts/{{id}}", self.alert),
            ("GET", f"{BASE}/agents", self.agents),
            ("GET", f"{BASE}/api/status", self.status),
            ("POST", f"{BASE}/api/request", self.api_request),
            ("GET", f"{BASE}/ui/style.css", self.style),
            ("GET", f"{BASE}/ui/icon.svg", self.icon),
        )

    async def handle(self, request: Request) -> Response:
        """The proxy headers are the only sign-in: a request without them is nobody's."""
        visitor = Visitor(request.headers.get("x-proxy-user", ""), _roles(request))
        if not visitor.user or not visitor.roles:
            return Response.of_json(UNAUTHORIZED, 401)
        try:
            answer = await self.routes.answer(request, lambda status: Response.of_json(NOT_FOUND, status), visitor)
        except Unavailable as error:
            answer = _page(failure_page(visitor, self.host.version, str(error)), 503)
        return Response(answer.status, answer.body, {**SECURITY_HEADERS, **answer.headers})

    async def to_start(self, request: Request, visitor: Visitor) -> Response:
        return Response(302, headers={"location": f"{BASE}/"})

    async def alerts(self, request: Request, visitor: Visitor) -> Response:
        search = _read_search(request)
        found = await Upstream(self.host, request.headers).alerts(search)
        return _page(alerts_page(visitor, self.host.version, search, found))

    async def alert(self, request: Request, visitor: Visitor, id: str) -> Response:
        hit = await Upstream(self.host, request.headers).alert(id)
        if hit is None:
            return _page(failure_page(visitor, self.host.version, "This alert is not in the indexer."), 404)
        return _page(alert_page(visitor, self.host.version, hit))

    async def agents(self, request: Request, visitor: Visitor) -> Response:
        agents = await Upstream(self.host, request.headers).agents()
        return _page(agents_page(visitor, self.host.version, agents))

    async def api_request(self, request: Request, visitor: Visitor) -> Response:
        """A call to the manager's API, put as Wazuh's app does: every one by POST, its own method in the body."""
        asked = request.json()
        if not isinstance(asked, dict) or not all(
            isinstance(asked.get(name), str) for name in ("id", "method", "path")
        ):
            raise BadRequest("id, method and path are texts")
        if asked["method"] not in API_METHODS or not asked["path"].startswith("/"):
            raise BadRequest("method is one of HTTP's; path begins with a slash")
        body = asked.get("body") or None
        reply = await Upstream(self.host, request.headers).manager(asked["method"], asked["path"], body)
        return Response(reply.status, reply.body, {"content-type": "application/json; charset=utf-8"})

    async def status(self, request: Request, visitor: Visitor) -> Response:
        """Red, with 503 as the real one, while its own user does not get into the indexer."""
        version = {"number": "2.19.5", "build_snapshot": False}
        is_in = await Upstream(self.host, {}).enters_indexer()
        overall = {"state": "green" if is_in else "red"}
        return Response.of_json(
            {"name": self.host.name, "version": version, "status": {"overall": overall}, "stand_in": True},
            200 if is_in else 503,
        )

    async def style(self, request: Request, visitor: Visitor) -> Response:
        return Response.of_text(STYLE, content_type="text/css; charset=utf-8")

    async def icon(self, request: Request, visitor: Visitor) -> Response:
        return Response.of_text(ICON, content_type="image/svg+xml")


def _roles(request: Request) -> tuple[str, ...]:
    listed = request.headers.get("x-proxy-roles", "").split(",")
    return tuple(role.strip() for role in listed if role.strip())


def _page(page: Markup, status: int = 200) -> Response:
    return Response.of_text(page, status, "text/html; charset=utf-8")


def _read_search(request: Request) -> Search:
    address = request.query
    level, page, since = address.get("level", "0"), address.get("page", "0"), address.get("since", "24h")
    if not level.isdigit() or not page.isdigit() or since not in PERIODS or int(page) > 190:
        raise BadRequest("level and page are whole numbers; since is 15m, 24h, 7d or empty")
    return Search(address.get("q", "").strip()[:500], int(level), since, int(page))


async def run(host: Host) -> int:
    """Serves until the node is stopped."""
    async with http_listener(DashboardNode(host).handle, server_name=SERVER_NAME) as port:
        host.report_ports({PORT: port})
        host.log("serving", stand_in=True, version=host.version)
        await host.stopping.wait()
    return 0
