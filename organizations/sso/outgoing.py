"""
The only way this product calls an address that somebody else named: metadata, discovery, keys, tokens, user details,
destinations of alerts.

The attack: an organization names an address inside our network (or a name that resolves there the second time it is
asked) and reads the answer, or makes us post somewhere. So a name is resolved once, every address it has must be
public, the connection goes to that very address with the name kept for TLS and the Host header, redirects are not
followed, and the size and the time of the whole call are bounded. The exception is an exact list of origins
(`settings.LOOPBACK_ORIGINS`), which the local launcher writes and production refuses.
"""

import ipaddress
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

import httpx
from django.conf import settings

from controlplane.transactions import let_go

TIMEOUT_SECONDS = 8.0
WHOLE_CALL_SECONDS = 12.0
LIMIT_BYTES = 1_000_000


class OutgoingRefused(Exception):
    """The address may not be fetched, or the fetch failed. The message is fit for a page and holds no secret."""


@dataclass(frozen=True)
class Answer:
    """What came back: status code and at most LIMIT_BYTES of body."""

    status: int
    body: bytes


def origin_of(url: str) -> str:
    """`scheme://host[:port]` of an absolute address, for lists of origins and content policies."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def checked(url: str, what: str) -> SplitResult:
    """
    The parts of `url` if it may be named at all: https (or a listed loopback origin), a host, no user or fragment.

    `what` names the address in messages, such as "metadata address". Raises OutgoingRefused.
    """
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port != 0
    except ValueError as error:
        raise OutgoingRefused(f"The {what} is not a valid address.") from error
    if not parts.hostname or parts.username or parts.password or parts.fragment or not port_is_fine:
        raise OutgoingRefused(f"The {what} must be a plain address such as https://idp.example/path.")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise OutgoingRefused(f"The {what} holds characters that an address can't have.")
    if parts.scheme != "https" and origin_of(url) not in settings.LOOPBACK_ORIGINS:
        raise OutgoingRefused(f"The {what} must start with https://.")
    return parts


def get(url: str, *, what: str, headers: dict[str, str] | None = None) -> Answer:
    """Fetch `url`; raises OutgoingRefused where it points inside, redirects, is too large or does not answer."""
    return _send("GET", url, what, headers or {})


def post(url: str, *, what: str, form: dict[str, str], headers: dict[str, str] | None = None) -> Answer:
    """Post a form to `url`, under the same rules as `get`."""
    return _send("POST", url, what, headers or {}, data=form)


def post_content(url: str, *, what: str, content: bytes, headers: dict[str, str]) -> Answer:
    """Post bytes as they are to `url`, under the same rules as `get`. Args: headers: with their Content-Type."""
    return _send("POST", url, what, headers, content=content)


def _send(method: str, url: str, what: str, headers: dict[str, str], **sent: Any) -> Answer:
    parts = checked(url, what)
    target = _target(parts, what)
    client = httpx.Client(follow_redirects=False, trust_env=False, timeout=TIMEOUT_SECONDS, verify=_trusted())
    let_go()
    try:
        with (
            _Deadline(WHOLE_CALL_SECONDS) as deadline,
            client,
            client.stream(
                method,
                target,
                **sent,
                headers={"Accept": "application/json, */*", **headers, "Accept-Encoding": "identity"}
                | {"Host": parts.netloc},
                extensions={"sni_hostname": parts.hostname or "", "trace": deadline.watch},
            ) as response,
        ):
            if response.is_redirect:
                raise OutgoingRefused(f"The {what} redirects elsewhere. Give the address that answers itself.")
            body = _bounded(response, what)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OutgoingRefused(f"The {what} did not answer ({type(error).__name__}).") from error
    if deadline.is_over:  # a body without a length ends where the connection was cut, as if it were whole
        raise OutgoingRefused(f"The {what} did not answer within {WHOLE_CALL_SECONDS:.0f} seconds.")
    return Answer(response.status_code, body)


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that a provider's certificate may come from; reading them takes longer than most calls."""
    return httpx.create_ssl_context(trust_env=False)


def _target(parts: SplitResult, what: str) -> str:
    """The same address with the host that was checked in place of the name."""
    address = _public_address(parts, what)
    host = f"[{address}]" if ":" in address else address
    return parts._replace(netloc=f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}").geturl()


def _bounded(response: httpx.Response, what: str) -> bytes:
    """The body as it came: one that was compressed against our wish could unfold to any size."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise OutgoingRefused(f"The {what} answers in a compressed form that was not asked for.")
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > LIMIT_BYTES:
            raise OutgoingRefused(f"The {what} answers with more than {LIMIT_BYTES} bytes.")
    return bytes(body)


class _Deadline:
    """
    Cuts the connection when the time of the whole call is over.

    The attack: a timeout holds for one read only, and a byte every few seconds, headers included, would occupy us for
    days.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, event: str, told: dict[str, Any]) -> None:
        """httpcore's trace: learns the socket, also the one that TLS puts in the first one's place."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = told["return_value"].get_extra_info("socket")
            if self.is_over:
                self._cut()

    def _cut(self) -> None:
        self.is_over = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _public_address(parts: SplitResult, what: str) -> str:
    """One resolved address, after all of them were found public."""
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise OutgoingRefused(f"The host of the {what} can't be found.") from error
    listed = origin_of(parts.geturl()) in settings.LOOPBACK_ORIGINS
    for address in found:
        if not (is_public(address) or (listed and ipaddress.ip_address(address).is_loopback)):
            raise OutgoingRefused(f"The {what} points into a private network.")
    # IPv4 first: of several addresses of one name it is the one that answers almost everywhere.
    return min(found, key=lambda address: (":" in address, address))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, looking through IPv4 addresses wrapped in IPv6."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or _nat64(ip)
        if wrapped is not None:
            return is_public(str(wrapped))
        if ip.is_site_local:  # fec0::/10, deprecated, and routed inside where it still is; Python calls it global
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None
