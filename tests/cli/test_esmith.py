"""``esmith``: init, history, undo, status."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from esmith.errors import ExitCode
from tests.commands import TIMEOUT_SECONDS, Answer, Root, initialise

CUSTOM = "/etc/e-smith/templates-custom/var/qmail/control/queuelifetime"


def init(path: Path, *words: str, code: int = 0) -> Answer:
    """Run ``esmith init`` for a root, as the command of this environment."""
    done = subprocess.run(
        [sys.executable, "-m", "esmith", "init", *words, "--root", str(path)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


def _newest(root: Root) -> dict[str, object]:
    data = json.loads(root.esmith("history", "--limit", "1", "--json").out)
    assert len(data) == 1
    found: dict[str, object] = data[0]
    return found


def test_init_makes_everything(tmp_path: Path) -> None:
    """``init`` makes the folder, templates, events, schema and commands, and the databases with their defaults."""
    answer = init(tmp_path / "root", "--domain", "example.org", "--name", "post")
    root = Root(tmp_path / "root")
    assert "the primary domain is example.org" in answer.out
    assert f"next: signal-event --root {tmp_path}/root email-update" in answer.out
    assert answer.err == ""
    for name in ("config", "db", "signal-event", "expand-template", "esmith"):
        assert os.access(root.file(f"/sbin/e-smith/{name}"), os.X_OK)
    for name in ("templates", "templates-custom", "events", "db"):
        assert root.file(f"/etc/e-smith/{name}").is_dir()
    assert root.config("get", "DomainName").out == "example.org\n"
    assert root.config("get", "SystemName").out == "post\n"
    assert root.config("getprop", "qpsmtpd", "status").out == "enabled\n"
    assert root.db("domains", "gettype", "example.org").out == "domain\n"
    root.signal("email-update")
    assert root.read("/var/qmail/control/me") == "post.example.org\n"


def test_the_databases_are_private(root: Root) -> None:
    """The databases hold passwords: nobody but their owner may read them."""
    for name in ("data.mdb", "lock.mdb"):
        assert root.file(f"/home/e-smith/db/{name}").stat().st_mode & 0o077 == 0


def test_init_again_changes_nothing(root: Root) -> None:
    """A second ``init`` writes no setting and no file."""
    before = root.snapshot("/etc", "/sbin")
    revision = _newest(root)["revision"]
    answer = init(root.path)
    assert "0 settings written" in answer.out
    assert root.snapshot("/etc", "/sbin") == before
    assert _newest(root)["revision"] == revision


def test_init_keeps_what_the_administrator_did(root: Root) -> None:
    """An upgrade keeps settings and overrides; a shipped file that was edited is copied and reported."""
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    root.config("set", "DomainName", "mine.example")
    root.write(CUSTOM, "1\n")
    root.write("/etc/e-smith/templates-custom/README.md", "my own notes\n")
    shipped = "/etc/e-smith/templates/var/qmail/control/queuelifetime"
    root.write(shipped, "edited\n")
    answer = init(root.path)
    assert root.config("getprop", "qpsmtpd", "DNSBL").out == "enabled\n"
    assert root.config("get", "DomainName").out == "mine.example\n"
    assert root.read(CUSTOM) == "1\n"
    assert root.read("/etc/e-smith/templates-custom/README.md") == "my own notes\n"
    assert root.read(shipped) == "604800\n"
    (line,) = answer.err.splitlines()
    assert shipped in line
    assert root.read(line.rpartition(" ")[2]) == "edited\n"


def test_init_puts_a_directory_where_a_file_was_shipped(root: Root) -> None:
    """Where an older version shipped a list as a file, init makes the directory of today, in which contribs may lie."""
    event = root.file("/etc/e-smith/events/email-update")
    for name in ("templates2expand", "services2adjust"):
        (event / name / "LIST").unlink()
        (event / name).rmdir()
        (event / name).write_text("/etc/old\n")
    (event / "services2adjust").write_text("edited by hand\n")
    manifest = root.file("/var/lib/e-smith/shipped")
    digest = hashlib.sha256(b"/etc/old\n").hexdigest()
    lines = [line for line in manifest.read_text().splitlines() if "email-update" not in line or "LIST" not in line]
    lines += [f"{digest}  events/email-update/{name}" for name in ("templates2expand", "services2adjust")]
    manifest.write_text("\n".join(sorted(lines)) + "\n")
    answer = init(root.path)
    assert (event / "templates2expand/LIST").is_file()
    assert "qpsmtpd sighup" in (event / "services2adjust/LIST").read_text().splitlines()
    assert "events/email-update/services2adjust was edited by hand" in answer.err


def test_init_restores_what_is_missing(root: Root) -> None:
    """Shipped files that were removed are back after ``init``; files of others stay."""
    root.file("/etc/e-smith/templates/var/qmail/control/me").unlink()
    own = root.write("/etc/e-smith/templates/etc/contrib/10a", "of a contrib\n")
    init(root.path)
    assert root.file("/etc/e-smith/templates/var/qmail/control/me").is_file()
    assert own.read_text() == "of a contrib\n"


@pytest.mark.parametrize(("option", "value"), [("--domain", "not a domain"), ("--name", "a b")])
def test_init_checks_names(tmp_path: Path, option: str, value: str) -> None:
    """A name that cannot be one is refused."""
    answer = init(tmp_path / "root", option, value, code=ExitCode.REFUSED)
    assert repr(value) in answer.err


def test_a_path_with_blanks(tmp_path: Path) -> None:
    """A root whose path holds blanks and quotes works like any other."""
    root = initialise(tmp_path / "my 'own' root")
    root.signal("email-update")
    assert root.config("getprop", "qpsmtpd", "status").out == "enabled\n"


def test_history(root: Root) -> None:
    """``history`` shows who changed what with which command, the newest change first."""
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    root.db("accounts", "set", "tom", "user", "EmailForward", "local")
    user = pwd.getpwuid(os.getuid()).pw_name
    lines = root.esmith("history", "--limit", "2").out.splitlines()
    assert lines[0].startswith("revision ")
    assert lines[0].endswith(f"{user}  db accounts set tom user EmailForward local")
    assert "    accounts tom: (none) -> user" in lines
    assert "    accounts tom EmailForward: (none) -> local" in lines
    assert lines[-1] == "    configuration qpsmtpd DNSBL: disabled -> enabled"


def test_history_names_who_called_sudo(root: Root) -> None:
    """A change made by way of sudo names who called it."""
    root.run("config", "setprop", "qpsmtpd", "DNSBL", "enabled", env={"SUDO_USER": "alice"})
    assert _newest(root)["sudo_user"] == "alice"
    assert "(sudo by alice)" in root.esmith("history", "--limit", "1").out


@pytest.mark.parametrize(
    ("words", "commands"),
    [
        (["--database", "accounts"], ["db accounts set tom user"]),
        (["--key", "qpsmtpd", "--limit", "1"], ["config setprop qpsmtpd LogLevel 7"]),
        (["--key", "tom"], ["db accounts set tom user"]),
        (["--key", "nosuch"], []),
    ],
)
def test_history_of_one_thing(root: Root, words: list[str], commands: list[str]) -> None:
    """The history may be asked for one database or one record."""
    root.db("accounts", "set", "tom", "user")
    root.config("setprop", "qpsmtpd", "LogLevel", "7")
    found = json.loads(root.esmith("history", "--json", *words).out)
    assert [revision["command"] for revision in found if "init" not in revision["command"]] == commands


@pytest.mark.parametrize(
    "words",
    [
        ["setprop", "clamav", "HTTPProxyPassword", "s3cret-word"],
        ["setprop", "clamav", "HTTPProxyPassword", "s3cret-word", "HTTPProxyServer", "proxy.example.com"],
        ["set", "clamav", "service", "HTTPProxyPassword", "s3cret-word", "status", "disabled"],
        ["delprop", "clamav", "HTTPProxyPassword"],
        ["delete", "clamav"],
    ],
    ids=["set", "set with others", "set as record", "deleted", "deleted with its record"],
)
def test_history_masks_secrets(root: Root, words: list[str]) -> None:
    """A secret is never shown: not as old or new value, nor in the command, even when it did not change."""
    root.config("setprop", "clamav", "HTTPProxyPassword", "s3cret-word")
    root.config(*words)
    for options in ([], ["--json"]):
        assert "s3cret-word" not in root.esmith("history", "--limit", "2", *options).out


def test_undo(root: Root) -> None:
    """``undo`` sets back what a revision changed, all of it, as a revision of its own that can be undone too."""
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled", "Own", "x")
    number = str(_newest(root)["revision"])
    answer = root.esmith("undo", number)
    assert "configuration qpsmtpd DNSBL: enabled -> disabled" in answer.out
    assert root.config("getprop", "qpsmtpd", "DNSBL").out == "disabled\n"
    root.config("getprop", "qpsmtpd", "Own", code=ExitCode.FAILED)
    assert _newest(root)["command"] == f"esmith undo {number}"
    root.esmith("undo", str(_newest(root)["revision"]))
    assert root.config("getprop", "qpsmtpd", "Own").out == "x\n"


def test_undo_of_a_record(root: Root) -> None:
    """A deleted record comes back with all its properties; a record that was made goes again."""
    before = root.config("show", "qpsmtpd").out
    root.config("delete", "qpsmtpd")
    root.esmith("undo", str(_newest(root)["revision"]))
    assert root.config("show", "qpsmtpd").out == before
    root.config("set", "own", "service", "status", "enabled")
    root.esmith("undo", str(_newest(root)["revision"]))
    root.config("show", "own", code=ExitCode.FAILED)


def test_undo_refuses_what_changed_later(root: Root) -> None:
    """A revision is not undone over a later change of the same property, unless forced; the message says how."""
    root.config("setprop", "qpsmtpd", "LogLevel", "7")
    number = str(_newest(root)["revision"])
    root.config("setprop", "qpsmtpd", "LogLevel", "8")
    later = str(_newest(root)["revision"])
    answer = root.esmith("undo", number, code=ExitCode.FAILED)
    assert f"revision {later}" in answer.err
    assert "--force" in answer.err
    assert root.config("getprop", "qpsmtpd", "LogLevel").out == "8\n"
    root.esmith("undo", "--force", number)
    assert root.config("getprop", "qpsmtpd", "LogLevel").out == "6\n"


def test_undo_of_nothing(root: Root) -> None:
    """A revision that does not exist is a usage error; one that is undone already says so."""
    assert "there is no revision 9999" in root.esmith("undo", "9999", code=ExitCode.USAGE).err
    root.config("setprop", "qpsmtpd", "LogLevel", "7")
    number = str(_newest(root)["revision"])
    root.esmith("undo", number)
    answer = root.esmith("undo", "--force", number)
    assert "nothing to do" in answer.out


def test_undo_masks_secrets(root: Root) -> None:
    """What ``undo`` says it set back shows no secret."""
    root.config("setprop", "clamav", "HTTPProxyPassword", "s3cret-word")
    answer = root.esmith("undo", str(_newest(root)["revision"]))
    assert "HTTPProxyPassword" in answer.out
    assert "s3cret-word" not in answer.out + answer.err


def test_status_shows_an_interrupted_event(office: Root) -> None:
    """An event that was killed shows in ``status`` with its files and the cure, until it is recovered."""
    script = "#!/bin/sh\nkill -9 $PPID\n"
    action = office.write("/etc/e-smith/events/email-update/S50last", script, mode=0o755)
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    office.signal("email-update", code=None)
    line = "signal-event email-update was interrupted; to restore the old content of 1 file: esmith recover"
    assert line in office.esmith("status", "-v", code=None).out.splitlines()
    data = json.loads(office.esmith("status", "--json", code=None).out)
    assert [(one["command"], one["files"]) for one in data["interrupted"]] == [
        ("signal-event email-update", ["/var/service/qpsmtpd/config/peers/0"])
    ]
    assert data["running"] is None
    action.unlink()
    office.esmith("recover")
    assert "interrupted" not in office.esmith("status", "-v", code=None).out
    assert json.loads(office.esmith("status", "--json", code=None).out)["interrupted"] == []


def test_status_shows_an_event_that_runs(office: Root) -> None:
    """An event that runs now is shown as running, not as interrupted, also when its files are installed already."""
    script = '#!/bin/sh\nesmith status -v > "$ESMITH_ROOT/text"\nesmith status --json > "$ESMITH_ROOT/json"\ntrue\n'
    office.write("/etc/e-smith/events/email-update/S50last", script, mode=0o755)
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    office.signal("email-update")
    text, data = office.read("/text"), json.loads(office.read("/json"))
    assert "running now: event email-update (process " in text
    assert "interrupted" not in text
    assert data["running"].startswith("event email-update (process ")
    assert data["interrupted"] == []
    assert "running" not in office.esmith("status", "-v", code=None).out


def test_status(office: Root) -> None:
    """``status`` shows the databases, how many files are generated, and which of them somebody changed."""
    office.signal("email-update")
    lines = office.esmith("status", "-v", code=None).out.splitlines()
    assert any(line.startswith(f"root {office.path}, revision ") for line in lines)
    assert any(line.startswith("database accounts: ") for line in lines)
    assert not any(line.endswith((": edited by hand", ": removed")) for line in lines)
    office.file("/etc/clamd.conf").write_text("edited\n")
    office.file("/etc/freshclam.conf").unlink()
    shown = office.esmith("status", "-v", code=None).out.splitlines()
    assert "  /etc/clamd.conf: edited by hand" in shown
    assert "  /etc/freshclam.conf: removed" in shown
    data = json.loads(office.esmith("status", "--json", code=None).out)
    assert data["files"]["differing"] == {"/etc/clamd.conf": "edited by hand", "/etc/freshclam.conf": "removed"}
    assert data["databases"]["domains"]["records"] == 2
    office.signal("email-update")
    assert json.loads(office.esmith("status", "--json", code=None).out)["files"]["differing"] == {}


def test_initialize_databases(root: Root) -> None:
    """Defaults that are missing are written; what is set stays; a second time there is nothing to do."""
    root.config("delprop", "qpsmtpd", "DNSBL")
    root.config("setprop", "qpsmtpd", "LogLevel", "7")
    assert root.esmith("initialize-databases").out == "configuration qpsmtpd DNSBL: set\n"
    assert root.config("getprop", "qpsmtpd", "DNSBL").out == "disabled\n"
    assert root.config("getprop", "qpsmtpd", "LogLevel").out == "7\n"
    assert root.esmith("initialize-databases").out == ""


def test_version_and_help(root: Root) -> None:
    """--version and --help are answered on stdout; without a subcommand the help is shown."""
    assert root.esmith("--version").out.startswith("esmith")
    assert "history" in root.esmith("--help").out
    bare = root.esmith(code=None)
    assert "history" in bare.out + bare.err


def test_a_misspelt_subcommand(root: Root) -> None:
    """A subcommand that is misspelt is refused, and the error names the one that is close."""
    assert "No such command 'stauts'; did you mean 'status'?" in root.esmith("stauts", code=2).err
    assert root.esmith("xyzzy", code=2).err.rstrip().endswith("No such command 'xyzzy'.")
