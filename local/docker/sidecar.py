"""`python -m local.docker.sidecar …`: a stand-in for Cloudflare's `proxy-everything`, where no registry is in reach.

The container that owns a node's network: workerd makes it before the node's, and lets both share one network namespace.
Everything that the node sends out is turned here by iptables, and handed to workerd as the real one hands it: names are
all answered with one address, each TCP connection becomes a `CONNECT` with the host that its request names. What the
Worker does not take is cut off. Unlike the real one it opens no TLS, and knows IPv4 only.
"""

import argparse
import asyncio
import signal
import socket
import struct
import subprocess
from asyncio import StreamReader, StreamWriter
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

from local.docker.names import Names
from local.engine.egress import EgressFailed, dial_workerd
from local.engine.heads import PEER_FAULTS, Head, read_head
from local.engine.ingress import Sidecar
from local.web.server import Listener
from local.web.streams import pump

HTTP = 80
SO_ORIGINAL_DST = 80  # of linux/netfilter_ipv4.h
GATEWAY = "host.docker.internal"  # workerd has the engine give it this name
LOOPBACK = "127.0.0.0/8"


async def main(arguments: argparse.Namespace) -> int:
    """Serves until SIGTERM."""
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    sidecar = Sidecar(lambda inside: inside)
    outgoing = Outgoing(sidecar)
    names = await Names.serving()
    divert(await outgoing.open(), names.port, (LOOPBACK, arguments.docker_gateway_cidr))
    host, _, port = arguments.http_ingress_address.rpartition(":")
    # Last: once this answers, workerd lets the node start.
    await sidecar.open(host=host, port=int(port))
    await ending.wait()
    return 0


class Outgoing:
    """Takes the connections that were turned, and finds out where they were going."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar
        self._listener = Listener()

    async def open(self) -> int:
        return await self._listener.open(self._serve)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        address, port = original_destination(writer.get_extra_info("socket"))
        try:
            head = await read_head(reader) if port == HTTP else None
            upstream = await self._dial(f"{address}:{port}", head)
        except (EgressFailed, *PEER_FAULTS) as error:
            print(f"cut off: {error}", flush=True)
            writer.transport.abort()
            return
        if head:
            upstream[1].write(head.raw)
        await pump(reader, writer, *upstream)

    async def _dial(self, destination: str, head: Head | None) -> tuple[StreamReader, StreamWriter]:
        host = (head.get("host") or "") if head else ""
        hint = f"X-Hostname: {host}" if host else ""
        return await dial_workerd(GATEWAY, self._sidecar.egress_port, destination, hint, host or destination)


def original_destination(connection: socket.socket) -> tuple[IPv4Address, int]:
    """Where a turned connection was going to."""
    told = connection.getsockopt(socket.SOL_IP, SO_ORIGINAL_DST, 16)
    port, address = struct.unpack("!2xH4s8x", told)
    return IPv4Address(address), port


def divert(outgoing: int, names: int, near: Sequence[str]) -> None:
    """Turns what leaves the container to these ports; what goes to a `near` network is left alone."""
    for network in near:
        _iptables("-d", str(IPv4Network(network, strict=False)), "-p", "tcp", "-j", "RETURN")
    _iptables("-p", "udp", "--dport", "53", "-j", "REDIRECT", "--to-ports", str(names))
    _iptables("-p", "tcp", "-j", "REDIRECT", "--to-ports", str(outgoing))


def _iptables(*rule: str) -> None:
    subprocess.run(["iptables", "-w", "-t", "nat", "-A", "OUTPUT", *rule], check=True)


def parse_arguments() -> argparse.Namespace:
    """What workerd hands to the real sidecar; the rest of it has no meaning here."""
    parser = argparse.ArgumentParser(prog="local.docker.sidecar", description=__doc__)
    parser.add_argument("--http-ingress-address", required=True, help="address:port of the way in")
    parser.add_argument("--docker-gateway-cidr", required=True, help="the bridge's network")
    parser.add_argument("--http-egress-port", type=int, help="told again with PUT /egress")
    for switch in ("--dns-enabled", "--tls-intercept", "--disable-ipv6"):
        parser.add_argument(switch, action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(parse_arguments())))
