"""Signing keys, and the files that hold what is secret."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.errors import EsmithError, InstallError, StoreError, UntrustedError
from esmith.fleet.journal import certificates
from esmith.fleet.journal.files import read_private, read_public, replace_file
from esmith.fleet.journal.keys import SigningKey, verify
from esmith.libraries import library_command


def test_a_signature_is_of_one_key_and_one_text() -> None:
    """What a key signed is verified by its public one, and by no other; nothing else is verified."""
    key, other = SigningKey.generate(), SigningKey.generate()
    signature = key.sign(b"text")
    assert verify(key.public, b"text", signature)
    assert not verify(other.public, b"text", signature)
    assert not verify(key.public, b"Text", signature)
    assert not verify(key.public, b"text", signature[:-1])
    assert not verify("no key", b"text", signature)


def test_a_key_keeps_its_secret() -> None:
    """A key is shown as its public one, and comes back from its text."""
    key = SigningKey.generate()
    assert repr(key) == f"SigningKey({key.public})"
    assert SigningKey.of_text(key.secret()).public == key.public
    for text in ("", "AAAA", "ü" * 44):
        with pytest.raises(ValueError):
            SigningKey.of_text(text)


def test_a_key_in_a_file(tmp_path: Path) -> None:
    """A key is kept in a file that only its user may read, whatever the umask, and replaces the one before."""
    path = tmp_path / "fleet/signing.key"
    before = os.umask(0)
    try:
        SigningKey.generate().save(str(path))
    finally:
        os.umask(before)
    key = SigningKey.generate()
    key.save(str(path))
    assert path.read_text() == f"esmith-signing-key:{key.secret()}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert SigningKey.load(str(path)).public == key.public
    assert os.listdir(path.parent) == ["signing.key"]


@pytest.mark.parametrize(
    "text", ["", "esmith-signing-key:", "esmith-signing-key:AAAA", "secret", "A" * 43 + "=", "\xff"]
)
def test_what_is_no_key(tmp_path: Path, text: str) -> None:
    """A file with something else is named, with what to do."""
    path = str(tmp_path / "signing.key")
    replace_file(path, text.encode())
    with pytest.raises(StoreError, match="is not a signing key") as caught:
        SigningKey.load(path)
    assert caught.value.place == path
    assert "backup" in caught.value.hint


def test_a_secret_that_others_may_read(tmp_path: Path) -> None:
    """A private file that others may read or write, a link, and what is not a file are refused."""
    path = tmp_path / "secret"
    replace_file(str(path), b"x")
    for mode in (0o640, 0o604, 0o620, 0o602):
        path.chmod(mode)
        with pytest.raises(UntrustedError, match="holds a secret"):
            read_private(str(path))
    path.chmod(0o600)
    assert read_private(str(path)) == b"x"
    (tmp_path / "link").symlink_to(path)
    for other in ("link", "missing", ""):
        with pytest.raises(StoreError):
            read_private(str(tmp_path / other))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="not a regular file"):
        read_public(str(tmp_path / "pipe"))


def test_a_file_is_old_or_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a file cannot be written the old one is there, and nothing besides."""
    path = str(tmp_path / "secret")
    replace_file(path, b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for function in ("fsync", "rename", "fchmod"):
        with monkeypatch.context() as patched:
            patched.setattr(os, function, fail)
            with pytest.raises(StoreError, match="No space left"):
                replace_file(path, b"new")
        assert read_private(path) == b"old"
        assert os.listdir(tmp_path) == ["secret"]


@pytest.mark.parametrize(
    "use",
    [
        SigningKey.generate,
        lambda: verify("", b"", b""),
        lambda: certificates.make_authority("mail"),
    ],
)
def test_without_the_library(use: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where cryptography is missing, what needs it says so, with the command that installs it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(InstallError, match="not installed: cryptography") as caught:
        use()
    assert library_command("cryptography") in caught.value.hint
    assert isinstance(caught.value, EsmithError)
