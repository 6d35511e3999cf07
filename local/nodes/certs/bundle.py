"""Minting: an authority of its own for each bundle, a certificate for each node and one for the administrator."""

import datetime as dt
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.nodes.certs.request import CertifiedNode, MintRequest

KEY_BITS = 2048
BACKDATED = dt.timedelta(minutes=5)  # a node whose clock is a little behind still accepts the bundle
SUBJECT = (
    (NameOID.COUNTRY_NAME, "US"),
    (NameOID.LOCALITY_NAME, "California"),
    (NameOID.ORGANIZATION_NAME, "Wazuh"),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "Wazuh"),
)


@dataclass(frozen=True)
class Bundle:
    """PEM texts by file name, the end of validity, and the authority's SHA-256 fingerprint in hex."""

    files: dict[str, str]
    not_after: dt.datetime
    fingerprint: str


@dataclass(frozen=True)
class Authority:
    """Signs certificates until `not_after`."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    not_before: dt.datetime
    not_after: dt.datetime

    def issue(self, common_name: str, alternative: x509.GeneralName | None) -> tuple[str, str]:
        """A new certificate and its key, as PEM."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        builder = _builder(_subject(common_name), self.certificate.subject, key, self.not_before, self.not_after)
        for extension, critical in self._extensions(common_name, alternative):
            builder = builder.add_extension(extension, critical)
        return _certificate_pem(builder.sign(self.key, hashes.SHA256())), _key_pem(key)

    def _extensions(
        self, common_name: str, alternative: x509.GeneralName | None
    ) -> Iterator[tuple[x509.ExtensionType, bool]]:
        """What makes it a node's or the administrator's; with each, whether it is critical."""
        yield x509.BasicConstraints(ca=False, path_length=None), True
        yield _key_usage(signs_certificates=False), True
        yield x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False
        yield x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False
        if alternative is not None:
            yield x509.SubjectAlternativeName([alternative, x509.DNSName(common_name)]), False


def mint(request: MintRequest, now: dt.datetime) -> Bundle:
    """Mints a whole bundle that ends `request.days` days after `now` (an aware time)."""
    authority = _new_authority(now.replace(microsecond=0) - BACKDATED, request.days, now)
    files = {
        "root-ca.pem": _certificate_pem(authority.certificate),
        "root-ca.key": _key_pem(authority.key),
    }
    files["admin.pem"], files["admin-key.pem"] = authority.issue("admin", None)
    for node in request.nodes:
        files[f"{node.name}.pem"], files[f"{node.name}-key.pem"] = authority.issue(node.name, _alternative(node))
    return Bundle(files, authority.not_after, authority.certificate.fingerprint(hashes.SHA256()).hex())


def _new_authority(not_before: dt.datetime, days: int, now: dt.datetime) -> Authority:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    not_after = now.replace(microsecond=0) + dt.timedelta(days=days)
    name = _subject("Wazuh root CA")
    builder = (
        _builder(name, name, key, not_before, not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Authority(key, builder.sign(key, hashes.SHA256()), not_before, not_after)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, not_before: dt.datetime, not_after: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )


def _alternative(node: CertifiedNode) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(node.address)) if node.is_ip else x509.DNSName(node.address)


def _subject(common_name: str) -> x509.Name:
    pairs = (*SUBJECT, (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=not signs_certificates,
        key_encipherment=not signs_certificates,
        data_encipherment=not signs_certificates,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: rsa.RSAPrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
