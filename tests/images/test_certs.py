"""The certificates image mints what the local certificates node mints, with openssl alone."""

import datetime as dt
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509

from local.nodes.certs.bundle import mint
from local.nodes.certs.request import read_request
from tests.images.node_root import IMAGES, environment_of, terminated, wait_until

REQUEST = {
    "days": 90,
    "nodes": {
        "indexer": [{"name": "indexer-0", "ip": "127.0.0.1"}],
        "server": [{"name": "manager-0", "ip": "10.0.0.2", "node_type": "master"}],
        "dashboard": [{"name": "dashboard-0", "ip": "dashboard.example"}, {"name": "dashboard-1", "ip": "::1"}],
    },
}
MINTING = 90.0  # seconds: a busy machine makes keys slowly
NAMES = ("admin", "indexer-0", "manager-0", "dashboard-0", "dashboard-1")


class CertsImage:
    """The image's server as a process of this machine."""

    def __init__(self, log, **variables: str) -> None:
        given = {"PATH": os.environ["PATH"], "PORT": "0", **environment_of("certs", **variables)}
        command = [sys.executable, IMAGES / "certs/serve.py"]
        self.log = log
        self.process = subprocess.Popen(command, env=given, stderr=log.open("w"))
        wait_until(lambda: "serving on" in log.read_text(), "the certificates node serves")
        self.url = f"http://127.0.0.1:{log.read_text().split()[2]}"

    def post(self, path: str, content: str) -> httpx.Response:
        return httpx.post(self.url + path, content=content, timeout=MINTING, trust_env=False)


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Iterator[CertsImage]:
    running = CertsImage(tmp_path_factory.mktemp("certs") / "log", CERTS_REQUEST=json.dumps(REQUEST))
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture(scope="module")
def minted(image) -> dict:
    return image.post("/mint", json.dumps(REQUEST)).json()


@pytest.fixture(scope="module")
def expected() -> dict[str, str]:
    return mint(read_request(REQUEST), dt.datetime.now(dt.UTC)).files


def shape_of(pem: str) -> tuple:
    """All of a certificate but its key, its number and its time."""
    read = x509.load_pem_x509_certificate(pem.encode())
    by_chance = (x509.AuthorityKeyIdentifier, x509.SubjectKeyIdentifier)
    extensions = {
        e.oid.dotted_string: (e.critical, e.value) for e in read.extensions if not isinstance(e.value, by_chance)
    }
    return read.subject, read.issuer, read.public_key().key_size, read.signature_hash_algorithm.name, extensions


def test_the_bundle_has_the_same_files_as_the_local_node(minted, expected):
    assert set(minted["files"]) == set(expected)
    assert set(minted) == {"files", "not_after", "fingerprint"}


@pytest.mark.parametrize("name", ["root-ca", *NAMES])
def test_each_certificate_says_what_the_local_node_would_say(minted, expected, name):
    assert shape_of(minted["files"][f"{name}.pem"]) == shape_of(expected[f"{name}.pem"])


def test_openssl_accepts_the_chain_strictly_and_each_key_fits(minted, tmp_path):
    for name, text in minted["files"].items():
        (tmp_path / name).write_text(text)
    for name in NAMES:
        verify = ["openssl", "verify", "-x509_strict", "-CAfile", "root-ca.pem", f"{name}.pem"]
        assert subprocess.run(verify, cwd=tmp_path, capture_output=True, text=True, check=False).stdout.endswith(
            ": OK\n"
        )
        of_certificate = ["openssl", "x509", "-in", f"{name}.pem", "-noout", "-pubkey"]
        of_key = ["openssl", "pkey", "-in", f"{name}-key.pem", "-pubout"]
        public = [
            subprocess.run(c, cwd=tmp_path, capture_output=True, check=True).stdout for c in (of_certificate, of_key)
        ]
        assert public[0] == public[1]


def test_the_answer_names_the_end_and_the_authority(minted):
    authority = x509.load_pem_x509_certificate(minted["files"]["root-ca.pem"].encode())
    assert dt.datetime.fromisoformat(minted["not_after"]) == authority.not_valid_after_utc
    assert minted["not_after"].endswith("Z")
    assert "T" in minted["not_after"]
    from cryptography.hazmat.primitives.hashes import SHA256

    assert minted["fingerprint"] == authority.fingerprint(SHA256()).hex()


def test_an_empty_body_mints_what_the_environment_asks_for(image, minted):
    answer = image.post("/mint", "")
    assert set(answer.json()["files"]) == set(minted["files"])
    assert answer.json()["fingerprint"] != minted["fingerprint"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("[]", "days and nodes"),
        ('{"days": 0, "nodes": {"server": []}}', "days"),
        ('{"nodes": {"agent": []}}', "nodes"),
        ('{"nodes": {"server": [{"name": "a b", "ip": "1.2.3.4"}]}}', "nodes.server[0].name"),
        ('{"nodes": {"server": [{"name": "a", "ip": "1.2.3.4, DNS:other"}]}}', "nodes.server[0].ip"),
        ('{"nodes": {"server": [{"name": "admin", "ip": "1.2.3.4"}]}}', "admin"),
        ("{", "Expecting"),
    ],
)
def test_a_bad_request_is_refused_by_the_field(image, body, named):
    answer = image.post("/mint", body)
    assert answer.status_code == 400
    assert named in answer.json()["message"]


def test_health_and_unknown_paths(image):
    assert httpx.get(image.url + "/health", trust_env=False).json()["status"] == "ready"
    assert httpx.get(image.url + "/keys", trust_env=False).status_code == 404
    assert image.post("/keys", "").status_code == 404


def test_a_client_that_would_keep_its_connection_does_not_hold_up_the_end(tmp_path):
    image = CertsImage(tmp_path / "log")
    with httpx.Client(trust_env=False) as client:
        assert client.get(image.url + "/health").json()["status"] == "ready"
        assert terminated(image.process) == 0


def test_a_client_that_says_nothing_does_not_hold_up_the_end(tmp_path):
    image = CertsImage(tmp_path / "log")
    with socket.create_connection(("127.0.0.1", urlsplit(image.url).port)):
        assert httpx.get(image.url + "/health", trust_env=False).status_code == 200
        assert terminated(image.process) == 0


def test_files_are_for_their_owner_to_read(tmp_path):
    lines = "indexer-0 IP:127.0.0.1\n"
    subprocess.run([IMAGES / "certs/mint.sh", "30", tmp_path / "out"], input=lines, text=True, check=True)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "out").iterdir()}
    assert modes["admin.pem"] == 0o400
    assert set(modes.values()) == {0o400}


def test_sigterm_ends_it_orderly_and_nothing_of_a_key_was_logged(tmp_path):
    running = CertsImage(tmp_path / "log")
    assert running.post("/mint", json.dumps(REQUEST)).status_code == 200
    assert terminated(running.process) == 0
    assert "PRIVATE" not in running.log.read_text()
