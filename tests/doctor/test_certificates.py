"""The certificate: its end, its names, its key."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.commands import Root
from tests.doctor.kit import bad, make_case, shown

PATH = "/home/e-smith/ssl.pem/pem"
DAY = 86_400.0


def _make(root: Root, *names: str, days: int = 100) -> None:
    """Write a certificate of our own making with some names, and its key."""
    alternatives = ",".join(f"DNS:{name}" for name in names)
    place = root.file(PATH)
    place.parent.mkdir(parents=True, exist_ok=True)
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    words += ["-days", str(days), "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternatives}"]
    key, certificate = place.with_name("key"), place.with_name("certificate")
    subprocess.run([*words, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    place.write_text(key.read_text() + certificate.read_text())


def _found(root: Root, *, days: float = 0.0) -> list[str]:
    return shown(bad(make_case(root, now=time.time() + days * DAY), "certificates"))


@pytest.mark.program("openssl")
def test_its_end(root: Root) -> None:
    """It is well until two weeks before its end, a warning then, and failing afterwards."""
    _make(root, "mail.example.com", "example.com", days=100)
    assert _found(root) == []
    (warned,) = _found(root, days=90)
    assert warned.startswith(f"warning: {PATH}: it ends on 20")
    (ended,) = _found(root, days=101)
    assert ended.startswith(f"failing: {PATH}: it has ended on 20")


@pytest.mark.program("openssl")
def test_its_names(root: Root) -> None:
    """It has to have the name of the server, of which a star stands for the first part; one of ours has all domains."""
    _make(root, "other.example.com", "*.example.net")
    assert _found(root) == ["warning: the certificate does not have the name of this server, mail.example.com"]
    _make(root, "*.example.com", "example.com")
    assert _found(root) == []
    root.db("domains", "set", "second.org", "domain")
    assert _found(root) == ["warning: the certificate does not have the domains second.org"]


@pytest.mark.program("openssl")
def test_its_key(root: Root) -> None:
    """Without its key, or where there is no certificate in the file, it is failing."""
    _make(root, "mail.example.com", "example.com")
    file = root.file(PATH)
    file.write_text(file.with_name("certificate").read_text())
    assert _found(root) == [
        f"failing: {PATH}: its private key is missing, has a password, or belongs to another certificate"
    ]
    file.write_text("nothing\n")
    assert _found(root) == [f"failing: {PATH}: there is no certificate in it"]


def test_there_is_none(root: Root) -> None:
    """Without one mail is not encrypted: failing on the machine, skipped under a folder."""
    assert _found(root) == ["skipped: the certificate"]
    assert shown(bad(make_case(root, machine=True), "certificates")) == [f"failing: there is no certificate: {PATH}"]


@pytest.mark.program("openssl")
def test_names_that_the_event_leaves_out(root: Root) -> None:
    """A domain that the event would not put into a certificate is not missed: other letters, or one of too many."""
    _make(root, "mail.example.com", "example.com")
    root.db("domains", "set", "müller.example", "domain")
    assert _found(root) == []
    _make(root, "mail.example.com", "example.com", *(f"d{number}.example" for number in range(98)))
    root.db("domains", "set", "second.org", "domain")
    assert _found(root) == []
