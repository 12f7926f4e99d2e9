"""What check programs see of new files, in place and in copies, and what becomes of programs that go wrong."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.checks.check import check
from esmith.checks.copies import remove_copies
from esmith.environment import PATH
from esmith.errors import CheckError
from esmith.plan.plan import Plan
from tests.apply.kit import Bench, only_root
from tests.commands import Root

DIRECTORY = "/etc/daemon"
FILE = f"{DIRECTORY}/daemon.conf"
#: How long a process that is being killed may take to be gone.
GONE_SECONDS = 10


class Checking:
    """A root whose one file is checked by a script.

    :param bench: the root.
    :param in_place: whether the script sees the new file at its place.
    """

    def __init__(self, bench: Bench, *, in_place: bool) -> None:
        self.bench = bench
        self.in_place = in_place
        Path(bench.layout.state).mkdir(parents=True)

    def plan(self, script: str, *paths: str, options: str = "") -> Plan:
        """Plan the file, checked by a Python script that gets its path and its directory."""
        program = self.bench.path / "check.py"
        program.write_text(f"#!{sys.executable} -IS\nimport os, sys, time\nfile, directory = sys.argv[1:]\n{script}\n")
        program.chmod(0o755)
        command = f'command = ["{program}", "{{file}}", "{{dir}}"]\npackage = "daemon"\n'
        self.bench.template(FILE, "new\n", f"[check]\n{command}{options}")
        return self.bench.plan(FILE, *paths)

    def run(self, script: str, *paths: str, options: str = "", writes: bool = True) -> Plan:
        """Check the file; see that it was shown as it should be."""
        plan = self.plan(script, *paths, options=options)
        check(plan, self.bench.layout, writes=writes)
        assert (plan.copied == "") == self.in_place, plan.copied
        return plan

    def complaint(self, script: str, options: str = "") -> str:
        """Return the error of a check that fails."""
        with pytest.raises(CheckError) as caught:
            self.run(script, options=options)
        return str(caught.value)

    def put(self, path: str, text: str) -> Path:
        """Write a file of the root."""
        target = Path(self.bench.layout.under(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target


@pytest.fixture(params=[pytest.param("in place", marks=pytest.mark.root("only root can put files in place")), "copies"])
def checking(request: pytest.FixtureRequest, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Checking:
    """Return a root whose check sees its file in place, where that is possible, and one where it sees a copy."""
    checking = Checking(bench, in_place=request.param == "in place")
    if not checking.in_place:
        monkeypatch.setattr("esmith.checks.views.may_put_in_place", lambda: False)
        return checking
    plan = checking.plan("pass")
    check(plan, bench.layout, writes=False)
    if plan.copied:
        pytest.skip(f"not possible here: {plan.copied}")
    return checking


def test_the_new_file_stands_among_the_old_ones(checking: Checking) -> None:
    """A program sees the new text, the other new files and links, the old files, and no file that goes."""
    checking.put(f"{DIRECTORY}/old.conf", "old\n")
    checking.put(f"{DIRECTORY}/gone.conf", "gone\n")
    checking.put(FILE, "before\n")
    bench = checking.bench
    bench.template(f"{DIRECTORY}/other.conf", "other\n")
    bench.template(f"{DIRECTORY}/gone.conf", "", 'delete-when = "true"')
    bench.template(f"{DIRECTORY}/link", "old.conf", 'kind = "symlink"')
    others = [f"{DIRECTORY}/{name}" for name in ("other.conf", "gone.conf", "link")]
    texts = {"daemon.conf": "new\n", "other.conf": "other\n", "old.conf": "old\n", "link": "old\n"}
    checking.run(
        "found = {name: open(f'{directory}/{name}').read() for name in os.listdir(directory)}\n"
        f"sys.exit(0 if found == {texts!r} else f'{{found}}')",
        *others,
    )
    assert Path(bench.layout.under(FILE)).read_text() == "before\n"
    assert Path(bench.layout.under(f"{DIRECTORY}/gone.conf")).exists()


def test_a_file_of_the_machine_stands_beside(checking: Checking, tmp_path: Path) -> None:
    """Files that `beside` names stand there too, unless the directory has one of that name."""
    for name in ("a.pre", "b.pre"):
        (tmp_path / name).write_text("of the machine\n")
    own = checking.put(f"{DIRECTORY}/b.pre", "own\n")
    checking.run(
        "found = [open(f'{directory}/{name}').read() for name in ('a.pre', 'b.pre')]\n"
        "sys.exit(0 if found == ['of the machine\\n', 'own\\n'] else f'{found}')",
        options=f'beside = ["{tmp_path}/*.pre"]',
    )
    assert sorted(os.listdir(own.parent)) == ["b.pre"]


def test_a_program_has_a_clean_environment(checking: Checking, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program gets a fixed PATH, what its check names, a private home that is removed, and an empty stdin."""
    monkeypatch.setenv("SECRET", "x")
    wanted = {"PATH": PATH, "LANG": "C.UTF-8", "COLOUR": "blue"}
    checking.run(
        "home = os.environ.pop('HOME')\nassert home == os.environ.pop('TMPDIR')\n"
        "open(f'{home}/x', 'w').close()\nassert not sys.stdin.read()\nos.environ.pop('LC_CTYPE', None)\n"
        f"sys.exit(0 if dict(os.environ) == {wanted!r} else f'{{os.environ}}')",
        options='environment = { COLOUR = "blue" }',
    )
    assert list(Path(checking.bench.layout.state).glob("check/*")) == []
    assert not Path(checking.bench.layout.state, "home").exists()


def test_a_program_that_hangs_is_ended_with_all_it_started(checking: Checking) -> None:
    """After its time a program is ended, and with it what it started, also in a session of its own."""
    message = checking.complaint(
        "child = os.fork()\nif not child:\n    os.setsid()\n    if os.fork(): os._exit(0)\ntime.sleep(600)",
        options="timeout = 1",
    )
    assert "check.py did not end within 1 s, so no file was changed" in message
    assert _running(str(checking.bench.path / "check.py")) == []


def test_what_a_program_leaves_running_is_ended(checking: Checking) -> None:
    """A program that succeeds may not leave a daemon behind, nor wait for one that holds its output open."""
    checking.run("if not os.fork():\n    os.setsid()\n    time.sleep(600)")
    assert _running(str(checking.bench.path / "check.py")) == []


def test_many_processes_are_ended(checking: Checking) -> None:
    """A program that starts process after process is ended with all of them."""
    message = checking.complaint("for _ in range(6): os.fork()\ntime.sleep(600)", options="timeout = 1")
    assert "did not end" in message
    assert _running(str(checking.bench.path / "check.py")) == []


def test_endless_output_fails_the_check(checking: Checking) -> None:
    """A program that prints a hundred megabytes is ended long before, and its file refused."""
    message = checking.complaint(
        "for _ in range(100): sys.stdout.write('x' * 1_000_000)\nopen(f'{directory}/done', 'w')"
    )
    assert "printed more than a megabyte" in message
    assert len(message) < 1000


def test_control_characters_are_not_shown(checking: Checking) -> None:
    """What a program prints cannot act on the terminal."""
    message = checking.complaint(r"sys.stdout.buffer.write(b'\x1b[2Jbad \xff\n'); sys.exit(1)")
    assert "\\x1b[2Jbad" in message
    assert "\x1b" not in message


def test_a_program_that_crashes_refuses(checking: Checking) -> None:
    """A program that is killed by a signal has not accepted its file."""
    assert "refuses it" in checking.complaint("os.abort()")


def test_a_rehearsal_writes_nothing(checking: Checking) -> None:
    """A check of a dry run leaves no trace under the root, and makes no directory."""
    checking.plan("pass")
    before = sorted(checking.bench.path.rglob("*"))
    checking.run("assert open(file).read() == 'new\\n'", writes=False)
    assert sorted(checking.bench.path.rglob("*")) == before


def test_what_a_killed_check_left_is_removed(checking: Checking) -> None:
    """Copies that were left behind are removed by the next event; in place nothing is ever left behind."""
    checking.put("/var/lib/e-smith/check/esmith-check-old/0/secret", "x")
    checking.run("pass")
    left = list(Path(checking.bench.layout.state).glob("check/*"))
    assert len(left) == int(checking.in_place)


def test_what_a_check_of_another_container_holds_stays(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of copies whose process cannot be seen is left as long as somebody holds it, and is removed then."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    folder = tmp_path / ".esmith-4194303-1-1.x"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    remove_copies(bench.layout, of_commands=False)
    assert folder.is_dir()
    os.close(descriptor)
    remove_copies(bench.layout, of_commands=False)
    assert not folder.exists()


@pytest.fixture
def in_place(bench: Bench) -> Checking:
    """Return a root whose check sees its file in place."""
    checking = Checking(bench, in_place=True)
    plan = checking.plan("pass")
    check(plan, bench.layout, writes=False)
    if plan.copied:
        pytest.skip(f"not possible here: {plan.copied}")
    return checking


@only_root
def test_an_include_by_absolute_path_is_the_new_one(in_place: Checking) -> None:
    """In place a program sees the new text of a file elsewhere in the tree, at its real path."""
    in_place.bench.template("/var/lib/daemon/part.conf", "new part\n")
    part = in_place.put("/var/lib/daemon/part.conf", "old part\n")
    in_place.run(f"assert open('{part}').read() == 'new part\\n'", "/var/lib/daemon/part.conf", options="reads = []")
    assert part.read_text() == "old part\n"


@only_root
def test_owner_and_mode_are_those_to_come(in_place: Checking) -> None:
    """In place files have their owner and mode already, also those of which only these change."""
    in_place.bench.template(f"{DIRECTORY}/other.conf", "same\n", 'mode = "0640"\nowner = "7"')
    other = in_place.put(f"{DIRECTORY}/other.conf", "same\n")
    in_place.run(
        "status = os.stat(f'{directory}/other.conf')\nassert os.stat(file).st_mode & 0o777 == 0o644\n"
        "assert (status.st_mode & 0o777, status.st_uid) == (0o640, 7)",
        f"{DIRECTORY}/other.conf",
    )
    assert other.stat().st_uid == os.geteuid()


@only_root
def test_the_machine_is_read_only(in_place: Checking, tmp_path: Path) -> None:
    """In place a program can write nothing that stays: not at the new files' places, and nowhere else at all."""
    in_place.put(f"{DIRECTORY}/old.conf", "old\n")
    in_place.run(
        f"open(f'{{directory}}/old.conf', 'w').write('x')\nopen(f'{{directory}}/more', 'w').close()\n"
        f"try: open('{tmp_path}/outside', 'w')\nexcept OSError: pass\n"
        "writable = [path for path in ('/', '/usr', '/var', '/dev') if not os.statvfs(path).f_flag & os.ST_RDONLY]\n"
        "sys.exit(f'can be written: {writable}' if writable else 0)"
    )
    assert Path(in_place.bench.layout.under(f"{DIRECTORY}/old.conf")).read_text() == "old\n"
    assert os.listdir(in_place.bench.layout.under(DIRECTORY)) == ["old.conf"]
    assert not (tmp_path / "outside").exists()


@only_root
def test_what_a_program_writes_to_tmp_does_not_stay(in_place: Checking) -> None:
    """In place a program finds /tmp as it is and can write there, whatever TMPDIR says; nothing of that stays."""
    with tempfile.NamedTemporaryFile(dir="/tmp", mode="w+") as old:
        old.write("old\n")
        old.flush()
        in_place.run(
            f"assert open('{old.name}').read() == 'old\\n'\nopen('{old.name}', 'w').close()\n"
            f"open('{old.name}.new', 'w').close()\nassert os.stat('/tmp').st_mode == {os.stat('/tmp').st_mode}"
        )
        assert Path(old.name).read_text() == "old\n"
        assert not Path(f"{old.name}.new").exists()


@only_root
def test_what_is_mounted_below_stays_visible(in_place: Checking) -> None:
    """In place a program sees file systems that are mounted inside the directory that is mounted over."""
    inner = in_place.put("/etc/inner/x", "covered\n").parent
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(inner)], check=True)
    try:
        (inner / "x").write_text("mounted\n")
        in_place.run(f"assert open('{inner}/x').read() == 'mounted\\n'")
    finally:
        subprocess.run(["umount", str(inner)], check=True)


def test_a_kill_leaves_nothing(root: Root) -> None:
    """When signal-event is killed during a check, nothing stays mounted or running, and the next event works."""
    program = root.write("/check", f"#!{sys.executable} -IS\nimport time\ntime.sleep(600)\n", mode=0o755)
    template = "/etc/e-smith/templates/etc/daemon.conf"
    root.write(f"{template}/10a", "new\n")
    root.write(f"{template}/template.toml", f'[check]\ncommand = ["{program}"]\npackage = "daemon"\n')
    root.write("/etc/e-smith/events/daemon-update/templates2expand", "/etc/daemon.conf\n")
    mounts = Path("/proc/self/mounts").read_text()
    event = subprocess.Popen(
        [root.file("/sbin/e-smith/signal-event"), "daemon-update"], env={**os.environ, "ESMITH_ROOT": str(root.path)}
    )
    _wait(lambda: bool(_running(str(program))))
    event.send_signal(signal.SIGKILL)
    event.wait()
    _wait(lambda: not _running(str(program)))
    assert Path("/proc/self/mounts").read_text() == mounts
    assert not root.file("/etc/daemon.conf").exists()
    root.write("/check", "#!/bin/sh\n", mode=0o755)
    answer = json.loads(root.signal("--json", "daemon-update").out)
    assert answer["checked"] == ["/etc/daemon.conf"]
    assert not list(root.file("/etc").glob(".esmith-*"))


def _running(word: str) -> list[int]:
    """Return the processes that have a word on their command line."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in words:
            found.append(int(place.parent.name))
    return found


def _wait(until: Callable[[], bool]) -> None:
    """Wait for something that other processes do."""
    deadline = time.monotonic() + GONE_SECONDS
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)
