"""A visitor of the local stack over HTTP with a browser's manners: cookies, redirects, forms, names under localhost.

Used by the demonstration, `make demo` and the journeys. Nothing here knows the product's inside; it reads pages as they
come.
"""

from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx
from lxml import html
from lxml.html import FormElement, HtmlElement


class UnexpectedPage(Exception):
    """A page is not what the visitor came for; the message holds its address, status and visible text."""


class LocalNames(httpx.HTTPTransport):
    """Dials 127.0.0.1 for `localhost` and every name under it, as browsers do (RFC 6761); the Host header stays."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if host != "localhost" and not host.endswith(".localhost"):
            return super().handle_request(request)
        # A copy: cookies are kept for the name that was asked for, not for the address dialled.
        url = request.url.copy_with(host="127.0.0.1")
        dialled = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return super().handle_request(dialled)


def client(**options: object) -> httpx.Client:
    """An httpx client for the local stack. Browsers hold localhost for secure, so `Secure` cookies travel there too."""
    jar = CookieJar(DefaultCookiePolicy(secure_protocols=("https", "http", "wss", "ws")))
    cookies = httpx.Cookies(jar)

    def with_cookies(request: httpx.Request) -> None:
        # httpx copies the jar for each request and drops its policy with it.
        request.headers.pop("cookie", None)
        cookies.set_cookie_header(request)

    hooks = {"request": [with_cookies]}
    return httpx.Client(transport=LocalNames(), cookies=jar, timeout=30, event_hooks=hooks, **options)  # type: ignore[arg-type]


class Visitor:
    """One browser session.

    Args:
        base: address of the portal.
    """

    def __init__(self, base: str) -> None:
        self.http = client(base_url=base, follow_redirects=False)
        self.response = httpx.Response(0)
        self.page: HtmlElement = html.fromstring("<html></html>")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def url(self) -> str:
        return str(self.response.url)

    @property
    def text(self) -> str:
        return " ".join(self.page.text_content().split())

    def get(self, url: str) -> Self:
        return self._follow(self.http.build_request("GET", url))

    def submit(self, action: str = "", /, **fields: str) -> Self:
        """Fills in and sends the first form whose address contains `action` (and that has every named field)."""
        form = self._form(action, fields)
        values = dict(form.form_values()) | fields
        url = urljoin(self.url, form.action or self.url)
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self.url))
        if form.method.upper() == "GET":
            return self._follow(self.http.build_request("GET", url, params=values))
        return self._follow(
            self.http.build_request("POST", url, data=values, headers={"origin": origin, "referer": self.url})
        )

    def expect(self, words: str) -> Self:
        """Raises UnexpectedPage unless the page shows the words."""
        if words not in self.text:
            raise UnexpectedPage(
                f"«{words}» is not on {self.url} (status {self.response.status_code}): {self.text[:800]}"
            )
        return self

    def _form(self, action: str, fields: dict[str, str]) -> FormElement:
        for form in self.page.forms:
            if action in (form.action or self.url) and fields.keys() <= set(form.fields):
                return form
        found = [(form.action, sorted(form.fields)) for form in self.page.forms]
        raise UnexpectedPage(f"No form «{action}» with {sorted(fields)} on {self.url}, only {found}: {self.text[:500]}")

    def _follow(self, request: httpx.Request, hops: int = 20) -> Self:
        response = self.http.send(request)
        if response.is_redirect and hops:
            target = request.url.join(response.headers["location"])
            return self._follow(self.http.build_request("GET", target), hops - 1)
        self.response = response
        self.page = html.fromstring(response.text) if response.text.strip() else html.fromstring("<html></html>")
        return self
