"""The agent channel on 1514/tcp: frames of uint32 little-endian length + payload."""

import asyncio
import json
import re
import struct
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from dataclasses import dataclass

from local.nodes.addresses import is_address
from local.nodes.host import Host
from local.nodes.manager.frames import AgentCipher, BadFrame, SendCounters, split_address
from local.nodes.manager.registry import Agent, Registry
from local.web.server import Listener

LENGTH = struct.Struct("<I")
MAX_FRAME = 64 * 1024
MAX_LOCATION = 1024
SOCKET_HELD = 60.0  # seconds since its last message for which an agent's socket keeps a second one out
CHUNK = 16 * 1024
PING, PONG = b"#ping", b"#pong"
ACK = b"#!-agent ack "
CONTROL = b"#!-"
KEEPALIVE = re.compile(rb"^(?P<uname>.*?) / (?P<config>[0-9a-f]{32})\n", re.DOTALL)
# the sum is "x" while the agent has no such file
MERGED = re.compile(rb"^(?P<sum>[0-9a-f]{32}|x) merged\.mg$", re.MULTILINE)
LABEL = re.compile(rb'^"(?P<key>[^"]{1,64})":(?P<text>.*)$', re.MULTILINE)
AGENT_IP = re.compile(rb'^#"_agent_ip":(?P<ip>\S+)', re.MULTILINE)
STARTUP_VERSION = re.compile(rb'"version"\s*:\s*"(?P<version>v[^"]{1,30})"')

# (agent, queue, location, log line): an event to be analysed
Analyse = Callable[[Agent, str, str, str], None]


class Refused(Exception):
    """The connection must end; the text goes to the node's log."""


@dataclass(eq=False)
class Connection:
    """One accepted socket; `agent` is set by its first good message."""

    writer: StreamWriter
    agent: Agent | None = None
    cipher: AgentCipher | None = None
    heard_at: float = 0.0


class AgentChannel:
    """Serves 1514 and knows which agent is on which socket; `clock` gives seconds."""

    def __init__(
        self, host: Host, registry: Registry, analyse: Analyse, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._host, self._registry, self._analyse, self._clock = host, registry, analyse, clock
        self._listener = Listener()
        self._by_agent: dict[str, Connection] = {}
        self._counters = SendCounters(int(time.time()))

    async def open(self) -> int:
        return await self._listener.open(self._serve)

    async def close(self) -> None:
        await self._listener.close()

    def disconnect(self, agent_id: str) -> None:
        """Ends the agent's socket, for instance because it was removed."""
        connection = self._by_agent.get(agent_id)
        if connection is not None:
            connection.writer.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        connection = Connection(writer)
        try:
            while True:
                await self._take(connection, await _read_frame(reader))
        except (BadFrame, Refused) as error:
            self._host.log("agent connection ended", reason=str(error))
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass  # the agent went away
        finally:
            if connection.agent and self._by_agent.get(connection.agent.id) is connection:
                del self._by_agent[connection.agent.id]
            writer.close()

    async def _take(self, connection: Connection, payload: bytes) -> None:
        if payload.startswith(PING):
            await _write_frame(connection.writer, PONG)
            return
        id, ciphertext = split_address(payload)
        agent, cipher = self._owner(connection, id)
        message = cipher.open(ciphertext)
        if message.counters <= (agent.received_global, agent.received_local):
            raise Refused(f"agent {id}: counters went back, a message was sent again")
        self._registry.count(agent, message.counters)
        self._claim(connection, agent, cipher)
        self._registry.touch(agent)
        await self._handle(connection, agent, message.text)

    def _owner(self, connection: Connection, id: str) -> tuple[Agent, AgentCipher]:
        if connection.agent and connection.cipher and connection.agent.id == id:
            if self._registry.find(id) is not connection.agent:
                raise Refused(f"agent {id} was removed")
            return connection.agent, connection.cipher
        if connection.agent:
            raise Refused(f"agent {id} speaks on the socket of agent {connection.agent.id}")
        agent = self._registry.find(id)
        if agent is None:
            raise Refused(f"agent {id} is not known")
        return agent, AgentCipher(agent.key)

    def _claim(self, connection: Connection, agent: Agent, cipher: AgentCipher) -> None:
        """Binds the socket to the agent whose key it has shown; one socket an agent."""
        holder = self._by_agent.get(agent.id)
        if holder is not None and holder is not connection:
            if self._clock() - holder.heard_at < SOCKET_HELD:
                raise Refused(f"agent {agent.id}: key already in use by another socket")
            holder.writer.close()
        connection.agent, connection.cipher, connection.heard_at = agent, cipher, self._clock()
        self._by_agent[agent.id] = connection

    async def _handle(self, connection: Connection, agent: Agent, text: bytes) -> None:
        if not text.startswith(CONTROL):
            self._take_event(agent, text)
            return
        control = text[len(CONTROL) :]
        if control.startswith(b"agent startup"):
            self._started(agent, control)
            await self._send(connection, ACK)
        elif control.startswith(b"agent shutdown"):
            agent.shut_down = 1
        elif not control.startswith((b"req ", b"err ")):
            self._kept_alive(agent, control)
            await self._send(connection, ACK)
            await self._share_files(connection, agent)

    def _started(self, agent: Agent, control: bytes) -> None:
        version = STARTUP_VERSION.search(control)
        agent.version = f"Wazuh {version['version'].decode(errors='replace')}" if version else agent.version
        agent.started_at, agent.shut_down, agent.node = time.time(), 0, self._host.name

    def _kept_alive(self, agent: Agent, control: bytes) -> None:
        head = KEEPALIVE.match(control)
        if head is None:
            raise BadFrame("a control message that is not known")
        uname = head["uname"].decode(errors="replace")
        agent.uname, _, version = uname.partition(" - ")
        agent.version = version or agent.version
        agent.config_sum = head["config"].decode()
        labels = {found["key"].decode(): found["text"].decode() for found in LABEL.finditer(control)}
        agent.labels = json.dumps(labels) if labels else ""
        merged, ip = MERGED.search(control), AGENT_IP.search(control)
        agent.merged_sum = merged["sum"].decode() if merged else None
        if ip and is_address(ip["ip"].decode(errors="replace")):
            agent.ip = ip["ip"].decode()
        agent.last_keepalive, agent.shut_down, agent.node = time.time(), 0, self._host.name

    def _take_event(self, agent: Agent, text: bytes) -> None:
        """`<queue>:<location>:<log>`; a colon within the location comes as `|:`."""
        queue, _, rest = text.decode(errors="replace").partition(":")
        location, colon, log = rest.replace("|:", "\0").partition(":")
        if colon:
            where = location.replace("\0", ":")[:MAX_LOCATION]
            self._analyse(agent, queue, where, log.replace("\0", "|:").rstrip("\n"))

    async def _share_files(self, connection: Connection, agent: Agent) -> None:
        """Pushes the group's files where the agent's keepalive shows that it has others."""
        shared = self._registry.shared
        content, digest = shared.merged(agent.groups), shared.sum(agent.groups)
        if agent.merged_sum in (None, digest):
            return
        await self._send(connection, f"#!-up file {digest} merged.mg\n".encode())
        for at in range(0, len(content), CHUNK):
            await self._send(connection, content[at : at + CHUNK])
        await self._send(connection, b"#!-close file ")

    async def _send(self, connection: Connection, text: bytes) -> None:
        if connection.cipher is not None:
            await _write_frame(connection.writer, connection.cipher.seal(text, self._counters.next()))


async def _read_frame(reader: StreamReader) -> bytes:
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if not 0 < length <= MAX_FRAME:
        raise BadFrame(f"a frame of {length} bytes")
    return await reader.readexactly(length)


async def _write_frame(writer: StreamWriter, payload: bytes) -> None:
    writer.write(LENGTH.pack(len(payload)) + payload)
    await writer.drain()
