"""As much of SMTP (RFC 5321) as a sender on this machine needs: no authentication, no TLS, no relaying."""

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable

from local.web.server import PEER_GONE

LONGEST_MESSAGE = 1024 * 1024
PATH = re.compile(r"(?:FROM|TO):\s*<(?P<address>[^<>\s]*)>(?: .*)?", re.IGNORECASE)

Deliver = Callable[[list[str], bytes], None]


class Session:
    """One sender's connection.

    Args:
        deliver: called with the recipients and the message once it has arrived in whole.
    """

    def __init__(self, reader: StreamReader, writer: StreamWriter, deliver: Deliver) -> None:
        self.reader, self.writer, self.deliver = reader, writer, deliver
        self.recipients: list[str] = []
        self.commands = {
            "EHLO": self.hello,
            "HELO": self.hello,
            "MAIL": self.mail,
            "RCPT": self.recipient,
            "DATA": self.data,
            "RSET": self.mail,
            "NOOP": self.nothing,
        }

    async def serve(self) -> None:
        """Answers commands until the sender says QUIT or leaves."""
        await self.say("220 localhost stand-in mail server")
        while line := (await self.reader.readline()).decode("latin-1").strip():
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                await self.say("221 bye")
                return
            await self.commands.get(verb.upper(), self.unknown)(rest)

    async def hello(self, rest: str) -> None:
        """A greeting; no extensions are offered."""
        await self.say("250 localhost")

    async def mail(self, rest: str) -> None:
        """Begins a message anew."""
        self.recipients = []
        await self.say("250 ok")

    async def recipient(self, rest: str) -> None:
        """One more recipient."""
        match = PATH.fullmatch(rest)
        if match is None or not match["address"]:
            await self.say("501 this is no recipient")
            return
        self.recipients.append(match["address"])
        await self.say("250 ok")

    async def data(self, rest: str) -> None:
        """The message, up to a line that holds one dot; a dot that begins a line was doubled by the sender."""
        if not self.recipients:
            await self.say("503 name a recipient first")
            return
        await self.say("354 end with a dot")
        message = bytearray()
        while (line := await self.reader.readuntil(b"\r\n")) != b".\r\n":
            message += line.removeprefix(b".")
            if len(message) > LONGEST_MESSAGE:
                await self.say("552 too large")
                return
        self.deliver(self.recipients, bytes(message))
        self.recipients = []
        await self.say("250 taken")

    async def nothing(self, rest: str) -> None:
        """Still here."""
        await self.say("250 ok")

    async def unknown(self, rest: str) -> None:
        """Anything else."""
        await self.say("502 this stand-in does not know that")

    async def say(self, line: str) -> None:
        self.writer.write(f"{line}\r\n".encode())
        await self.writer.drain()


async def serve(reader: StreamReader, writer: StreamWriter, deliver: Deliver) -> None:
    """Serves one connection; a sender that breaks off or sends endless lines loses it."""
    try:
        await Session(reader, writer, deliver).serve()
    except (*PEER_GONE, ValueError, asyncio.LimitOverrunError):
        pass  # nobody is left to be told
    finally:
        writer.close()
