"""What AppArmor allows the virus scanner: the files that Debian's profiles include."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.commands import Root
from tests.programs import path_of

PROFILES = {"usr.sbin.clamd": "clamd", "usr.bin.freshclam": "freshclam"}


def _install(office: Root) -> None:
    for profile in PROFILES:
        office.write(f"/etc/apparmor.d/{profile}", "of Debian\n")


def test_the_scanner_may_use_its_files(office: Root) -> None:
    """Where Debian's profiles are, clamd may read its file and what the settings name; elsewhere there is no file."""
    office.signal("clamav-update")
    assert not office.file("/etc/apparmor.d").exists()
    _install(office)
    office.config("setprop", "clamav", "DatabaseDirectory", "/srv/signatures", "LocalSocket", "/run/x/clamd.socket")
    office.signal("clamav-update")
    lines = office.lines("/etc/apparmor.d/local/usr.sbin.clamd")
    assert {
        "/etc/clamd.conf r,",
        "/srv/signatures/ r,",
        "/srv/signatures/** krw,",
        "/var/tmp/** krw,",
        "/var/spool/qpsmtpd/** r,",
        "/run/x/clamd.socket rw,",
    } <= set(lines)
    lines = office.lines("/etc/apparmor.d/local/usr.bin.freshclam")
    assert {"/etc/freshclam.conf r,", "/srv/signatures/** krw,"} <= set(lines)


@pytest.mark.parametrize("path", ["/srv/{a,b}", "/srv/x y", "/srv/*", "/srv/x, /** rwx", "/srv/#x", '/srv/"x'])
def test_a_path_adds_no_rule(office: Root, path: str) -> None:
    """A path with a character that AppArmor reads otherwise gets no rule, and a warning; the others stay."""
    _install(office)
    office.config("--force", "setprop", "clamav", "DatabaseDirectory", path)
    answer = office.signal("clamav-update", code=None)
    assert "no rule for AppArmor is written for" in answer.err
    for profile in PROFILES:
        written = office.read(f"/etc/apparmor.d/local/{profile}")
        assert "/srv" not in written
        assert "clamd.conf r," in written or "freshclam.conf r," in written


@pytest.mark.program("apparmor_parser", "clamd", "freshclam")
@pytest.mark.parametrize("profile", PROFILES)
def test_the_parser_accepts_them(office: Root, profile: str, tmp_path: Path) -> None:
    """apparmor_parser(8) takes Debian's profile together with our file."""
    _install(office)
    office.signal("clamav-update")
    text = Path(f"/etc/apparmor.d/{profile}").read_text()
    local = office.file(f"/etc/apparmor.d/local/{profile}")
    assert f"#include <local/{profile}>" in text
    copy = tmp_path / profile
    copy.write_text(text.replace(f"#include <local/{profile}>", f'#include "{local}"'))
    words = [path_of("apparmor_parser"), "--skip-kernel-load", "--skip-cache", "--base", "/etc/apparmor.d"]
    done = subprocess.run([*words, str(copy)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    local.write_text(local.read_text() + "/nonsense rwx\n")
    assert subprocess.run([*words, str(copy)], capture_output=True, timeout=120, check=False).returncode != 0
