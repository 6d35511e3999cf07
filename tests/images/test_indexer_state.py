"""What an indexer keeps outside its container, against doors that play `state.internal` and OpenSearch's own API."""

import base64
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.images.node_root import IMAGES, SECRET, terminated, wait_until
from tests.images.state_door import StateDoor


class OpenSearch:
    """Plays the calls about snapshots on a repository of type `s3`, laid out as a real one, behind the door."""

    def __init__(self, door: StateDoor) -> None:
        self.door, self.registered = door, False
        self.indices: dict[str, str] = {}
        self.orders: list[dict] = []
        self.answers: dict[str, int] = {}
        self.written: list[str] = []
        opensearch = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"null")
                given = base64.b64decode(self.headers["authorization"].split()[1]).decode()
                status, answer = (401, {}) if given != f"admin:{SECRET}" else opensearch.answer(self, body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_DELETE = handle_one

            def log_message(self, *args) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, request, body) -> tuple[int, dict | list]:
        path = request.path.partition("?")[0]
        parts = path.strip("/").split("/")
        for word, status in self.answers.items():
            if word in f"{request.command} {path}":
                return status, {"error": {"reason": "as it was told"}}
        if parts[0] != "_snapshot":
            return (200, {}) if self.indices.pop(parts[0], None) else (404, {})
        if len(parts) == 2:
            known, self.registered = self.registered, request.command == "PUT"
            assert not self.registered or (body["type"], body["settings"]["bucket"]) == ("s3", "snapshots")
            return (200, {}) if known or self.registered else (404, {})
        if not self.registered:
            return 404, {"error": {"type": "repository_missing_exception"}}
        call = {"GET": self.list, "PUT": self.take, "DELETE": self.delete, "POST": self.restore}[request.command]
        return call(parts[2], body)

    def snapshots(self) -> list[dict]:
        return [json.loads(facts) for name, facts in sorted(self.door.repository.items()) if name.startswith("snap-")]

    def list(self, name: str, body) -> tuple[int, dict]:
        return 200, {"snapshots": self.snapshots()}

    def take(self, name: str, body) -> tuple[int, dict]:
        self.orders.append(body)
        for index, content in self.indices.items():
            self.write(f"indices/id-{index}/0/__{content}", content)
            self.write(f"indices/id-{index}/0/snap-{name}.dat", content)
        facts = {"snapshot": name, "state": "SUCCESS", "indices": list(self.indices), "contents": self.indices}
        self.write(f"snap-{name}.dat", json.dumps(facts))
        self.door.repository["index.latest"] = uuid4().hex
        return 200, {"snapshot": facts}

    def write(self, name: str, content: str) -> None:
        """What is there already is not sent again."""
        if name not in self.door.repository:
            self.written.append(name)
            self.door.repository[name] = content

    def delete(self, name: str, body) -> tuple[int, dict]:
        for known in [known for known in self.door.repository if known.endswith(f"snap-{name}.dat")]:
            del self.door.repository[known]
        return 200, {}

    def restore(self, name: str, body) -> tuple[int, dict]:
        self.orders.append(body)
        facts = json.loads(self.door.repository[f"snap-{name}.dat"])
        assert not set(facts["indices"]) & set(self.indices)
        for index, content in facts["contents"].items():
            self.indices[index] = self.door.repository[f"indices/id-{index}/0/__{content}"]
        return 200, {"snapshot": {"shards": {"failed": self.answers.get("failed", 0)}}}


class Indexer:
    """The script beside an OpenSearch of its own."""

    def __init__(self, root: Path, door: StateDoor) -> None:
        self.root, self.opensearch = root, OpenSearch(door)
        root.mkdir()
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(IMAGES / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
        given |= {"STATE_URL": door.url, "STATE_PORT": "0"}
        self.given = given | {"INDEXER_PASSWORD": SECRET, "INDEXER_LOCAL_URL": self.opensearch.url}
        self.process: subprocess.Popen[str] | None = None

    def restore(self) -> str:
        command = [sys.executable, IMAGES / "indexer/state.py", "restore"]
        ended = subprocess.run(command, env=self.given, capture_output=True, text=True, timeout=30, check=True)
        assert SECRET not in ended.stderr
        return ended.stderr

    def save(self) -> httpx.Response:
        if not self.process:
            command = [sys.executable, IMAGES / "indexer/state.py", "serve"]
            with (self.root / "log").open("w") as log:
                self.process = subprocess.Popen(command, env=self.given, stderr=log, text=True)
            wait_until(lambda: "are taken on" in self.log, "orders are taken")
        port = re.search(r"taken on (\d+)", self.log)[1]
        return httpx.post(f"http://127.0.0.1:{port}/save", trust_env=False, timeout=20)

    @property
    def log(self) -> str:
        return (self.root / "log").read_text()

    def close(self) -> None:
        self.opensearch.server.shutdown()
        self.opensearch.server.server_close()
        if self.process:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def indexer(tmp_path, door) -> Iterator[Indexer]:
    made = Indexer(tmp_path / "first", door)
    made.opensearch.indices = {"wazuh-alerts-4.x-2026.11.25": "yesterday", "wazuh-alerts-4.x-2026.11.26": "today"}
    yield made
    made.close()


@pytest.fixture
def next_one(tmp_path, door) -> Iterator[Indexer]:
    made = Indexer(tmp_path / "next", door)
    yield made
    made.close()


def test_a_new_container_starts_from_the_snapshot_of_the_one_before(indexer, next_one, door):
    assert indexer.save().json() == {"number": 1}
    assert indexer.opensearch.orders == [
        {"indices": "wazuh-*", "ignore_unavailable": True, "include_global_state": False}
    ]
    assert "state restored from archive 1" in next_one.restore()
    assert next_one.opensearch.indices == indexer.opensearch.indices
    assert next_one.opensearch.orders[0]["include_global_state"] is False
    assert door.told == [("restored", 1)]
    next_one.opensearch.indices["wazuh-alerts-4.x-2026.11.27"] = "tomorrow"
    assert next_one.save().json() == {"number": 2}


def test_each_snapshot_takes_the_place_of_the_one_before_and_a_day_that_is_over_is_not_sent_again(indexer, door):
    indexer.save()
    indexer.opensearch.indices["wazuh-alerts-4.x-2026.11.26"] = "today, later"
    before = len(indexer.opensearch.written)
    indexer.save()
    contents = [name for name in indexer.opensearch.written[before:] if "/__" in name]
    assert contents == ["indices/id-wazuh-alerts-4.x-2026.11.26/0/__today, later"]
    assert len(indexer.opensearch.snapshots()) == 1
    assert door.sent == []


def test_a_repository_in_which_something_is_broken_is_written_anew(indexer, door):
    indexer.save()
    door.damaged = True
    before = len(indexer.opensearch.written)
    assert indexer.save().json() == {"number": 2}
    contents = [name for name in indexer.opensearch.written[before:] if "/__" in name]
    assert len(contents) == 2
    assert len(indexer.opensearch.snapshots()) == 1


@pytest.mark.parametrize("trouble", [{"PUT /_snapshot/edge/": 500}, {"PUT /_snapshot/edge": 503}])
def test_a_snapshot_that_is_not_taken_is_no_archive_and_the_edge_is_told(indexer, door, trouble):
    indexer.opensearch.answers = trouble
    answer = indexer.save()
    assert answer.status_code == 503
    assert "no snapshot was taken" in answer.json()["error"]
    assert not door.archives
    indexer.opensearch.answers = {}
    assert indexer.save().json() == {"number": 1}


@pytest.mark.parametrize("silent", ["/snapshots", "/front"])
def test_a_door_that_does_not_answer_is_no_archive_and_blames_none(indexer, next_one, door, silent):
    indexer.save()
    door.refused = {silent}
    if silent == "/snapshots":
        assert indexer.save().status_code == 503
        assert len(door.archives) == 1
        return
    next_one.given["STATE_PATIENCE_SECONDS"] = "1"
    assert "starting without the state" in next_one.restore()
    assert door.told == []


@pytest.mark.parametrize("trouble", [{"failed": 1}, {"_restore": 500}])
def test_a_snapshot_that_can_not_be_restored_whole_leaves_no_index_and_the_one_before_is_asked_for(
    indexer, next_one, door, trouble
):
    indexer.save()
    next_one.opensearch.answers = trouble
    told = next_one.restore()
    assert told.count("archive 1 can't be used") == 3
    assert door.told == [("unusable", 1)]
    assert next_one.opensearch.indices == {}


def test_a_door_that_does_not_hear_that_it_is_restored_makes_nobody_restore_again(indexer, next_one, door):
    indexer.save()
    door.refused = {"/restored"}
    ended: list[str] = []
    restoring = threading.Thread(target=lambda: ended.append(next_one.restore()))
    restoring.start()
    wait_until(lambda: next_one.opensearch.indices, "it is restored")
    door.refused = set()
    restoring.join(20)
    assert "state restored from archive 1" in ended[0]
    assert len(next_one.opensearch.orders) == 1


def test_an_indexer_without_alerts_has_nothing_to_restore(indexer, next_one, door):
    indexer.opensearch.indices = {}
    indexer.save()
    assert "state restored" in next_one.restore()
    assert next_one.opensearch.orders == []


def test_what_a_container_that_died_left_behind_is_gone(indexer, next_one, door):
    indexer.save()
    door.repository["snap-half.dat"] = json.dumps({"snapshot": "half", "indices": ["wazuh-none"], "contents": {}})
    assert "state restored from archive 1" in next_one.restore()
    assert next_one.opensearch.indices == indexer.opensearch.indices


def test_nothing_is_saved_without_an_order_and_sigterm_ends_it(indexer, door):
    indexer.save()
    assert terminated(indexer.process) == 0
    assert len(door.archives) == 1
