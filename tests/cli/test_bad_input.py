"""Bad input of every kind: a line or two that say what is wrong, a documented exit code, and never a traceback."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from esmith.errors import ExitCode, RefusedError, StoreError
from esmith.layout import Layout
from esmith.store import open_store
from tests import forks
from tests.apply.kit import AUTHOR, Bench
from tests.commands import TIMEOUT_SECONDS, Answer, Root
from tests.events.kit import make_event

pytestmark = pytest.mark.program("setpriv")

ME = "/var/qmail/control/me"
#: The most lines of a message, blank ones not counted: a usage line, a pointer to the help, and what is wrong.
MOST_LINES = 3


@dataclass(frozen=True)
class Bad:
    """One kind of bad input.

    :param words: the command.
    :param code: the exit code.
    :param says: a part of the message.
    :param prepare: what is done to the root before.
    """

    words: tuple[str | bytes, ...]
    code: int
    says: str = ""
    prepare: Callable[[Root], object] = lambda _root: None


def _run(root: Root, *words: str | bytes, env: dict[str, str] | None = None) -> Answer:
    """Run a command for which the permissions of files count, even for root."""
    program, *rest = map(os.fsdecode, words)
    code, out, err = forks.run(
        [str(root.path / "sbin/e-smith" / program), *rest],
        stdin=b"",
        env={**os.environ, "ESMITH_ROOT": str(root.path), **(env or {})},
        timeout=TIMEOUT_SECONDS,
        powerless=True,
    )
    return Answer(code, out.decode(), err.decode())


def _check(answer: Answer, code: int, says: str) -> None:
    assert "Traceback" not in answer.err, answer.err
    assert answer.code == code, answer.err
    assert says in answer.err
    assert 1 <= len([line for line in answer.err.splitlines() if line.strip()]) <= MOST_LINES, answer.err
    assert answer.out == ""


def _custom(path: str, content: str, mode: int = 0o644) -> Callable[[Root], object]:
    return lambda root: root.write(f"/etc/e-smith/templates-custom{path}", content, mode=mode)


def _event(templates: str | None = None, services: str | None = None) -> Callable[[Root], object]:
    return lambda root: make_event(root.path, "try", templates=templates, services=services)


def _closed(path: str, mode: int = 0) -> Callable[[Root], object]:
    """Return a function that makes a path and takes the permissions for it away."""

    def close(root: Root) -> None:
        place = root.file(path)
        if not place.exists():
            place.mkdir(parents=True)
        place.chmod(mode)

    return close


#: What is wrong on the command line.
_EVENT = ("signal-event", "email-update")
USAGE = {
    "unknown event": Bad(("signal-event", "nosuch"), ExitCode.USAGE, "'nosuch'"),
    "empty event": Bad(("signal-event", ""), ExitCode.USAGE, "''"),
    "event elsewhere": Bad(("signal-event", "../events/email-update"), ExitCode.USAGE, "no event"),
    "actions is not an event": Bad(("signal-event", "actions"), ExitCode.USAGE, "'actions'"),
    "no event": Bad(("signal-event",), ExitCode.USAGE, "EVENT"),
    "generation of 5,000 digits": Bad(("esmith", "diff", "9" * 5000), ExitCode.USAGE, "numbers of generations"),
    "missing template": Bad(("expand-template", "/etc/nosuch"), ExitCode.TEMPLATE, "/etc/nosuch"),
    "empty path": Bad(("expand-template", ""), ExitCode.TEMPLATE, "no template"),
    "endless path": Bad(("expand-template", "/" + "x" * 100_000), ExitCode.TEMPLATE, "no template"),
    "header as template": Bad(
        ("expand-template", "/var/qmail/control/template-begin"), ExitCode.TEMPLATE, "no template"
    ),
    "no path": Bad(("expand-template",), ExitCode.USAGE, "PATH"),
    "one output of two": Bad(
        ("expand-template", "--output_filename=/x", ME, "/etc/clamd.conf"), ExitCode.USAGE, "PATH"
    ),
    "--root without value": Bad(("signal-event", "--root"), ExitCode.USAGE, "--root"),
    "--root without value, expand": Bad(("expand-template", "--root"), ExitCode.USAGE, "--root"),
    "--root without value, esmith": Bad(("esmith", "status", "--root"), ExitCode.USAGE, "--root"),
    "--root without value, db": Bad(("db", "--root"), ExitCode.USAGE, "--root"),
    "--root without value, config": Bad(("config", "show", "--root"), ExitCode.USAGE, "--root"),
    "unknown option": Bad(("signal-event", "--nosuch", "email-update"), ExitCode.USAGE, "--nosuch"),
    "unknown option, expand": Bad(("expand-template", "--nosuch", ME), ExitCode.USAGE, "--nosuch"),
    "unknown option, esmith": Bad(("esmith", "history", "--nosuch"), ExitCode.USAGE, "--nosuch"),
    "unknown subcommand": Bad(("esmith", "nosuch"), ExitCode.USAGE, "nosuch"),
    "operands too many": Bad(("esmith", "status", "x"), ExitCode.USAGE, "x"),
    "no number": Bad(("esmith", "undo", "last"), ExitCode.USAGE, "last"),
    "negative number": Bad(("esmith", "undo", "--", "-1"), ExitCode.USAGE, "-1"),
    "huge number": Bad(("esmith", "undo", "9" * 30), ExitCode.USAGE, "9" * 30),
    "no time": Bad(("signal-event", "--timeout", "soon", "email-update"), ExitCode.USAGE, "soon"),
    "text that is not a database": Bad(("db", "/etc/passwd", "settype", "root", "v"), ExitCode.STORE, "/etc/passwd"),
    "odd database": Bad(("db", "a b", "set", "k", "v"), ExitCode.USAGE, "'a b'"),
    "database of the engine": Bad(("db", "=journal", "show"), ExitCode.USAGE, "=journal"),
}

#: What cannot be stored.
VALUES = {
    "newline": Bad(("config", "setprop", "qpsmtpd", "Own", "a\nb"), ExitCode.REFUSED, "newline"),
    "newline in a type": Bad(("config", "set", "Own", "a\nb"), ExitCode.REFUSED, "newline"),
    "newline in a property": Bad(("config", "setprop", "qpsmtpd", "a\nb", "c"), ExitCode.REFUSED, "newline"),
    "newline in a key": Bad(("config", "set", "a\nb", "c"), ExitCode.REFUSED, "newline"),
    "carriage return": Bad(("config", "setprop", "qpsmtpd", "Own", "a\rb"), ExitCode.REFUSED, "carriage return"),
    "escape": Bad(("config", "setprop", "qpsmtpd", "Own", "\x1b[2J"), ExitCode.REFUSED, "control character"),
    "next line": Bad(("config", "setprop", "qpsmtpd", "Own", "a\x85b"), ExitCode.REFUSED, "control character"),
    "no UTF-8": Bad(("config", "setprop", "qpsmtpd", "Own", b"\xe9"), ExitCode.REFUSED, "UTF-8"),
    "no UTF-8, event": Bad(("signal-event", b"\xe9"), ExitCode.REFUSED, "UTF-8"),
    "600-byte key": Bad(("config", "set", "k" * 600, "v"), ExitCode.REFUSED, "511"),
    "600-byte key of two bytes each": Bad(("config", "set", "ü" * 300, "v"), ExitCode.REFUSED, "511"),
    "600-byte property": Bad(("config", "setprop", "qpsmtpd", "p" * 600, "v"), ExitCode.REFUSED, "511"),
    "endless value": Bad(("config", "setprop", "qpsmtpd", "Own", "x" * 100_000), ExitCode.REFUSED, "65536"),
    "key with =": Bad(("config", "set", "a=b", "v"), ExitCode.REFUSED, "'='"),
    "key as comment": Bad(("config", "set", "#a", "v"), ExitCode.REFUSED, "'#'"),
    "key with blanks around": Bad(("config", "set", " a", "v"), ExitCode.REFUSED, "blank"),
    "type with |": Bad(("config", "set", "a", "b|c|d"), ExitCode.REFUSED, "'|'"),
    "property with |": Bad(("config", "setprop", "qpsmtpd", "a|b", "v"), ExitCode.REFUSED, "'|'"),
    "not allowed": Bad(("config", "setprop", "qpsmtpd", "DNSBL", "maybe"), ExitCode.REFUSED, "enabled, disabled"),
}

#: What is wrong in files under the root.
FILES = {
    "broken fragment": Bad(("expand-template", ME), ExitCode.TEMPLATE, f"{ME}:1", _custom(ME, "{% if %}\n")),
    "unreadable fragment": Bad(
        ("expand-template", "/etc/clamd.conf"),
        ExitCode.TEMPLATE,
        "/etc/clamd.conf/05x",
        _custom("/etc/clamd.conf/05x", "x\n", 0),
    ),
    "unreadable template": Bad(
        ("expand-template", ME), ExitCode.TEMPLATE, f"{ME}: cannot be read", _custom(ME, "x", 0)
    ),
    "unreadable directory of fragments": Bad(
        ("expand-template", "/etc/clamd.conf"),
        ExitCode.TEMPLATE,
        "/etc/clamd.conf",
        _closed("/etc/e-smith/templates-custom/etc/clamd.conf"),
    ),
    "unreadable fragments in an event": Bad(
        ("signal-event", "email-update"),
        ExitCode.TEMPLATE,
        "/etc/clamd.conf",
        _closed("/etc/e-smith/templates-custom/etc/clamd.conf"),
    ),
    "unreadable metadata": Bad(
        ("expand-template", ME), ExitCode.TEMPLATE, "template.toml", _custom("/var/qmail/control/template.toml", "", 0)
    ),
    "broken metadata": Bad(
        ("expand-template", ME), ExitCode.TEMPLATE, "line 2", _custom("/var/qmail/control/template.toml", "\nmode = \n")
    ),
    "broken schema": Bad(
        ("config", "setprop", "qpsmtpd", "DNSBL", "enabled"),
        ExitCode.TEMPLATE,
        "qpsmtpd.toml",
        lambda root: root.write("/etc/e-smith/db/configuration/qpsmtpd.toml", "type = \n"),
    ),
    "missing template in an event": Bad(
        ("signal-event", "try"), ExitCode.PARTIAL, "/etc/nosuch", _event(templates="/etc/nosuch\n")
    ),
    "unknown word in an event": Bad(
        ("signal-event", "try"), ExitCode.PARTIAL, "did you mean 'restart'", _event(services="clamd restrat\n")
    ),
    "unreadable event": Bad(
        ("signal-event", "try"),
        ExitCode.TEMPLATE,
        "try",
        lambda root: make_event(root.path, "try").chmod(0),
    ),
    "unreadable list of templates": Bad(
        ("signal-event", "try"),
        ExitCode.TEMPLATE,
        "templates2expand",
        lambda root: (make_event(root.path, "try", templates="/etc/x\n") / "templates2expand").chmod(0),
    ),
    "directory in the way": Bad(
        ("expand-template", ME), ExitCode.INSTALL, ME, lambda root: root.file(ME).mkdir(parents=True)
    ),
    "output cannot be written": Bad(
        ("expand-template", ME), ExitCode.INSTALL, ME, _closed("/var/qmail/control", 0o555)
    ),
    "output cannot be read": Bad(
        ("signal-event", "email-update"),
        ExitCode.INSTALL,
        "/etc/clamd.conf",
        lambda root: root.write("/etc/clamd.conf", "of others\n", mode=0),
    ),
    "unreadable databases": Bad(("config", "show"), ExitCode.STORE, "data.mdb", _closed("/home/e-smith/db/data.mdb")),
    "read-only databases": Bad(
        ("config", "setprop", "qpsmtpd", "DNSBL", "enabled"),
        ExitCode.STORE,
        "data.mdb",
        _closed("/home/e-smith/db/data.mdb", 0o400),
    ),
    "closed directory of databases": Bad(("config", "show"), ExitCode.STORE, "data.mdb", _closed("/home/e-smith/db")),
    "unwritable state": Bad(_EVENT, ExitCode.INSTALL, "/generations", _closed("/var/lib/e-smith/generations", 0o555)),
}


@pytest.mark.parametrize("bad", USAGE.values(), ids=USAGE.keys())
def test_usage(root: Root, bad: Bad) -> None:
    """A mistake on the command line is reported in a line or two, with exit code 2 or that of the thing missing."""
    _check(_run(root, *bad.words), bad.code, bad.says)


@pytest.mark.parametrize("bad", VALUES.values(), ids=VALUES.keys())
def test_values(root: Root, bad: Bad) -> None:
    """What cannot be stored exactly as given is refused, and nothing is stored."""
    before = root.config("show").out
    _check(_run(root, *bad.words), bad.code, bad.says)
    assert root.config("show").out == before


@pytest.mark.parametrize("bad", FILES.values(), ids=FILES.keys())
def test_files(root: Root, bad: Bad) -> None:
    """What is broken, closed or in the way under the root is named by its path."""
    bad.prepare(root)
    try:
        _check(_run(root, *bad.words), bad.code, bad.says)
    finally:
        for folder in ("etc/e-smith", "home/e-smith", "var"):
            for place in (root.path / folder).rglob("*"):
                if place.is_dir():
                    place.chmod(0o755)


def test_a_nul_in_a_value(tmp_path: Path) -> None:
    """A NUL, which no command line can hold, is refused by the Python interface as well."""
    bench = Bench(tmp_path / "root")
    bench.set("configuration", "own", "service")
    with pytest.raises(RefusedError, match="NUL"), bench.store.transaction(AUTHOR) as transaction:
        transaction.set_prop("configuration", "own", "p", "a\0b")
    with pytest.raises(RefusedError, match="NUL"), bench.store.transaction(AUTHOR) as transaction:
        transaction.set_prop("configuration", "own", "p\0q", "b")
    with pytest.raises(RefusedError, match="NUL"), bench.store.transaction(AUTHOR) as transaction:
        transaction.set_type("configuration", "k\0l", "b")
    with bench.store.snapshot() as snapshot:
        assert snapshot.keys("configuration") == ["own"]
        assert snapshot.prop("configuration", "own", "p") is None
    bench.store.close()


def test_reads_of_what_cannot_exist_are_silent(root: Root) -> None:
    """Asking for a key that could not even be stored is the same as asking for one that is not there."""
    for key in ("k" * 600, "a\nb", "a=b", "#x"):
        answer = _run(root, "config", "getprop", key, "p")
        assert (answer.code, answer.out, answer.err) == (ExitCode.FAILED, "", "")


COMMANDS: list[tuple[str, ...]] = [
    ("config", "show"),
    ("config", "setprop", "qpsmtpd", "DNSBL", "enabled"),
    ("signal-event", "email-update"),
    ("signal-event", "--dry-run", "email-update"),
    ("expand-template", ME),
    ("expand-template", "--explain", ME),
    ("esmith", "status"),
    ("esmith", "history"),
    ("esmith", "undo", "1"),
    ("esmith", "initialize-databases"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_root_that_does_not_exist(root: Root, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Every command names a root that is not there, as an option or in the environment; exit code 2."""
    nowhere = str(tmp_path / "nowhere")
    _check(_run(root, *words, env={"ESMITH_ROOT": nowhere}), ExitCode.USAGE, nowhere)
    program, *rest = words
    _check(_run(root, program, "--root", nowhere, *rest), ExitCode.USAGE, nowhere)
    assert not Path(nowhere).exists()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_root_without_databases(root: Root, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Every command says that a root has no databases and how to make them, and makes nothing itself; exit code 6."""
    (tmp_path / "empty").mkdir()
    _check(_run(root, *words, env={"ESMITH_ROOT": str(tmp_path / "empty")}), ExitCode.STORE, "init")
    assert list((tmp_path / "empty").iterdir()) == []


def test_init_where_nothing_can_be_written(root: Root, tmp_path: Path) -> None:
    """``esmith init`` in a folder that is closed, or below one that is not there, says so."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    _check(_run(root, "esmith", "--root", str(closed), "init"), ExitCode.INSTALL, str(closed))
    _check(_run(root, "esmith", "--root", str(closed / "x"), "init"), ExitCode.USAGE, "Permission denied")
    _check(_run(root, "esmith", "--root", str(tmp_path / "a/b"), "init"), ExitCode.USAGE, "No such file")
    (tmp_path / "file").write_text("")
    _check(_run(root, "esmith", "--root", str(tmp_path / "file"), "init"), ExitCode.USAGE, "file")
    assert list(closed.iterdir()) == []


def test_a_reader_that_stops_reading_is_no_error(root: Root) -> None:
    """A command whose output nobody reads to the end, as with head, ends without a complaint."""
    program = root.path / "sbin/e-smith/config"
    with subprocess.Popen(
        [str(program), "show"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "ESMITH_ROOT": str(root.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(TIMEOUT_SECONDS) == ExitCode.OK


def test_the_store_is_not_made_by_reading(tmp_path: Path) -> None:
    """Opening databases that are not there, by the Python interface, makes no file."""
    for write in (False, True):
        with pytest.raises(StoreError, match="init"):
            open_store(Layout(str(tmp_path)), write=write)
    assert list(tmp_path.iterdir()) == []
