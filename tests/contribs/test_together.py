"""Many contribs on one root, as an administrator has them."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.commands import Root
from tests.contribs.kit import Contrib, install, load_contribs, made_files
from tests.contribs.play import Without, left_files, look_at_own_file, look_at_shipped_files, recorded_left
from tests.reused import CopyRoot

CONTRIBS = load_contribs()
#: The events that make all files again.
EVENTS = (("post-upgrade",), ("bootstrap-console-save",))


def _install_all(contribs: Iterable[Contrib], root: Root) -> dict[str, tuple[str, ...]]:
    """Install contribs with their settings on a root; return the texts that they add to shipped files."""
    added: dict[str, tuple[str, ...]] = {}
    for contrib in contribs:
        install(contrib, root)
        for step in contrib.steps:
            if step.run:
                root.run(*step.run)
        for path, texts in contrib.added.items():
            added[path] = (*added.get(path, ()), *texts)
    return added


@pytest.mark.parametrize(
    "path",
    [
        "/etc/clamd.conf",
        "/etc/dovecot/dovecot.conf",
        "/etc/hosts.allow",
        "/etc/mail/spamassassin/local.cf",
        "/etc/php.ini",
        "/var/qmail/control/rcpthosts",
        "/var/qmail/users/assign",
        "/var/service/qpsmtpd/config/goodrcptto",
        "/var/service/qpsmtpd/config/loglevel",
    ],
)
def test_settings_wait(without: Without, path: str) -> None:
    """The office has settings that change the files of each unit, so a fault that stopped them would show."""
    after = without.after((("email-update",),))
    assert without.after((("email-update",),), [path])[path].content != after[path].content


@pytest.mark.program("Text::Template")
def test_all_that_are_good(without: Without, copy_root: CopyRoot, tmp_path: Path) -> None:
    """All of them together end well, add to the mail's files what each adds, and change nothing else of them."""
    root, good = copy_root(without.settled, without.settle), [contrib for contrib in CONTRIBS if contrib.good]
    added = _install_all(good, root)
    for event in EVENTS:
        root.signal(*event)
    assert left_files(root) == set()
    files = made_files(root)
    look_at_shipped_files(files, without.after(EVENTS), added)
    own = {path: made for contrib in good for path, made in contrib.files.items() if path in files and made.perl}
    for number, (path, made) in enumerate(own.items()):
        look_at_own_file(root, path, made, files[path], tmp_path / str(number))
    assert own


@pytest.mark.program("Text::Template")
def test_all_that_are_faulty(without: Without, copy_root: CopyRoot) -> None:
    """All of them together leave only the files that one of them leaves; the mail's other files are made."""
    root = copy_root(without.settled, without.settle)
    faulty = [contrib for contrib in CONTRIBS if not contrib.good and not contrib.fault and not contrib.seconds]
    added = _install_all(faulty, root)
    for event in EVENTS:
        root.signal(*event, code=11)
    left = left_files(root)
    assert left == recorded_left(root)
    look_at_shipped_files(
        made_files(root),
        without.after(EVENTS, left),
        {path: texts for path, texts in added.items() if path not in left},
    )
    patterns = [pattern for contrib in faulty for pattern in contrib.left]
    for path in left & without.after(EVENTS).keys():
        assert any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns), path
