"""What plays the far end of an agent's connection: it takes bytes, gives bytes, sends them back, or does nothing.

A frame of the agent channel says what to do: `<length>!<agent>!#AES:<act><amount, 16 digits>`. The same peer stands
behind the product (in a manager's place) and behind the references.
"""

import argparse
import select
import socket
import struct
import threading
from collections.abc import Callable

CHUNK = 1024 * 1024
TELL_EVERY = 128 * 1024
AMOUNT_DIGITS = 16
LONGEST_STALL_MS = 120_000


def serve(connection: socket.socket) -> None:
    """Does what the first frame says until the other side is gone."""
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            (length,) = struct.unpack("<I", _exactly(connection, 4))
            order = _exactly(connection, length)[-AMOUNT_DIGITS - 1 :].decode()
            ACTS[order[0]](connection, int(order[1:]))
        except (ConnectionError, EOFError):
            return


def take(connection: socket.socket, amount: int) -> None:
    """Takes bytes and tells how many it has, so that whoever sends can keep within a window."""
    buffer, taken, told = memoryview(bytearray(CHUNK)), 0, 0
    while taken < amount:
        count = connection.recv_into(buffer)
        if not count:
            return
        taken += count
        if taken - told >= TELL_EVERY or taken >= amount:
            told = taken
            connection.sendall(struct.pack("<Q", taken))
    _await_end(connection)


def give(connection: socket.socket, amount: int) -> None:
    """Gives so many bytes as fast as they are taken."""
    piece = memoryview(bytes(CHUNK))
    for left in range(amount, 0, -CHUNK):
        connection.sendall(piece[: min(left, CHUNK)])
    _await_end(connection)


def send_back(connection: socket.socket, _amount: int) -> None:
    while data := connection.recv(CHUNK):
        connection.sendall(data)


def stall(connection: socket.socket, _amount: int) -> None:
    """Takes nothing, and does not go away."""
    waiting = select.poll()
    waiting.register(connection, 0)  # only its end
    waiting.poll(LONGEST_STALL_MS)


ACTS: dict[str, Callable[[socket.socket, int], None]] = {"U": take, "D": give, "E": send_back, "S": stall}


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = connection.recv(count, socket.MSG_WAITALL)
    if len(data) < count:
        raise EOFError
    return data


def _await_end(connection: socket.socket) -> None:
    while connection.recv(CHUNK):
        pass


def in_thread(connection: socket.socket) -> None:
    threading.Thread(target=serve, args=(connection,), daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.bench.peer", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    with socket.create_server(("127.0.0.1", parser.parse_args().port)) as listener:
        print("ready", flush=True)
        while True:
            in_thread(listener.accept()[0])


if __name__ == "__main__":
    main()
