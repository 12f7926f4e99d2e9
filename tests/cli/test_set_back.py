"""``esmith rollback`` and ``esmith undo`` show what they would set back, and ask at a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.apply.generations import Generation
from esmith.apply.kept import Before
from esmith.cli.generations import _lines
from esmith.errors import ExitCode
from tests.commands import TIMEOUT_SECONDS, Root, copy_tree

CLAMD = "/etc/clamd.conf"


@pytest.fixture(scope="module")
def _changed(_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Root(tmp_path_factory.mktemp("changed") / "root")
    copy_tree(_office, root.path)
    root.signal("clamav-update")
    for number in ("2000", "3000"):
        root.config("setprop", "clamav", "MaxFiles", number)
        root.signal("clamav-update")
    root.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    return root.path


@pytest.fixture
def changed(_changed: Path, copy_root: Callable[[Path], Root]) -> Root:
    """Return an office with two generations of clamd.conf, and a setting that is read by no file of them."""
    return copy_root(_changed)


def at_terminal(root: Root, answer: str, *words: str) -> tuple[int, str]:
    """Run ``esmith`` at a terminal at which somebody types an answer; return its exit code and what it showed."""
    ours, theirs = pty.openpty()
    # The end of input, where it is asked although it should not.
    os.write(ours, f"{answer}\x04".encode())
    done = subprocess.run(
        [str(root.path / "sbin/e-smith/esmith"), *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "ESMITH_ROOT": str(root.path), "TERM": "dumb"},
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass
    os.close(ours)
    return done.returncode, shown.decode().replace("\r\n", "\n")


def test_what_a_rollback_would_set_back(changed: Root) -> None:
    """A dry run lists files, settings with both values, and services, shows the diff, and changes nothing."""
    before = changed.snapshot("/etc", "/var"), changed.esmith("history", "--json").out
    shown = changed.esmith("rollback", "--dry-run", "--diff").out.splitlines()
    assert "-MaxFiles 3000" in shown
    assert "+MaxFiles 2000" in shown
    assert shown[-4:] == [
        CLAMD,
        "configuration clamav MaxFiles: 3000 -> 2000",
        "service clamd: restart",
        "1 file and 1 setting would be restored",
    ]
    assert (changed.snapshot("/etc", "/var"), changed.esmith("history", "--json").out) == before
    printed = changed.esmith("rollback").out.splitlines()
    assert printed[:2] == [CLAMD, "configuration clamav MaxFiles: 3000 -> 2000"]
    assert changed.config("getprop", "qpsmtpd", "DNSBL").out == "enabled\n"


def test_a_rollback_masks_secrets(changed: Root) -> None:
    """The value of a secret is masked in what is set back, also as JSON, and its file is only named in the diff."""
    changed.custom(f"{CLAMD}/90secret", "# {{ clamav.OwnPassword | default('') }}\n")
    changed.signal("clamav-update")
    changed.config("setprop", "clamav", "OwnPassword", "s3cret-word")
    changed.signal("clamav-update")
    for words in (("--dry-run", "--diff"), ("--dry-run", "--json"), ()):
        answer = changed.esmith("rollback", *words)
        assert "s3cret-word" not in answer.out + answer.err
        assert "****" in answer.out


def test_files_only(changed: Root) -> None:
    """With --files-only no setting changes; the event that is named makes the new files again."""
    new = changed.read(CLAMD)
    out = changed.esmith("rollback", "--files-only").out
    assert "the settings stay, so the next event makes the new files again: signal-event email-update\n" in out
    assert out.endswith("1 file and 0 settings restored\n")
    assert "MaxFiles 2000\n" in changed.read(CLAMD)
    assert changed.config("getprop", "clamav", "MaxFiles").out == "3000\n"
    changed.signal("clamav-update")
    assert changed.read(CLAMD) == new


def test_options_of_a_dry_run(changed: Root) -> None:
    """--diff and --json without --dry-run are usage errors, and nothing is rolled back."""
    for option in ("--diff", "--json"):
        changed.esmith("rollback", option, code=ExitCode.USAGE)
    assert "MaxFiles 3000\n" in changed.read(CLAMD)


def test_a_rollback_asks_at_a_terminal(changed: Root) -> None:
    """More than the last change is shown and asked for; no leaves all as it is, yes does what was shown."""
    target = str(json.loads(changed.esmith("generations", "--json").out)[2]["generation"])
    code, shown = at_terminal(changed, "n\n", "rollback", target)
    assert code == ExitCode.FAILED
    assert "configuration clamav MaxFiles: 3000 -> 1500\n" in shown
    assert "Go back? [y/N] " in shown
    assert shown.endswith("nothing was changed\n")
    assert "MaxFiles 3000\n" in changed.read(CLAMD)
    code, shown = at_terminal(changed, "y\n", "rollback", target)
    assert (code, shown.splitlines()[-1]) == (0, "1 file and 1 setting restored")
    assert "MaxFiles 1500\n" in changed.read(CLAMD)


def test_the_last_change_is_not_asked_for(changed: Root) -> None:
    """Going back by the last change asks nothing, and --yes answers in advance."""
    code, shown = at_terminal(changed, "", "rollback")
    assert (code, "[y/N]" in shown) == (0, False)
    revision = json.loads(changed.esmith("history", "--json").out)[2]["revision"]
    code, shown = at_terminal(changed, "", "undo", "--force", "--yes", str(revision))
    assert (code, "[y/N]" in shown) == (0, False)


def test_undo_asks_at_a_terminal(changed: Root) -> None:
    """To undo another revision than the last is asked for."""
    revision = json.loads(changed.esmith("history", "--json").out)[1]["revision"]
    code, shown = at_terminal(changed, "\n", "undo", str(revision))
    assert code == ExitCode.FAILED
    assert "configuration clamav MaxFiles: 3000 -> 2000\n" in shown
    assert changed.config("getprop", "clamav", "MaxFiles").out == "3000\n"


def test_undo_names_the_event(changed: Root) -> None:
    """Undo says which event makes the files follow, where one is behind; a dry run says the same and does nothing."""
    history = json.loads(changed.esmith("history", "--json").out)
    dnsbl, files = (str(one["revision"]) for one in history[:2])
    assert changed.esmith("undo", dnsbl).out == "configuration qpsmtpd DNSBL: enabled -> disabled\n"
    lines = "configuration clamav MaxFiles: 3000 -> 2000\n1 file follows with: signal-event email-update\n"
    assert changed.esmith("undo", "--dry-run", files).out == lines
    assert changed.config("getprop", "clamav", "MaxFiles").out == "3000\n"
    assert changed.esmith("undo", files).out == lines
    assert changed.config("getprop", "clamav", "MaxFiles").out == "2000\n"


def test_generations_name_who_signalled(changed: Root) -> None:
    """The user, who called sudo, and the command with its arguments are in the list, in columns, and in JSON."""
    changed.config("setprop", "clamav", "MaxFiles", "4000")
    changed.run("signal-event", "clamav-update", "an argument", env={"SUDO_USER": "tom"})
    first, second, *_ = json.loads(changed.esmith("generations", "--json").out)
    assert (first["sudo_user"], second["sudo_user"]) == ("tom", "")
    assert first["user"]
    assert first["command"] == "signal-event clamav-update an argument"
    heads = [line for line in changed.esmith("generations").out.splitlines() if not line.startswith(" ")]
    assert f"{first['user']} (sudo by tom)  signal-event clamav-update an argument  revision " in heads[0]
    places = {line.index("  revision ") for line in heads}
    assert len(places) == 1


def test_generations_show_a_screen_of_files_each() -> None:
    """Of an install of many files the first 20 are shown, and how many more there are."""
    paths = [Before(f"/f{number}", "") for number in range(23)]
    head, *files, last = _lines([Generation(1, "signal-event x", 1, 2, before=paths, complete=True)])
    assert head.startswith("generation 1")
    assert files == [f"    /f{number}" for number in range(20)]
    assert last == "    ... and 3 more (--json shows all)"


def test_generations_of_an_older_version() -> None:
    """A row of an older version, which does not say who signalled, is read."""
    row = b'{"number": 3, "what": "signal-event x", "time": 1, "revision": 2, "complete": true}'
    found = Generation.decode(row)
    assert (found.what, found.user, found.command, found.keys) == ("signal-event x", "", "", {})
