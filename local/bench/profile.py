"""Where the product's Worker spends its time, from the runtime's own sampling profiler (the inspector's `Profiler`)."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

IDLE = ("(program)", "(idle)", "(root)")
SAMPLE_US = 200
SHOWN = 12


def profiled(inspector: int, work: Callable[[], object]) -> list[str]:
    """Has the profiler look on while something is done.

    Args:
        inspector: the launcher's inspector port.

    Returns:
        Lines with the part of the isolate's own time that each function took, the largest first. What passes outside of
        JavaScript (the runtime's streams, sockets and SQLite, and waiting) is one line, "(program)" with "(idle)".
    """
    with connect(_target(inspector), max_size=None, compression=None, proxy=None) as socket:
        _call(socket, 1, "Profiler.enable")
        _call(socket, 2, "Profiler.setSamplingInterval", interval=SAMPLE_US)
        _call(socket, 3, "Profiler.start")
        work()
        return shares(_call(socket, 4, "Profiler.stop")["profile"])


def _target(inspector: int) -> str:
    listed = httpx.get(f"http://127.0.0.1:{inspector}/json", timeout=10).raise_for_status().json()
    # Beside it are the Workers of the bench and of the launcher.
    return str(next(target["webSocketDebuggerUrl"] for target in listed if "edge-" in target["webSocketDebuggerUrl"]))


def _call(socket: ClientConnection, number: int, method: str, **parameters: Any) -> dict[str, Any]:
    socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
    while True:
        answer = json.loads(socket.recv())
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        # The runtime sends a call back as its own answer where there is nothing to tell, and events in between.
        if answer.get("id") == number:
            return dict(answer.get("result", {}))


def shares(profile: dict[str, Any]) -> list[str]:
    """The lines of `profiled`, of what the inspector answered."""
    names = {node["id"]: _name(node["callFrame"]) for node in profile["nodes"]}
    time: Counter[str] = Counter()
    for sample, delta in zip(profile["samples"], profile["timeDeltas"], strict=True):
        time[names[sample]] += delta
    outside = sum(time.pop(name, 0) for name in IDLE)
    whole = sum(time.values()) + outside
    lines = [f"{spent / whole:6.1%} {name}" for name, spent in time.most_common(SHOWN)]
    return [f"{outside / whole:6.1%} outside of JavaScript", *lines]


def _name(frame: dict[str, Any]) -> str:
    name = frame["functionName"] or "(anonymous)"
    place = frame["url"].rpartition("/")[2]
    return f"{name} {place}:{frame['lineNumber'] + 1}" if place else name
