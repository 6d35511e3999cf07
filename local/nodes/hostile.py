"""A dashboard that is hostile on purpose: whose tenant's administrator, or a plugin, has taken it over.

It serves pages without a policy of their own, so that whoever drives a browser can run any script on its origin, and
asks for whatever a server may ask a browser for beyond its own origin. What others see is what the edge lets through.
"""

from local.nodes.dashboard.main import PORT, DashboardNode
from local.nodes.dashboard.pages import BASE
from local.nodes.host import SERVER_NAME, Host
from local.web.messages import Request, Response
from local.web.server import http_listener

PAGE = "<!doctype html><title>Hostile</title><h1>This page does what its script says</h1>"
# Takes every page below its scope, and answers in their place.
WORKER = "self.addEventListener('fetch', event => event.respondWith(new Response('taken by a service worker')))"
GREED = {
    "service-worker-allowed": "/",
    "access-control-allow-origin": "*",
    "cross-origin-opener-policy": "unsafe-none",
    "cross-origin-resource-policy": "cross-origin",
}


class HostileDashboard(DashboardNode):
    """The stand-in dashboard, with three more addresses and without its protection."""

    async def handle(self, request: Request) -> Response:
        pages = {f"{BASE}/hostile": self.page, f"{BASE}/sw.js": self.worker, f"{BASE}/seen": self.seen}
        if request.path in pages:
            return pages[request.path](request)
        return await super().handle(request)

    def page(self, request: Request) -> Response:
        """Plants a cookie of the name that the query gives, for as many hosts as it can name."""
        zone = request.headers.get("x-forwarded-host", "").partition(":")[0].partition(".")[2]
        planted = f"{request.query.get('cookie', 'planted')}=by-a-server; Domain={zone}; Path=/; Secure"
        headers = {"content-type": "text/html; charset=utf-8", "set-cookie": planted, **GREED}
        return Response(200, PAGE.encode(), headers)

    def worker(self, request: Request) -> Response:
        return Response(200, WORKER.encode(), {"content-type": "text/javascript", **GREED})

    def seen(self, request: Request) -> Response:
        """What reached this node: all that its owner could ever keep of a visitor."""
        return Response.of_json(request.headers)


async def run(host: Host) -> int:
    """Serves until the node is stopped."""
    async with http_listener(HostileDashboard(host).handle, server_name=SERVER_NAME) as port:
        host.report_ports({PORT: port})
        host.log("serving hostile pages (this image does so on purpose)", stand_in=True, version=host.version)
        await host.stopping.wait()
    return 0
