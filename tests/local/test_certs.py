"""The certificates node: a bundle that others can verify."""

import json
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

pytestmark = pytest.mark.anyio

NODES = {
    "indexer": [{"name": "indexer-0", "ip": "127.0.0.1"}],
    "server": [{"name": "manager-0", "ip": "10.0.0.2", "node_type": "master"}],
    "dashboard": [{"name": "dashboard-0", "ip": "dashboard.example"}],
}
NAMES = ("indexer-0", "manager-0", "dashboard-0", "admin")


@pytest.fixture
async def certs(play):
    return (await play("certs", CERTS_REQUEST=json.dumps({"days": 90, "nodes": NODES}))).client(8080, timeout=30)


@pytest.fixture
async def minted(certs):
    return (await certs.post("/mint", json={"days": 30, "nodes": NODES})).json()


def certificate(minted, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(minted["files"][f"{name}.pem"].encode())


async def test_a_bundle_has_an_authority_an_admin_and_every_node(minted) -> None:
    pairs = [file for name in NAMES for file in (f"{name}.pem", f"{name}-key.pem")]

    assert set(minted["files"]) == {"root-ca.pem", "root-ca.key", *pairs}


async def test_every_certificate_is_signed_by_the_authority_and_belongs_to_its_key(minted) -> None:
    authority = certificate(minted, "root-ca")
    for name in NAMES:
        issued = certificate(minted, name)
        issued.verify_directly_issued_by(authority)
        key = load_pem_private_key(minted["files"][f"{name}-key.pem"].encode(), None)
        assert key.public_key() == issued.public_key()


async def test_openssl_accepts_the_bundle_strictly(minted, tmp_path) -> None:
    for name in ("root-ca", *NAMES):
        (tmp_path / f"{name}.pem").write_text(minted["files"][f"{name}.pem"])

    for name in NAMES:
        command = ["openssl", "verify", "-x509_strict", "-CAfile", tmp_path / "root-ca.pem", tmp_path / f"{name}.pem"]
        assert subprocess.run(command, capture_output=True, text=True, check=False).stdout.endswith(": OK\n")


async def test_the_administrator_is_who_the_indexer_expects(minted) -> None:
    subject = certificate(minted, "admin").subject

    assert subject.rfc4514_string() == "CN=admin,OU=Wazuh,O=Wazuh,L=California,C=US"


async def test_a_node_is_named_by_its_address_and_its_name(minted) -> None:
    def names(node: str) -> x509.SubjectAlternativeName:
        return certificate(minted, node).extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert str(names("manager-0").get_values_for_type(x509.IPAddress)[0]) == "10.0.0.2"
    assert "dashboard.example" in names("dashboard-0").get_values_for_type(x509.DNSName)
    [common] = certificate(minted, "indexer-0").subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert common.value == "indexer-0"


async def test_a_bundle_tells_when_it_ends_and_which_it_is(minted) -> None:
    authority = certificate(minted, "root-ca")

    assert minted["not_after"] == authority.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert minted["fingerprint"] == authority.fingerprint(SHA256()).hex()
    assert (authority.not_valid_after_utc - authority.not_valid_before_utc).days == 30
    assert {certificate(minted, name).not_valid_after_utc for name in NAMES} == {authority.not_valid_after_utc}


async def test_a_node_cannot_issue_certificates(minted) -> None:
    constraints = certificate(minted, "indexer-0").extensions.get_extension_for_class(x509.BasicConstraints).value

    assert constraints.ca is False


async def test_each_bundle_has_an_authority_of_its_own(certs, minted) -> None:
    again = (await certs.post("/mint", json={"days": 30, "nodes": NODES})).json()

    assert again["fingerprint"] != minted["fingerprint"]


async def test_without_a_body_it_mints_what_its_environment_asks_for(certs) -> None:
    minted = (await certs.post("/mint")).json()

    authority = certificate(minted, "root-ca")
    assert (authority.not_valid_after_utc - authority.not_valid_before_utc).days == 90


async def test_health_answers_while_it_waits(certs) -> None:
    assert (await certs.get("/health")).json()["status"] == "ready"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "object"),
        ({"days": 0, "nodes": NODES}, "days"),
        ({"days": 3651, "nodes": NODES}, "days"),
        ({"days": True, "nodes": NODES}, "days"),
        ({"days": 30}, "nodes"),
        ({"days": 30, "nodes": {"other": []}}, "nodes"),
        ({"days": 30, "nodes": {"indexer": "x"}}, "nodes.indexer"),
        ({"days": 30, "nodes": {"indexer": [{"name": "../up", "ip": "127.0.0.1"}]}}, "nodes.indexer[0].name"),
        ({"days": 30, "nodes": {"indexer": [{"name": "a\n", "ip": "127.0.0.1"}]}}, "nodes.indexer[0].name"),
        ({"days": 30, "nodes": {"indexer": [{"name": "a:b", "ip": "127.0.0.1"}]}}, "nodes.indexer[0].name"),
        ({"days": 30, "nodes": {"indexer": [{"name": "a"}]}}, "nodes.indexer[0].ip"),
        ({"days": 30, "nodes": {"indexer": [{"name": "a", "ip": "a:b"}]}}, "nodes.indexer[0].ip"),
        ({"days": 30, "nodes": {"indexer": [{"name": "a", "ip": "fe80::1%a b"}]}}, "nodes.indexer[0].ip"),
        ({"days": 30, "nodes": {"indexer": [{"name": "admin", "ip": "127.0.0.1"}]}}, "nodes"),
        ({"days": 30, "nodes": {"indexer": [{"name": "a", "ip": "127.0.0.1"}] * 2}}, "nodes"),
    ],
)
async def test_a_request_that_cannot_be_met_is_400_and_names_the_field(certs, body, field) -> None:
    answer = await certs.post("/mint", json=body)

    assert answer.status_code == 400
    assert field in answer.json()["message"]


async def test_no_key_stays_on_the_nodes_disk_or_in_its_log(play) -> None:
    node = await play("certs")
    await node.client(8080, timeout=30).post("/mint", json={"days": 30, "nodes": NODES})

    assert list(node.disk.iterdir()) == []
    assert "PRIVATE KEY" not in node.output.getvalue()
