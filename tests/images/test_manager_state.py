"""What a manager keeps outside its container, run as the image runs it, against a door that plays `state.internal`."""

import contextlib
import gzip
import io
import os
import re
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import httpx
import pytest

from tests.images.node_root import IMAGES, terminated, wait_until

RENDERED = "<ossec_config><cluster><key>k-of-{0}</key></cluster></ossec_config>"
KEYS = "001 web-1 any " + "a" * 64 + "\n"


class Manager:
    """The disk of a manager before its daemons start, and the script."""

    def __init__(self, root: Path, url: str, name: str = "one") -> None:
        self.root, self.ossec = root, root / "var/ossec"
        given = {"PATH": os.environ["PATH"], "NODE_ROOT": str(root), "STATE_URL": url, "STATE_PORT": "0"}
        self.given = given | {"PYTHONPATH": str(IMAGES / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
        self.started: list[subprocess.Popen[str]] = []
        for folder in ("etc/shared/default", "etc/rules", "queue/db", "queue/rids", "api/configuration/security"):
            (self.ossec / folder).mkdir(parents=True)
        self.write("etc/ossec.conf", RENDERED.format(name))
        self.write("etc/client.keys", "")
        (root / "wazuh-config-mount/etc").mkdir(parents=True)
        (root / "wazuh-config-mount/etc/ossec.conf").write_text(RENDERED.format(name))

    def write(self, name: str, text: str, mode: int = 0o640) -> None:
        (self.ossec / name).parent.mkdir(parents=True, exist_ok=True)
        (self.ossec / name).write_text(text)
        (self.ossec / name).chmod(mode)

    def text(self, name: str) -> str:
        return (self.ossec / name).read_text()

    def database(self) -> sqlite3.Connection:
        """Open, with what was written last still in its journal only."""
        opened = sqlite3.connect(self.ossec / "queue/db/global.db", isolation_level=None)
        opened.execute("PRAGMA journal_mode=WAL")
        opened.execute("CREATE TABLE IF NOT EXISTS belongs (id_agent INTEGER, id_group INTEGER)")
        return opened

    def restore(self) -> str:
        command = [sys.executable, IMAGES / "manager/state.py", "restore"]
        ended = subprocess.run(command, env=self.given, capture_output=True, text=True, timeout=30, check=True)
        return ended.stderr

    def serve(self, **more: str) -> "subprocess.Popen[str]":
        command = [sys.executable, IMAGES / "manager/state.py", "serve"]
        with (self.root / "log").open("w") as log:
            process = subprocess.Popen(command, env=self.given | more, stderr=log, text=True)
        self.started.append(process)
        wait_until(lambda: "are taken on" in self.log, "orders are taken")
        return process

    @property
    def log(self) -> str:
        return (self.root / "log").read_text()

    def ask(self) -> httpx.Response:
        port = re.search(r"taken on (\d+)", self.log)[1]
        return httpx.post(f"http://127.0.0.1:{port}/save", trust_env=False, timeout=20)


@pytest.fixture
def manager(tmp_path, door):
    made = Manager(tmp_path / "first", door.url)
    yield made
    for process in made.started:
        process.kill()
        process.wait()


def unpacked(door) -> dict[str, dict[str, tarfile.TarInfo]]:
    """The entries of the newest archive, by file and name."""
    found = {}
    for file in door.archives[-1]["files"]:
        with tarfile.open(fileobj=io.BytesIO(door.files[file["sha256"]])) as tar:
            found[file["name"]] = {entry.name: entry for entry in tar}
    return found


def packed(name: str, content: bytes = b"x", **fields) -> bytes:
    buffer, entry = io.BytesIO(), tarfile.TarInfo(name)
    entry.size = len(content)
    for field, value in fields.items():
        setattr(entry, field, value)
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_a_new_container_starts_with_what_the_one_before_saved(manager, door, tmp_path):
    manager.write("etc/client.keys", KEYS, 0o600)
    manager.write("queue/rids/001", "7:42")
    manager.write("api/configuration/security/private_key.pem", "jwt", 0o400)
    manager.write("etc/rules/own.xml", "<group/>", 0o660)
    (manager.ossec / "etc/shared/empty-group").mkdir(mode=0o770)
    manager.write("etc/shared/default/merged.mg", "made anew")
    if os.geteuid() == 0:
        os.chown(manager.ossec / "etc/client.keys", 12345, 12346)
    with contextlib.closing(manager.database()) as database:
        database.execute("INSERT INTO belongs VALUES (1, 2)")
        manager.serve()
        assert manager.ask().json() == {"number": 1}
    next_one = Manager(tmp_path / "next", door.url)
    next_one.write("queue/db/global.db-wal", "of another time")
    assert "state restored from archive 1" in next_one.restore()
    assert door.told == [("restored", 1)]
    assert next_one.text("etc/client.keys") == KEYS
    assert (next_one.text("queue/rids/001"), next_one.text("etc/rules/own.xml")) == ("7:42", "<group/>")
    assert (next_one.ossec / "etc/shared/empty-group").is_dir()
    assert not (next_one.ossec / "etc/shared/default/merged.mg").exists()
    assert not (next_one.ossec / "api/configuration/security/private_key.pem").exists()
    modes = {"etc/client.keys": 0o600, "queue/rids/001": 0o640, "etc/rules/own.xml": 0o660}
    assert {name: (next_one.ossec / name).stat().st_mode & 0o777 for name in modes} == modes
    if os.geteuid() == 0:
        found = (next_one.ossec / "etc/client.keys").stat()
        assert (found.st_uid, found.st_gid) == (12345, 12346)
    with contextlib.closing(next_one.database()) as database:
        assert database.execute("SELECT * FROM belongs").fetchall() == [(1, 2)]
    assert not list(next_one.ossec.rglob("*.restored"))


def test_what_a_clone_gets_opens_no_door(manager, door):
    manager.write("etc/client.keys", KEYS)
    manager.write("etc/authd.pass", "given anew")
    manager.write("etc/ossec.conf", RENDERED.format("one").replace("<cluster>", "<remote/><cluster>"))
    manager.serve()
    manager.ask()
    found = unpacked(door)
    files = {name for entries in found.values() for name, entry in entries.items() if entry.isfile()}
    assert "etc/authd.pass" not in files
    assert {"etc/ossec.conf"} == {name for name, entry in found["configuration/manager.tgz"].items() if entry.isfile()}
    content = next(f for f in door.archives[-1]["files"] if f["name"] == "configuration/manager.tgz")
    assert b"k-of-one" not in gzip.decompress(door.files[content["sha256"]])


def test_changed_settings_come_back_with_the_key_of_the_node_and_unchanged_ones_come_from_the_image(
    manager, door, tmp_path
):
    manager.serve()
    manager.ask()
    assert "etc/ossec.conf" not in unpacked(door)["configuration/manager.tgz"]
    manager.write("etc/ossec.conf", RENDERED.format("one").replace("<cluster>", "<remote/><cluster>"))
    manager.ask()
    other = Manager(tmp_path / "other", door.url, "other")
    other.restore()
    assert other.text("etc/ossec.conf") == RENDERED.format("other").replace("<cluster>", "<remote/><cluster>")


def test_entries_that_the_edge_adds_for_content_are_no_changed_settings(manager, door):
    entries = (
        "    <!-- lists of custom content -->\n    <list>etc/lists/bad</list>\n"
        "    <!-- end of the lists of custom content -->\n"
    )
    manager.write("etc/ossec.conf", RENDERED.format("one").replace("<cluster>", f"{entries}<cluster>"))
    manager.serve()
    manager.ask()
    assert "etc/ossec.conf" not in unpacked(door)["configuration/manager.tgz"]


ALONE = (
    "<ossec_config><cluster><key>k</key><node_type>master</node_type><disabled>yes</disabled></cluster></ossec_config>"
)
AMONG_OTHERS = ALONE.replace("<disabled>yes", "<disabled>no")


def test_settings_that_were_saved_before_there_were_several_managers_come_back_into_the_cluster(
    manager, door, tmp_path
):
    (manager.root / "wazuh-config-mount/etc/ossec.conf").write_text(ALONE)
    manager.write("etc/ossec.conf", ALONE.replace("<cluster>", "<remote/><cluster>"))
    manager.serve()
    manager.ask()
    other = Manager(tmp_path / "other", door.url)
    (other.root / "wazuh-config-mount/etc/ossec.conf").write_text(AMONG_OTHERS)
    other.write("etc/ossec.conf", AMONG_OTHERS)
    other.restore()
    assert other.text("etc/ossec.conf") == AMONG_OTHERS.replace("<cluster>", "<remote/><cluster>")


def test_an_archive_that_holds_nothing_is_a_start_from_nothing_that_is_told(manager, door):
    door.add({})
    manager.write("etc/client.keys", "")
    manager.restore()
    assert manager.text("etc/client.keys") == ""
    assert door.told == [("restored", 1)]


def test_what_did_not_change_is_not_sent_again_unless_the_door_lost_it(manager, door):
    manager.write("etc/client.keys", KEYS)
    with contextlib.closing(manager.database()):
        manager.serve()
        manager.ask()
        sent = len(door.sent)
        assert manager.ask().json() == {"number": 2}
        assert len(door.sent) == sent
        assert door.archives[0]["files"] == door.archives[1]["files"]
        door.files.clear()
        assert manager.ask().json() == {"number": 3}
        assert len(door.sent) == 2 * sent


def test_an_agent_and_its_group_are_saved_at_once_and_everything_on_schedule_and_at_the_end(manager, door):
    with contextlib.closing(manager.database()) as database:
        process = manager.serve()
        manager.write("etc/client.keys", KEYS)
        wait_until(lambda: len(door.archives) == 1, "the agent is saved")
        database.execute("INSERT INTO belongs VALUES (1, 2)")
        wait_until(lambda: len(door.archives) == 2, "its group is saved")
        manager.write("queue/rids/001", "8:1")
        assert terminated(process) == 0
    assert "queue/rids/001" in unpacked(door)["identity/manager.tgz"]
    assert "state saved at the end as archive 3" in manager.log
    manager.serve(STATE_EVERY_SECONDS="0.1")
    wait_until(lambda: len(door.archives) == 4, "the schedule saves")


def test_a_door_that_does_not_take_it_is_told_and_tried_again(manager, door):
    door.refused = {"/archives"}
    manager.serve()
    answer = manager.ask()
    assert (answer.status_code, "The archive does not answer" in answer.json()["error"]) == (503, True)
    manager.write("etc/client.keys", KEYS)
    wait_until(lambda: manager.log.count("was not saved") > 1, "the failure is told")
    assert '"level": "error"' in manager.log
    door.refused = set()
    wait_until(lambda: door.archives, "it is saved after all")


def test_a_file_that_does_not_arrive_whole_is_fetched_again_and_never_put_in_place(manager, door):
    door.add({"identity/manager.tgz": packed("etc/client.keys", KEYS.encode())})
    ((sha256, content),) = door.files.items()
    door.files[sha256] = content[:-1]
    given = []
    whole = door.get_files
    door.get_files = lambda body, name: given.append(name) or (whole(body, name) if len(given) == 1 else (200, content))
    told = manager.restore()
    assert "did not arrive as it was saved" in told
    assert manager.text("etc/client.keys") == KEYS


UNUSABLE = {
    "above": packed("../../etc/passwd"),
    "absolute": packed("/etc/passwd"),
    "a program": packed("bin/wazuh-control"),
    "a link": packed("etc/rules/link", b"", type=tarfile.SYMTYPE, linkname="/etc"),
    "a detour": packed("queue/db/../../bin/a.db"),
    "cut off": packed("etc/client.keys", KEYS.encode())[:-9],
    "no archive": b"no archive",
}


# By name, because packing writes the time and processes that share out the tests must find the same ones.
@pytest.mark.parametrize("bad", UNUSABLE)
def test_an_archive_that_can_not_be_used_leaves_nothing_behind_and_the_one_before_is_taken(manager, door, bad):
    door.add({"identity/manager.tgz": packed("etc/client.keys", KEYS.encode())})
    door.add({"identity/a.tgz": packed("queue/rids/9"), "identity/manager.tgz": UNUSABLE[bad]})
    told = manager.restore()
    assert told.count("archive 2 can't be used") == 3
    assert door.told == [("unusable", 2), ("restored", 1)]
    assert manager.text("etc/client.keys") == KEYS
    assert not (manager.ossec / "queue/rids/9").exists()


def test_a_store_that_stays_silent_is_told_and_the_node_starts_without(manager, door):
    door.refused = {"/latest"}
    manager.given["STATE_PATIENCE_SECONDS"] = "0.5"
    told = manager.restore()
    assert "could not be restored yet" in told
    assert '"level": "error", "message": "starting without the state that was saved"' in told


def test_a_first_start_is_empty(manager, door):
    assert "there is no state to start from" in manager.restore()
    assert door.told == []
