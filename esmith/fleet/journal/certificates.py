"""Certificates of a fleet: one authority, one certificate for each machine with etcd, one for each member.

No certificate has a common name: the JSON interface of etcd refuses clients whose certificate has one, because a user
could be taken from it, and it asks etcd itself as a client with the certificate of the server. Rights come from the
user and the password (docs/fleet.md#new-certificates).
"""

from __future__ import annotations

import time
from datetime import UTC
from ipaddress import IPv4Address, IPv6Address, ip_address

from esmith.errors import StoreError, UsageError
from esmith.fields import dataclass
from esmith.fleet.journal.errors import library_missing
from esmith.fleet.journal.files import read_private, read_public, replace_file
from esmith.fleet.names import is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

DAY = 86_400
#: In days: how long an authority and what it signs are good for.
AUTHORITY_DAYS, CERTIFICATE_DAYS = 3_653, 731
#: In days: so far may the clock of another machine be behind.
_EARLIER_DAYS = 1
_SELF_NAMES, _SELF_ADDRESSES = ("localhost",), ("127.0.0.1", "::1")
_RENEW = "renew it with 'esmith fleet certificates' on the first host"


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both as PEM.

    :param certificate: may be shown to anybody.
    :param key: a secret.
    """

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Pair(...)"


def make_authority(fleet: str) -> Pair:
    """Return a new authority (EC P-256, ten years).

    :param fleet: name of the fleet, which stands in it.
    :raises InstallError: without the library.
    """
    lib = _Library()
    key = lib.new_key()
    name = lib.name(fleet, "authority")
    now = int(time.time())
    builder = lib.builder(name, name, key, now, now + AUTHORITY_DAYS * DAY)
    x509 = lib.x509
    usage = {"digital_signature": True, "key_cert_sign": True, "crl_sign": True}
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(lib.usage(**usage), critical=True)
    return lib.pair(builder.sign(key, lib.sha256()), key)


def make_certificate(
    authority: Pair, *, host: str, names: Sequence[str] = (), addresses: Sequence[str] = (), server: bool = False
) -> Pair:
    """Return a new certificate (EC P-256, two years, never longer than its authority).

    One of a server is for clients and for its peers, and for what etcd asks itself; it holds ``localhost``, 127.0.0.1
    and ::1 besides. One of a client holds no name and no address: etcd would compare these with where the client comes
    from.

    :param host: whose it is, for people who look at it.
    :param names: DNS names under which a server is reached.
    :param addresses: IP addresses under which a server is reached.
    :param server: whether it is for etcd; else it is for a client alone.
    :raises UsageError: for a name or an address that is not one.
    :raises StoreError: when the authority is not one, or has ended.
    :raises InstallError: without the library.
    """
    lib = _Library()
    issuer, signing = lib.load(authority)
    ends = min(int(time.time()) + CERTIFICATE_DAYS * DAY, _end_of(issuer))
    if ends <= time.time():
        raise StoreError("the authority of the fleet has ended", hint="make a new one: docs/fleet.md#new-certificates")
    x509, uses = lib.x509, lib.uses
    key = lib.new_key()
    builder = lib.builder(lib.name(_organisation(issuer), host), issuer.subject, key, int(time.time()), ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(lib.usage(digital_signature=True), critical=True)
    both = [uses.SERVER_AUTH, uses.CLIENT_AUTH] if server else [uses.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    builder = builder.add_extension(issuer_key, critical=False)
    if server:
        texts = dict.fromkeys([*map(_checked_name, names), *_SELF_NAMES])
        numbers = dict.fromkeys([*map(_checked_address, addresses), *map(ip_address, _SELF_ADDRESSES)])
        subjects = [*map(x509.DNSName, texts), *map(x509.IPAddress, numbers)]
        builder = builder.add_extension(x509.SubjectAlternativeName(subjects), critical=False)
    return lib.pair(builder.sign(signing, lib.sha256()), key)


def save_pair(pair: Pair, certificate: str, key: str) -> None:
    """Write a certificate with mode 0644 and its key with mode 0600, durably, the key first.

    A crash in between leaves a key that does not fit the certificate; then both have to be made again.

    :param certificate: path.
    :param key: path.
    :raises StoreError: when that is not possible.
    """
    replace_file(key, pair.key, 0o600)
    replace_file(certificate, pair.certificate, 0o644)


def load_pair(certificate: str, key: str) -> Pair:
    """Return a certificate and its key from their files.

    :raises UntrustedError: when others may read the key.
    :raises StoreError: when one is missing, or they do not belong together.
    :raises InstallError: without the library.
    """
    pair = Pair(read_public(certificate), read_private(key))
    try:
        _Library().load(pair)
    except StoreError as error:
        error.place = certificate
        raise
    return pair


def ends_at(path: str) -> int:
    """Return when a certificate ends, in seconds since 1970; of several in a file, the first to end.

    :param path: of a PEM file.
    :raises StoreError: when it is missing or holds no certificate.
    :raises InstallError: without the library.
    """
    lib = _Library()
    mark = b"-----BEGIN CERTIFICATE-----"
    parts = read_public(path).split(mark)[1:]
    try:
        ends = [_end_of(lib.x509.load_pem_x509_certificate(mark + part)) for part in parts]
    except ValueError:
        ends = []
    if not ends:
        raise StoreError("holds no certificate", place=path, hint=_RENEW)
    return min(ends)


class _Library:
    """The parts of the library that are used here: it is imported only where certificates are made or looked at.

    :raises InstallError: without the library.
    """

    def __init__(self) -> None:
        try:
            from cryptography import x509
            from cryptography.hazmat.primitives import hashes, serialization
            from cryptography.hazmat.primitives.asymmetric import ec
        except ImportError:
            raise library_missing() from None
        self.x509, self._ec, self._forms = x509, ec, serialization
        self.sha256: Callable[[], hashes.SHA256] = hashes.SHA256
        self.uses = x509.oid.ExtendedKeyUsageOID

    def new_key(self) -> EllipticCurvePrivateKey:
        return self._ec.generate_private_key(self._ec.SECP256R1())

    def name(self, organisation: str, unit: str) -> x509.Name:
        """Return a name without a common name; each part holds 64 characters at most (RFC 5280, appendix A)."""
        oid = self.x509.oid.NameOID
        parts = ((oid.ORGANIZATION_NAME, organisation), (oid.ORGANIZATIONAL_UNIT_NAME, unit))
        return self.x509.Name([self.x509.NameAttribute(kind, text[:64]) for kind, text in parts])

    def usage(self, **wanted: bool) -> x509.KeyUsage:
        every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        every += ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # type: ignore[assignment]
        return self.x509.KeyUsage(**{one: wanted.get(one, False) for one in every})

    def builder(
        self, subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, now: int, ends: int
    ) -> x509.CertificateBuilder:
        """Return a certificate that is not signed yet, good from a day ago."""
        from datetime import datetime

        def moment(seconds: int) -> datetime:
            return datetime.fromtimestamp(seconds, UTC)

        builder = self.x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
        builder = builder.public_key(key.public_key()).serial_number(self.x509.random_serial_number())
        builder = builder.not_valid_before(moment(now - _EARLIER_DAYS * DAY)).not_valid_after(moment(ends))
        identifier = self.x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        return builder.add_extension(identifier, critical=False)

    def pair(self, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> Pair:
        forms = self._forms
        secret = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
        return Pair(certificate.public_bytes(forms.Encoding.PEM), secret)

    def load(self, pair: Pair) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
        """Return certificate and key of a pair.

        :raises StoreError: when they are none, or do not belong together.
        """
        try:
            certificate = self.x509.load_pem_x509_certificate(pair.certificate)
            key = self._forms.load_pem_private_key(pair.key, None)
        except (ValueError, TypeError):
            raise StoreError("holds no certificate with its key", hint=_RENEW) from None
        form = (self._forms.Encoding.DER, self._forms.PublicFormat.SubjectPublicKeyInfo)
        fits = key.public_key().public_bytes(*form) == certificate.public_key().public_bytes(*form)
        if not fits or not isinstance(key, self._ec.EllipticCurvePrivateKey):
            raise StoreError("the certificate and the key beside it do not belong together", hint=_RENEW)
        return certificate, key


def _end_of(certificate: x509.Certificate) -> int:
    """Return when a certificate ends; versions of the library before 42 know it without a time zone only."""

    moment: Any = getattr(certificate, "not_valid_after_utc", None)
    if moment is None:
        moment = certificate.not_valid_after.replace(tzinfo=UTC)
    return int(moment.timestamp())


def _organisation(issuer: x509.Certificate) -> str:
    """Return the fleet's name, as the authority has it."""
    return next((str(part.value) for part in issuer.subject if part.oid.dotted_string == "2.5.4.10"), "")


def _checked_name(name: str) -> str:
    lower = name.lower()
    if not is_name(lower.rstrip(".")):
        raise UsageError(f"{name!r} is not the name of a machine", hint="e.g. mail1.example.com")
    return lower


def _checked_address(address: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(address)
    except ValueError:
        raise UsageError(f"{address!r} is not an IP address", hint="e.g. 10.0.0.1") from None
