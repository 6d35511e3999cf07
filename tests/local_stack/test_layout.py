"""Where a stack lives: its ports, its engine, and what it refuses before anything is started."""

import re

import pytest

from local.stack import layout, ports
from local.stack.__main__ import refuse_what_cannot_run
from local.stack.layout import Layout


def test_a_stack_keeps_its_ports_between_starts_and_yields_those_that_others_took(tmp_path, free_loopback_socket):
    kept = tmp_path / "ports.json"
    first = ports.choose(kept, usual=False)
    assert ports.choose(kept) == first
    free_loopback_socket.bind(("127.0.0.1", first["edge"]))
    free_loopback_socket.listen()
    second = ports.choose(kept)
    assert second["edge"] != first["edge"]
    assert second["portal"] == first["portal"]


def test_a_stack_takes_the_usual_ports_where_they_are_free(tmp_path, free_loopback_socket, monkeypatch):
    busy, *others = ports.free(len(ports.USUAL))
    free_loopback_socket.bind(("127.0.0.1", busy))
    free_loopback_socket.listen()
    monkeypatch.setattr(ports, "USUAL", dict(zip(ports.USUAL, [busy, *others], strict=True)))
    chosen = ports.choose(tmp_path / "ports.json")
    assert [chosen[name] for name in ports.USUAL][1:] == others
    assert chosen["portal"] != busy
    assert len(set(chosen.values())) == len(ports.USUAL)


def test_a_path_that_no_socket_can_have_is_refused_before_anything_is_started(tmp_path):
    with pytest.raises(SystemExit, match="too long for a Unix socket"):
        refuse_what_cannot_run(Layout(tmp_path / ("deep" * 30)))


def test_asking_for_docker_where_none_answers_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("ENGINE", "docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'no-engine.sock'}")
    with pytest.raises(SystemExit, match=r"no Docker engine answers at unix://.*leave ENGINE away"):
        refuse_what_cannot_run(Layout(tmp_path))


def test_a_docker_engine_gets_the_images_that_this_repository_builds(tmp_path, monkeypatch):
    monkeypatch.setenv("ENGINE", "docker")
    monkeypatch.setattr(layout, "docker_socket", lambda: "/var/run/docker.sock")
    stack = Layout(tmp_path, usual_ports=False)
    assert stack.keys  # made at the first start, before the edge's configuration
    images = stack.edge_configuration()["images"]
    builds = (layout.REPOSITORY / "images/build.sh").read_text()
    for role in ("manager", "indexer", "dashboard", "certs"):
        assert images[role] == {"v4147": f"wazuh-{role}:4.14.7"}
        assert role in re.search(r"^for role in (.+); do$", builds, re.M)[1].split()
    assert '-t "wazuh-$role:$VERSION"' in builds
