"""`python -m local.mail --smtp PORT --http PORT`: the stand-in mail server, until its standard input ends."""

import argparse
import contextlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator

from local.mail import smtp
from local.mail.mailbox import Mailbox
from local.web import process
from local.web.server import Listener


@contextlib.asynccontextmanager
async def receiving(mailbox: Mailbox, port: int) -> AsyncIterator[int]:
    """Takes mail by SMTP for the length of a block; yields the port."""
    listener = Listener()

    async def take(reader: StreamReader, writer: StreamWriter) -> None:
        await smtp.serve(reader, writer, mailbox.take)

    try:
        yield await listener.open(take, port=port)
    finally:
        await listener.close()


def main() -> int:
    """Runs it."""
    parser = argparse.ArgumentParser(prog="python -m local.mail", description=__doc__)
    parser.add_argument("--smtp", type=int, required=True, help="port that takes mail")
    parser.add_argument("--http", type=int, required=True, help="port of the page that shows it")
    arguments = parser.parse_args()
    mailbox = Mailbox()
    return process.run(mailbox.routes(), arguments.http, what="mail server", beside=receiving(mailbox, arguments.smtp))


if __name__ == "__main__":
    raise SystemExit(main())
