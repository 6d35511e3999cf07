import base64
import hashlib
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from controlplane import edge_keys

BODY = b'{"epoch":1}'


def sign(door="control", **changes):
    return edge_keys.sign(
        door, **{"cell_id": "lo", "method": "put", "path_query": "/v1/tenants/x?a=%2F", "body": BODY, **changes}
    )


def claims(token, door="control"):
    public = edge_keys.signing_key(door).private.public_key()
    return jwt.decode(token, public, algorithms=["EdDSA"], audience="edge:test:lo", issuer="portal")


def test_a_call_is_bound_to_its_method_raw_path_query_and_body():
    found = claims(sign())
    assert (found["htm"], found["htu"]) == ("PUT", "/v1/tenants/x?a=%2F")
    digest = base64.urlsafe_b64encode(hashlib.sha256(BODY).digest()).rstrip(b"=").decode()
    assert found["bh"] == digest


def test_a_call_is_valid_for_a_minute_and_for_one_use():
    first, second = claims(sign()), claims(sign())
    assert first["exp"] - first["iat"] == 60
    assert abs(first["iat"] - time.time()) < 5
    assert first["jti"] != second["jti"]


@pytest.mark.parametrize(("door", "typ"), [("control", "edge-control+jwt"), ("access", "edge-access+jwt")])
def test_each_door_has_its_own_key_and_type(door, typ):
    header = jwt.get_unverified_header(sign(door))
    assert (header["alg"], header["typ"]) == ("EdDSA", typ)
    assert header["kid"] == edge_keys.signing_key(door).kid
    other = "access" if door == "control" else "control"
    assert header["kid"] != edge_keys.signing_key(other).kid
    with pytest.raises(jwt.InvalidSignatureError):
        claims(sign(door), other)


def test_the_key_id_is_the_start_of_the_public_keys_hash():
    key = edge_keys.signing_key("control")
    raw = key.private.public_key().public_bytes_raw()
    assert key.kid == hashlib.sha256(raw).hexdigest()[:16]


def test_a_scoped_token_ends_after_eight_hours_at_the_latest_and_says_whose_it_is():
    token = edge_keys.sign_scoped({"sub": "usr_a", "tenant": "t", "iss": "forged"}, cell_id="lo", seconds=999_999)
    found = claims(token, "access")
    assert found["exp"] - found["iat"] == 8 * 3600
    assert (found["iss"], found["sub"]) == ("portal", "usr_a")
    assert jwt.get_unverified_header(token)["typ"] == "edge-scoped+jwt"


@pytest.fixture
def configured(monkeypatch):
    """Lets a test say which key files this process was given."""

    def configure(**paths):
        class Environment:
            kind = "production"
            control_key = paths.get("control", "")
            access_key = paths.get("access", "")

        monkeypatch.setattr(edge_keys, "environment", lambda: Environment)
        edge_keys.signing_key.cache_clear()

    yield configure
    edge_keys.signing_key.cache_clear()


def test_a_process_without_the_control_key_can_not_change_specs(configured):
    configured()
    with pytest.raises(edge_keys.KeyNotHere, match="GARRISON_CONTROL_KEY"):
        sign("control")


def test_a_key_is_read_from_its_file(configured, tmp_path):
    private = Ed25519PrivateKey.generate()
    (tmp_path / "k.pem").write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    configured(access=str(tmp_path / "k.pem"))
    assert edge_keys.signing_key("access").private.public_key() == private.public_key()
