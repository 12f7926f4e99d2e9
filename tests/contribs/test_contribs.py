"""Contribs in the manner of those of SME Server, each on the shipped root: all of them run, and none stops the mail.

What each has to do is in its ``expected.toml``. The office has settings that wait for an event. The events are
signalled without the contrib, and what they make of all files is remembered; then with it, on a copy of that office.
"""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands import TIMEOUT_SECONDS, Answer, Root, copy_prepared
from tests.contribs.kit import Contrib, File, Made, Step, by_text_template, lay, load_contribs, made_files

CONTRIBS = load_contribs()
#: Settings of each unit of the mail's files, which wait for the next event.
WAITING = (
    ("config", "setprop", "qpsmtpd", "LogLevel", "7", "DNSBL", "enabled", "RBLList", "lists.example.org"),
    ("config", "setprop", "clamav", "MaxFiles", "777"),
    ("config", "setprop", "spamassassin", "TagLevel", "7"),
    ("config", "setprop", "imap", "ConcurrencyLimit", "77"),
    ("config", "setprop", "php", "UploadMaxFilesize", "77M"),
    ("config", "setprop", "qmail", "ConcurrencyLocal", "7"),
    ("db", "domains", "set", "third.example", "domain"),
    ("db", "accounts", "set", "info", "pseudonym", "Account", "tom"),
    ("db", "networks", "set", "10.7.0.0", "network", "Mask", "255.255.0.0"),
)
#: The events after which nothing is to be done.
SETTLED = ("post-upgrade", "bootstrap-console-save", "console-save", "email-update")
#: Runs an event with less time for its fragments.
_WITH_LESS_TIME = """\
import sys
sys.path[:] = sys.argv.pop(1).split(":")
from esmith.fragments.perl.engine import Perl
Perl.__init__.__kwdefaults__["seconds"] = float(sys.argv.pop(1))
from esmith.cli.signal_event import main
main()
"""


class Without:
    """What the events do without a contrib.

    :param folder: for roots.
    :param office: a root of an office.
    """

    def __init__(self, folder: Path, office: Path) -> None:
        self._folder = folder
        self.office = folder / "office"
        copy_prepared(office, self.office)
        root = Root(self.office)
        for event in SETTLED:
            root.signal(event)
        self.before = made_files(root)
        for program, *words in WAITING:
            root.run(program, *words)
        self._known: dict[tuple[tuple[str, ...], ...], dict[str, File]] = {}

    def after(self, events: tuple[tuple[str, ...], ...]) -> dict[str, File]:
        """Return all files as they are after some events that the office has."""
        events = tuple(event for event in events if (self.office / "etc/e-smith/events" / event[0]).is_dir())
        if events not in self._known:
            root = Root(self._folder / f"after-{len(self._known)}")
            copy_prepared(self.office, root.path)
            for event in events:
                root.signal(*event)
            self._known[events] = made_files(root)
        return self._known[events]


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory, _office: Path) -> Iterator[Without]:
    """Return what the events do without any contrib."""
    yield Without(tmp_path_factory.mktemp("without"), _office)


def _cases() -> Iterator[object]:
    for contrib in CONTRIBS:
        marks = [pytest.mark.program("Text::Template", *contrib.programs)]
        if contrib.root:
            marks.append(pytest.mark.root(contrib.root))
        if contrib.fault:
            marks.append(pytest.mark.xfail(reason=contrib.fault, strict=contrib.sure))
        yield pytest.param(contrib, marks=marks, id=contrib.name)


def _do(root: Root, step: Step, seconds: float) -> None:
    """Run a command of a contrib's test, and look at what it says."""
    if step.run:
        root.run(*step.run)
        return
    answer = _with_less_time(root, step, seconds) if seconds else root.signal(*step.signal, code=None)
    assert answer.code == step.code, f"{step.signal} exited with {answer.code}: {answer.err}"
    for name in step.names:
        assert name in answer.err
    log = root.read("/var/log/e-smith/events.log")
    for text in step.logged:
        assert text in log
    if step.code == 0:
        assert "left" not in answer.err


def _with_less_time(root: Root, step: Step, seconds: float) -> Answer:
    """Signal an event whose fragments may take only so long."""
    words = [sys.executable, "-c", _WITH_LESS_TIME, ":".join(sys.path), str(seconds), *step.signal]
    environment = {**os.environ, "ESMITH_ROOT": str(root.path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=TIMEOUT_SECONDS, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


def _look_at_own_file(root: Root, path: str, made: Made, file: File, scratch: Path) -> None:
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


def _without_added(contrib: Contrib, path: str, content: bytes) -> bytes:
    """Return a shipped file without the texts a contrib adds to it; each has to be in it."""
    for text in contrib.added.get(path, ()):
        assert text.encode() in content, f"{path} lacks {text!r}: {content.decode()}"
        content = content.replace(text.encode(), b"", 1)
    return content


def _left(contrib: Contrib, root: Root) -> set[str]:
    """Return the files that were left as they are; they have to be those that the contrib's patterns say."""
    left = set(json.loads(root.esmith("status", "--json").out)["files"]["left"])
    found = {pattern: {path for path in left if fnmatch.fnmatchcase(path, pattern)} for pattern in contrib.left}
    assert all(found.values()), (contrib.left, left)
    assert set().union(*found.values()) == left
    return left


def _look_at_files(contrib: Contrib, root: Root, without: Without, scratch: Path) -> None:
    """Compare all files with those that there are without the contrib."""
    files, left = made_files(root), _left(contrib, root)
    expected = without.after(contrib.events)
    expected = {path: file for path, file in expected.items() if path not in left}
    expected |= {path: without.before[path] for path in left & without.before.keys()}
    assert expected.keys() - files.keys() == set()
    assert files.keys() - expected.keys() == contrib.files.keys()
    for number, (path, made) in enumerate(contrib.files.items()):
        _look_at_own_file(root, path, made, files[path], scratch / str(number))
    for path, plain in expected.items():
        found = files[path]
        assert (found.mode, found.owner, found.link) == (plain.mode, plain.owner, plain.link), path
        assert _without_added(contrib, path, found.content) == plain.content, path


@pytest.mark.parametrize("contrib", list(_cases()))
def test_contrib(contrib: Contrib, without: Without, copy_root: Callable[[Path], Root], tmp_path: Path) -> None:
    """Its events end as they have to, it makes its files, and the mail's files are those of an event without it."""
    root = copy_root(without.office)
    lay(contrib, root)
    for step in contrib.steps:
        _do(root, step, contrib.seconds)
    _look_at_files(contrib, root, without, tmp_path)
    for name, line in contrib.records.items():
        answer = root.db(name.split()[0], "print", name.split()[1], code=None)
        assert answer.out == (f"{line}\n" if line else ""), name
