"""`python -m deploy.public_key FILE`: prints the public half of an Ed25519 PEM file, for a deployment's `[[keys]]`."""

import base64
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


def public_of(pem: bytes) -> str:
    """The raw public half in base64url. Raises ValueError where the PEM holds no Ed25519 key."""
    private = load_pem_private_key(pem, password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise ValueError("the file holds no Ed25519 key")
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


if __name__ == "__main__":
    print(public_of(Path(sys.argv[1]).read_bytes()))
