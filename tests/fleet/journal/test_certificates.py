"""Certificates of a fleet: who made them, for what they are good, and how long."""

from __future__ import annotations

import stat
import time
from datetime import UTC
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey

from esmith.errors import StoreError, UntrustedError, UsageError
from esmith.fleet.journal.certificates import (
    AUTHORITY_DAYS,
    CERTIFICATE_DAYS,
    DAY,
    Pair,
    ends_at,
    load_pair,
    make_authority,
    make_certificate,
    save_pair,
)


@pytest.fixture(scope="module")
def authority() -> Pair:
    """Return an authority, which the tests share."""
    return make_authority("mail")


def _extension(pair: Pair, name: str) -> Any:
    loaded = x509.load_pem_x509_certificate(pair.certificate)
    return loaded.extensions.get_extension_for_class(getattr(x509, name)).value


def test_no_certificate_has_a_common_name(authority: Pair) -> None:
    """The JSON interface of etcd refuses clients with a common name; the fleet and the host are in other parts."""
    for pair in (make_certificate(authority, host="mail1"), make_certificate(authority, host="etcd1", server=True)):
        subject = x509.load_pem_x509_certificate(pair.certificate).subject
        assert subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME) == []
        assert subject.rfc4514_string() in ("OU=mail1,O=mail", "OU=etcd1,O=mail")


def test_a_server_is_known_by_its_names(authority: Pair) -> None:
    """A certificate for etcd holds the names and addresses given, and those of the machine itself, each once."""
    pair = make_certificate(
        authority, host="etcd1", names=["Mail1.Example.com"], addresses=["10.0.0.1", "127.0.0.1"], server=True
    )
    found = _extension(pair, "SubjectAlternativeName")
    assert found.get_values_for_type(x509.DNSName) == ["mail1.example.com", "localhost"]
    addresses = [str(one) for one in found.get_values_for_type(x509.IPAddress)]
    assert addresses == ["10.0.0.1", "127.0.0.1", "::1"]
    uses = [one.dotted_string for one in _extension(pair, "ExtendedKeyUsage")]
    assert uses == ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]


def test_a_client_is_no_server_and_no_authority(authority: Pair) -> None:
    """A client's certificate holds no address, which etcd would compare, and is good for nothing but a client."""
    pair = make_certificate(authority, host="mail1")
    with pytest.raises(x509.ExtensionNotFound):
        _extension(pair, "SubjectAlternativeName")
    uses = [one.dotted_string for one in _extension(pair, "ExtendedKeyUsage")]
    assert uses == ["1.3.6.1.5.5.7.3.2"]
    assert not _extension(pair, "BasicConstraints").ca
    critical = {
        one.oid.dotted_string: one.critical for one in x509.load_pem_x509_certificate(pair.certificate).extensions
    }
    assert critical == {
        "2.5.29.14": False,
        "2.5.29.15": True,
        "2.5.29.19": True,
        "2.5.29.35": False,
        "2.5.29.37": False,
    }


def test_an_authority_signs_nothing_but_certificates(authority: Pair) -> None:
    """The authority may sign certificates and lists of revoked ones, but no other authority."""
    limits, usage = _extension(authority, "BasicConstraints"), _extension(authority, "KeyUsage")
    assert (limits.ca, limits.path_length) == (True, 0)
    assert (usage.key_cert_sign, usage.crl_sign, usage.key_encipherment) == (True, True, False)
    loaded = x509.load_pem_x509_certificate(authority.certificate)
    assert {one.oid.dotted_string: one.critical for one in loaded.extensions}["2.5.29.19"]
    assert loaded.subject.rfc4514_string() == "OU=authority,O=mail"


@pytest.mark.parametrize("wanted", [{"names": ["a b"]}, {"names": ["*"]}, {"names": [""]}, {"addresses": ["mail1"]}])
def test_what_is_no_name_or_address(authority: Pair, wanted: dict[str, list[str]]) -> None:
    """A name or an address that is not one is refused."""
    with pytest.raises(UsageError):
        make_certificate(authority, host="etcd1", server=True, **wanted)


def test_how_long_they_are_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority is good for ten years, what it signs for two, and never longer than the authority itself."""
    now = 1_800_000_000

    def end_of(pair: Pair) -> int:
        save_pair(pair, str(tmp_path / "a.pem"), str(tmp_path / "a.key"))
        return ends_at(str(tmp_path / "a.pem"))

    def set_clock(seconds: int) -> None:
        monkeypatch.setattr("esmith.fleet.journal.certificates.time", SimpleNamespace(time=lambda: seconds))

    set_clock(now)
    fresh = make_authority("mail")
    last = end_of(fresh)
    assert last == now + AUTHORITY_DAYS * DAY
    assert end_of(make_certificate(fresh, host="mail1")) == now + CERTIFICATE_DAYS * DAY
    set_clock(last - 100)
    assert end_of(make_certificate(fresh, host="mail1")) == last
    set_clock(last)
    with pytest.raises(StoreError, match="authority of the fleet has ended"):
        make_certificate(fresh, host="mail1")


def test_a_clock_may_be_behind(authority: Pair) -> None:
    """A certificate is good from a day before it was made: the clock of the other machine may be behind."""
    made = x509.load_pem_x509_certificate(make_certificate(authority, host="mail1").certificate)
    begins = getattr(made, "not_valid_before_utc", None) or made.not_valid_before.replace(tzinfo=UTC)
    assert begins.timestamp() <= time.time() - DAY


def test_the_first_end_of_several(authority: Pair, tmp_path: Path) -> None:
    """Of a file with several certificates the one counts that ends first."""
    path = tmp_path / "all.pem"
    path.write_bytes(authority.certificate + make_certificate(authority, host="mail1").certificate)
    assert ends_at(str(path)) < time.time() + (CERTIFICATE_DAYS + 1) * DAY


@pytest.mark.parametrize("content", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate(tmp_path: Path, content: bytes) -> None:
    """A file without a certificate is named, with the cure."""
    path = tmp_path / "host.pem"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="holds no certificate") as caught:
        ends_at(str(path))
    assert (caught.value.place, "esmith fleet certificates" in caught.value.hint) == (str(path), True)
    with pytest.raises(StoreError):
        ends_at(str(tmp_path / "missing"))


def test_files_of_a_pair(authority: Pair, tmp_path: Path) -> None:
    """A certificate may be read by anybody, its key by its user alone; both come back."""
    certificate, key = tmp_path / "host.pem", tmp_path / "host.key"
    save_pair(authority, str(certificate), str(key))
    assert [stat.S_IMODE(path.stat().st_mode) for path in (certificate, key)] == [0o644, 0o600]
    assert load_pair(str(certificate), str(key)) == authority
    assert repr(authority) == "Pair(...)"
    key.chmod(0o644)
    with pytest.raises(UntrustedError):
        load_pair(str(certificate), str(key))


def test_a_pair_that_does_not_belong_together(authority: Pair, tmp_path: Path) -> None:
    """A key of another certificate is refused, and so is what is neither: after a crash between the two, e.g."""
    other = make_authority("mail")
    with pytest.raises(StoreError, match="do not belong together"):
        make_certificate(Pair(authority.certificate, other.key), host="mail1")
    with pytest.raises(StoreError, match="holds no certificate with its key"):
        make_certificate(Pair(b"x", other.key), host="mail1")
    paths = str(tmp_path / "host.pem"), str(tmp_path / "host.key")
    save_pair(Pair(authority.certificate, other.key), *paths)
    with pytest.raises(StoreError, match="do not belong together") as caught:
        load_pair(*paths)
    assert caught.value.place == paths[0]


def test_each_is_signed_by_its_authority(authority: Pair) -> None:
    """A certificate is of the authority it was made with: its name and its signature."""
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    made = x509.load_pem_x509_certificate(make_certificate(authority, host="mail1").certificate)
    assert made.issuer == issuer.subject
    key, algorithm = issuer.public_key(), made.signature_hash_algorithm
    assert isinstance(key, EllipticCurvePublicKey)
    assert algorithm is not None
    key.verify(made.signature, made.tbs_certificate_bytes, ECDSA(algorithm))
