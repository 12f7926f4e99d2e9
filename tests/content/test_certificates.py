"""Certificates: the first one, what is refused, and the hook as each ACME client calls it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.services.certificate import find_ending
from tests.commands import TIMEOUT_SECONDS, Root
from tests.programs import path_of

pytestmark = pytest.mark.program("openssl")

PEM = "/home/e-smith/ssl.pem/pem"
PLACE = "/usr/share/e-smith/acme/plugins"


def _run(root: Root, program: str, *words: str, code: int = 0, **variables: str) -> str:
    """Run a program of a root as a client does that knows nothing of e-smith."""
    environment = {"ESMITH_ROOT": str(root.path), "PATH": os.environ["PATH"], **variables}
    command = [str(root.file(program)), *words]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    assert done.returncode == code, done
    return done.stdout + done.stderr


def _openssl(*words: str) -> str:
    return subprocess.run(["openssl", *words], check=True, capture_output=True, text=True, timeout=60).stdout


def _make(folder: Path, name: str = "mail.example.com", days: int = 30) -> Path:
    """Make a directory as certbot has it: a key, and a certificate for one name."""
    folder.mkdir(parents=True)
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days)]
    names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    _openssl("req", *kind, *names, "-keyout", f"{folder}/privkey.pem", "-out", f"{folder}/fullchain.pem")
    return folder


def _text(folder: Path) -> str:
    return (folder / "privkey.pem").read_text() + (folder / "fullchain.pem").read_text()


def test_links_beside_the_copy_of_qpsmtpd_lead_nowhere(office: Root) -> None:
    """Where earlier versions gave the directory to qpsmtpd, a link it left there has root write to no other file."""
    office.write("/etc/other", "other\n")
    for name in ("cert.pem", "cert.pem.new", "cert.new"):
        link = office.file(f"/var/service/qpsmtpd/ssl/{name}")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(office.file("/etc/other"))
    office.signal("ssl-update")
    copy = office.file("/var/service/qpsmtpd/ssl/cert.pem")
    assert office.read("/etc/other") == "other\n"
    assert not copy.is_symlink()
    assert copy.read_text() == office.read(PEM)
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o640, 0o750)


def test_the_first_certificate(office: Root) -> None:
    """The first events of a machine make a certificate for its names, for root alone, and dovecot encrypts with it."""
    for event in ("bootstrap-console-save", "console-save", "ssl-update"):
        assert os.access(office.file(f"/etc/e-smith/events/{event}/S03self-signed-certificate"), os.X_OK)
    office.signal("ssl-update")
    pem = office.file(PEM)
    assert pem.stat().st_mode & 0o777 == 0o600
    shown = _openssl("x509", "-in", str(pem), "-noout", "-ext", "subjectAltName", "-subject")
    assert "DNS:mail.example.com, DNS:example.com" in shown
    # Without blanks since version 3.2 of openssl.
    assert "CN=mail.example.com" in shown.replace(" ", "")
    assert "ssl = yes" in office.lines("/etc/dovecot/dovecot.conf")
    assert office.read("/var/service/qpsmtpd/ssl/cert.pem") == pem.read_text()
    assert os.listdir(pem.parent) == ["pem"]
    _run(office, f"{PLACE}/check-certificate", str(pem))


def test_it_is_made_once(office: Root) -> None:
    """A file or a link that is there stays, whatever it is and whatever the names are."""
    office.signal("ssl-update")
    before = office.read(PEM)
    office.config("set", "SystemName", "other")
    office.signal("ssl-update")
    assert office.read(PEM) == before
    office.file(PEM).unlink()
    office.file(PEM).symlink_to("/nowhere")
    assert "there is no certificate" in office.signal("ssl-update", code=7).err
    assert os.readlink(office.file(PEM)) == "/nowhere"


@pytest.mark.parametrize("name", ["a;b", "$(id)", "-x", "x" * 70])
def test_names_that_are_none(office: Root, name: str) -> None:
    """A domain that DNS cannot have, or a name of shell or openssl in it, is in no certificate; a long one is no CN."""
    office.db("--force", "domains", "set", f"{name}.org", "domain")
    office.config("--force", "set", "SystemName", name)
    office.signal("ssl-update")
    shown = _openssl("x509", "-in", str(office.file(PEM)), "-noout", "-ext", "subjectAltName", "-subject")
    # Without blanks since version 3.2 of openssl.
    assert "CN=mail.example.com" in shown.replace(" ", "")
    assert "DNS:example.com" in shown
    assert not any(part in shown for part in (";", "$(", "DNS:-"))


def test_without_openssl(office: Root) -> None:
    """Without openssl no certificate is made, the log says so, and the event does all else."""
    tools = office.path.parent / "tools"
    tools.mkdir()
    for place in ("/bin", "/usr/bin"):
        for program in ("sh", "mkdir", "mktemp", "cat", "grep", "awk", "head", "tr", "rm", "chmod", "python3"):
            if os.path.exists(f"{place}/{program}") and not (tools / program).exists():
                (tools / program).symlink_to(f"{place}/{program}")
    step = "/etc/e-smith/events/console-save/S03self-signed-certificate"
    printed = _run(office, step, PATH=f"{office.path}/sbin/e-smith:{tools}")
    assert printed == "no certificate can be made: there is no program openssl; install the package openssl\n"
    assert not office.file(PEM).exists()


def test_a_full_disk_leaves_no_certificate(office: Root, tmp_path: Path) -> None:
    """Where the disk takes nothing of what openssl writes, no file stays, and the message says why."""
    full = tmp_path / "openssl"
    empty = 'while [ $# -gt 1 ]; do case $1 in -keyout | -out) : >"$2" ;; esac; shift; done'
    full.write_text(f'#!/bin/sh\ncase $1 in req) {empty} ;; *) exec {path_of("openssl")} "$@" ;; esac\n')
    full.chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    answer = office.run("signal-event", "ssl-update", code=7, env=variables)
    assert "the certificate could not be written: see whether the disk is full: df" in answer.err
    assert os.listdir(office.file(PEM).parent) == []
    office.signal("ssl-update")
    _run(office, f"{PLACE}/check-certificate", str(office.file(PEM)))


def test_the_hook_as_certbot_calls_it(office: Root, tmp_path: Path) -> None:
    """certbot calls its hook without arguments, with the directory of the certificate in RENEWED_LINEAGE."""
    live = _make(tmp_path / "live/mail.example.com")
    _run(office, f"{PLACE}/deploy-hook", RENEWED_LINEAGE=str(live), RENEWED_DOMAINS="mail.example.com")
    assert office.read(PEM) == _text(live)
    assert office.file(PEM).stat().st_mode & 0o777 == 0o600
    assert office.read("/var/service/qpsmtpd/ssl/cert.pem") == _text(live)
    assert "ssl = yes" in office.lines("/etc/dovecot/dovecot.conf")
    assert "SSLEngine On" in office.read("/etc/httpd/conf/httpd.conf")
    assert os.listdir(office.file(PEM).parent) == ["pem"]


def test_the_hook_as_dehydrated_calls_it(office: Root, tmp_path: Path) -> None:
    """dehydrated calls its hook with the name of what happened, and the files; what is not about us is ignored."""
    made = _make(tmp_path / "certs/example.com", "example.com")
    files = [f"{made}/privkey.pem", f"{made}/cert.pem", f"{made}/fullchain.pem", f"{made}/chain.pem"]
    (made / "cert.pem").write_text("of the server alone")
    for words in (
        ["startup_hook"],
        ["deploy_challenge", "example.com", "token", "value"],
        ["unchanged_cert", "example.com", *files],
        ["this_hookscript_is_broken__dehydrated_is_working_fine__please_ignore_unknown_hooks_in_your_script"],
        ["exit_hook"],
    ):
        assert _run(office, f"{PLACE}/deploy-hook", *words) == ""
    assert not office.file(PEM).exists()
    _run(office, f"{PLACE}/deploy-hook", "deploy_cert", "example.com", *files, "1700000000")
    assert office.read(PEM) == _text(made)


def test_what_the_hook_does_not_install(office: Root, tmp_path: Path) -> None:
    """A key of another certificate, no certificate, and one for other names leave the old one; the last is no fault."""
    good = _make(tmp_path / "good")
    _run(office, f"{PLACE}/deploy-hook", RENEWED_LINEAGE=str(good))
    mixed = _make(tmp_path / "mixed")
    (mixed / "privkey.pem").write_text((good / "privkey.pem").read_text())
    printed = _run(office, f"{PLACE}/deploy-hook", code=1, RENEWED_LINEAGE=str(mixed))
    assert "the private key is not that of its first certificate" in printed
    empty = _make(tmp_path / "empty")
    (empty / "fullchain.pem").write_text("")
    assert "there is no certificate in it" in _run(office, f"{PLACE}/deploy-hook", code=1, RENEWED_LINEAGE=str(empty))
    other = _make(tmp_path / "other", "www.elsewhere.org")
    printed = _run(office, f"{PLACE}/deploy-hook", RENEWED_LINEAGE=str(other))
    assert "it is for none of mail.example.com, mail.example.com and example.com" in printed
    assert office.read(PEM) == _text(good)
    assert os.listdir(office.file(PEM).parent) == ["pem"]
    _run(office, f"{PLACE}/deploy-hook", code=2)


def test_when_it_ends(office: Root, tmp_path: Path) -> None:
    """From 14 days before its end on status says when that is; of our own with the commands that make another one.

    One without its key is shown as well.
    """
    layout, now, place = Layout(str(office.path)), time.time(), office.file(PEM)
    assert find_ending(layout) is None
    office.write(PEM, _text(_make(tmp_path / "made", days=20)), mode=0o600)
    assert find_ending(layout) is None
    assert "certificate" not in office.esmith("status", "-v", code=None).out
    soon, ended = find_ending(layout, now=now + 7 * 86_400), find_ending(layout, now=now + 21 * 86_400)
    assert soon is not None
    assert soon.trouble.startswith("it ends on 20")
    assert soon.cure == (f"rm {place}", "signal-event ssl-update")
    assert ended is not None
    assert "it has ended on 20" in ended.trouble
    office.write(PEM, _text(_make(tmp_path / "short", days=5)), mode=0o600)
    lines = office.esmith("status", "-v", code=None).out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(f"certificate {PEM}: it ends on "))
    assert lines[at + 1 : at + 4] == ["  to make a new one:", f"    rm {place}", "    signal-event ssl-update"]
    _, mark, certificates = _text(_make(tmp_path / "lost", days=90)).partition("-----BEGIN CERTIFICATE-----")
    office.write(PEM, mark + certificates, mode=0o600)
    assert f"certificate {PEM}: its private key is missing" in office.esmith("status", "-v", code=None).out
    office.write(PEM, "no certificate", mode=0o600)
    assert f"certificate {PEM}: there is no certificate in it" in office.esmith("status", "-v", code=None).out
