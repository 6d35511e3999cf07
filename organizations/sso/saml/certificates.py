"""Certificates as they are stored (base64 of DER): read, told apart, and our own made."""

import base64
import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.utils import timezone

from controlplane.problems import Invalid

OWN_YEARS = 10
OWN_BITS = 3072


def last_end(certificates: list[str]) -> dt.datetime | None:
    """When the last of some certificates (base64 DER) ends."""
    return max((parsed(text).not_valid_after_utc for text in certificates), default=None)


def parsed(text: str) -> x509.Certificate:
    """A stored certificate (base64 DER)."""
    return x509.load_der_x509_certificate(base64.b64decode(text))


def fingerprint(text: str) -> str:
    """SHA-256 of a stored certificate, hexadecimal."""
    return parsed(text).fingerprint(hashes.SHA256()).hex()


def bare(certificate: str) -> str:
    """PEM or base64 as base64 alone. Raises Invalid for several certificates at once."""
    if certificate.count("BEGIN CERTIFICATE") > 1:
        raise Invalid("Give one certificate at a time.", field="certificate")
    return "".join(line for line in certificate.splitlines() if "CERTIFICATE-----" not in line)


def own_pair(name: str) -> tuple[str, str]:
    """A new key as PEM, and its self-signed certificate as base64 DER: providers take it as a name for the key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=OWN_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = timezone.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=365 * OWN_YEARS))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
