"""Secrets that no schema file knows: masked by the names of their properties wherever they are shown for people."""

from __future__ import annotations

import json

import pytest

from tests.cli.kit import outlive_the_clock
from tests.commands import Root
from tests.events.kit import make_event

PASSWORD = "tru5tno1"
OTHER = "correct horse"
#: A password that is written otherwise in the words of a command.
ODD = "ge\u202eheim"


def everything(root: Root) -> str:
    """Return all that history shows."""
    return root.esmith("history", "--limit", "0").out + root.esmith("history", "--limit", "0", "--json").out


@pytest.mark.parametrize("name", ["Password", "db_passwd", "ApiKey", "smtpsecret", "AUTH_TOKEN", "Credentials", "pwd"])
@pytest.mark.parametrize("value", [PASSWORD, OTHER, ODD])
def test_history(root: Root, name: str, value: str) -> None:
    """History masks a value by the name of its property, in the changes and in the words; the rest is shown."""
    root.config("set", "box", "vpnbox", name, value, "Port", "77")
    root.config("setprop", "box", name, "Other0ne", "Port", "78")
    root.config("setprop", "box", name, "Other0ne", "Port", "79")
    root.config("delprop", "box", name)
    shown = everything(root)
    for secret in (value, "Other0ne", value.encode("unicode_escape").decode()):
        assert secret not in shown
    assert f"config set box vpnbox {name} **** Port 77" in shown
    assert f"configuration box {name}: **** -> (none)" in shown
    assert "configuration box Port: 77 -> 78" in shown
    assert root.config("getprop", "box", name, code=1).out == ""


def test_undo(root: Root) -> None:
    """Undo masks what it shows, and sets the value back to the byte."""
    root.config("set", "box", "vpnbox", "Password", PASSWORD)
    root.config("setprop", "box", "Password", OTHER)
    number = json.loads(root.esmith("history", "--limit", "1", "--json").out)[0]["revision"]
    assert root.esmith("undo", str(number)).out == "configuration box Password: **** -> ****\n"
    assert root.config("getprop", "box", "Password").out == f"{PASSWORD}\n"


def test_switches_are_shown(root: Root) -> None:
    """What cannot be a secret is shown, and what the schema knows is as the schema says."""
    root.config("set", "box", "vpnbox", "Token", "enabled", "Secret", "", "UsePassword", "no")
    root.db("accounts", "setprop", "admin", "PasswordSet", "yes")
    shown = everything(root)
    assert "configuration box Token: (none) -> enabled" in shown
    assert "configuration box UsePassword: (none) -> no" in shown
    assert "accounts admin PasswordSet: (none) -> yes" in shown


def test_a_record_that_is_a_secret(root: Root) -> None:
    """A record without properties is masked by its own key; the type of a record with properties is not."""
    root.config("set", "RelayPassword", PASSWORD)
    root.config("set", "RelayPassword", OTHER)
    root.config("set", "token-service", "daemon-x", "status", "enabled")
    shown = everything(root)
    assert PASSWORD not in shown
    assert OTHER not in shown
    assert "configuration RelayPassword: **** -> ****" in shown
    assert "configuration token-service: (none) -> daemon-x" in shown
    assert root.config("get", "RelayPassword").out == f"{OTHER}\n"


@pytest.fixture
def box(root: Root) -> Root:
    """Return a root with a file that is made from a secret of a contrib, and one that is made from a switch."""
    root.custom("/etc/box.conf/10x", "password {{ box.Password | default('none') }}\nport {{ box.Port }}\n")
    root.custom("/etc/plain.conf/10x", "auth {{ box.UsePassword }}\nport {{ box.Port }}\n")
    root.config("set", "box", "vpnbox", "Password", PASSWORD, "Port", "77", "UsePassword", "enabled")
    root.expand("/etc/box.conf", "/etc/plain.conf")
    return root


@pytest.mark.parametrize("words", ["setprop box Port 78", f"setprop box Password {OTHER!r}", "delprop box Password"])
def test_diffs(box: Root, words: str) -> None:
    """A file that holds such a secret, or held it, is only named in every diff; others are shown."""
    box.config(*words.replace(repr(OTHER), "0ther0ne").split())
    rehearsed = box.expand("--dry-run", "--diff", "/etc/box.conf", "/etc/plain.conf").out
    done = box.expand("--diff", "/etc/box.conf", "/etc/plain.conf").out
    later = box.esmith("diff").out
    for shown in (rehearsed, done, later):
        assert "/etc/box.conf: holds a secret, so its changes are not shown" in shown
        assert PASSWORD not in shown
        assert "0ther0ne" not in shown
        assert ("+port 78" in shown) == ("Port" in words)


def test_a_short_value_hides_no_file(box: Root) -> None:
    """A value that is a secret only by a name hides nothing when it is so short that it is found everywhere."""
    box.config("setprop", "box", "Password", "o", "Port", "78")
    box.config("setprop", "box", "Token", "port 78")
    outlive_the_clock(box)
    box.expand("/etc/box.conf", "/etc/plain.conf")
    box.config("setprop", "box", "Port", "79")
    assert "+port 79" in box.expand("--diff", "/etc/plain.conf").out
    assert "+port 79" in box.esmith("diff", "--", "/etc/plain.conf").out


@pytest.mark.parametrize("installed", [False, True])
def test_check_programs(box: Root, installed: bool) -> None:
    """A check program that prints the line with the password does not bring it to a message."""
    program = box.write("/program", '#!/bin/sh\necho "line 1: $(grep ^password "$1")"; exit 1\n', mode=0o755)
    toml = f'[check]\ncommand = ["{program}", "{{file}}"]\npackage = "x"\n'
    box.custom("/etc/box.conf/template.toml", toml)
    if installed:
        answer = box.esmith("check", "/etc/box.conf", code=10)
    else:
        box.config("setprop", "box", "Port", "78")
        answer = box.expand("/etc/box.conf", code=10)
    assert PASSWORD not in answer.out + answer.err
    assert "line 1: password ****" in answer.out + answer.err


def test_messages(root: Root) -> None:
    """No message about a value repeats a secret."""
    answer = root.config("setprop", "qpsmtpd", "ApiToken", f"<{PASSWORD}>")
    assert "the value looks like a placeholder" in answer.err
    joined = root.config("setprop", "qpsmtpd", "ApiToken", PASSWORD, "signal-event", "email-update", code=2)
    assert "config setprop qpsmtpd ApiToken ****" in joined.err
    control = root.config("setprop", "qpsmtpd", "ApiToken", f"{PASSWORD}\n", code=3)
    long = root.config("setprop", "qpsmtpd", "ApiToken", PASSWORD * 10_000, code=3)
    assert PASSWORD not in "".join(one.out + one.err for one in (answer, joined, control, long))


def test_data_is_exact(box: Root) -> None:
    """``config`` and ``db`` go on printing the values to the byte."""
    assert box.config("getprop", "box", "Password").out == f"{PASSWORD}\n"
    assert f"Password={PASSWORD}" in box.config("show", "box").out
    assert json.loads(box.config("--json", "show", "box").out)["props"]["Password"] == PASSWORD


def test_a_value_in_another_form(box: Root) -> None:
    """A file that is made from a secret is only named in diffs, and forgotten, also when it quotes the value."""
    box.custom("/etc/box.conf/10x", "password {{ box.Password | replace('\"', '~') }}\n")
    outlive_the_clock(box)
    for value in ('first"secret', 'second"secret', 'third"secret'):
        box.config("setprop", "box", "Password", value)
        box.expand("/etc/box.conf")
    box.config("setprop", "box", "Password", 'fourth"secret')
    shown = box.expand("--dry-run", "--diff", "/etc/box.conf").out + box.esmith("diff").out
    assert "/etc/box.conf: holds a secret" in shown
    assert "~secret" not in shown
    box.expand("/etc/box.conf")
    box.esmith("forget", "configuration", "box", "Password")
    kept = [path.read_text() for path in box.file("/var/lib/e-smith/generations").rglob("*") if path.is_file()]
    assert not [text for text in kept if "~secret" in text]


LIFETIME = "/var/qmail/control/queuelifetime"


@pytest.fixture
def lifetime(root: Root) -> Root:
    """Return a root in which a file that a rule of our own checks is made from the password of the provider."""
    root.custom(f"{LIFETIME}/10x", "{{ db.configuration['smtp-auth-proxy'].Passwd }}\n")
    root.config("setprop", "smtp-auth-proxy", "Passwd", "604800")
    root.expand(LIFETIME)
    return root


@pytest.mark.parametrize("secret", ["S3cretZZ", "S3cret's \"ZZ\\ \N{NO-BREAK SPACE}"], ids=["plain", "quoted"])
def test_own_checks(lifetime: Root, secret: str) -> None:
    """A rule of our own that quotes the password does not bring it to a message, a log, or what status prints."""
    name = ("smtp-auth-proxy", "Passwd")
    shown = lifetime.esmith("explain", *name, "--if", secret, code=10)
    shown_as_json = lifetime.esmith("explain", *name, "--if", secret, "--json", code=10)
    lifetime.config("setprop", *name, secret)
    event = lifetime.signal("email-update", code=10)
    status = lifetime.esmith("status", "--check", "--json", code=None)
    lifetime.file(LIFETIME).write_text(f"{secret}\n")
    installed = lifetime.esmith("check", "--json", LIFETIME, code=10)
    log = lifetime.read("/var/log/e-smith/events.log")
    texts = [*(one.out + one.err for one in (shown, shown_as_json, event, status, installed)), log]
    assert all("whole number" in text for text in texts), texts
    assert not [text for text in texts if "S3cret" in text]


def test_own_checks_of_another_form(lifetime: Root) -> None:
    """What a rule says about a file that is made from a password is not shown where the password has another form."""
    lifetime.custom(f"{LIFETIME}/10x", "{{ db.configuration['smtp-auth-proxy'].Passwd | upper }}\n")
    lifetime.config("setprop", "smtp-auth-proxy", "Passwd", "S3cretZZ")
    shown = lifetime.expand(LIFETIME, code=10).err
    assert "line 1: the file holds a secret, so the reason is not shown" in shown
    assert "S3CRET" not in shown.upper()
    lifetime.file(LIFETIME).write_text("S3CRETZZ\n")
    shown = lifetime.esmith("check", LIFETIME, code=10).out
    assert "line 1: the file holds a secret" in shown
    assert "S3CRET" not in shown.upper()


def test_a_neighbour_that_was_not_made_again(root: Root) -> None:
    """A program that quotes a neighbour of the file it refuses, which did not change, brings no secret to a message."""
    for name, text in (("a", "{{ clamav.MaxFiles }}\n"), ("b", "password {{ db.configuration['box'].Password }}\n")):
        root.custom(f"/etc/pair/{name}/10x", text)
    script = 'tail -n 1 "$(dirname "$0")/b" >&2; ! grep -q 77777 "$0"'
    metadata = f"[check]\ncommand = ['sh', '-c', '''{script}''', '{{file}}']\npackage = 'dash'\n"
    root.custom("/etc/pair/template.toml", metadata)
    root.config("set", "box", "vpnbox", "Password", "S3cretZZ")
    make_event(root.path, "pair-update", templates="/etc/pair/a\n/etc/pair/b\n")
    root.signal("pair-update")
    supposed = root.esmith("explain", "clamav", "MaxFiles", "--if", "77777", code=None).out
    root.config("setprop", "clamav", "MaxFiles", "77777")
    shown = root.signal("pair-update", code=None).err
    status = root.esmith("status", "--check", "--json", code=None).out
    assert all("password ****" in text for text in (shown, supposed)), (shown, supposed)
    assert "/etc/pair/a: sh refuses it" in shown
    log = root.read("/var/log/e-smith/events.log")
    assert not [text for text in (shown, supposed, status, log) if "S3cret" in text]


def test_a_check_that_fails(lifetime: Root) -> None:
    """What a rule raises is not shown where it quotes the password."""
    lifetime.write("/etc/e-smith/checks/mine.py", "def rule_for(path):\n    return lambda file: int(file.content)\n")
    lifetime.custom(f"{LIFETIME}/template.toml", 'check = { own = "mine" }\n')
    lifetime.config("setprop", "smtp-auth-proxy", "Passwd", "S3cretZZ")
    answer = lifetime.expand(LIFETIME, code=None)
    assert answer.code and "checks/mine.py" in answer.err
    assert "S3cret" not in answer.err
