"""
The script that installs and enrolls, on a bench: it runs for real, with a folder in place of the machine's root.

What would fetch, check and install packages are stand-ins (`bench/`), which write down how they were called.
"""

import datetime as dt
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tenants.enrollment.installers.files import Target, rendered

WAZUH_KEY, STRANGERS_KEY = "0DCFCA5547B19D2A6099506096B3EE5F29111145", "A" * 40
OSSEC_CONF = "<client><server><address>10.0.0.1</address><protocol>udp</protocol></server></client>"

STAND_INS = Path(__file__).parent / "bench"
EVERYWHERE = ("curl", "gpg", "systemctl", "chown", "agent-package")
PACKAGE_TOOLS = {"deb": ["apt-get"], "rpm": ["rpm", "rpmkeys"]}
# What the script uses of every system; the rest of the machine is not on its path.
TOOLS = ("awk", "cat", "chmod", "date", "dirname", "grep", "hostname", "id", "mkdir", "mktemp", "rm", "sed", "sh", "tr")
TOOLS += ("shred", "uname", "stty", "cut", "head", "cp")


class Enrolling(BaseHTTPRequestHandler):
    """The edge's door for enrollment, as far as the script goes."""

    seen: list[dict[str, Any]] = []
    refuses = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append({"path": self.path, **body})
        answer: dict[str, Any] = {
            "code": "TOKEN_EXPIRED",
            "message": "The token has expired.",
            "hint": "Ask for a new one.",
        }
        if not self.refuses:
            connector = {"id": "con-id", "secret": "con-secret"}
            address = "wss://edge.example/agents/lotenant/1514"
            answer = {"agent_id": "007", "key": "ab" * 32, "connector": connector, "manager_url": address}
        content = json.dumps(answer, separators=(",", ":")).encode()
        self.send_response(403 if self.refuses else 201)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Tests print what matters."""


@pytest.fixture
def door() -> Iterator[str]:
    Enrolling.seen, Enrolling.refuses = [], False
    server = ThreadingHTTPServer(("127.0.0.1", 0), Enrolling)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class Bench:
    """A machine in a folder, whose package tools are stand-ins."""

    def __init__(self, root: Path, *, packages: str, agent: bool = False) -> None:
        self.root, self.log, self.bin = root, root / "log", root / "bin"
        self.bin.mkdir()
        self.log.touch()
        for tool in TOOLS:
            if found := shutil.which(tool):
                (self.bin / tool).symlink_to(found)
        for stand_in in (*EVERYWHERE, *PACKAGE_TOOLS[packages]):
            (self.bin / stand_in).symlink_to(STAND_INS / stand_in)
        self.token = root / "token"
        self.token.write_text("enr_x_y_z\n")
        if agent:
            (root / "var/ossec/etc").mkdir(parents=True)
            (root / "var/ossec/etc/ossec.conf").write_text(OSSEC_CONF)

    def run(self, edge: str, *, version: str = "4.14.7", **more: str) -> subprocess.CompletedProcess[str]:
        script = self.root / "install.sh"
        script.write_text(rendered("unix", Target("https://portal.test/i/x/", edge, version)))
        environment = {
            "PATH": str(self.bin),
            "ROOT": str(self.root),
            "TOKEN_FILE": str(self.token),
            "NAME": "bench-1",
            "REAL_CURL": str(shutil.which("curl")),
            "LOG": str(self.log),
            "OSSEC_CONF": OSSEC_CONF,
            "OFFERED_KEY": WAZUH_KEY,
            "SIGNATURE": "digests signatures OK",
            **more,
        }
        return subprocess.run(
            ["/bin/sh", str(script)], env=environment, capture_output=True, text=True, timeout=30, check=False
        )

    def wrote(self, path: str) -> str:
        return (self.root / path).read_text()


def test_a_machine_without_an_agent_gets_one_is_enrolled_and_started_and_its_token_is_wiped(door, tmp_path):
    bench = Bench(tmp_path, packages="deb")
    done = bench.run(door)
    assert done.returncode == 0, done.stderr
    (sent,) = Enrolling.seen
    assert (sent["path"], sent["token"], sent["name"]) == ("/api/agents/enroll", "enr_x_y_z", "bench-1")
    assert len(sent["enrollment_id"]) == 36
    assert abs(dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(sent["sent_at"])) < dt.timedelta(minutes=1)
    assert bench.wrote("var/ossec/etc/client.keys") == f"007 bench-1 any {'ab' * 32}\n"
    assert "<address>127.0.0.1</address><protocol>tcp</protocol>" in bench.wrote("var/ossec/etc/ossec.conf")
    connector = tmp_path / "etc/wazuh-connector.env"
    assert connector.read_text() == "TUNNEL_SERVICE_TOKEN_ID=con-id\nTUNNEL_SERVICE_TOKEN_SECRET=con-secret\n"
    assert connector.stat().st_mode & 0o077 == 0
    unit = bench.wrote("etc/systemd/system/wazuh-connector.service")
    assert "--hostname https://edge.example/agents/lotenant/1514" in unit
    calls = bench.wrote("log")
    assert "download wazuh-agent=4.14.7-1" in calls
    assert "systemctl restart wazuh-agent" in calls
    assert not bench.token.exists()
    for told in (unit, calls, done.stdout, done.stderr):
        assert "enr_x_y_z" not in told
        assert "con-secret" not in told


@pytest.mark.parametrize(
    ("packages", "fault"),
    [
        ("deb", {"OFFERED_KEY": STRANGERS_KEY}),
        ("rpm", {"OFFERED_KEY": STRANGERS_KEY}),
        ("rpm", {"SIGNATURE": "digests OK"}),
        ("rpm", {"SIGNATURE": "digests SIGNATURES NOT OK"}),
    ],
)
def test_a_package_that_its_maker_did_not_sign_is_not_installed_and_the_token_is_kept(door, tmp_path, packages, fault):
    bench = Bench(tmp_path, packages=packages)
    done = bench.run(door, **fault)
    assert done.returncode == 1
    assert "Nothing was installed" in done.stderr
    assert not re.search(r"apt-get .*install|rpm -i", bench.wrote("log"))
    assert (Enrolling.seen, bench.token.exists()) == ([], True)


def test_rpm_packages_are_checked_against_a_database_of_their_own(door, tmp_path):
    bench = Bench(tmp_path, packages="rpm")
    assert bench.run(door).returncode == 0
    checks = [line for line in bench.wrote("log").splitlines() if line.startswith("rpmkeys")]
    assert len(checks) == 4
    assert all("--dbpath" in line for line in checks)


def test_an_agent_of_wazuh_5_enrolls_by_itself_with_the_token_in_a_file_and_gets_no_connector(door, tmp_path):
    bench = Bench(tmp_path, packages="deb", agent=True)
    program = tmp_path / "var/ossec/bin/wazuh-agent-auth"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "agent-auth $1 $(cat "$2")" >>"$LOG"\n')
    program.chmod(0o755)
    assert bench.run(door, version="5.0.0").returncode == 0
    assert "agent-auth --token-file enr_x_y_z" in bench.wrote("log")
    assert (Enrolling.seen, (tmp_path / "etc").exists(), bench.token.exists()) == ([], False, False)


def test_a_refusal_is_told_and_changes_nothing(door, tmp_path):
    bench = Bench(tmp_path, packages="deb", agent=True)
    Enrolling.refuses = True
    done = bench.run(door)
    assert done.returncode == 1
    assert "The token has expired. Ask for a new one." in done.stderr
    assert not (tmp_path / "var/ossec/etc/client.keys").exists()
    assert bench.token.exists()


def test_after_a_lost_answer_the_same_enrollment_is_taken_up_and_a_machine_that_is_enrolled_is_left_alone(
    door, tmp_path
):
    bench = Bench(tmp_path, packages="deb", agent=True)
    lost = bench.run("http://127.0.0.1:1")
    assert lost.returncode == 1
    assert "Run this again" in lost.stderr
    begun = bench.wrote("var/ossec/etc/enrollment.id").strip()
    assert bench.run(door).returncode == 0
    assert Enrolling.seen[0]["enrollment_id"] == begun
    bench.token.write_text("enr_x_y_z")
    again = bench.run(door)
    assert (again.returncode, len(Enrolling.seen)) == (1, 1)
    assert "enrolled already" in again.stderr


def test_the_authority_of_the_edge_is_pinned_where_the_cell_names_it(door, tmp_path):
    bench = Bench(tmp_path, packages="deb", agent=True)
    script = rendered("unix", Target("https://portal.test/i/x/", door, "4.14.7", "-----BEGIN CERTIFICATE-----\nMIIB"))
    assert "EDGE_CA='-----BEGIN CERTIFICATE-----\nMIIB'" in script
    assert '--cacert "$WORK/ca.pem"' in script
    assert bench.run(door).returncode == 0


def test_a_machine_is_moved_under_its_name_and_keeps_what_it_was(door, tmp_path):
    bench, keys = Bench(tmp_path, packages="deb", agent=True), tmp_path / "var/ossec/etc/client.keys"
    assert "not enrolled" in bench.run(door, MOVE="yes").stderr
    keys.write_text("001 db-1 any key\n")
    done = bench.run(door, MOVE="yes")
    assert done.returncode == 0, done.stderr
    assert [each["name"] for each in Enrolling.seen] == ["db-1"]
    assert keys.read_text() == f"007 db-1 any {'ab' * 32}\n"
    assert keys.with_name("client.keys.before").read_text() == "001 db-1 any key\n"
    assert "systemctl restart wazuh-connector" in bench.wrote("log")
    Enrolling.refuses = True
    bench.token.write_text("enr_x_y_z")
    assert bench.run(door, MOVE="yes").returncode == 1
    assert keys.read_text() == f"007 db-1 any {'ab' * 32}\n"
