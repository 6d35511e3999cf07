"""What a Docker engine is given, as far as it shows without one; `tests/docker` has the rest."""

import os
import struct
import subprocess
import sys
import tarfile

import httpx
import pytest

from local.docker import files
from local.docker.__main__ import refuse_without_gateway
from local.docker.files import HOME, Missing, collect, interpreter, place
from local.docker.images import CERTS, _pack, every_reference
from local.docker.names import ADDRESS, answered
from local.engine.images import find_image
from local.stack.layout import REPOSITORY

IPV4, IPV6 = 1, 28


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> dict[str, tarfile.TarInfo]:
    target = tmp_path_factory.mktemp("image") / "base.tar"
    # iptables comes with an engine; without one it need not be here.
    with pytest.MonkeyPatch.context() as patched, target.open("wb") as file:
        patched.setattr(files, "PROGRAMS", tuple(set(files.PROGRAMS) - {"iptables"}))
        _pack(file, collect())
    with tarfile.open(target) as archive:
        return {entry.name: entry for entry in archive}


def test_an_image_holds_the_python_the_programs_and_the_projects_own_code(packed):
    for path in (place(interpreter()), HOME / "local/docker/node.py", HOME / "images/certs/serve.py"):
        assert str(path).lstrip("/") in packed
    for program in ("openssl", "sh"):
        assert packed[f"usr/bin/{program}"].mode == 0o755
    assert packed["python3"].linkname == str(interpreter())
    assert packed["garrison/images/certs/mint.sh"].mode == 0o755


def test_an_image_holds_no_tests_and_nothing_of_the_stack_that_runs_here(packed):
    assert not [name for name in packed if name.startswith(("garrison/tests", "garrison/.local", "garrison/worker"))]
    assert sum(entry.size for entry in packed.values()) < 300 * 1024 * 1024


def test_compiled_files_are_known_to_be_fresh_in_the_image(packed):
    """A sidecar has two seconds to answer; Python would compile everything anew at each start."""
    source = REPOSITORY / "local/docker/sidecar.py"
    assert packed["garrison/local/docker/sidecar.py"].mtime == int(source.stat().st_mtime)
    assert [name for name in packed if name.startswith("garrison/local/docker/__pycache__/sidecar.")]


def test_every_image_is_one_that_a_stand_in_plays(packed):
    images = [find_image(reference) for reference in every_reference()]
    assert all(images)
    assert {image.role for image in images if image} == {"manager", "indexer", "dashboard", "certs"}


def test_the_certificates_image_starts_what_the_products_own_does():
    ours = (REPOSITORY / "images/certs/Dockerfile").read_text()
    program = CERTS[1].partition(str(HOME))[2].partition('"')[0]
    assert program == "/images/certs/serve.py"
    assert 'ENTRYPOINT ["python3", "/node/certs/serve.py"]' in ours
    assert CERTS[0] in ours


def question(name: str, kind: int) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 4242, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def test_every_name_has_the_one_address_and_none_of_another_kind():
    asked = question("state.internal", IPV4)
    answer = answered(asked)
    assert struct.unpack_from("!6H", answer) == (4242, 0x8500, 1, 1, 0, 0)
    assert answer[12 : len(asked)] == asked[12:]
    assert answer.endswith(ADDRESS)
    assert struct.unpack_from("!6H", answered(question("state.internal", IPV6)))[3] == 0


@pytest.mark.parametrize("query", [b"", b"\x10", bytes(12), question("a.internal", IPV4)[:-3], bytes(12) + b"\x40"])
def test_what_is_no_question_is_refused(query):
    assert struct.unpack("!6H", answered(query))[1] == 0x8405


def test_no_engine_is_one_line_and_a_failure(tmp_path):
    nowhere = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    command = [sys.executable, "-m", "local.docker"]
    done = subprocess.run(command, cwd=REPOSITORY, env=nowhere, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "no Docker engine answers" in line
    assert not done.stdout


def engine_with(*networks: dict[str, str]) -> httpx.Client:
    bridge = {"IPAM": {"Config": list(networks)}}
    return httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=bridge)), base_url="http://e")


def test_an_engine_that_names_no_gateway_is_refused_with_what_to_do():
    with pytest.raises(Missing, match="--bip"):
        refuse_without_gateway(engine_with({"Subnet": "172.17.0.0/16"}))
    refuse_without_gateway(engine_with({"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}))


def test_a_machine_without_a_program_is_told_which(monkeypatch):
    monkeypatch.setattr(files, "PROGRAMS", ("sh", "no-such-program"))
    with pytest.raises(Missing, match="no-such-program"):
        collect()
