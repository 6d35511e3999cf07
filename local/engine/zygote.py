"""The process that nodes are forked from.

Every stand-in node is a process of its own. A fresh interpreter would take most of a second and ~30 MB each; this one
imports what nodes need once, then forks, so that a node starts in milliseconds and shares the imported pages. It holds
no state of the engine's: orders come over a socket, each with the two pipe ends that the new node gets.
"""

import asyncio
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.nodes.host import Entry, Host

LENGTH = struct.Struct("<I")

# imported before the first fork, so that nodes share them
PRELOADED = (
    "local.nodes.manager.main",
    "local.nodes.indexer.main",
    "local.nodes.dashboard.main",
    "local.nodes.certs.main",
    "local.nodes.faulty",
    "local.nodes.hostile",
)


def load_entry(dotted: str) -> Entry:
    """The function that "module:name" names."""
    module, _, name = dotted.partition(":")
    entry: Entry = getattr(importlib.import_module(module), name)
    return entry


def fork_zygote() -> tuple[int, socket.socket, int]:
    """Forks the zygote; returns its process id, the socket for orders and the pipe end with its reports."""
    ours, theirs = socket.socketpair()
    report_read, report_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        ours.close()
        os.close(report_read)
        status = 1
        try:
            Zygote(theirs, report_write).run()
            status = 0
        finally:
            os._exit(status)
    theirs.close()
    os.close(report_write)
    return pid, ours, report_read


def send_order(orders: socket.socket, order: dict[str, Any], descriptors: list[int]) -> None:
    """Sends one order with pipe ends for the node; the counterpart of `Zygote._receive_order`."""
    body = json.dumps(order).encode()
    head = LENGTH.pack(len(body))
    if descriptors:
        socket.send_fds(orders, [head], descriptors)
    else:
        orders.sendall(head)
    orders.sendall(body)


class Zygote:
    """Forks nodes on order, passes signals on, reaps, and ends all of them when the engine is gone."""

    def __init__(self, orders: socket.socket, reports: int) -> None:
        self.orders, self.reports = orders, reports
        self.tickets: dict[int, int] = {}  # process id -> the engine's number for the node

    def run(self) -> None:
        os.setsid()  # a Ctrl-C in the terminal is the engine's to handle
        for module in PRELOADED:
            importlib.import_module(module)
        gc.freeze()
        orders = self.orders.fileno()
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            while True:
                ready, _, _ = select.select([orders, wake_read], [], [])
                if wake_read in ready:
                    os.read(wake_read, 4096)
                    self._reap()
                if orders in ready and not self._obey():
                    return
        finally:
            self._end_all()

    def _obey(self) -> bool:
        """Carries out one order; False when the engine is gone."""
        received = self._receive_order()
        if received is None:
            return False
        order, descriptors = received
        if order["kind"] == "start":
            self._fork(order, *descriptors)
        elif order["kind"] == "signal":
            self._signal(order["ticket"], order["signal"])
        return True

    def _receive_order(self) -> tuple[dict[str, Any], list[int]] | None:
        head, descriptors, _, _ = socket.recv_fds(self.orders, LENGTH.size, 2)
        if len(head) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack(head)
        body = self.orders.recv(length, socket.MSG_WAITALL)
        return (json.loads(body), descriptors) if len(body) == length else None

    def _fork(self, order: dict[str, Any], port_report: int, life_line: int) -> None:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                self._become_node()
                status = play(order, port_report, life_line)
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.close(port_report)
        os.close(life_line)
        self.tickets[pid] = order["ticket"]
        self._report({"ticket": order["ticket"], "pid": pid})

    def _become_node(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.orders.close()
        os.close(self.reports)
        os.setsid()

    def _signal(self, ticket: int, number: int) -> None:
        # Only unreaped children are in the table, so a process id that was given away again is never hit. A signal that
        # cannot be sent is lost alone: an error here would end every node.
        for pid, owner in self.tickets.items():
            if owner == ticket:
                with contextlib.suppress(OSError):
                    os.kill(pid, number)

    def _reap(self) -> None:
        while self.tickets:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                return
            if os.WIFSTOPPED(status):
                self._report({"ticket": self.tickets[pid], "stopped": True})
                continue
            code = os.waitstatus_to_exitcode(status)
            self._report({"ticket": self.tickets.pop(pid), "exit_code": code if code >= 0 else 128 - code})

    def _report(self, report: dict[str, int]) -> None:
        os.write(self.reports, json.dumps(report).encode() + b"\n")

    def _end_all(self) -> None:
        for pid in self.tickets:
            os.kill(pid, signal.SIGKILL)
        for pid in self.tickets:
            os.waitpid(pid, 0)


def play(order: Mapping[str, Any], port_report: int, life_line: int) -> int:
    """Runs a node in this process until it ends; returns its exit code."""
    _write_to(order["log"])
    os.chdir(order["disk"])
    _name_process(order["role"])
    threading.Thread(target=_die_with_engine, args=(life_line,), daemon=True).start()

    def report_ports(ports: Mapping[int, int]) -> None:
        os.write(port_report, json.dumps({str(inside): taken for inside, taken in ports.items()}).encode() + b"\n")

    async def run() -> int:
        host = Host(order["image"], order["environment"], Path(order["disk"]), report_ports)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, host.stopping.set)
        code = await load_entry(order["entry"])(host)
        return 128 + signal.SIGTERM if host.stopping.is_set() else code

    return asyncio.run(run())


def _write_to(log_file: str) -> None:
    """Lets everything that the process prints go into the container's log."""
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, standard)


def _die_with_engine(life_line: int) -> None:
    """Ends the node when the engine is gone, even by SIGKILL: the other end of this pipe is the engine's alone."""
    os.read(life_line, 1)
    os._exit(128 + signal.SIGKILL)


def _name_process(role: str) -> None:
    """Makes `ps` show the role; only Linux has the file."""
    comm = Path("/proc/self/comm")
    if comm.exists():
        comm.write_text(f"standin-{role}"[:15])
