"""The questions of ``[useful]``: each kind, what is asked of whom, and what a message shows of a log."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.services.definition import Services
from esmith.services.logs import last_lines, shown
from esmith.services.model import ServiceStatus, Status
from esmith.services.useful import Asked, find_useless
from tests.events.kit import eventually

DIRECTORY = "etc/e-smith/services/demo"


def _useless(root: Path, text: str, status: ServiceStatus | None = None) -> list[tuple[str, str]]:
    """Return what the questions of a service.toml find, each with its name."""
    place = root / DIRECTORY / "service.toml"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    layout = Layout(str(root))
    asked = Asked(Services(layout).of("demo"), status or ServiceStatus(Status.UP, os.getpid(), 5), "runit")
    return [(found.question, found.complaint) for found in find_useless(layout, [asked]).get("demo", [])]


@contextmanager
def _daemon(*answers: bytes) -> Iterator[int]:
    """Run a daemon that greets with the first answer, and gives the next for each line; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client, client.makefile("rb") as lines:
                client.sendall(answers[0])
                for answer in answers[1:]:
                    if not lines.readline():
                        return
                    client.sendall(answer)
                with suppress(ConnectionResetError):
                    lines.read()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(60)


DIALOGUE = """
[useful.answers]
port = {port}
within = {within}
dialogue = [["", "220 "], ["EHLO x\\r\\n", "250 "], ["RCPT TO:<y>\\r\\n", "250 "]]
"""


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        ([b"220 hello\r\n", b"250-x\r\n250-SIZE\r\n250 HELP\r\n", b"250 ok\r\n"], ""),
        ([b"220 hello\r\n", b"250 x\r\n", b"450 later\r\n"], "to 'RCPT TO:<y>' it answers '450 later'"),
        ([b"220 hello\r\n", b"250 x\r\n", b"250-ok\r\n450 \x1b[2Jlater\r\n"], "it answers '450 \\x1b[2Jlater'"),
        ([b"421 too busy\r\n"], "at first it answers '421 too busy'"),
        ([b"x" * 4000], "at first it answers 'xxxx"),
        ([b"220 hello\r\n"], "it answers nothing in time"),
    ],
)
def test_a_dialogue(tmp_path: Path, answers: list[bytes], complaint: str) -> None:
    """Answers are compared in turn, by their last line; a wrong one is shown, printable and cut; none has a limit."""
    within = 0.5 if "in time" in complaint else 60
    with _daemon(*answers) as port:
        found = _useless(tmp_path, DIALOGUE.format(port=port, within=within))
    assert len(found) == bool(complaint)
    for name, text in found:
        assert name == "answers"
        assert text.startswith(f"port {port}: ")
        assert complaint in text
        assert len(text) < 250
        assert text.isprintable()


def test_a_port_of_nobody(tmp_path: Path) -> None:
    """Where nobody listens the answer is the system's; port 0, which a file may name, is not asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert _useless(tmp_path, DIALOGUE.format(port=port, within=60)) == [
        ("answers", f"port {port}: Connection refused")
    ]
    assert _useless(tmp_path, DIALOGUE.format(port=0, within=60)) == []


def test_a_value_of_a_generated_file(tmp_path: Path) -> None:
    """What a file has is put in the place of {read}; where it has nothing, the other value, or a complaint."""
    text = """
[useful.there]
read = { file = "/etc/x.conf", value = '^Directory (.+)$' }
exists = ["{read}/*.cvd"]
"""
    assert _useless(tmp_path, text) == [("there", "/etc/x.conf has nothing that matches ^Directory (.+)$")]
    (tmp_path / "etc/x.conf").write_text("Other x\nDirectory /var/signatures\n")
    assert _useless(tmp_path, text) == [("there", "there is no /var/signatures/*.cvd")]
    (tmp_path / "var/signatures").mkdir(parents=True)
    (tmp_path / "var/signatures/main.cvd").touch()
    assert _useless(tmp_path, text) == []
    other = text.replace("Directory (", "None (").replace("' }", "', otherwise = '/var/signatures' }")
    assert _useless(tmp_path, other) == []


def test_lines_of_a_file(tmp_path: Path) -> None:
    """A file needs a line that matches has, and none that matches lacks; one that is not there has none."""
    text = "[useful.x]\nfile = \"/etc/fetchmailrc\"\nhas = '^poll '\nlacks = '^ssl = no$'\n"
    assert _useless(tmp_path, text) == [("x", "/etc/fetchmailrc has no line that matches ^poll ")]
    (tmp_path / "etc/fetchmailrc").write_text("poll x\n")
    assert _useless(tmp_path, text) == []
    (tmp_path / "etc/fetchmailrc").write_text("poll x\nssl = no\n")
    assert _useless(tmp_path, text) == [("x", "/etc/fetchmailrc has a line that matches ^ssl = no$")]


def test_a_command(tmp_path: Path) -> None:
    """A command has to succeed; what it prints is the complaint, without what may be a password."""
    script = "import os, sys; os.path.exists(sys.argv[1]) or sys.exit('password: hunter2')"
    text = f"""
[useful.x]
command = ["{sys.executable}", "-c", "{script}", "{{root}}/flag"]
package = "python3"
"""
    assert _useless(tmp_path, text) == [("x", f"{sys.executable}: password: ***")]
    (tmp_path / "flag").touch()
    assert _useless(tmp_path, text) == []


@pytest.mark.root("only root makes files of others")
def test_files_that_the_account_may_not_use(tmp_path: Path) -> None:
    """A file that the process of the service could not read and write is named; what is not there is no fault."""
    text = '[useful.x]\nusable = ["/var/learnt/bayes_*"]\n'
    (tmp_path / "var/learnt").mkdir(parents=True)
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == 0 and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o011)
    with subprocess.Popen(["sleep", "1000"], user=65534, group=65534, extra_groups=[]) as process:
        try:
            status = ServiceStatus(Status.UP, process.pid, 5)
            assert _useless(tmp_path, text, status) == []
            file = tmp_path / "var/learnt/bayes_toks"
            file.touch(mode=0o600)
            (found,) = _useless(tmp_path, text, status)
            assert found[1] == "/var/learnt/bayes_toks may not be read and written by the user with the number 65534"
            os.chown(file, 65534, 0)
            assert _useless(tmp_path, text, status) == []
            file.parent.chmod(0o700)
            assert len(_useless(tmp_path, text, status)) == 1
        finally:
            process.kill()


def _log(root: Path, *lines: str, age: float = 0) -> None:
    place = root / "var/log/demo/current"
    place.parent.mkdir(parents=True, exist_ok=True)
    stamp = struct.pack(">QI", (1 << 62) + 10 + int(time.time() - age), 0).hex()
    with place.open("a") as file:
        file.writelines(f"@{stamp} {line}\n" for line in lines)


def test_what_the_log_has(tmp_path: Path) -> None:
    """The last line that is about the question counts; lines of before the process was started do not."""
    text = '[useful.x]\nlog = "Update failed"\nlog-until = "is up-to-date"\n'
    assert _useless(tmp_path, text) == []
    _log(tmp_path, "Update failed for daily", age=1000)
    assert _useless(tmp_path, text) == []
    _log(tmp_path, "Update failed for main", "other")
    assert _useless(tmp_path, text) == [("x", "its log has: Update failed for main")]
    _log(tmp_path, "main is up-to-date")
    assert _useless(tmp_path, text) == []


def test_the_log_of_a_daemon_that_answers_wrongly(tmp_path: Path) -> None:
    """What a daemon logged in the last minutes is found with its answer; where no daemon was asked, there is no log."""
    _log(tmp_path, "long ago", age=5000)
    _log(tmp_path, "cannot open the list", "password=hunter2")
    with _daemon(b"450 later\r\n") as port:
        text = DIALOGUE.format(port=port, within=60) + '[useful.work]\nfile = "/etc/x"\nhas = "y"\n'
        place = tmp_path / DIRECTORY / "service.toml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        layout = Layout(str(tmp_path))
        asked = Asked(Services(layout).of("demo"), ServiceStatus(Status.UP, os.getpid(), 100_000), "runit")
        answers, work = find_useless(layout, [asked])["demo"]
    assert answers.log == ("cannot open the list", "password=***")
    assert work.log == ()


def test_a_run_script_that_waits(tmp_path: Path) -> None:
    """A service whose run script waits is found without a question; why is what its log has."""
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            # The kernel has it a moment after the new program was started.
            words = Path(f"/proc/{process.pid}/cmdline")
            eventually(words.read_bytes, f"{words} has words")
            status = ServiceStatus(Status.UP, process.pid, 1)
            assert _useless(tmp_path, "", status) == [("waits", "its log says why")]
            _log(tmp_path, "demo cannot run, and tries again in a minute: there is no program demo (Debian package d)")
            why = "there is no program demo (Debian package d)"
            assert _useless(tmp_path, DIALOGUE.format(port=1, within=1), status) == [("waits", why)]
        finally:
            process.kill()
    assert _useless(tmp_path, "", ServiceStatus(Status.UP, os.getpid(), 1)) == []


def test_one_that_something_else_starts(tmp_path: Path) -> None:
    """Of a service that does not run, only what needs no process is asked."""
    text = DIALOGUE.format(port=1, within=1) + '[useful.work]\nfile = "/etc/x"\nhas = "y"\n'
    assert [name for name, _ in _useless(tmp_path, text, ServiceStatus(Status.DOWN))] == ["work"]


def test_the_log_in_a_message(tmp_path: Path) -> None:
    """A message shows the last five lines since a moment, without stamps, printable; no pipe and no link is read."""
    layout = Layout(str(tmp_path))
    service = Services(layout).of("demo")
    _log(tmp_path, "long ago", age=5000)
    _log(tmp_path, *(f"line {number}" for number in range(7)), "\x1b[31mred")
    since = time.time() - 60
    assert last_lines(layout, service, "runit", since=since) == ["line 3", "line 4", "line 5", "line 6", "\\x1b[31mred"]
    log = tmp_path / "var/log/demo/current"
    log.unlink()
    os.mkfifo(log)
    assert last_lines(layout, service, "runit", since=since) == []
    log.unlink()
    log.symlink_to("/etc/hostname")
    assert last_lines(layout, service, "runit", since=since) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cannot log in: password=hunter2", "cannot log in: password=***"),
        ("Passwd: 'hunter2' is wrong", "Passwd: '***' is wrong"),
        ("dispatching AUTH PLAIN AHRvbQBzZWNyZXQ=", "dispatching AUTH PLAIN ***"),
        ("poll http://joe:hunter2@proxy:3128/", "poll http://joe:***@proxy:3128/"),
        ("password file is missing", "password file is missing"),
    ],
)
def test_no_passwords(line: str, expected: str) -> None:
    """What may be a password is not shown."""
    assert shown(line) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[useful.x]\nsays = 1\n", "unknown key 'says'"),
        ('[useful.x]\nlog = "("\n', "must be a regular expression"),
        ('[useful.x]\ndialogue = [["a"]]\n', "must be a list of pairs"),
        ('[useful.x]\ncommand = ["x"]\n', "command needs the Debian package"),
        ('[useful.x]\nfile = "etc/x"\n', "file must be an absolute path"),
        ('[useful.x]\nread = { file = "/x", value = "y" }\n', "value must have one group"),
        ('[useful.x]\nread = { file = "/x" }\n', "needs file and value"),
        ("useful = 1\n", "useful must be a table"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, message: str) -> None:
    """A mistake in a question is one of the file, with its table."""
    with pytest.raises(Exception, match=message):
        _useless(tmp_path, text)
