"""Certificates for the etcd of the tests: an authority, what servers and members show, and one of a client."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Files:
    """Where the PEM files are.

    Only the authority has a CN: etcd's JSON gateway refuses that of a client, and gives the rights of the user whom the
    server's CN names to whoever has a client's certificate and sends no Accept.
    """

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path
    authority_key: Path


def make_files(folder: Path, *, days: float = 30.0, of: Files | None = None, client_name: str = "") -> Files:
    """Make an authority and certificates for 127.0.0.1.

    :param days: for which they are valid, negative for some that have ended.
    :param of: the files with the authority that signs them; a new one, when it is left out.
    :param client_name: the CN of the client's certificate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the tests")])
    authority_key = ec.generate_private_key(ec.SECP256R1())
    if of is None:
        (folder / "ca.pem").write_bytes(_sign(name, name, authority_key, authority_key, days=3650, is_authority=True))
    else:
        (folder / "ca.pem").write_bytes(of.ca.read_bytes())
        loaded = serialization.load_pem_private_key(of.authority_key.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        authority_key = loaded
    _write_key(folder / "ca.key", authority_key)
    for which in ("server", "client"):
        key = ec.generate_private_key(ec.SECP256R1())
        named = [x509.NameAttribute(NameOID.COMMON_NAME, client_name)] if client_name and which == "client" else []
        subject = x509.Name(named)
        (folder / f"{which}.pem").write_bytes(_sign(subject, name, key, authority_key, days=days))
        _write_key(folder / f"{which}.key", key)
    names = ("ca.pem", "server.pem", "server.key", "client.pem", "client.key", "ca.key")
    return Files(*(folder / each for each in names))


def _write_key(place: Path, key: ec.EllipticCurvePrivateKey) -> None:
    place.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    place.chmod(0o600)


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    authority: ec.EllipticCurvePrivateKey,
    *,
    days: float,
    is_authority: bool = False,
) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    start = now - datetime.timedelta(days=60)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    )
    if not is_authority:
        addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        # Those of the first hosts of tests/fleet/namespaces.py, too.
        addresses += [x509.IPAddress(ipaddress.ip_address(f"10.99.0.{number}")) for number in range(1, 10)]
        # etcd's own gateway connects to it with the server's certificate, so that is one of a client, too.
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.SubjectAlternativeName(addresses), critical=False).add_extension(
            x509.ExtendedKeyUsage(uses), critical=False
        )
    return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
