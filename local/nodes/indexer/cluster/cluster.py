"""A node's way into its cluster: its connections, and writes that a majority has before they are acknowledged."""

import asyncio
import base64
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable
from typing import Any

from images.lib.mesh.tunnel import Tunnel
from local.nodes.host import Host
from local.nodes.indexer.access import EVERYTHING, Identity, permissions_of
from local.nodes.indexer.cluster.membership import Membership
from local.nodes.indexer.cluster.messages import Channel, Message, PeerLost, serve_peer
from local.nodes.indexer.cluster.settings import ClusterSettings
from local.nodes.indexer.cluster_calls import AUTO_CREATE
from local.nodes.indexer.documents import Documents
from local.nodes.indexer.errors import SearchError
from local.web.messages import Request, Response
from local.web.server import Listener

TRANSPORT_PORT = 9300
TALK_SECONDS = 2.0
WRITE_SECONDS = 20.0
READING_ENDS = ("/_search", "/_count", "/_refresh", "/_mget")
FURNISHER = Identity("furnisher", (), (EVERYTHING,))
"""The node itself, which may write before alerts may."""

Execute = Callable[[Request, Identity], Awaitable[Response]]


def is_write(request: Request) -> bool:
    """Whether a call changes what all nodes hold; a snapshot is each node's own affair."""
    reads = request.method in ("GET", "HEAD") or request.path.endswith(READING_ENDS)
    return not reads and not request.path.startswith("/_snapshot")


class Cluster:
    """Serves 9300. `execute` carries a call out on this node's own documents."""

    def __init__(self, host: Host, settings: ClusterSettings, documents: Documents, execute: Execute) -> None:
        self._host, self._settings, self._documents, self._execute = host, settings, documents, execute
        self._tunnel = Tunnel(settings.url, lambda line: host.log(line, level="debug"), host.proxy)
        self._listener = Listener()
        self.talk: dict[int, Channel] = {}
        self.writes: dict[int, Channel] = {}
        self.members = Membership(host, settings, documents, self)
        self._one_at_a_time = asyncio.Lock()
        self._answers: dict[str, Callable[[int, Message], Awaitable[Message]]] = {
            "who": self._who,
            "vote": self._vote,
            "ping": self._ping,
            "join": self._take_in,
            "write": self._forwarded,
            "apply": self._apply,
        }

    async def open(self) -> int:
        """Opens the ways to the peers, and 9300; the port taken for it."""
        folder = self._host.disk / "certificates"
        outgoing = self._settings.tls(folder, ssl.Purpose.SERVER_AUTH)
        for peer in self._settings.peers:
            # Real containers have a loopback address each; here a way begins at a free port.
            port = await self._tunnel.listen(0, peer)
            self.talk[peer] = Channel(port, outgoing, TALK_SECONDS)
            self.writes[peer] = Channel(port, outgoing, WRITE_SECONDS)
        return await self._listener.open(self._serve, tls=self._settings.tls(folder, ssl.Purpose.CLIENT_AUTH))

    async def close(self) -> None:
        await self._listener.close()
        for channel in (*self.talk.values(), *self.writes.values()):
            channel.close()
        await self._tunnel.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        await serve_peer(reader, writer, lambda peer, message: self._answers[message["do"]](peer, message))

    @property
    def is_open(self) -> bool:
        """Whether alerts may be written: its first node has put back what was saved, or found nothing."""
        return self._documents.fact(AUTO_CREATE) == "true"

    async def write(self, request: Request, identity: Identity) -> Response:
        """Carries a call out on all nodes. Raises SearchError 503 where no majority does."""
        if not self.is_open and identity is not FURNISHER:
            raise SearchError(503, "cluster_block_exception", "the cluster is not furnished yet")
        leader = self.members.leader
        if self.members.leads:
            return await self._lead(request, identity)
        if leader is None:
            raise no_leader()
        try:
            told = await self.writes[leader].ask(do="write", call=packed(request), **_by(identity))
        except PeerLost as lost:
            raise no_leader() from lost
        return answered(told)

    async def _lead(self, request: Request, identity: Identity) -> Response:
        async with self._one_at_a_time:
            # One that was just elected waits for those that elected it.
            if not self.members.leads or self.members.nodes < self._settings.majority:
                raise no_leader()
            response = await self._execute(request, identity)
            if response.status >= 300:
                return response
            self.members.note_written((self.members.term, self.members.written[1] + 1))
            taken = await asyncio.gather(*(self._bring(n, request) for n in list(self.members.followers)))
            if 1 + sum(taken) < self._settings.majority:
                self.members.let_go("a write was taken by no majority")
                raise no_leader()
            return response

    async def _bring(self, peer: int, request: Request) -> bool:
        """Whether a follower took the write; one that did not has to join again."""
        follower = self.members.followers[peer]
        mark = {"term": self.members.term, "written": self.members.written, "visit": follower.visit}
        try:
            if (await self.writes[peer].ask(do="apply", call=packed(request), **mark))["ok"]:
                return True
        except PeerLost as lost:
            self._host.log("a follower did not take a write", follower=peer, reason=str(lost))
        if self.members.followers.get(peer) is follower:
            del self.members.followers[peer]
        return False

    async def _who(self, _peer: int, _message: Message) -> Message:
        return self.members.who()

    async def _vote(self, _peer: int, message: Message) -> Message:
        return self.members.vote(message)

    async def _ping(self, peer: int, message: Message) -> Message:
        return self.members.heard(peer, message)

    async def _take_in(self, peer: int, message: Message) -> Message:
        async with self._one_at_a_time:
            return self.members.welcome(peer, message)

    async def _forwarded(self, _peer: int, message: Message) -> Message:
        user, roles = message["user"], tuple(message["roles"])
        identity = FURNISHER if user == FURNISHER.user else Identity(user, roles, permissions_of(user, roles))
        try:
            return said(await self._lead(unpacked(message["call"]), identity))
        except SearchError as error:
            return said(error.response())

    async def _apply(self, _peer: int, message: Message) -> Message:
        if message["visit"] != self.members.visit:
            return {"ok": False}
        async with self.members.filling:
            term, number = message["written"]
            follows = self.members.leader is not None and message["term"] == self.members.term
            if not follows or number != self.members.written[1] + 1:
                return {"ok": False}
            await self._execute(unpacked(message["call"]), FURNISHER)
            self.members.note_written((term, number))
            return {"ok": True}


def _by(identity: Identity) -> Message:
    return {"user": identity.user, "roles": identity.roles}


def no_leader() -> SearchError:
    return SearchError(503, "cluster_manager_not_discovered_exception", "no majority of the nodes is there")


def packed(request: Request) -> Message:
    return {"method": request.method, "target": request.target, "body": base64.b64encode(request.body).decode()}


def unpacked(call: Message) -> Request:
    return Request(call["method"], call["target"], {}, base64.b64decode(call["body"]))


def said(response: Response) -> Message:
    return {"status": response.status, "headers": response.headers, "body": base64.b64encode(response.body).decode()}


def answered(told: Message) -> Response:
    headers: dict[str, Any] = told["headers"]
    return Response(told["status"], base64.b64decode(told["body"]), headers)
