"""Playing a contrib: its events on a shipped root, compared with the same events without it."""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from esmith.apply.left import list_left
from esmith.layout import Layout
from esmith.store import open_store
from tests.commands import TIMEOUT_SECONDS, Answer, Root, copy_prepared
from tests.contribs.kit import Contrib, File, Made, Step, install, made_files
from tests.contribs.reference import by_text_template
from tests.offices import settle
from tests.reused import Reused

#: Settings of each unit of the mail's files, which wait for the next event.
WAITING = (
    ("config", "setprop", "qpsmtpd", "LogLevel", "7", "DNSBL", "enabled", "RBLList", "lists.example.org"),
    ("config", "setprop", "clamav", "MaxFiles", "777"),
    ("config", "setprop", "spamassassin", "Sensitivity", "custom", "TagLevel", "7"),
    ("config", "setprop", "imap", "ConcurrencyLimit", "77"),
    ("config", "setprop", "php", "UploadMaxFilesize", "77M"),
    ("config", "setprop", "qmail", "ConcurrencyLocal", "7"),
    ("db", "domains", "set", "third.example", "domain"),
    ("db", "accounts", "set", "info", "pseudonym", "Account", "tom"),
    ("db", "networks", "set", "10.7.0.0", "network", "Mask", "255.255.0.0"),
)
#: The events after which nothing is to be done.
SETTLED = ("post-upgrade", "bootstrap-console-save", "console-save", "email-update")
#: Runs a command with less time for fragments.
_WITH_LESS_TIME = """\
import importlib
import sys
sys.path[:] = sys.argv.pop(1).split(":")
from esmith.fragments.perl.engine import Perl
Perl.__init__.__kwdefaults__["seconds"] = float(sys.argv.pop(1))
importlib.import_module(sys.argv.pop(1)).main()
"""


class Without:
    """What the events do without a contrib.

    :param folder: for roots.
    :param office: a root of an office.

    Its ``settled`` is such a root to which nothing is to be done; a contrib is played in a copy of that.
    """

    def __init__(self, folder: Path, office: Path) -> None:
        self.settled = folder / "settled"
        copy_prepared(office, self.settled)
        for event in SETTLED:
            Root(self.settled).signal(event)
        self._before = made_files(Root(self.settled))
        self._root, copies = folder / "root", folder / "copies"
        copies.mkdir()
        self._copies = Reused(self.settled, copies, self.settle)
        self._known: dict[tuple[tuple[str, ...], ...], dict[str, File]] = {}

    def settle(self, path: Path) -> None:
        """Have the engine remember what it made in a copy of the settled root, and make the settings that wait."""
        settle(Root(path), *SETTLED)
        _set_waiting(Root(path))

    def after(self, events: tuple[tuple[str, ...], ...], left: Iterable[str] = ()) -> dict[str, File]:
        """Return all files as they are after some events; those that the office does not have are left out.

        :param left: files that are as they were before the events.
        """
        events = tuple(event for event in events if (self.settled / "etc/e-smith/events" / event[0]).is_dir())
        if events not in self._known:
            self._copies.lend(self._root)
            for event in events:
                Root(self._root).signal(*event)
            self._known[events] = made_files(Root(self._root))
            self._copies.take_back(self._root)
        after = {path: file for path, file in self._known[events].items() if path not in left}
        return after | {path: self._before[path] for path in left if path in self._before}


def _set_waiting(root: Root) -> None:
    for program, *words in WAITING:
        root.run(program, *words)


def _do(root: Root, step: Step, seconds: float) -> None:
    """Run a command of a contrib's test, and look at what it says."""
    if step.run:
        root.run(*step.run)
        return
    if seconds:
        answer = _with_less_time(root, seconds, "signal_event", *step.signal)
    else:
        answer = root.signal(*step.signal, code=None)
    assert answer.code == step.code, f"{step.signal} exited with {answer.code}: {answer.err}"
    for name in step.names:
        assert name in answer.err
    assert "/driver/" not in answer.err, "a message names a file of the engine"
    log = root.read("/var/log/e-smith/events.log")
    for text in step.logged:
        assert text in log
    if step.code == 0:
        assert "left" not in answer.err


def _with_less_time(root: Root, seconds: float, module: str, *arguments: str) -> Answer:
    """Run the command of a module of ``esmith.cli``; a fragment may take only so long."""
    words = [
        sys.executable,
        "-c",
        _WITH_LESS_TIME,
        ":".join(sys.path),
        str(seconds),
        f"esmith.cli.{module}",
        *arguments,
    ]
    environment = {**os.environ, "ESMITH_ROOT": str(root.path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=TIMEOUT_SECONDS, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


def look_at_own_file(root: Root, path: str, made: Made, file: File, scratch: Path) -> None:
    """Compare a file that a contrib makes with what it has to be, byte for byte."""
    if made.link is not None:
        assert (file.link, file.content.decode()) == (True, made.link)
        return
    if made.perl:
        scratch.mkdir()
        expected = by_text_template(root, made.perl if isinstance(made.perl, str) else path, scratch, made.event)
        assert file.content == expected, path
    if made.text is not None:
        assert file.content.decode() == made.text, path
    assert made.perl or made.text is not None, f"nothing says what {path} has to be"
    assert f"{file.mode:04o}" == made.mode, path


def without_added(added: Iterable[str], path: str, content: bytes) -> bytes:
    """Return a shipped file without the texts that contribs add to it; each has to be in it."""
    for text in added:
        assert text.encode() in content, f"{path} lacks {text!r}: {content.decode()}"
        content = content.replace(text.encode(), b"", 1)
    return content


def left_files(root: Root, seconds: float = 0.0) -> set[str]:
    """Return the files that the last event left as they are.

    :param seconds: how long a fragment may take; 0 for as long as always. The command expands all templates.
    """
    words = ("status", "--json")
    answer = _with_less_time(root, seconds, "esmith", *words) if seconds else root.esmith(*words, code=None)
    return set(json.loads(answer.out)["files"]["left"])


def recorded_left(root: Root) -> set[str]:
    """Return the files that are left as they are, from the table that ``esmith status`` reads, which does much more."""
    store = open_store(Layout(str(root.path)))
    try:
        with store.snapshot() as snapshot:
            return set(list_left(snapshot))
    finally:
        store.close()


def of_patterns(left: set[str], patterns: Iterable[str]) -> set[str]:
    """Return which of these files some patterns name; each pattern has to name one."""
    found = {pattern: {path for path in left if fnmatch.fnmatchcase(path, pattern)} for pattern in patterns}
    assert all(found.values()), (found, left)
    return set().union(*found.values())


def look_at_shipped_files(files: dict[str, File], expected: dict[str, File], added: dict[str, tuple[str, ...]]) -> None:
    """Compare the files that are there without any contrib, but for the texts that contribs add."""
    assert expected.keys() - files.keys() == set()
    for path, plain in expected.items():
        found = files[path]
        assert (found.mode, found.owner, found.link) == (plain.mode, plain.owner, plain.link), path
        assert without_added(added.get(path, ()), path, found.content) == plain.content, path


def _look_at_files(contrib: Contrib, root: Root, without: Without, scratch: Path) -> None:
    """Compare all files with those that there are without the contrib."""
    # What status shows of all that are good, and of all that are faulty, is looked at in test_together.py.
    files, left = made_files(root), left_files(root, contrib.seconds) if contrib.seconds else recorded_left(root)
    assert of_patterns(left, contrib.left) == left
    expected = without.after(contrib.events, left)
    look_at_shipped_files(files, expected, contrib.added)
    assert files.keys() - expected.keys() == contrib.files.keys()
    for number, (path, made) in enumerate(contrib.files.items()):
        look_at_own_file(root, path, made, files[path], scratch / str(number))


def cases(contribs: Iterable[Contrib]) -> list[Any]:
    """Return contribs as parameters of a test, each with what it needs."""
    found = []
    for contrib in contribs:
        marks = [pytest.mark.program("Text::Template", *contrib.programs)]
        if contrib.root:
            marks.append(pytest.mark.root(contrib.root))
        if contrib.fault:
            marks.append(pytest.mark.xfail(reason=contrib.fault, strict=contrib.sure))
        found.append(pytest.param(contrib, marks=marks, id=contrib.name))
    return found


def play(contrib: Contrib, root: Root, without: Without, scratch: Path) -> None:
    """Install a contrib in a copy of the office, signal its events, and look at what they did.

    :param scratch: a folder.
    """
    install(contrib, root)
    for step in contrib.steps:
        _do(root, step, contrib.seconds)
    _look_at_files(contrib, root, without, scratch)
    for name, line in contrib.records.items():
        answer = root.db(name.split()[0], "print", name.split()[1], code=None)
        assert answer.out == (f"{line}\n" if line else ""), name
