"""DKIM keys, which are made once, and the links that say which key signs the mail of a domain."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.commands import Root
from tests.programs import path_of

KEYS = "/home/e-smith/dkim_keys"
LINKS = "/var/service/qpsmtpd/config/dkim"
VIA = "/var/service/qpsmtpd/config/dkim_default"


@pytest.fixture
def openssl() -> str:
    """Return the real openssl."""
    return path_of("openssl")


def links(root: Root, place: str = LINKS) -> dict[str, str]:
    """Return the links of a directory with their targets."""
    directory = root.file(place)
    return {path.name: os.readlink(path) for path in directory.iterdir()} if directory.is_dir() else {}


def by_default(*domains: str) -> dict[str, str]:
    """Return the links of domains that the default key signs for."""
    return {domain: f"{VIA}/{domain}" for domain in domains}


def write_key(root: Root, name: str, *parts: str) -> None:
    """Write a directory of keys. The text of the keys does not matter here."""
    for part in parts or ("private", "public", "selector"):
        root.write(f"{KEYS}/{name}/{part}", "default\n" if part == "selector" else f"{part} of {name}\n")


def sign(root: Root) -> None:
    """Enable signing, with a default key that is there already, and signal the event."""
    write_key(root, "default")
    root.config("setprop", "qpsmtpd", "DKIMSigning", "enabled")
    root.signal("email-update")


@pytest.mark.program("openssl")
def test_the_default_key_is_made_once(office: Root, openssl: str) -> None:
    """The first email-update with signing enabled makes a 2048-bit key pair and every link; the next one nothing."""
    office.config("setprop", "qpsmtpd", "DKIMSigning", "enabled")
    office.signal("email-update")
    directory = office.file(f"{KEYS}/default")
    assert sorted(path.name for path in directory.iterdir()) == ["private", "public", "selector"]
    assert (directory / "selector").read_text() == "default\n"
    assert (directory / "private").stat().st_mode & 0o777 == 0o400
    assert (directory / "public").stat().st_mode & 0o777 == 0o644
    if os.geteuid() == 0:
        assert (directory / "private").stat().st_uid == 453
    shown = subprocess.run([openssl, "rsa", "-in", directory / "private", "-pubout"], capture_output=True, check=True)
    assert shown.stdout == (directory / "public").read_bytes()
    text = subprocess.run([openssl, "pkey", "-pubin", "-in", directory / "public", "-text"], stdout=subprocess.PIPE)
    assert b"(2048 bit)" in text.stdout
    assert links(office) == by_default("example.com", "test.com")
    assert links(office, VIA) == dict.fromkeys(("example.com", "test.com"), f"{KEYS}/default")
    before = office.snapshot("/home/e-smith/dkim_keys")
    assert "0 files changed" in office.signal("-v", "email-update").err
    assert office.snapshot("/home/e-smith/dkim_keys") == before


@pytest.mark.parametrize("parts", [("private",), ("private", "selector"), ("private", "public")], ids=" ".join)
@pytest.mark.program("openssl")
def test_a_key_that_is_there_stays(office: Root, openssl: str, parts: tuple[str, ...]) -> None:
    """What is there of a key pair is never changed; what is missing is added to it."""
    private = office.file(f"{KEYS}/default/private")
    private.parent.mkdir(parents=True)
    subprocess.run([openssl, "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    if "public" in parts:
        office.write(f"{KEYS}/default/public", "mine\n")
    if "selector" in parts:
        office.write(f"{KEYS}/default/selector", "may2013\n")
    before = office.snapshot(KEYS)
    office.config("setprop", "qpsmtpd", "DKIMSigning", "enabled")
    office.signal("email-update")
    after = office.snapshot(KEYS)
    assert {path: after[path] for path in before} == before
    assert sorted(path.rpartition("/")[2] for path in after) == ["private", "public", "selector"]


@pytest.mark.program("openssl")
def test_a_full_disk_leaves_no_part_of_a_key(office: Root, tmp_path: Path, openssl: str) -> None:
    """Where the disk takes nothing of what openssl writes, no part of a key stays; the next event makes all."""
    full = tmp_path / "openssl"
    full.write_text(f'#!/bin/sh\ncase "$1 $4" in "rsa -pubout") : >"$6" ;; *) exec {openssl} "$@" ;; esac\n')
    full.chmod(0o755)
    office.config("setprop", "qpsmtpd", "DKIMSigning", "enabled")
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    answer = office.run("signal-event", "email-update", code=7, env=variables)
    assert "the key could not be written: see whether the disk is full: df" in answer.err
    assert list(office.file(f"{KEYS}/default").iterdir()) == []
    office.signal("email-update")
    assert office.read(f"{KEYS}/default/selector") == "default\n"
    assert "PUBLIC KEY" in office.read(f"{KEYS}/default/public")


def test_no_key_unless_asked(office: Root) -> None:
    """While signing is not enabled there is no key and no link."""
    assert not office.file(KEYS).exists()
    assert links(office) == {}


def test_without_openssl(office: Root, tmp_path: Path) -> None:
    """Without openssl the event stops before any file changes, and names the package."""
    office.config("setprop", "qpsmtpd", "DKIMSigning", "enabled", "MaxLoad", "9")
    folders = ("/etc", "/var/qmail", "/var/service/qpsmtpd", "/home/e-smith/files")
    before = office.snapshot(*folders)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "env", "id", "cut", "grep", "getent", "mkdir", "mktemp", "rm", "mv", "chmod", "chown", "cat"):
        (programs / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    answer = office.run("signal-event", "email-update", code=7, env={"PATH": str(programs)})
    assert "install the package openssl" in answer.err
    assert office.snapshot(*folders) == before
    assert not office.file(KEYS).exists()


def test_one_domain_opts_out_and_all_at_once(office: Root) -> None:
    """A domain whose DKIMSigning is disabled has no link; with signing disabled none has, and the keys stay."""
    sign(office)
    before = office.snapshot(KEYS)
    office.db("domains", "setprop", "test.com", "DKIMSigning", "disabled")
    office.signal("email-update")
    assert links(office) == by_default("example.com")
    office.db("domains", "delprop", "test.com", "DKIMSigning")
    office.signal("domain-modify", "test.com")
    assert links(office) == by_default("example.com", "test.com")
    office.config("setprop", "qpsmtpd", "DKIMSigning", "disabled")
    office.signal("email-update")
    assert links(office) == links(office, VIA) == {}
    assert office.snapshot(KEYS) == before


def test_a_domain_with_a_key_of_its_own(office: Root) -> None:
    """A domain with a directory of keys is signed with them, the others with the default key."""
    sign(office)
    write_key(office, "test.com")
    office.signal("email-update")
    assert links(office) == by_default("example.com") | {"test.com": f"{KEYS}/test.com"}
    assert links(office, VIA) == {"example.com": f"{KEYS}/default"}
    office.file(f"{KEYS}/test.com/private").unlink()
    office.signal("email-update")
    assert links(office) == by_default("example.com", "test.com")


def test_without_names_no_program_is_started(root: Root, tmp_path: Path) -> None:
    """The action that links keys of other names starts a program only where there is such a name."""
    nothing = tmp_path / "programs"
    nothing.mkdir()
    env = {"ESMITH_ROOT": str(root.path), "PATH": str(nothing)}
    words = ["/bin/sh", str(root.file("/etc/e-smith/events/actions/qpsmtpd-dkim-links"))]
    write_key(root, "default")
    subprocess.run(words, env=env, check=True)
    write_key(root, "other.example")
    assert subprocess.run(words, env=env, check=False, capture_output=True).returncode != 0


def test_an_incomplete_key_is_not_used(office: Root) -> None:
    """A directory of keys that lacks its selector is warned of and not used: it would sign wrongly."""
    sign(office)
    write_key(office, "test.com", "private", "public")
    answer = office.signal("email-update")
    assert f"{KEYS}/test.com is not used: the file selector is missing" in answer.err
    assert links(office) == by_default("example.com", "test.com")


def test_a_key_for_a_name_that_is_no_domain(office: Root) -> None:
    """A directory of keys has a link also when its name is not a domain of this server, while signing is enabled."""
    sign(office)
    write_key(office, "domain.net")
    write_key(office, "half.net", "private")
    office.signal("email-update")
    own = {"domain.net": f"{KEYS}/domain.net"}
    assert links(office) == by_default("example.com", "test.com") | own
    office.db("domains", "set", "domain.net", "domain", "DKIMSigning", "disabled")
    office.signal("domain-create", "domain.net")
    assert links(office) == by_default("example.com", "test.com")
    office.db("domains", "delete", "domain.net")
    office.signal("email-update")
    assert links(office) == by_default("example.com", "test.com") | own
    office.config("setprop", "qpsmtpd", "DKIMSigning", "disabled")
    office.signal("email-update")
    assert links(office) == {}
    office.config("setprop", "qpsmtpd", "DKIMSigning", "enabled")
    office.signal("email-update")
    office.file(f"{KEYS}/domain.net/private").unlink()
    office.signal("email-update")
    assert links(office) == by_default("example.com", "test.com")


def test_domain_events(office: Root) -> None:
    """domain-create makes the link of a new domain, domain-delete removes it."""
    sign(office)
    office.db("domains", "set", "new.example", "domain")
    office.signal("domain-create", "new.example")
    assert links(office) == by_default("example.com", "new.example", "test.com")
    office.db("domains", "settype", "new.example", "domain-deleted")
    office.signal("domain-delete", "new.example")
    assert links(office) == by_default("example.com", "test.com")
    assert links(office, VIA).keys() == {"example.com", "test.com"}


#: Asks the real plugin which domain and which directory it would sign with.
ASK_PLUGIN = r"""
use strict; use warnings;
package Asked; our @ISA; use Qpsmtpd::Constants; sub CRLF() { "\r\n" } sub log {}
open my $file, '<', $ARGV[0] or die; my $text = do { local $/; <$file> }; $text =~ s/^=\w.*?^=cut//msg;
eval "package Asked; no warnings; $text; 1" or die $@;
package Sender; sub new { bless {host => $_[1]} } sub sender { $_[0] } sub host { $_[0]{host} }
package main; chdir $ARGV[1] or die;
for my $host (@ARGV[2 .. $#ARGV]) {
    my ($domain) = Asked->get_keydir(Sender->new($host));
    print "$host=", $domain // '', "\n";
}
"""


@pytest.mark.program("perl", "qpsmtpd-forkserver")
def test_the_real_plugin_signs_in_the_name_of_the_sender(office: Root) -> None:
    """qpsmtpd's own dkim plugin takes the sender's domain for the signature, not the name of the key."""
    perl = path_of("perl")
    plugin = "/usr/share/qpsmtpd/plugins/dkim"
    office.db("domains", "set", "off.example", "domain", "DKIMSigning", "disabled")
    sign(office)
    write_key(office, "domain.net")
    office.signal("email-update")
    # The targets are absolute paths of the configured system; here that is a folder.
    for place in (LINKS, VIA):
        for name, target in links(office, place).items():
            link = office.file(f"{place}/{name}")
            link.unlink()
            link.symlink_to(office.file(target))
    hosts = ["example.com", "test.com", "domain.net", "mail.test.com", "off.example", "other.example"]
    words = [perl, "-e", ASK_PLUGIN, plugin, str(office.file("/var/service/qpsmtpd")), *hosts]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    assert dict(line.split("=") for line in done.stdout.splitlines()) == {
        "example.com": "example.com",
        "test.com": "test.com",
        "domain.net": "domain.net",
        "mail.test.com": "test.com",
        "off.example": "",
        "other.example": "",
    }
