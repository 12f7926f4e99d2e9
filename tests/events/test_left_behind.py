"""What a killed command leaves behind: it never counts as anything, and the next command removes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from esmith.disk import Disk, StagedRecord
from esmith.names import is_leftover, is_temporary
from esmith.temporary import is_in_use, temporary_name
from esmith.trust import owners_of
from tests.commands import Root
from tests.events.kit import make_event

E = "/etc/e-smith"
OUTPUT = "/etc/own/new.conf"
#: As a process had it that does not run any more.
DEAD = ".esmith-4194303-1-7"
#: What would fail or show if a file of such a name were read or run.
TRAPS = {
    "fragment": (f"{E}/templates{OUTPUT}/{DEAD}", "twice\n"),
    "custom fragment": (f"{E}/templates-custom{OUTPUT}/{DEAD}", "twice\n"),
    "metadata of the original": (f"{E}/templates.metadata{OUTPUT}/{DEAD}", "nonsense\n"),
    "action": (f"{E}/events/own/{DEAD}", "#!/bin/sh\nexit 1\n"),
    "template of an event": (f"{E}/events/own/templates2expand/{DEAD}", ""),
    "service of an event": (f"{E}/events/own/services2adjust/{DEAD}", "restart\n"),
    "schema file": (f"{E}/db/configuration/{DEAD}.toml", "nonsense = 1\n"),
    "migrate fragment": (f"{E}/db/configuration/migrate/{DEAD}", "{ die 'it ran' }\n"),
    "default": (f"{E}/db/configuration/defaults/qmail/{DEAD}", "x\n"),
    "definition of a service": (f"{E}/services/{DEAD}/service.toml", "nonsense = 1\n"),
    "what a fragment finds": (f"/etc/own/parts/{DEAD}", "x\n"),
}


@pytest.fixture
def own(root: Root) -> Root:
    """Return a root with an event that makes one file."""
    root.write(f"{E}/templates{OUTPUT}/10text", "once\n")
    root.write(f"{E}/templates{OUTPUT}/20files", "{{ glob('/etc/own/parts/*') | length }}\n")
    event = make_event(root.path, "own", actions={"S50own": "exit 0"})
    for name, text in (("templates2expand", f"{OUTPUT}\n"), ("services2adjust", "")):
        (event / name).mkdir()
        (event / name / "LIST").write_text(text)
    return root


@pytest.mark.parametrize(("path", "text"), TRAPS.values(), ids=TRAPS.keys())
def test_a_name_that_never_counts(own: Root, path: str, text: str) -> None:
    """A temporary file never counts as a fragment, an action, a schema file or a service, wherever it is left."""
    own.write(path, text, mode=0o755)
    own.signal("own")
    assert [line for line in own.lines(OUTPUT) if line and not line.startswith("#")] == ["once", "0"]
    assert own.esmith("initialize-databases").out == ""


def test_names() -> None:
    """Each temporary file has a name of its own, which says whose it is: of this process, of one that has ended."""
    first, second = temporary_name(), temporary_name()
    assert first != second
    assert is_temporary(first)
    assert is_leftover(first)
    assert is_in_use(first)
    assert not is_in_use(first, also_own=False)
    code = "from esmith.temporary import temporary_name; print(temporary_name())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert is_temporary(ended)
    assert not is_in_use(ended)
    assert not is_in_use(".esmith-123-1"), "an older version made it"


def test_a_process_that_took_the_number(tmp_path: Path) -> None:
    """A process that has the number of one that has ended is another one: what is left of that is not in use."""
    process, start, number = temporary_name().removeprefix(".esmith-").split("-")
    assert is_in_use(f".esmith-{process}-{start}-{number}")
    assert not is_in_use(f".esmith-{process}-{int(start) + 1}-{number}")
    assert is_in_use(f".esmith-{os.getppid()}-0-{number}"), "what could not find out its start counts by its number"
    assert list(tmp_path.iterdir()) == []


def test_a_fork_has_names_of_its_own() -> None:
    """What a fork of a process makes is not taken for that of the process."""
    before = temporary_name().split("-")[1]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, temporary_name().encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with open(reading, "rb") as file:
        assert file.read().decode().split("-")[1] == str(child) != before


def killed(root: Root, target: Path) -> str:
    """Have a process record, make a file beside a target in a new directory, and end without removing it."""
    code = (
        "import os, sys\n"
        "from esmith.layout import Layout\n"
        "from esmith.plan.host import DiskHost\n"
        "staged = DiskHost(Layout(sys.argv[1])).stage(sys.argv[2], b'password', 0o600, None)\n"
        "print(staged.name, flush=True)\n"
        "os._exit(9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root.path), str(target)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 9, done.stderr
    return done.stdout.strip()


def test_recover_removes_all_of_it(root: Root) -> None:
    """After ``esmith recover`` there is no temporary file, wherever it was, and no directory that was made for it."""
    target = root.file("/opt/of a contrib/deep/file")
    left = target.parent / killed(root, target)
    assert left.read_text() == "password"
    root.write("/var/lib/e-smith/generations/99/0", "old password\n")
    root.write("/var/lib/e-smith/check/.esmith-1-2-3.x/0/secret", "new password\n")
    root.esmith("recover")
    assert not root.file("/opt").exists()
    assert list(root.path.rglob(".esmith-*")) == []
    assert not root.file("/var/lib/e-smith/generations/99").exists()
    assert not root.file("/var/lib/e-smith/check").exists()


def test_what_a_running_process_makes_stays(own: Root) -> None:
    """The temporary file of a process that runs, and the record of it, are left alone by other commands."""
    record = StagedRecord(Disk(str(own.path), owners_of(str(own.path))), str(own.file("/var/lib/e-smith/staged")))
    record.add([str(own.file("/etc/own"))])
    mine = own.write(f"/etc/own/{temporary_name()}", "x\n")
    own.write(f"/etc/own/{DEAD}", "x\n")
    own.esmith("recover")
    own.signal("own")
    assert mine.exists()
    assert not own.file(f"/etc/own/{DEAD}").exists()
    mine.unlink()
    record.close()
    assert list(own.path.rglob(".esmith-*")) == []


def test_an_export_removes_what_another_one_left(root: Root, tmp_path: Path) -> None:
    """A file that a killed export left is gone after the next one to the directory."""
    folder = tmp_path / "copies"
    folder.mkdir()
    (folder / DEAD).write_text("old password\n")
    root.esmith("export", "--to", str(folder), "configuration")
    assert [path.name for path in folder.iterdir()] == ["configuration"]


def test_what_is_not_ours_stays(root: Root) -> None:
    """Directories of others beside the kept files of generations, and files beside the records, are not removed."""
    mine = [root.file("/var/lib/e-smith/generations/by-hand"), root.file("/var/lib/e-smith/generations/1.backup")]
    for directory in mine:
        directory.mkdir(parents=True)
    note = root.file("/var/lib/e-smith/staged/note.txt")
    note.parent.mkdir(exist_ok=True)
    note.write_text("mine\n")
    root.signal("clamav-update")
    assert all(directory.is_dir() for directory in mine)
    assert note.read_text() == "mine\n"
