"""What the entry scripts share: variables, templates, certificates, and the life of the node's processes."""

import json
import subprocess

import pytest

from tests.images.node_root import IMAGES, PEM, terminated, wait_until

LIBRARY = IMAGES / "lib/node.sh"


def run(script: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    source = f"set -euo pipefail\n. {LIBRARY}\n{script}"
    return subprocess.run(
        ["bash", "-c", source], env={"PATH": "/usr/bin:/bin", **variables}, capture_output=True, text=True
    )


def test_every_missing_variable_is_named_at_once_and_no_value_is():
    ended = run("need HERE GONE ODD", HERE="x", ODD='a"b')
    assert ended.returncode == 1
    assert "GONE ODD" in ended.stderr
    assert 'a"b' not in ended.stderr


@pytest.mark.parametrize("value", ['a"b', "a\nb", "a b", "a'b", "a\\b", "a@b@"])
def test_a_value_that_means_something_to_a_configuration_is_refused(value):
    assert run("need VALUE", VALUE=value).returncode == 1


def test_a_template_takes_values_as_they_are(tmp_path):
    (tmp_path / "in").write_text('one: "@FIRST@"\ntwo: @SECOND@ and @FIRST@\ncipher: HIGH:@STRENGTH<\n')
    run(f"render {tmp_path}/in {tmp_path}/made/out 640", FIRST="a$b", SECOND="x/y^z%1")
    assert (tmp_path / "made/out").read_text() == 'one: "a$b"\ntwo: x/y^z%1 and a$b\ncipher: HIGH:@STRENGTH<\n'
    assert (tmp_path / "made/out").stat().st_mode & 0o777 == 0o640


def test_a_template_with_a_value_that_is_missing_ends_the_node(tmp_path):
    (tmp_path / "in").write_text("@ABSENT@")
    ended = run(f"render {tmp_path}/in {tmp_path}/out 600")
    assert ended.returncode == 1
    assert "ABSENT" in ended.stderr
    assert not (tmp_path / "out").exists()


def test_certificates_come_out_as_the_worker_put_them_in(tmp_path):
    files = {"root-ca.pem": PEM, "n-0.pem": PEM + PEM, "n-0-key.pem": PEM.replace("CERTIFICATE", "PRIVATE KEY")}
    ended = run(
        f"put_certificates {tmp_path}",
        NODE_CERTIFICATES=json.dumps({k: v for k, v in files.items() if "0.pem" not in k}),
    )
    assert ended.returncode == 0
    assert (tmp_path / "n-0-key.pem").read_text() == files["n-0-key.pem"]
    assert (tmp_path / "root-ca.pem").stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize("files", [{"../x": PEM}, {"a/b": PEM}, {"x.pem": "$(touch bad)"}, {"x.pem": 'a"b'}])
def test_a_certificate_that_is_none_ends_the_node(tmp_path, files):
    ended = run(f"put_certificates {tmp_path}/in", NODE_CERTIFICATES=json.dumps(files))
    assert ended.returncode == 1
    assert not (tmp_path / "bad").exists()
    assert not list(tmp_path.rglob("x*"))


def test_no_certificates_are_no_files(tmp_path):
    assert run(f"put_certificates {tmp_path}", NODE_CERTIFICATES="{}").returncode == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("child", "code"), [("exit 7", 7), ("exit 0", 1)])
def test_the_node_ends_with_the_first_of_its_parts(child, code):
    ended = run(f"start sleep 60\nstart bash -c '{child}'\nserve")
    assert ended.returncode == code
    assert "ended with code" in ended.stderr


@pytest.mark.parametrize("begin", ["start bash -c", "bash -c"], ids=["noted", "in this very moment"])
def test_sigterm_ends_every_part_and_the_node_orderly(tmp_path, begin):
    part = f"trap 'touch {tmp_path}/asked; exit' TERM; touch {tmp_path}/up; while :; do read -t 0.1 <> <(:) || :; done"
    background = "" if begin.startswith("start") else " &"
    script = f'. {LIBRARY}\n{begin} "{part}"{background}\nserve'
    process = subprocess.Popen(["bash", "-c", script], stderr=subprocess.DEVNULL, text=True)
    wait_until((tmp_path / "up").exists, "the part runs")
    assert terminated(process) == 0
    assert (tmp_path / "asked").exists()


def test_sigterm_during_the_preparation_is_not_lost(tmp_path):
    script = (
        f". {LIBRARY}\ntouch {tmp_path}/preparing\nfor i in $(seq 100); do sleep 0.1; done\ntouch {tmp_path}/served"
    )
    process = subprocess.Popen(["bash", "-c", script], stderr=subprocess.DEVNULL, text=True)
    wait_until((tmp_path / "preparing").exists, "the preparation runs")
    assert terminated(process) == 0
    assert not (tmp_path / "served").exists()
