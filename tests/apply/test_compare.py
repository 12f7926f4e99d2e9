"""esmith diff: what changed between generations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import Root, copy_tree

CLAMD = "/etc/clamd.conf"


@pytest.fixture(scope="module")
def _changed(_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Change a setting three times, each with its event; the second also makes another file."""
    path = tmp_path_factory.mktemp("changed") / "root"
    copy_tree(_office, path)
    office = Root(path)
    for number in ("11", "22", "33"):
        office.config("setprop", "clamav", "MaxFiles", number)
        if number == "22":
            office.config("setprop", "qmail", "ConcurrencyLocal", "7")
        office.signal("email-update")
    return path


@pytest.fixture
def office(_changed: Path, copy_root: Callable[[Path], Root]) -> Root:
    """Return an office with three changes behind it."""
    return copy_root(_changed)


def _newest(office: Root) -> int:
    return int(office.esmith("generations").out.split()[1])


def _changes(office: Root, *words: str) -> list[str]:
    lines = office.esmith("diff", *words).out.splitlines()
    return [line for line in lines if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))]


def test_the_last_install(office: Root) -> None:
    """Without numbers it shows what the last install changed."""
    assert _changes(office) == ["-MaxFiles 22", "+MaxFiles 33"]


def test_between_two_generations(office: Root) -> None:
    """Between two generations it shows each file once, from its content after the first to that after the second."""
    newest = _newest(office)
    assert _changes(office, str(newest - 3), str(newest - 1)) == ["-MaxFiles 1500", "+MaxFiles 22", "-20", "+7"]
    assert _changes(office, str(newest - 3), str(newest)) == ["-MaxFiles 1500", "+MaxFiles 33", "-20", "+7"]
    assert _changes(office, str(newest - 1), str(newest - 1)) == []


def test_one_file(office: Root) -> None:
    """With a path it shows that file only."""
    first = str(_newest(office) - 3)
    assert _changes(office, first, CLAMD) == ["-MaxFiles 1500", "+MaxFiles 33"]
    assert _changes(office, first, "/var/qmail/control/concurrencylocal") == ["-20", "+7"]
    assert _changes(office, first, "/etc/nothing") == []


def test_an_edit_by_hand_is_part_of_now(office: Root) -> None:
    """Up to now means the files as they are on the disk; a generation means the files as they were installed."""
    newest = _newest(office)
    office.write(CLAMD, office.read(CLAMD) + "Edited yes\n")
    assert "+Edited yes" in _changes(office)
    assert "+Edited yes" not in _changes(office, str(newest - 2), str(newest - 1))


def test_a_file_that_appears_and_goes(office: Root) -> None:
    """A file that did not exist is shown as /dev/null."""
    office.write("/etc/e-smith/templates/etc/new", "text\n")
    office.expand("/etc/new")
    assert office.esmith("diff").out.splitlines()[:2] == ["--- /dev/null", "+++ /etc/new"]
    office.file("/etc/new").unlink()
    assert office.esmith("diff").out == ""


def test_a_secret_is_not_shown(office: Root) -> None:
    """A file that holds a secret, or held it, is named and not shown."""
    office.config(
        "setprop", "fetchmail", "status", "enabled", "Method", "multidrop", "SecondaryMailServer", "pop.example.net"
    )
    office.config("setprop", "fetchmail", "SecondaryMailAccount", "office", "SecondaryMailPassword", "tru5tno1")
    office.signal("email-update")
    shown = office.esmith("diff").out
    assert "tru5tno1" not in shown
    assert "/etc/fetchmailrc: holds a secret, so its changes are not shown" in shown
    office.config("setprop", "fetchmail", "SecondaryMailPassword", "0ther")
    office.signal("email-update")
    shown = office.esmith("diff").out
    assert "tru5tno1" not in shown
    assert "0ther" not in shown


@pytest.mark.parametrize(
    "words", [["999"], ["1", "2", "3"], ["x"], ["/a", "/b"], ["{newest}", "{before}"], ["-1"]], ids=str
)
def test_words_that_mean_nothing(office: Root, words: list[str]) -> None:
    """Unknown generations, too many words, and a second generation older than the first are usage errors."""
    newest = _newest(office)
    asked = [word.format(newest=newest, before=newest - 1) for word in words]
    assert office.esmith("diff", *asked, code=2).out == ""


def test_nothing_was_installed(root: Root) -> None:
    """Before the first install there is nothing to compare, and it says how one comes about."""
    assert "no generation is kept yet" in root.esmith("diff", code=2).err
