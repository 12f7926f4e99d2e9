"""Postfix's own programs read what is generated: every setting, and what breaks a file."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.commands import Root
from tests.programs import path_of

FOLDER = "/etc/postfix"
pytestmark = pytest.mark.program("postconf", "postmap")

#: Commands, and the parameters that are otherwise then: of main.cf, and with a slash of master.cf (postconf -P).
SETTINGS: dict[str, tuple[list[str], dict[str, str]]] = {
    "size": (["config setprop qmail MaxMessageSize 20000000"], {"message_size_limit": "21000000"}),
    "no-size": (["config setprop qmail MaxMessageSize 0"], {"message_size_limit": "0"}),
    "at-once": (
        ["config setprop qmail ConcurrencyLocal 3 ConcurrencyRemote 4"],
        {"local/unix": "3", "smtp/unix": "4", "defer_transports": ""},
    ),
    "nothing-at-once": (
        ["config setprop qmail ConcurrencyLocal 0 ConcurrencyRemote 0"],
        {"local/unix": "1", "smtp/unix": "1", "defer_transports": "local smtp smarthost"},
    ),
    "double-bounces": (
        ["config setprop qmail DoubleBounceTo jack@test.com"],
        {"2bounce_notice_recipient": "jack@test.com", "notify_classes": "resource, software, 2bounce"},
    ),
    "no-double-bounces": (
        ["config setprop qmail DoubleBounceTo devnull"],
        {"notify_classes": "resource, software", "2bounce_notice_recipient": "postmaster"},
    ),
    "names": (
        [
            "config set SystemName post",
            "config set DomainName other.test",
            "config setprop smtpd HeloHost out.other.test",
        ],
        {"myhostname": "post.other.test", "myorigin": "other.test", "smtp_helo_name": "out.other.test"},
    ),
    "smart-host": (
        ["config set SMTPSmartHost mail.isp.test"],
        {"relayhost": "[mail.isp.test]", "default_transport": "smtp"},
    ),
    "smart-host-here": (["config set SMTPSmartHost localhost"], {"relayhost": ""}),
    "login": (
        [
            "config set SMTPSmartHost mail.isp.test",
            "config setprop smtp-auth-proxy status enabled Userid office Passwd 'a:b c' PeerPort 587",
            "config setprop smtp-auth-proxy CAFile /etc/a$b.pem",
        ],
        {
            "relayhost": "[mail.isp.test]:587",
            "default_transport": "smarthost",
            "smarthost/unix/smtp_tls_security_level": "secure",
            "smarthost/unix/smtp_sasl_auth_enable": "yes",
            "smarthost/unix/smtp_tls_CAfile": "$smarthost_ca_file",
            "smarthost_ca_file": "/etc/a$$b.pem",
        },
    ),
    "login-465": (
        [
            "config set SMTPSmartHost mail.isp.test:465",
            "config setprop smtp-auth-proxy status enabled Userid office Passwd x TLS unverified",
        ],
        {
            "relayhost": "[mail.isp.test]:465",
            "smarthost/unix/smtp_tls_wrappermode": "yes",
            "smarthost/unix/smtp_tls_security_level": "encrypt",
        },
    ),
    "login-plain": (
        [
            "config set SMTPSmartHost mail.isp.test",
            "config setprop smtp-auth-proxy status enabled Userid office Passwd x TLS disabled",
            "config setprop smtp-auth-proxy SMTPSmartHost b.isp.test",
        ],
        {"relayhost": "[b.isp.test]:25", "smarthost/unix/smtp_tls_security_level": "none"},
    ),
}


def _postfix(root: Root) -> Root:
    root.config("setprop", "qpsmtpd", "Queue", "postfix")
    root.signal("email-update")
    return root


def _asked(root: Root, name: str) -> str:
    """Return a parameter as postconf reads it: of main.cf, of a program in master.cf, or how many of it may run."""
    words = [path_of("postconf"), "-c", str(root.file(FOLDER)), "-h"]
    if name.count("/") == 1:
        done = subprocess.run([*words, "-F", f"{name}/process_limit"], capture_output=True, text=True, check=False)
    else:
        done = subprocess.run(
            [*words, *(["-P"] if "/" in name else []), name], capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", SETTINGS)
def test_postfix_reads_every_setting(office: Root, name: str) -> None:
    """postconf has each setting where Postfix looks for it, and warns of nothing."""
    commands, parameters = SETTINGS[name]
    _postfix(office)
    for command in commands:
        office.run(*_words(command))
    office.signal("email-update")
    assert {parameter: _asked(office, parameter) for parameter in parameters} == parameters


def _words(command: str) -> list[str]:
    return [word.strip("'") for word in re.findall(r"'[^']*'|\S+", command)]


def test_the_login_is_for_one_server_and_for_root(office: Root) -> None:
    """The password is in a file of its own that only root may read, and goes when it is not used any more."""
    _postfix(office)
    office.run(*_words(SETTINGS["login"][0][0]))
    office.run(*_words(SETTINGS["login"][0][1]))
    office.signal("email-update")
    assert office.file(f"{FOLDER}/smarthost_login").stat().st_mode & 0o777 == 0o600
    assert office.lines(f"{FOLDER}/smarthost_login")[-1] == "[mail.isp.test]:587 office:a:b c"
    folder = office.file(FOLDER)
    found = subprocess.run(
        [path_of("postmap"), "-c", folder, "-q", "[mail.isp.test]:587", f"texthash:{folder}/smarthost_login"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == "office:a:b c\n"
    office.config("setprop", "qpsmtpd", "Queue", "qmail")
    office.signal("email-update")
    assert not office.file(f"{FOLDER}/smarthost_login").exists()
    assert office.file(f"{FOLDER}/main.cf").exists()


@pytest.mark.parametrize(
    ("path", "line", "message"),
    [
        ("main.cf", "message_size_limit = many", "bad numerical"),
        ("main.cf", "mydestinatoin = x", "unused parameter: mydestinatoin=x"),
        ("master.cf", "local unix -", "bad"),
        ("virtual", "nobody", "has no value"),
        ("virtual_names", "/(/ x", "no regular expression"),
    ],
)
def test_a_fragment_that_breaks_a_file(office: Root, path: str, line: str, message: str) -> None:
    """The event exits with 10, says which fragment it is, and no file is another one than before."""
    _postfix(office)
    fragment = office.custom(f"{FOLDER}/{path}/zz", f"{line}\n")
    before = office.snapshot("/etc/postfix", "/var/qmail", "/var/service")
    answer = office.signal("email-update", code=10)
    assert message in answer.err
    assert "so no file was changed" in answer.err
    assert office.snapshot("/etc/postfix", "/var/qmail", "/var/service") == before
    fragment.unlink()
    office.signal("email-update")


def test_debians_files_stay_while_another_program_is_the_queue(office: Root) -> None:
    """Where Postfix is not the queue, nothing below /etc/postfix is touched."""
    office.write(f"{FOLDER}/main.cf", "mydestination = of.debian\n")
    before = office.snapshot("/etc/postfix")
    office.config("setprop", "qpsmtpd", "Queue", "qmail")
    office.signal("email-update")
    assert office.snapshot("/etc/postfix") == before


def test_custom_fragments_of_qmail_count_behind_postfix(office: Root) -> None:
    """A fragment for a file of qmail is read for Postfix, too: who delivers may be changed at any time."""
    _postfix(office)
    office.custom("/var/qmail/control/queuelifetime", "172800\n")
    office.custom("/var/qmail/users/assign/55mine", "=hook:admin:101:101:/home/e-smith:-:hook:\n")
    office.signal("email-update")
    assert _asked(office, "maximal_queue_lifetime") == "172800s"
    assert "hook@localhost admin!hook@localhost" in office.lines(f"{FOLDER}/virtual")
