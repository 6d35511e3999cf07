"""Enrollment on 1515: one line over TLS, one answer, close (wazuh-authd)."""

import asyncio
import contextlib
import hashlib
import hmac
import re
import ssl
import tempfile
from asyncio import StreamReader, StreamWriter
from pathlib import Path

from local.nodes.host import Host
from local.nodes.manager.registry import Agent, Registry, RegistryError
from local.web.server import Listener

LINE_DEADLINE = 30.0
MAX_LINE = 4096
REQUEST = re.compile(
    r"(?:OSSEC PASS: (?P<password>\S+) )?OSSEC A:'(?P<name>[^']*)'"
    r"(?: V:'(?P<version>[^']*)')?(?: G:'(?P<groups>[^']*)')?(?: IP:'(?P<ip>[^']*)')?(?: K:'(?P<hash>[^']*)')?"
)
REASONS = {
    1705: "Duplicate agent name: {name}",
    1706: "Invalid IP: {ip}",
    1738: "Invalid agent name: {name}",
}
ADD_FAILED = "{reason}. Unable to add agent"


class EnrollmentRefused(Exception):
    """The text is the answer after `ERROR: `."""


class Enrollment:
    """Serves 1515. `password` is that of etc/authd.pass; an empty one means that none is asked for."""

    def __init__(self, host: Host, registry: Registry, password: str, tls: ssl.SSLContext) -> None:
        self._host, self._registry, self._password, self._tls = host, registry, password, tls
        self._listener = Listener()

    async def open(self) -> int:
        return await self._listener.open(self._serve, tls=self._tls)

    async def close(self) -> None:
        await self._listener.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(LINE_DEADLINE):
                line = await reader.readuntil(b"\n")
            writer.write(self.answer(line.decode(errors="replace").rstrip("\r\n")).encode())
            await writer.drain()
        writer.close()

    def answer(self, line: str) -> str:
        """The answer to one request line."""
        try:
            return self._enroll(line)
        except EnrollmentRefused as refusal:
            self._host.log("enrollment refused", reason=str(refusal))
            return f"ERROR: {refusal}"

    def _enroll(self, line: str) -> str:
        request = self._read(line)
        groups = self._groups(request["groups"] or "")
        self._refuse_holder_of_key(request["name"], request["hash"])
        agent = self._add(request["name"], request["ip"] or "any")
        if groups:
            self._registry.set_groups(agent, groups)
        self._host.log("agent enrolled", agent=agent.id, name=agent.name)
        return f"OSSEC K:'{agent.id} {agent.name} {agent.register_ip} {agent.key}'"

    def _read(self, line: str) -> re.Match[str]:
        """The parts of a request that knows the password."""
        request = REQUEST.fullmatch(line[:MAX_LINE])
        if request is None:
            raise EnrollmentRefused("Invalid request for new agent")
        if self._password and not hmac.compare_digest(self._password.encode(), (request["password"] or "").encode()):
            raise EnrollmentRefused("Invalid password")
        return request

    def _groups(self, listed: str) -> list[str]:
        groups = [group for group in listed.split(",") if group]
        if set(groups) - set(self._registry.groups()):
            raise EnrollmentRefused(ADD_FAILED.format(reason=f"Invalid group: {listed}"))
        return groups

    def _add(self, name: str, ip: str) -> Agent:
        try:
            # "src" asks for the source address, which is a proxy's here
            return self._registry.add(name, register_ip="any" if ip == "src" else ip)
        except RegistryError as error:
            reason = REASONS.get(error.code, error.reason).format(name=name, ip=ip)
            raise EnrollmentRefused(ADD_FAILED.format(reason=reason)) from error

    def _refuse_holder_of_key(self, name: str, given: str | None) -> None:
        """`K:` is SHA-1 over id, name and key: an agent that still has its key is not enrolled a second time."""
        agent = self._registry.named(name)
        if given is None or agent is None:
            return
        expected = hashlib.sha1(f"{agent.id}{agent.name}{agent.key}".encode(), usedforsecurity=False).hexdigest()
        if hmac.compare_digest(expected.encode(), given.lower().encode()):
            raise EnrollmentRefused(ADD_FAILED.format(reason=f"Duplicate agent name: {name}"))


def server_context(certificate: str, key: str, disk: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer with this certificate and key (PEM); they touch the disk only while they are read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.NamedTemporaryFile("w", dir=disk, suffix=".pem") as file:
        file.write(certificate + "\n" + key)
        file.flush()
        context.load_cert_chain(file.name)
    return context
