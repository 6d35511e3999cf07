"""Containers of the engine: started, ended, waited for, removed."""

import concurrent.futures
import signal

import pytest

from tests.local.engine_process import EngineProcess, alive, ask_inside, connect_into, until


def test_the_engine_says_that_it_is_a_stand_in_and_how_it_runs_nodes(engine: EngineProcess) -> None:
    facts = engine.call("GET", "/v1.44/info").json()

    assert "garrison.runtime=stand-in" in facts["Labels"]
    assert "garrison.mode=process per container" in facts["Labels"]


def test_every_container_is_a_process_of_its_own_that_listens_in_its_own_network(engine: EngineProcess) -> None:
    doors = {name: engine.start_with_sidecar(name) for name in ("one", "two")}

    assert engine.pid("one") != engine.pid("two")
    for door in doors.values():
        assert b'"status":"UP"' in ask_inside(door, 9200, "/_plugins/_security/health")


def test_a_port_that_nothing_listens_on_is_refused(engine: EngineProcess) -> None:
    door = engine.start_with_sidecar("one")

    assert connect_into(door, 55000) is None


@pytest.mark.parametrize(("name", "code"), [("SIGKILL", 137), ("SIGTERM", 143), ("9", 137)])
def test_an_end_by_signal_is_reported_as_128_plus_its_number(engine: EngineProcess, name: str, code: int) -> None:
    door = engine.start_with_sidecar("one")
    ask_inside(door, 9200, "/")
    pid = engine.pid("one")

    assert engine.call("POST", f"/containers/one/kill?signal={name}").status_code == 204

    assert engine.wait("one") == code
    assert engine.inspect("one")["State"] == {"Status": "exited", "Running": False, "Pid": 0, "ExitCode": code}
    assert not alive(pid)


def test_an_image_that_fails_ends_with_its_own_exit_code_and_a_reason_in_its_log(engine: EngineProcess) -> None:
    engine.start("broken", "wazuh/wazuh-indexer:4.14.7-exits")

    assert engine.wait("broken") == 1
    assert "cannot start" in engine.call("GET", "/containers/broken/logs").text


def test_a_node_without_its_password_does_not_start(engine: EngineProcess) -> None:
    engine.start("open", Env=[])

    assert engine.wait("open") == 1
    assert "INDEXER_PASSWORD is not set" in engine.call("GET", "/containers/open/logs").text


def test_waiting_for_the_next_exit_outlasts_an_earlier_one(engine: EngineProcess) -> None:
    engine.start("one", "wazuh/wazuh-indexer:4.14.7-exits")
    engine.wait("one")

    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(engine.wait, "one", "next-exit")
        assert engine.call("POST", "/containers/one/start").status_code == 204
        assert waiting.result() == 1


def test_waiting_for_removal_ends_when_container_and_disk_are_gone(engine: EngineProcess) -> None:
    engine.start("one")

    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(engine.wait, "one", "removed")
        assert engine.call("DELETE", "/containers/one?force=true").status_code == 204
        assert waiting.result() == 137

    assert engine.call("GET", "/containers/one/json").status_code == 404
    assert engine.disks() == []


def test_a_restarted_container_keeps_its_disk(engine: EngineProcess) -> None:
    door = engine.start_with_sidecar("one")
    ask_inside(door, 9200, "/")
    disk = engine.disk("one")
    (disk / "mark").write_text("kept")
    before = engine.pid("one")

    assert engine.call("POST", "/containers/one/restart").status_code == 204

    assert engine.pid("one") != before
    assert (disk / "mark").read_text() == "kept"
    assert b'"status":"UP"' in ask_inside(door, 9200, "/_plugins/_security/health")


def test_a_running_container_is_removed_only_by_force(engine: EngineProcess) -> None:
    engine.start("one")

    assert engine.call("DELETE", "/containers/one").status_code == 409
    assert engine.inspect("one")["State"]["Running"]


def test_a_name_is_taken_until_its_container_is_removed(engine: EngineProcess) -> None:
    engine.create("one")

    assert (
        engine.call("POST", "/containers/create?name=one", {"Image": "wazuh/wazuh-indexer:4.14.7"}).status_code == 409
    )
    engine.call("DELETE", "/containers/one")
    engine.create("one")


def test_starting_twice_and_signalling_what_does_not_run_are_told_apart_from_success(engine: EngineProcess) -> None:
    engine.start("one")

    assert engine.call("POST", "/containers/one/start").status_code == 304
    engine.call("POST", "/containers/one/kill")
    engine.wait("one")
    assert engine.call("POST", "/containers/one/kill").status_code == 409
    assert engine.call("POST", "/containers/one/kill?signal=SIGNONSENSE").status_code == 400


@pytest.mark.parametrize("number", ["999", "0", "65", "-9", "9" * 30])
def test_a_number_that_is_no_signal_is_refused_and_ends_nothing(engine: EngineProcess, number: str) -> None:
    engine.start("one")
    engine.start("two")

    assert engine.call("POST", f"/containers/one/kill?signal={number}").status_code == 400

    assert engine.inspect("one")["State"]["Running"]
    engine.call("POST", "/containers/two/kill")
    assert engine.wait("two") == 137, "signals still get through"


def test_a_grace_that_is_no_number_of_seconds_is_refused(engine: EngineProcess) -> None:
    engine.start("one")

    for grace in ("soon", "nan", "-1"):
        assert engine.call("POST", f"/containers/one/stop?t={grace}").status_code == 400
    assert engine.call("POST", "/containers/one/stop?t=10").status_code == 204


@pytest.mark.parametrize("image", ["nginx:latest", "wazuh/wazuh-indexer", "wazuh/wazuh-indexer:latest", ""])
def test_an_image_that_the_engine_does_not_have_is_not_found(engine: EngineProcess, image: str) -> None:
    answer = engine.call("POST", "/containers/create?name=one", {"Image": image})

    assert answer.status_code == 404
    assert "No such image" in answer.json()["message"]


def test_a_list_holds_running_containers_all_of_them_or_those_with_a_label(engine: EngineProcess) -> None:
    engine.start("one", Labels={"session": "a"})
    engine.create("two", Labels={"session": "b"})

    def names(query: str) -> set[str]:
        return {entry["Names"][0] for entry in engine.call("GET", f"/containers/json?{query}").json()}

    assert names("") == {"/one"}
    assert names("all=1") == {"/one", "/two"}
    assert names('all=1&filters={"label":["session=b"]}') == {"/two"}


def test_a_snapshot_starts_again_with_the_disk_it_was_taken_with(engine: EngineProcess) -> None:
    door = engine.start_with_sidecar("one")
    ask_inside(door, 9200, "/")
    disk = engine.disk("one")
    (disk / "mark").write_text("before")

    assert engine.call("POST", "/commit?container=one&pause=true&repo=kept").status_code == 201
    (disk / "mark").write_text("after")
    engine.create("again", "kept")

    assert (engine.disk("again") / "mark").read_text() == "before"
    assert engine.call("GET", "/images/kept/json").json()["Parent"] == engine.inspect("one")["Image"]
    assert b'"status":"UP"' in ask_inside(door, 9200, "/_plugins/_security/health"), "the node goes on after its pause"
    assert engine.call("DELETE", "/images/kept").status_code == 200
    assert engine.call("GET", "/images/kept/json").status_code == 404


def test_the_shared_mode_says_so_and_plays_its_nodes_in_one_process(tmp_path: object) -> None:
    with EngineProcess(tmp_path, "--shared") as engine:
        assert "shared" in engine.greeting
        door, _ = engine.start_with_sidecar("one"), engine.start_with_sidecar("two")

        assert b'"status":"UP"' in ask_inside(door, 9200, "/_plugins/_security/health")
        assert engine.pid("one") == engine.pid("two") == engine.process.pid
        engine.call("POST", "/containers/one/kill")
        assert engine.wait("one") == 128 + signal.SIGKILL
        assert engine.inspect("two")["State"]["Running"]
        until(lambda: connect_into(door, 9200) is None, "the killed node's port is closed")
