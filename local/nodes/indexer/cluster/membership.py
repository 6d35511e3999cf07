"""Who leads, who follows, and who counts: each node looks for a leader, stands for election, or keeps its followers."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from local.nodes.host import Host
from local.nodes.indexer.cluster.messages import Channel, Message, PeerLost
from local.nodes.indexer.cluster.settings import ClusterSettings
from local.nodes.indexer.documents import Documents

PAUSE_SECONDS = 0.25
SILENT_SECONDS = 2.0
"""After which a follower counts as gone, and without a majority of them their leader steps down."""
LONELY_SECONDS = 20.0
"""After which a node that its cluster goes on without ends; the image waits for five minutes."""

Written = tuple[int, int]  # of the last write: its leader's term, and its number


class Peers(Protocol):
    """Two connections to each peer, so that a question about who leads never waits for a long write."""

    talk: dict[int, Channel]
    writes: dict[int, Channel]


class Expelled(Exception):
    """The node can't go on with what it has on its disk."""


@dataclass
class Follower:
    """A node that takes the leader's writes since its `visit` began; `heard_at` is None until it holds everything."""

    visit: str
    heard_at: float | None = None


class Membership:
    """
    One node's part in the cluster.

    Votes are kept in memory only: a node that restarts at the edge has lost its disk with them, and an empty node votes
    for nobody who has one.
    """

    def __init__(self, host: Host, settings: ClusterSettings, documents: Documents, peers: Peers) -> None:
        self._host, self._settings, self._documents, self._peers = host, settings, documents, peers
        self.leader: int | None = None
        self.term = 0
        self.followers: dict[int, Follower] = {}
        self.filling = asyncio.Lock()
        """Held while the node is filled: writes that come meanwhile are taken after that."""
        self.visit = ""
        """Changes each time the node joins: a leader that did not notice that it went must not wait for it."""
        self._nodes = 0
        self._led_since = self._met_at = time.monotonic()

    @property
    def uuid(self) -> str | None:
        return self._documents.fact("cluster_uuid")

    @property
    def written(self) -> Written:
        term, _, number = (self._documents.fact("written") or "0.0").partition(".")
        return int(term), int(number)

    def note_written(self, written: Written) -> None:
        self._documents.note_fact("written", f"{written[0]}.{written[1]}")

    @property
    def leads(self) -> bool:
        return self.leader == self._settings.node

    @property
    def nodes(self) -> int:
        """How many hold everything and are with the leader; 0 where there is none."""
        if self.leads:
            return 1 + len(self._present())
        return self._nodes if self.leader is not None else 0

    async def run(self) -> None:
        """Raises Expelled where the cluster goes on without this node."""
        while True:
            await self._step()
            self._require_company()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _step(self) -> None:
        if self.leads:
            self._require_majority()
        elif self.leader is not None:
            await self._tell_leader(self.leader)
        else:
            await self._look_around()

    def _present(self) -> list[int]:
        now = time.monotonic()
        return [n for n, one in self.followers.items() if one.heard_at and now - one.heard_at < SILENT_SECONDS]

    def _require_majority(self) -> None:
        now = time.monotonic()
        if now - self._led_since > SILENT_SECONDS and self.nodes < self._settings.majority:
            self.let_go("no majority follows any more")

    def _require_company(self) -> None:
        now = time.monotonic()
        if self.leader is not None or self.uuid is None:
            self._met_at = now
        elif now - self._met_at > LONELY_SECONDS:
            raise Expelled("the cluster goes on without this node, or not at all")

    def let_go(self, why: str) -> None:
        """There is no leader any more, as far as this node knows."""
        self._host.log("without a leader", reason=why)
        self.leader = None
        self.followers.clear()

    async def _tell_leader(self, leader: int) -> None:
        try:
            said = await self._peers.talk[leader].ask(do="ping", term=self.term)
        except PeerLost as lost:
            self.let_go(f"the leader {leader} does not answer: {lost}")
            return
        if said["ok"]:
            self._nodes = int(said["nodes"])
        else:
            self.let_go(f"{leader} does not lead this node")

    async def _look_around(self) -> None:
        asked = [self._asked(n, do="who") for n in self._settings.peers]
        found = [answer for answer in await asyncio.gather(*asked) if answer]
        leaders = [answer for answer in found if answer["leads"]]
        if leaders:
            await self._join(leaders[0])
            return
        alike = [answer for answer in found if answer["uuid"] == self.uuid]
        self.term = max([self.term, *(int(answer["term"]) for answer in found)])
        if len(alike) + 1 >= self._settings.majority and self._is_first_of(alike):
            await self._stand()

    def _is_first_of(self, others: list[Message]) -> bool:
        """Whoever has the newest write, and of equals the first; so two seldom stand at once."""
        mine = (*self.written, -self._settings.node)
        return all(mine > (*answer["written"], -answer["node"]) for answer in others)

    async def _stand(self) -> None:
        self.term += 1
        term = self.term
        mine = {"term": term, "uuid": self.uuid, "written": self.written}
        votes = await asyncio.gather(*(self._asked(n, do="vote", **mine) for n in self._settings.peers))
        granted = 1 + sum(bool(vote and vote["granted"]) for vote in votes)
        if granted < self._settings.majority or self.term != term or self.leader is not None:
            return
        if self.uuid is None:
            self._documents.note_fact("cluster_uuid", uuid4().hex[:22])
            self._host.log("formed a cluster", uuid=self.uuid)
        self.followers.clear()
        self.leader, self._led_since = self._settings.node, time.monotonic()
        self._host.log("leads the cluster", term=term)

    async def _asked(self, peer: int, **question: Any) -> Message | None:
        try:
            return await self._peers.talk[peer].ask(**question)
        except PeerLost:
            return None

    async def _join(self, leader: Message) -> None:
        if self.uuid is not None and self.uuid != leader["uuid"]:
            raise Expelled(f"the cluster of this node is over; the one of now is {leader['uuid']}")
        async with self.filling:
            self.visit = uuid4().hex
            question = {"do": "join", "uuid": self.uuid, "written": self.written, "visit": self.visit}
            told = await self._asked_to_join(leader["node"], question)
            if told is None:
                return
            if told["content"] is not None:
                self._documents.load(told["content"])
            self.term, self.leader = int(told["term"]), leader["node"]
        self._host.log("joined the cluster", leader=self.leader, filled=told["content"] is not None)
        await self._tell_leader(leader["node"])

    async def _asked_to_join(self, leader: int, question: Message) -> Message | None:
        """On the connection for writes: what fills a node takes its time."""
        try:
            told = await self._peers.writes[leader].ask(**question)
        except PeerLost:
            return None
        return told if told["ok"] else None

    def who(self) -> Message:
        return {
            **{"node": self._settings.node, "uuid": self.uuid, "term": self.term},
            **{"written": self.written, "leads": self.leads},
        }

    def vote(self, question: Message) -> Message:
        """For one candidate a term, of the same cluster or of none, that has all this node has."""
        knows = tuple(question["written"]) >= self.written and question["uuid"] == self.uuid
        granted = self.leader is None and question["term"] > self.term and knows
        if granted:
            self.term = int(question["term"])
        return {"granted": granted}

    def heard(self, peer: int, question: Message) -> Message:
        follower = self.followers.get(peer)
        if not self.leads or question["term"] != self.term or follower is None:
            return {"ok": False}
        follower.heard_at = time.monotonic()
        return {"ok": True, "nodes": self.nodes}

    def welcome(self, peer: int, question: Message) -> Message:
        """Takes a node in, with everything that it lacks. Call while no write is under way."""
        if not self.leads or question["uuid"] not in (None, self.uuid):
            return {"ok": False}
        self.followers[peer] = Follower(question["visit"])
        same = question["uuid"] == self.uuid and tuple(question["written"]) == self.written
        content = None if same else self._documents.content()
        return {"ok": True, "term": self.term, "content": content}
