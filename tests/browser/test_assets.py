"""What files promise without a browser: icons exist, nothing is inline, the enrollment script leaks nothing."""

import datetime as dt
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from controlplane.marks import TONE_CLASSES
from organizations.frame import SETTINGS
from organizations.keys.rows import SECRET_MARKS
from organizations.sso.settings.rows import CONNECTION_MARKS
from tenants.enrollment.installers import guides
from tenants.enrollment.marks import AGENT, TOKEN
from tenants.provisioning import marks
from tenants.provisioning.frame import SECTIONS
from tenants.provisioning.topology import ICONS

ROOT = Path(settings.BASE_DIR)
SERVED = ROOT / "controlplane" / "static" / "portal"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
TABLES = (marks.TENANT, marks.OPERATION, marks.STEP, marks.NODE, AGENT, TOKEN, SECRET_MARKS, CONNECTION_MARKS)


def icons_served() -> set[str]:
    return set(re.findall(r'<symbol id="([a-z0-9-]+)"', (SERVED / "icons.svg").read_text()))


def icons_used() -> set[str]:
    in_templates = {
        name
        for path in TEMPLATES
        for name in re.findall(r'{% icon "([a-z0-9-]+)"|{{ icons }}#([a-z0-9-]+)"', path.read_text())
        for name in name
        if name
    }
    in_tables = {mark.icon for table in TABLES for mark in table.values()}
    in_rails = {row[2] for row in (*SETTINGS, *SECTIONS)}
    return in_templates | in_tables | in_rails | set(ICONS.values())


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    assert icons_used() <= icons_served()


def test_every_icon_in_the_sprite_is_used() -> None:
    listed = set(json.loads((ROOT / "assets" / "icons.json").read_text())) | {"keep"}
    assert listed == icons_served()
    assert not listed - icons_used()


def test_every_state_has_an_icon_a_word_and_a_known_tone() -> None:
    for table in TABLES:
        for state, mark in table.items():
            assert mark.icon, state
            assert mark.word, state
            assert mark.tone in TONE_CLASSES, state


@pytest.mark.parametrize(
    "pattern", [r"\sstyle=", r"<style", r"<script(?![^>]*\ssrc=)", r"\son[a-z]+=", "javascript:", "hx-on"]
)
def test_no_template_holds_what_the_content_policy_refuses(pattern: str) -> None:
    assert not [path.name for path in TEMPLATES if re.search(pattern, path.read_text())]


def test_pages_load_nothing_from_elsewhere() -> None:
    files = [*TEMPLATES, SERVED / "portal.css", SERVED / "portal.js"]
    outside = re.compile(r"""(?:src|href|url\(|import)\s*=?\s*["'(]*https?://""")
    assert not [path.name for path in files if outside.search(path.read_text())]


def test_no_guide_puts_a_token_into_a_command() -> None:
    every = guides(script_url="https://portal/enroll.sh", edge_url="https://edge", tenant_id="lo" * 13, is_local=True)
    commands = [step.command for guide in every for step in guide.steps if step.command]
    assert len(commands) > 5
    assert not [command for command in commands if "enr_" in command or re.search(r"TOKEN=['\"$]", command)]


class Enrolling(BaseHTTPRequestHandler):
    """The edge's door for enrollment, as far as the script goes."""

    seen: list[dict[str, Any]] = []
    refuses = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append({"path": self.path, **body})
        answer = {"code": "TOKEN_EXPIRED", "message": "The token has expired.", "hint": "Ask for a new one."}
        if not self.refuses:
            connector = {"id": "con-id", "secret": "con-secret"}
            answer = {
                "agent_id": "007",
                "key": "ab" * 32,
                "connector": connector,
                "manager_url": "wss://edge.example/agents/lotenant/1514",
            }
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


def enroll(edge: str, root: Path, token: str, **more: str) -> subprocess.CompletedProcess[str]:
    token_file = root / "token"
    token_file.write_text(token)
    environment = {
        "PATH": os.environ["PATH"],
        "ROOT": str(root),
        "TOKEN_FILE": str(token_file),
        "NAME": "bench-1",
        **more,
    }
    return subprocess.run(
        ["sh", str(SERVED / "enroll.sh"), edge],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_the_script_gives_the_agent_its_identity_and_wipes_the_token(door: str, tmp_path: Path) -> None:
    (tmp_path / "var/ossec/etc").mkdir(parents=True)
    done = enroll(door, tmp_path, "enr_x_y_z")
    assert done.returncode == 0, done.stderr
    assert Enrolling.seen[0]["path"] == "/api/agents/enroll"
    assert Enrolling.seen[0]["token"] == "enr_x_y_z"
    assert len(Enrolling.seen[0]["enrollment_id"]) == 36
    sent_at = dt.datetime.fromisoformat(Enrolling.seen[0]["sent_at"])
    assert abs(dt.datetime.now(dt.UTC) - sent_at) < dt.timedelta(minutes=1)
    assert (tmp_path / "var/ossec/etc/client.keys").read_text() == f"007 bench-1 any {'ab' * 32}\n"
    connector = tmp_path / "etc/wazuh-connector.env"
    assert connector.read_text() == "TUNNEL_SERVICE_TOKEN_ID=con-id\nTUNNEL_SERVICE_TOKEN_SECRET=con-secret\n"
    assert connector.stat().st_mode & 0o077 == 0
    unit = (tmp_path / "etc/systemd/system/wazuh-connector.service").read_text()
    assert "--hostname https://edge.example/agents/lotenant/1514" in unit
    assert "con-secret" not in unit
    assert not (tmp_path / "token").exists()
    assert "enr_x_y_z" not in done.stdout + done.stderr


def test_the_script_says_why_the_edge_refused_and_changes_nothing(door: str, tmp_path: Path) -> None:
    (tmp_path / "var/ossec/etc").mkdir(parents=True)
    Enrolling.refuses = True
    done = enroll(door, tmp_path, "enr_x_y_z")
    assert done.returncode == 1
    assert "The token has expired. Ask for a new one." in done.stderr
    assert not (tmp_path / "var/ossec/etc/client.keys").exists()


def test_the_script_takes_the_same_enrollment_up_again_after_a_lost_answer(door: str, tmp_path: Path) -> None:
    (tmp_path / "var/ossec/etc").mkdir(parents=True)
    lost = enroll("http://127.0.0.1:1", tmp_path, "enr_x_y_z")
    assert lost.returncode == 1
    assert "Run this again" in lost.stderr
    begun = (tmp_path / "var/ossec/etc/enrollment.id").read_text().strip()
    assert enroll(door, tmp_path, "enr_x_y_z").returncode == 0
    assert Enrolling.seen[0]["enrollment_id"] == begun
    assert not (tmp_path / "var/ossec/etc/enrollment.id").exists()


def test_the_script_moves_a_machine_under_its_name_and_keeps_what_it_was(door: str, tmp_path: Path) -> None:
    keys = tmp_path / "var/ossec/etc/client.keys"
    keys.parent.mkdir(parents=True)
    nothing = enroll(door, tmp_path, "enr_x_y_z", MOVE="yes")
    assert "not enrolled" in nothing.stderr
    keys.write_text("001 db-1 any key\n")
    done = enroll(door, tmp_path, "enr_x_y_z", MOVE="yes")
    assert done.returncode == 0, done.stderr
    assert [each["name"] for each in Enrolling.seen] == ["db-1"]
    assert keys.read_text() == f"007 db-1 any {'ab' * 32}\n"
    assert keys.with_name("client.keys.before").read_text() == "001 db-1 any key\n"
    Enrolling.refuses = True
    assert enroll(door, tmp_path, "enr_x_y_z", MOVE="yes").returncode == 1
    assert keys.read_text() == f"007 db-1 any {'ab' * 32}\n"


def test_the_script_does_not_enroll_a_machine_twice(door: str, tmp_path: Path) -> None:
    (tmp_path / "var/ossec/etc").mkdir(parents=True)
    (tmp_path / "var/ossec/etc/client.keys").write_text("001 bench-1 any key\n")
    done = enroll(door, tmp_path, "enr_x_y_z")
    assert done.returncode == 1
    assert "enrolled already" in done.stderr
    assert not Enrolling.seen
