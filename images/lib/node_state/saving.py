"""While the node runs: saves on a schedule, after changes, when the edge asks for it, and at the end."""

from __future__ import annotations

import http.server
import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from node_state.door import Door, NotSaved
from node_state.log import say

PORT = int(os.environ.get("STATE_PORT", "9199"))
EVERY_SECONDS = float(os.environ.get("STATE_EVERY_SECONDS", "240"))
"""Between saves; with a save's own time it stays below five minutes."""
LOOK_SECONDS = 1.0
"""Between looks for changes; those within it are saved together: enrollments come in bursts."""
LAST_SECONDS = 12.0
"""For the save at the end: the edge destroys a node 30 seconds after it asked it to stop."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0

# gathers the node's state, using an empty folder
Gather = Callable[[Path], Iterable["tuple[str, Path]"]]
# saves the node's state; the archive's number. Raises NotSaved
Save = Callable[[], int]


def sending(door: Door, gather: Gather) -> Save:
    """Saves the files that `gather` yields."""

    def collected() -> Iterable[tuple[str, Path]]:
        with tempfile.TemporaryDirectory(prefix="state-") as folder:
            yield from gather(Path(folder))

    return lambda: door.save(collected)


class Saver:
    """Saves, one save at a time."""

    def __init__(self, save: Save) -> None:
        self._save = save
        self._one_at_a_time = threading.Lock()

    def save(self) -> int:
        """Saves now; the archive's number. Raises NotSaved, whatever the reason."""
        try:
            with self._one_at_a_time:
                return self._save()
        except NotSaved:
            raise
        except Exception as error:  # a thread that ends by an unforeseen fault would end saving for good
            raise NotSaved(f"{type(error).__name__}: {error}") from error


def serve(saver: Saver, signature: Callable[[], Any] | None = None) -> int:
    """
    Takes orders to save until SIGTERM. With `signature`, whose value changes with what should not wait, it also saves
    by itself, and once more at the end.
    """
    stopping = threading.Event()
    # Before anybody hears that it runs: what changes from here on is news.
    saved = signature() if signature else None
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    server = http.server.ThreadingHTTPServer(("", PORT), _orders_for(saver))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    say(f"orders to save are taken on {server.server_address[1]}")
    if signature is None:
        stopping.wait()
        return 0
    _save_by_itself(saver, signature, saved, stopping)
    _save_at_the_end(saver)
    return 0


def _save_by_itself(saver: Saver, signature: Callable[[], Any], saved: Any, stopping: threading.Event) -> None:
    due, pause = time.monotonic() + EVERY_SECONDS, FIRST_PAUSE
    while not stopping.wait(LOOK_SECONDS):
        now = signature()
        if now == saved and time.monotonic() < due:
            continue
        try:
            say(f"state saved as archive {saver.save()}")
            saved, due, pause = now, time.monotonic() + EVERY_SECONDS, FIRST_PAUSE
        except NotSaved as error:
            say(f"state was not saved: {error}", "error")
            stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def _save_at_the_end(saver: Saver) -> None:
    def save() -> None:
        try:
            say(f"state saved at the end as archive {saver.save()}")
        except NotSaved as error:
            say(f"state was not saved at the end: {error}", "error")

    last = threading.Thread(target=save, daemon=True)
    last.start()
    last.join(LAST_SECONDS)
    if last.is_alive():
        say("state was not saved at the end: it took too long", "error")


def _orders_for(saver: Saver) -> type[http.server.BaseHTTPRequestHandler]:
    class Orders(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.path != "/save":
                return self._answer(404, {"error": "the only call is POST /save"})
            try:
                return self._answer(200, {"number": saver.save()})
            except NotSaved as error:
                say(f"state was not saved: {error}", "error")
                return self._answer(503, {"error": str(error)})

        def do_GET(self) -> None:
            self._answer(404, {"error": "the only call is POST /save"})

        def _answer(self, status: int, facts: dict[str, Any]) -> None:
            content = json.dumps(facts).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Each save is told once, by whoever makes it."""

    return Orders
