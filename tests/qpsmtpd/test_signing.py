"""dkim_sign, and signing together with the disclaimer."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.programs import path_of
from tests.qpsmtpd.conftest import Launch, Serve
from tests.qpsmtpd.daemon import PERL, Daemon, needs_qpsmtpd, text_message
from tests.qpsmtpd.dns import FakeDNS

pytestmark = needs_qpsmtpd

LOCAL = "127.0.5.1"
LINE = "dkim_sign keys dkim"
#: Prints the result of checking a message, by asking the name server named on the command line.
VERIFY = """
use Mail::DKIM::Verifier;
my $dkim = Mail::DKIM::Verifier->new;
while (<STDIN>) { s/\\r?\\n$/\\r\\n/; $dkim->PRINT($_) }
$dkim->CLOSE;
print $dkim->result, ' ', $dkim->signature ? join ' ', map { $dkim->signature->$_ } qw(domain selector algorithm) : '';
"""


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a private key."""
    path = tmp_path_factory.mktemp("dkim") / "private"
    openssl = path_of("openssl")
    subprocess.run([openssl, "genrsa", "-out", str(path), "2048"], check=True, capture_output=True, timeout=60)
    return path


@pytest.fixture(scope="session")
def public(key: Path) -> str:
    """Return the public key, as a record has it."""
    openssl = path_of("openssl")
    done = subprocess.run(
        [openssl, "rsa", "-in", str(key), "-pubout"], check=True, capture_output=True, text=True, timeout=60
    )
    return "".join(done.stdout.splitlines()[1:-1])


@pytest.fixture
def published(public: str, dns: FakeDNS) -> FakeDNS:
    """Return a name server that has the public key for example.com under two selectors."""
    for selector in ("default", "mail2024"):
        dns.add(f"{selector}._domainkey.example.com", "TXT", f"v=DKIM1; k=rsa; p={public}")
    return dns


def _verified(raw: bytes, dns: FakeDNS) -> str:
    done = subprocess.run(
        ["perl", f"-I{PERL}", f"-MTestDNS=127.0.0.1,{dns.port}", "-e", VERIFY],
        input=raw,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout.decode()


def _with_key(daemon: Daemon, key: Path) -> Daemon:
    daemon.write("dkimkeys/example.com.private", *key.read_text().splitlines())
    return daemon


@pytest.mark.parametrize("body", ["Hello\n\n\n", "", "..\n x\n"], ids=["text", "empty", "dots"])
@pytest.mark.program("openssl")
def test_signature_verifies(serve: Serve, published: FakeDNS, key: Path, body: str) -> None:
    """What is signed passes the check of whoever looks up the key."""
    assert _result(_with_key(serve(LINE), key), published, body) == "pass example.com default rsa-sha256"


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("dkim_sign", "pass example.com default rsa-sha256"),
        ("dkim_sign keys both selector mail2024 dkim_method simple", "pass example.com mail2024 rsa-sha256"),
        ("dkim_sign keys dkim algorithm rsa-sha1 dk_method nofws", "pass example.com default rsa-sha1"),
        ("dkim_sign keys dk", "none "),
        ("dkim_sign keys", "pass example.com default rsa-sha256"),
    ],
)
@pytest.mark.program("openssl")
def test_signs_as_the_arguments_say(serve: Serve, published: FakeDNS, key: Path, line: str, result: str) -> None:
    """The arguments of the old plugin are understood; DomainKeys are no longer made."""
    assert _result(_with_key(serve(line), key), published, "Hello\n") == result


def _result(daemon: Daemon, dns: FakeDNS, body: str) -> str:
    message = text_message(body, {"From": "Tom <tom@example.com>", "Subject": "a\n long\n one"})
    assert daemon.send("tom@Example.com", ["friend@elsewhere.net"], message, source=LOCAL).taken
    return _verified(daemon.only().raw, dns)


@pytest.mark.parametrize(
    ("sender", "source"),
    [
        pytest.param("tom@example.com", "127.0.2.2", id="from outside"),
        pytest.param("tom@test.com", LOCAL, id="domain without a key"),
        pytest.param("", LOCAL, id="bounce"),
    ],
)
@pytest.mark.program("openssl")
def test_other_mail_is_not_signed(serve: Serve, key: Path, sender: str, source: str) -> None:
    """Only mail of our users, from a domain that has a key, is signed."""
    daemon = _with_key(serve(LINE), key)
    assert daemon.send(sender, source=source).taken
    assert "DKIM-Signature" not in daemon.only().message


@pytest.mark.program("openssl")
def test_signed_mail_is_not_signed_again(serve: Serve, key: Path) -> None:
    """If the domain has signed already, for instance by the dkim plugin, that is enough."""
    daemon = _with_key(serve(LINE), key)
    for domain, count in (("example.com", 1), ("other.org", 2)):
        message = text_message(headers={"DKIM-Signature": f"v=1; d={domain}; s=x; b=x"})
        assert daemon.send("tom@example.com", source=LOCAL, message=message).taken
        assert len(daemon.queued()[-1].message.get_all("DKIM-Signature", [])) == count


def test_broken_key_loses_no_mail(serve: Serve) -> None:
    """With a key that cannot be used, mail goes out unsigned and the log says so."""
    daemon = serve(LINE, files={"dkimkeys/example.com.private": ["no key"]})
    assert daemon.send("tom@example.com", source=LOCAL).taken
    assert "DKIM-Signature" not in daemon.only().message
    daemon.wait_for_log("dkim_sign: fail, not signed for example.com")


@pytest.mark.parametrize("plugins", [("dkim", "disclaimer"), ("disclaimer", LINE), (LINE, "disclaimer")])
@pytest.mark.program("openssl")
def test_signature_covers_the_disclaimer(
    launch: Launch, published: FakeDNS, key: Path, plugins: tuple[str, ...]
) -> None:
    """Whichever stands first in the list, the signature is made of the text with the disclaimer."""
    daemon = _with_key(launch("relay", *plugins, "rcpt_ok", "queue/qmail-queue"), key)
    daemon.write("dkim/example.com/private", *key.read_text().splitlines())
    daemon.write("dkim/example.com/selector", "default")
    daemon.write("disclaimer", "Example Ltd.")
    assert daemon.send("tom@example.com", ["friend@elsewhere.net"], source=LOCAL).taken
    assert daemon.only().body.endswith("Example Ltd.\n")
    assert _verified(daemon.only().raw, published) == "pass example.com default rsa-sha256"
