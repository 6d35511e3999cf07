"""What a manager tells the edge, run as the image runs it, against a door that plays the edge and Wazuh's API."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.images.node_root import IMAGES, SECRET, terminated, wait_until

REPORT = IMAGES / "manager/report"
ROLES = [{"id": at, "name": name} for at, name in enumerate(("administrator", "readonly", "agents_admin"), 1)]


def alert(number: int, **more) -> dict:
    rule = {"level": 5, "id": "5710", "description": "sshd", "groups": ["sshd"], "firedtimes": 2, "gdpr": ["IV"]}
    rule["mitre"] = {"id": ["T1110"], "tactic": ["Credential Access"], "technique": ["Brute Force"], "other": []}
    return {
        "timestamp": "2026-11-26T08:00:00.000+0000",
        "id": f"1.{number}",
        "rule": rule,
        "agent": {"id": "001", "name": "web-1", "ip": "10.0.0.5", "labels": {}},
        "manager": {"name": "m"},
        "full_log": "the line",
        "data": {"srcip": "10.1.1.1"},
        "location": "/var/log/auth.log",
        **more,
    }


class Outside:
    """Plays events.internal and the API on one port; `answers` are statuses to give before 200."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.beats: list[dict] = []
        self.rules: dict[str, int] = {}
        self.links: set[tuple[str, str]] = set()
        self.answers: list[int] = []
        self.refused: set[str] = set()
        outside = self

        class Door(http.server.BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, answer = outside.answer(self.command, self.path, json.loads(body or b"null"))
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = handle_one

            def log_message(self, *args) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, method: str, path: str, body) -> tuple[int, dict]:
        known = {"/alerts": self.alerts, "/heartbeat": self.heartbeat, "/security/rules": self.add_rule}
        if method == "POST" and path in known:
            return known[path](body)
        if method == "POST" and path.startswith("/security/roles/"):
            self.links.add((path.split("/")[3], path.rpartition("=")[2]))
        rows = {"/security/roles?limit=500": ROLES, "/security/rules?limit=500": self.rule_rows()}
        data = {"token": "t", "affected_items": rows.get(path, []), "connection": {"total": 3, "active": 2}}
        return 200, {"data": data, "error": 0}

    def rule_rows(self) -> list[dict]:
        return [{"id": number, "name": name} for name, number in self.rules.items()]

    def alerts(self, body) -> tuple[int, dict]:
        if self.answers:
            return self.answers.pop(0), {}
        if self.refused & {digest["id"] for digest in body}:
            return 400, {}
        self.last = body
        self.taken += [digest["id"] for digest in body]
        return 200, {}

    def heartbeat(self, body) -> tuple[int, dict]:
        self.beats.append(body)
        return 200, {}

    def add_rule(self, body) -> tuple[int, dict]:
        assert body["rule"] == {"FIND": {"backend_roles": body["name"]}}
        self.rules[body["name"]] = 100 + len(self.rules)
        return 200, {"data": {"affected_items": [{"id": self.rules[body["name"]]}]}}


@pytest.fixture
def outside() -> Iterator[Outside]:
    playing = Outside()
    yield playing
    playing.server.shutdown()
    playing.server.server_close()


@pytest.fixture
def report(outside: Outside, tmp_path):
    """The process, and the file it follows."""
    given = {"PATH": os.environ["PATH"], "EVENTS_URL": outside.url, "API_URL": outside.url, "BEAT_SECONDS": "0.1"}
    given |= {"API_USERNAME": "wazuh-wui", "API_PASSWORD": SECRET, "WAZUH_VERSION": "4.14.7"}
    file = tmp_path / "alerts.json"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, REPORT, file], env=given, stderr=log)
    yield process, file
    process.kill()
    process.wait()


def write(file, *alerts: dict) -> None:
    with file.open("a") as opened:
        opened.write("".join(json.dumps(one) + "\n" for one in alerts))


def test_each_alert_becomes_a_digest_without_its_line_and_its_data(outside, report):
    write(report[1], alert(1))
    wait_until(lambda: outside.taken, "the digest arrives")
    (digest,) = outside.last
    assert set(digest) == {"timestamp", "id", "rule", "agent", "location"}
    assert set(digest["rule"]) == {"id", "level", "description", "groups", "mitre"}
    assert set(digest["rule"]["mitre"]) == {"id", "tactic", "technique"}
    assert digest["agent"] == {"id": "001", "name": "web-1", "ip": "10.0.0.5"}


def test_digests_come_again_until_they_are_taken_and_in_order(outside, report):
    outside.answers = [503, 500, 429]
    write(report[1], *(alert(number) for number in range(5)))
    wait_until(lambda: len(outside.taken) == 5, "all digests arrive")
    assert outside.taken == [f"1.{number}" for number in range(5)]


def test_one_that_is_never_taken_holds_up_no_other(outside, report):
    outside.refused = {"1.3"}
    write(report[1], *(alert(number) for number in range(6)))
    wait_until(lambda: len(outside.taken) == 5, "the others arrive")
    assert "1.3" not in outside.taken


def test_half_a_line_waits_and_a_line_that_is_no_alert_is_passed_over(outside, report):
    file = report[1]
    whole = json.dumps(alert(1))
    file.write_text("no json\n[]\n" + whole[:20])
    wait_until(lambda: outside.beats, "the process runs")
    with file.open("a") as opened:
        opened.write(whole[20:] + "\n")
    wait_until(lambda: outside.taken == ["1.1"], "the alert arrives once")


def test_the_file_of_the_next_day_is_followed_and_nothing_of_the_old_one_is_lost(outside, report):
    file = report[1]
    write(file, alert(1))
    wait_until(lambda: outside.taken, "the first alert arrives")
    old = file.rename(file.with_name("yesterday.json"))
    write(file, alert(3))
    write(old, alert(2))
    wait_until(lambda: len(outside.taken) == 3, "all alerts arrive")


def test_what_was_written_before_sigterm_still_arrives(outside, report):
    process, file = report
    wait_until(lambda: outside.beats, "the process runs")
    write(file, *(alert(number) for number in range(1200)))
    assert terminated(process) == 0
    assert len(outside.taken) == 1200


def test_it_ends_in_time_though_nobody_takes_anything(outside, report):
    process, file = report
    wait_until(lambda: outside.beats, "the process runs")
    outside.answers = [503] * 1000
    write(file, alert(1))
    assert terminated(process) == 0


def test_the_sign_of_life_has_what_the_stand_in_says(outside, report):
    wait_until(lambda: outside.beats, "a heartbeat arrives")
    beat = outside.beats[0]
    assert set(beat) == {"at", "version", "agents", "pending_bytes"}
    assert (beat["version"], beat["agents"]) == ("4.14.7", {"total": 3, "active": 2})


def test_what_people_may_do_in_the_api_is_tied_to_the_roles_that_the_edge_names(outside, report):
    wait_until(lambda: len(outside.links) == 4, "the roles are tied")
    names = {role["id"]: role["name"] for role in ROLES}
    numbers = {number: name for name, number in outside.rules.items()}
    tied = {(numbers[int(rule)], names[int(role)]) for role, rule in outside.links}
    assert tied == {
        ("tenant_admin", "administrator"),
        ("tenant_operator", "agents_admin"),
        ("tenant_operator", "readonly"),
        ("tenant_readonly", "readonly"),
    }
