"""
A token in the form that unchanged agents of Wazuh 5 take (`WAZUH_ENROLLMENT_TOKEN`), wrapped around one of ours.

Their form: a JSON object `{"ver", "adr", "ca", "key"}` in base64url without padding. `adr` is where the agent finds its
manager, `ca` the PEM by which it knows it, `key` 16 bytes of an id and 16 of a secret. The agent sends neither: it
signs with a key made from the secret and names the id. Secret and key follow from our token's text, so that there is
one secret, shown once, and the edge is told the key alone. A key lies sealed here until the edge has the token.

Source: Wazuh 5.0's published `src/shared/include/enrollment_token.h` and the vectors beside its code.
"""

import base64
import hmac
import json
from hashlib import sha256
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tenants.enrollment.models import EnrollmentToken
from tenants.provisioning.models import Tenant
from tenants.provisioning.specs import manager_version, series_of

ID_BYTES, SECRET_BYTES, KEY_BYTES = 16, 16, 32
LABEL = b"WAZUH-ENROLL-TOKEN-KEY\x01"
PURPOSE = b"secret of the wrapped enrollment token"
PORTS = {"https": 443, "http": 80}


def is_served(tenant: Tenant) -> bool:
    """Whether a tenant's manager takes agents of Wazuh 5."""
    return series_of(manager_version(tenant.spec)) >= (5,)


def key_of(text: str) -> str:
    """The key, in hex, by which agents prove a token of ours. Args: text: the token, `enr_…`."""
    return derived_key(_secret_of(text)).hex()


def derived_key(secret: bytes) -> bytes:
    """What an agent makes of the secret in its token."""
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=bytes(32), info=LABEL).derive(secret)


def wrapped(token: EnrollmentToken, text: str) -> str:
    """
    A token for agents of Wazuh 5; empty where the tenant takes none, or the cell does not say whom they are to trust.

    Args: text: the token's own, which is known only while it is shown.
    """
    cell = token.tenant.cell
    if not is_served(token.tenant) or not cell.agent_ca:
        return ""
    edge = urlsplit(cell.base_url)
    members = {
        "ver": 1,
        "adr": f"{edge.hostname}:{edge.port or PORTS[edge.scheme]}/wazuh/{token.tenant_id}",
        "ca": cell.agent_ca,
        "key": _base64url(token.pk.encode("ascii").ljust(ID_BYTES, b"\0") + _secret_of(text)),
    }
    return _base64url(json.dumps(members, separators=(",", ":")).encode("ascii"))


def _secret_of(text: str) -> bytes:
    return hmac.digest(text.encode("ascii"), PURPOSE, sha256)[:SECRET_BYTES]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
