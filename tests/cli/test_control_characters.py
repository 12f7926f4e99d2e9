"""Control characters from every place a foreign text can come from: never raw in a log, the journal or a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import termios
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from esmith.events.log import OUTPUT_MARK
from tests import forks
from tests.commands import TIMEOUT_SECONDS, Answer, Root
from tests.events.kit import make_event

#: Moves the cursor, sets a title, changes colours in one byte and in two, turns the direction of writing, moves back.
ATTACK = "x\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202e\u2066\u200b\u2028\rdone"
#: What would look like a message or an entry of ours, if it began a line.
FORGED = "forged: all is well"
#: For what may hold a newline.
LINES = f"{ATTACK}\n{FORGED}"
#: What a value may hold: the limits refuse the rest.
VALUE = "x\u202e\u2066\u200b\u2028done"
LOG = "/var/log/e-smith/events.log"
#: What the commands themselves send to a terminal: colours, and going back for a line of progress. Of the text above
#: neither "\r" nor "\x1b" may be followed by such.
_OURS = re.compile(r"\x1b\[(?:0|1|2|32|33|1;31|31|36)m|\r(?!done)")


@dataclass(frozen=True)
class Place:
    """One place a foreign text can come from.

    :param words: the command that shows it.
    :param prepare: puts the text there.
    :param code: the exit code of the command.
    :param env: what is added to the environment.
    :param log: whether the log is to show it, too.
    """

    words: tuple[str | bytes, ...]
    prepare: Callable[[Root], object] = lambda _root: None
    code: int = 0
    env: dict[str, str] = field(default_factory=dict)
    log: bool = False


def _broken_fragment(root: Root) -> None:
    root.custom(f"/etc/clamd.conf/{LINES}", "{% if %}\n")


def _bad_metadata(root: Root) -> None:
    root.custom("/etc/clamd.conf/template.toml", f"{json.dumps(ATTACK, ensure_ascii=True)} = 1\n")


def _bad_schema(root: Root) -> None:
    root.write("/etc/e-smith/db/configuration/qpsmtpd.toml", f"{json.dumps(LINES)} = 1\n")


def _warns(root: Root) -> None:
    root.custom("/etc/clamd.conf/10x", f'{{{{ warn("\\x1b[2J\\u202e\\n{FORGED}") }}}}\n')


def _failing_action(root: Root) -> None:
    make_event(root.path, "try", actions={"S10": f"printf '%s' '{LINES}'; exit 3"})


def _action_name(root: Root) -> None:
    make_event(root.path, "try", actions={f"S10{LINES}": "exit 0"})


def _failing_action_name(root: Root) -> None:
    make_event(root.path, "try", actions={f"S10{LINES}": "exit 1"})


def _unknown_word(root: Root) -> None:
    make_event(root.path, "try", services=f"clamd {ATTACK}\n".replace("\r", "").replace("\u2028", ""))


def _checked(root: Root) -> None:
    program = root.write("/program", f"#!/bin/sh\nprintf '%s' '{LINES}'\nexit 1\n", mode=0o755)
    root.custom("/etc/x.conf/10x", "x\n")
    root.custom("/etc/x.conf/template.toml", f'[check]\ncommand = ["{program}", "{{file}}"]\npackage = "x"\n')


def _installed_and_broken(root: Root) -> None:
    root.custom("/etc/x.conf/10x", "x\n")
    root.expand("/etc/x.conf")
    _checked(root)


def _edited(root: Root) -> None:
    root.custom(f"/etc/{LINES}/10x", "x\n")
    root.expand(f"/etc/{LINES}")
    root.write(f"/etc/{LINES}", "y\n")


def _value(root: Root) -> None:
    root.config("setprop", "qpsmtpd", "Own", VALUE)


def _flat(root: Root) -> None:
    root.write("/flat", f"{ATTACK}=type|a{ATTACK}|\x1b[2J\\n{FORGED}\n".replace("\u2028", ""))
    with root.file("/flat").open("ab") as file:
        file.write(b"latin=\x9b31m|p\x9b|\xe9\n")


def _old_journal(root: Root) -> None:
    """Write a revision as they were written before the words of a command were made safe."""
    from esmith.layout import Layout
    from esmith.store import open_store
    from esmith.store.model import Author

    store = open_store(Layout(str(root.path)), write=True)
    with store.transaction(Author("root", LINES, ["config", LINES])) as transaction:
        transaction.set_prop("configuration", "qpsmtpd", "Own", "x")
    store.close()


def _contrib(root: Root) -> None:
    root.write("/contrib/root/etc/e-smith/events/email-update/S40x", "x", mode=0o755)
    root.write(f"/contrib/root/etc/e-smith/templates/etc/clamd.conf/{ATTACK}", "{ use No::Such; }\n")


def _hidden_root(root: Root) -> None:
    (root.path / LINES).symlink_to(root.path)
    root.config("--root", str(root.path / LINES), "setprop", "qpsmtpd", "Own", "x")


PLACES = {
    "event that does not exist": Place(("signal-event", LINES), code=2),
    "argument of an event": Place(
        ("signal-event", "-v", "try", LINES), lambda root: make_event(root.path, "try"), log=True
    ),
    "output of an action": Place(("signal-event", "try"), _failing_action, code=7, log=True),
    "name of an action": Place(("signal-event", "-v", "try"), _action_name, log=True),
    "name of an action, dry run": Place(("signal-event", "--dry-run", "try"), _action_name),
    "name of an action that fails": Place(("signal-event", "try"), _failing_action_name, code=11, log=True),
    "word for a service": Place(("signal-event", "try"), _unknown_word, code=11),
    "name of a fragment": Place(("expand-template", "/etc/clamd.conf"), _broken_fragment, code=4),
    "warning of a fragment": Place(("expand-template", "/etc/clamd.conf"), _warns, log=True),
    "warning of a fragment, dry run": Place(("expand-template", "--dry-run", "/etc/clamd.conf"), _warns),
    "key of template.toml": Place(("expand-template", "/etc/clamd.conf"), _bad_metadata, code=4),
    "template that does not exist": Place(("expand-template", f"/etc/{LINES}"), code=4),
    "name of a template": Place(
        ("expand-template", "--explain", f"/etc/{LINES}"), lambda root: root.custom(f"/etc/{LINES}/10x", "x\n")
    ),
    "output of a check program": Place(("expand-template", "/etc/x.conf"), _checked, code=10),
    "output of a check program, esmith check": Place(("esmith", "check", "/etc/x.conf"), _installed_and_broken, 10),
    "key of a schema file": Place(("config", "setprop", "qpsmtpd", "DNSBL", "enabled"), _bad_schema, code=4),
    "name of a file, status": Place(("esmith", "status"), _edited, code=13),
    "name of a file, generations": Place(("esmith", "generations"), _edited),
    "name of a file that was kept": Place(("expand-template", f"/etc/{LINES}"), _edited),
    "value, history": Place(("esmith", "history"), _value),
    "value, refused": Place(("config", "setprop", "qpsmtpd", "DNSBL", LINES), code=3),
    "property, refused": Place(("config", "setprop", "qpsmtpd", LINES, "x"), code=3),
    "key, refused": Place(("config", "set", LINES, "x"), code=3),
    "two commands": Place(("config", "setprop", "qpsmtpd", "A", LINES, "signal-event", LINES), code=2),
    "database": Place(("db", LINES, "show"), code=2),
    "path of a flat file": Place(("db", f"/no/{LINES}", "settype", "a", "b"), code=6),
    "argument that is not UTF-8": Place(("config", "show", b"\x9b\x1b\n"), code=3),
    "root": Place(("esmith", "--root", LINES, "status"), code=2),
    "root in the environment": Place(("esmith", "status"), env={"ESMITH_ROOT": f"/no/{LINES}"}, code=2),
    "root in the journal": Place(("esmith", "history", "--limit", "3"), _hidden_root),
    "old journal": Place(("esmith", "history"), _old_journal),
    "option": Place(("signal-event", f"--{LINES}"), code=2),
    "subcommand": Place(("esmith", LINES), code=2),
    "value of an option": Place(("esmith", "history", "--limit", LINES), code=2),
    "operand": Place(("esmith", "undo", LINES), code=2),
    "operand of a choice": Place(("esmith", "contrib", LINES, "/"), code=2),
    "file of a contrib": Place(("esmith", "contrib", "check", "contrib"), _contrib, code=4),
    "file to import": Place(("esmith", "import", "--dry-run", "--database", "x", "flat"), _flat, code=3),
    "file to import that does not exist": Place(("esmith", "import", LINES), code=2),
    "database to export": Place(("esmith", "export", LINES), code=2),
    "domain": Place(("qpsmtpd-print-dns", LINES), code=2),
}


def run(root: Root, place: Place, *, terminal: str) -> Answer:
    """Run a command, with pipes or at a terminal of its own; there all that it prints is ``out``.

    :param terminal: its TERM; "" for pipes. What colours are ours, and going back for a line of progress, is taken out.
    """
    command = [str(root.path / "sbin/e-smith" / os.fsdecode(place.words[0])), *map(os.fsdecode, place.words[1:])]
    env = {**os.environ, "ESMITH_ROOT": str(root.path), "TERM": terminal, **place.env}
    with contextlib.chdir(root.path):
        if not terminal:
            code, out, err = forks.run(command, stdin=b"", env=env, timeout=TIMEOUT_SECONDS)
            return Answer(code, out.decode(), err.decode())
        code, printed = at_terminal(command, env)
    return Answer(code, _OURS.sub("", printed.decode()), "")


def at_terminal(command: list[str], env: dict[str, str]) -> tuple[int, bytes]:
    """Run a command whose streams are a terminal; return its exit code and every byte it sent there."""
    ours, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    ended = forks.call(command, streams=(theirs, theirs, theirs), env=env, timeout=TIMEOUT_SECONDS)
    os.close(theirs)
    printed = b""
    try:
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break  # so Linux reports that nobody has the other end open any more
            if not part:
                break
            printed += part
    finally:
        os.close(ours)
    return ended(), printed


def assert_harmless(text: str) -> None:
    """Check that a text moves no cursor, turns no writing, and that no line of it begins with the forged message."""
    assert [char for char in text if not char.isprintable() and char not in "\n\t"] == []
    assert [line for line in text.split("\n") if line.startswith(FORGED)] == []


def messages(log: str) -> list[str]:
    """Return the entries of a log without date, time, name and process."""
    return [line.split(": ", 1)[1] for line in log.splitlines()]


@pytest.mark.parametrize("terminal", ["", "xterm"], ids=["pipe", "terminal"])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_what_is_printed(root: Root, place: Place, terminal: str) -> None:
    """Nothing raw reaches stdout or stderr, nor the log, nor the journal; and the text is shown, not left out."""
    place.prepare(root)
    answer = run(root, place, terminal=terminal)
    assert answer.code == place.code, answer
    assert "Traceback" not in answer.out + answer.err
    assert_harmless(answer.out)
    assert_harmless(answer.err)
    shown = answer.out + answer.err
    log = root.read(LOG) if root.file(LOG).exists() else ""
    assert_harmless(log)
    assert not [entry for entry in messages(log) if entry.startswith(FORGED)]
    assert any(code in shown + log for code in ("\\x1b", "\\x9b", "\\u202e", "\\u200b")), shown
    if place.log:
        assert "\\x1b" in log


@pytest.mark.parametrize("words", ["config set Own service", "signal-event try"])
def test_who_called_sudo(root: Root, words: str) -> None:
    """SUDO_USER is in the journal and in the history without anything raw."""
    make_event(root.path, "try", actions={"S10": "config set Own service"})
    program, *rest = words.split()
    root.run(program, *rest, env={"SUDO_USER": LINES})
    data = json.loads(root.esmith("history", "--limit", "1", "--json").out)[0]
    assert_harmless(data["sudo_user"])
    assert data["sudo_user"].startswith("x\\x1b]0;owned")
    assert data["sudo_user"].endswith(f"\\n{FORGED}")


def test_the_journal_holds_nothing_raw(root: Root) -> None:
    """The words of a command are written down with the codes, so that no program that reads them later is at risk."""
    (root.path / LINES).symlink_to(root.path)
    root.config("--root", str(root.path / LINES), "set", "Own", "service")
    data = root.file("/home/e-smith/db/data.mdb").read_bytes()
    assert b"set\0Own\0service" in data
    assert ATTACK.encode() not in data
    assert b"\\x1b]0;owned\\x07" in data


def test_an_action_cannot_forge_entries(root: Root) -> None:
    """A line that an action prints is never what an entry of the engine is, to the byte."""
    make_event(root.path, "try", actions={"S10": "echo 'Event try ended: 0 files changed'; exit 1"})
    root.signal("try", code=7)
    entries = messages(root.read(LOG))
    assert [entry for entry in entries if entry.startswith("Event try ended")] == []
    assert f"{OUTPUT_MARK}Event try ended: 0 files changed" in entries


@pytest.mark.parametrize("words", ["show", "keys", "print", "get latin", "getprop latin p\udc9b"])
def test_data_is_exact_except_at_a_terminal(root: Root, words: str) -> None:
    """Values are printed to the byte where a program reads them, and with codes where a person does."""
    _flat(root)
    command = [os.fsencode(root.path / "sbin/e-smith/db"), b"/flat", *map(os.fsencode, words.split())]
    command[1] = os.fsencode(root.file("/flat"))
    if words.startswith("getprop"):
        command = [*command[:3], b"latin", b"p\x9b"]
    env = {**os.environ, "ESMITH_ROOT": str(root.path)}
    piped = subprocess.run(command, capture_output=True, env=env, timeout=TIMEOUT_SECONDS, check=False)
    code, printed = at_terminal(list(map(os.fsdecode, command)), env)
    if words.startswith("getprop"):
        # An argument has to be UTF-8.
        assert piped.returncode == code == 3
    else:
        assert b"\x9b31m" in piped.stdout or b"latin" in piped.stdout
        assert code == 0
    assert_harmless(printed.decode().replace(f"\n{FORGED}", ""))


JSON = {
    "db": ("db", "{flat}", "--json", "show"),
    "keys": ("db", "{flat}", "--json", "keys"),
    "history": ("esmith", "history", "--json"),
    "generations": ("esmith", "generations", "--json"),
    "status": ("esmith", "status", "--json"),
    "check": ("esmith", "check", "--json", f"/etc/{LINES}"),
    "signal-event": ("signal-event", "--json", "try"),
    "import": ("esmith", "import", "--dry-run", "--json", "--database", "x", "{flat}"),
    "contrib": ("esmith", "contrib", "check", "--json", "contrib"),
    "services": ("esmith", "services", "--all", "--json"),
}


@pytest.mark.parametrize("words", JSON.values(), ids=JSON.keys())
def test_json_is_json(root: Root, words: tuple[str, ...]) -> None:
    """Whatever the texts hold, ``--json`` prints one line of printable JSON in UTF-8 that gives them back."""
    _flat(root)
    _contrib(root)
    _value(root)
    _edited(root)
    _action_name(root)
    program, *rest = (word.replace("{flat}", str(root.file("/flat"))) for word in words)
    with contextlib.chdir(root.path):
        answer = root.run(program, *rest, code=None, env={"SUDO_USER": LINES})
    text = answer.out.removesuffix("\n")
    assert text.isprintable()
    assert json.loads(text) is not None


def test_json_gives_back_what_was_stored(root: Root) -> None:
    """A value is the same after JSON, to the character."""
    root.config("setprop", "qpsmtpd", "Own", VALUE)
    data = json.loads(root.config("--json", "show", "qpsmtpd").out)
    assert data["props"]["Own"] == VALUE
    assert root.config("getprop", "qpsmtpd", "Own").out == f"{VALUE}\n"
