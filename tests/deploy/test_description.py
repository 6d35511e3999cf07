"""The deployment file: every fault is named by its path."""

import pytest

from deploy.description import Unusable, kid_of, of, read
from deploy.public_key import public_of
from tests.deploy.described import EXAMPLE, changed, example


def faults_of(content) -> list[str]:
    with pytest.raises(Unusable) as raised:
        of(content)
    return raised.value.faults


def test_the_example_can_be_read():
    assert read(EXAMPLE)["cell.id"] == "eu"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("account_id", "XYZ"),
        ("account_id", None),
        ("worker", "Has Spaces"),
        ("cell.id", "e1"),
        ("cell.jurisdiction", "mars"),
        ("cell.capacity", 0),
        ("cell.capacity", True),
        ("hosts.edge", "https://edge.example.com"),
        ("hosts.portal", "localhost"),
        ("hosts.dashboards_zone", None),
        ("resources.d1_id", "no-uuid"),
        ("resources.kv_id", 7),
        ("secrets.data_keys_file", "relative.json"),
    ],
)
def test_a_wrong_or_missing_value_is_named(path, value):
    (fault,) = faults_of(changed(path, value))
    assert fault.startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("versions.0.manager", "wazuh-manager:latest", "versions[0].manager"),
        ("versions.0.version", "newest", "versions[0].version"),
        ("keys.1.door", "back", "keys[1].door"),
        ("keys.0.public", "short", "keys[0].public"),
        ("keys.0.private", "x", "keys[0].private: is not known"),
        ("versions", [], "versions"),
        ("keys", "none", "keys"),
        ("extra", 1, "extra: is not known"),
        ("seed", {"manifests": "clusters"}, "seed.organization: is missing"),
        ("seed", {"organization": "acme", "manifests": "clusters"}, "seed.organization: expected"),
        ("operators", {"team": "example"}, "operators.audience: is missing"),
        ("operators", {"team": "https://example", "audience": "a" * 64}, "operators.team: expected"),
        ("operators", {"team": "example", "audience": "a" * 64, "people": []}, "operators.people: is not known"),
        ("cell.color", "red", "cell.color: is not known"),
    ],
)
def test_lists_and_unknown_names_are_told_by_place(path, value, named):
    assert any(fault.startswith(named) for fault in faults_of(changed(path, value)))


def test_all_faults_are_told_at_once():
    content = changed("account_id", "bad")
    content["hosts"]["edge"] = "bad host"
    del content["keys"][0]["public"]
    assert len(faults_of(content)) == 3


def test_a_door_without_a_key_is_told():
    content = example()
    del content["keys"][1]
    assert faults_of(content) == ["keys: no key opens the door access"]


@pytest.mark.parametrize("host", ["portal", "edge"])
def test_a_dashboards_host_that_contains_another_is_refused(host):
    content = example()
    content["hosts"][host] = f"{host}.example.net"
    content["hosts"]["edge_zone"] = "example.net" if host == "edge" else "example.com"
    assert faults_of(content) == [f"hosts.dashboards: contains hosts.{host}"]


def test_a_host_outside_its_zone_is_refused():
    assert faults_of(changed("hosts.edge_zone", "example.org")) == ["hosts.edge: does not lie in hosts.edge_zone"]


def test_the_same_version_or_key_twice_is_refused():
    content = example()
    content["versions"] *= 2
    content["keys"].append(dict(content["keys"][0]))
    assert len(faults_of(content)) == 2


def test_a_file_that_is_no_toml_is_told(tmp_path):
    file = tmp_path / "cell.toml"
    file.write_text("account_id = ")
    with pytest.raises(Unusable) as raised:
        read(file)
    assert str(file) in raised.value.faults[0]


def test_a_keys_name_is_the_one_that_the_portal_signs_with(tmp_path):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from controlplane.edge_keys import _named

    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert kid_of(public_of(pem)) == _named(private).kid
