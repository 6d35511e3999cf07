"""
What a manager tells the edge: a digest of each alert, in order and again until it was taken, and a sign of life.

Runs on the interpreter that comes with Wazuh (Python 3.10), with nothing but its standard library. Digests may arrive
twice: the edge knows each alert by its id.
"""

import os
import signal
import sys
import threading
import time
from typing import Any

import post
from alerts import AlertFile
from api import Api

EVENTS_URL = os.environ.get("EVENTS_URL", "http://events.internal")
LOOK_SECONDS = 1.0
BEAT_SECONDS = float(os.environ.get("BEAT_SECONDS", "60"))
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0
LAST_SECONDS = 8.0


def say(message: str) -> None:
    """One line to the container's log; never what an alert says."""
    print(f'{{"node":"{os.environ.get("NODE_NAME", "manager")}","message":"{message}"}}', file=sys.stderr, flush=True)


def ship(file: AlertFile, stopping: threading.Event) -> None:
    """Sends digests until it is to stop; then for a few more seconds whatever is left."""
    ends = None
    while ends is None or time.monotonic() < ends:
        if stopping.is_set() and ends is None:
            ends = time.monotonic() + LAST_SECONDS
        batch = file.batch()
        if batch:
            settle(batch, stopping)
        elif ends is not None:
            return
        else:
            stopping.wait(LOOK_SECONDS)


def settle(batch: list[dict[str, Any]], stopping: threading.Event) -> None:
    """Returns once each digest was taken or will never be; what is refused is halved until one is to blame."""
    waiting, pause = [batch], FIRST_PAUSE
    while waiting:
        part = waiting.pop(0)
        try:
            post.call("POST", EVENTS_URL + "/alerts", body=part)
            pause = FIRST_PAUSE
        except post.Refused as refusal:
            middle = len(part) // 2
            waiting[:0] = [part[:middle], part[middle:]] if middle else []
            if not middle:
                say(f"a digest is left out: {refusal}")
        except post.NotTaken as reason:
            if stopping.is_set():
                say(f"stopping with digests that were not taken: {reason}")
                return
            waiting.insert(0, part)
            stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def beat(api: Api, file: AlertFile, stopping: threading.Event) -> None:
    """Maps the roles once the API serves, then gives a sign of life every minute."""
    mapped = False
    while not stopping.is_set():
        try:
            api.sign_in()
            if not mapped:
                api.map_roles()
                mapped = True
            facts = {"agents": api.agents(), "pending_bytes": file.pending}
            facts["version"] = os.environ.get("WAZUH_VERSION", "")
            post.call("POST", EVENTS_URL + "/heartbeat", body={"at": int(time.time()), **facts})
        except (post.NotTaken, post.Refused) as reason:
            say(f"no sign of life: {reason}")
        # Until the roles are mapped nobody can use the dashboard, so that this hurries.
        stopping.wait(BEAT_SECONDS if mapped else LOOK_SECONDS)


def main() -> None:
    """Until SIGTERM."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    file = AlertFile(sys.argv[1])
    api = Api(
        os.environ["API_USERNAME"], os.environ["API_PASSWORD"], os.environ.get("API_URL", "http://127.0.0.1:55000")
    )
    threading.Thread(target=beat, args=(api, file, stopping), daemon=True).start()
    ship(file, stopping)


if __name__ == "__main__":
    main()
