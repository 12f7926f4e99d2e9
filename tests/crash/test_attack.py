"""The tools of the proof: a process is really killed or refused at its call, and what is wrong afterwards is found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.attack import NO_ATTACK, Attack, Runner
from tests.crash.conftest import possible_here
from tests.crash.judge import Ring, Trial
from tests.crash.scenarios import RECOVER, Command, Scenario
from tests.crash.trees import Copy, Entry, Rows, compared, known_names, leftovers, look, read_rows

pytestmark = pytest.mark.root("owners of files are compared")

#: Two files by Python, and one by a child that is a C program.
_WRITER = """\
import os, subprocess
root = os.environ["ESMITH_ROOT"]
for name in ("a", "b"):
    try:
        with open(root + "/" + name, "w") as file:
            file.write("new")
    except OSError as error:
        print("nothing was changed:", error.strerror)
        raise SystemExit(5)
subprocess.run(["cp", root + "/a", root + "/c"], check=True)
"""
#: Says so whatever is there, and leaves what it finds.
_RECOVER = """\
print("nothing was left undone")
"""


@pytest.fixture(autouse=True)
def _possible() -> None:
    possible_here()


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Return a folder with a command that writes its files one after the other, and one that recovers nothing."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "writer").write_text(_WRITER)
    (folder / "esmith").write_text(_RECOVER)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a root with two files."""
    root = tmp_path / "model"
    root.mkdir()
    for name in ("a", "b"):
        (root / name).write_text("old")
    return root


@pytest.fixture
def runner(model: Path) -> Runner:
    """Return what runs commands in the model itself."""
    return Runner(model, (), {**os.environ, "ESMITH_ROOT": str(model)})


@pytest.fixture
def ring(model: Path, scripts: Path, tmp_path: Path) -> Iterator[Ring]:
    """Return the place where the writer is attacked."""
    scenario = Scenario("writer", Command("writer", ()), lambda folder, _: folder, next=(RECOVER,))
    ring = Ring(scenario, model, tmp_path / "ring", scripts, lambda: None)
    yield ring
    ring.close()


def test_calls(runner: Runner, scripts: Path) -> None:
    """All calls that write are seen in order, also those of a C program that the command starts."""
    run = runner.run(str(scripts / "writer"), [])
    assert run.code == 0
    seen = [(site.program, site.call, site.path) for site in run.sites]
    assert seen[:4] == [("main", call, path) for path in ("/a", "/b") for call in ("openat", "write")]
    assert {(program, path) for program, _, path in seen[4:]} == {("child", "/c")}


def test_killed_before_a_call(runner: Runner, scripts: Path, model: Path) -> None:
    """A command that is killed at a call has not carried it out, and all before it."""
    run = runner.run(str(scripts / "writer"), [], Attack(4))
    assert run.code == -9
    assert run.hit is not None
    assert (run.hit.call, run.hit.path) == ("write", "/b")
    assert [(model / name).read_text() for name in ("a", "b")] == ["new", ""]


def test_group_is_killed(runner: Runner, scripts: Path, model: Path) -> None:
    """With the whole group killed at a call of a child, the command has ended as well."""
    run = runner.run(str(scripts / "writer"), [], Attack(5, whole_group=True))
    assert (run.code, run.hit and run.hit.program) == (-9, "child")
    assert not (model / "c").exists()


def test_child_is_killed(runner: Runner, scripts: Path) -> None:
    """With only the child killed, the command goes on and sees it."""
    run = runner.run(str(scripts / "writer"), [], Attack(5))
    assert run.code == 1
    assert "SIGKILL" in run.printed


def test_an_error(runner: Runner, scripts: Path) -> None:
    """A call gets the error of an attack, and is not carried out."""
    run = runner.run(str(scripts / "writer"), [], Attack(3, "EDQUOT"))
    assert run.code == 5
    assert "Disk quota exceeded" in run.printed


@pytest.mark.parametrize(
    ("attack", "wrong"),
    [
        (Attack(1), []),
        (Attack(3), ["after recover: neither all as before nor all as after"]),
        (Attack(1, "EIO"), []),
        (Attack(3, "EIO"), ["it exits 5 and says that nothing was changed", "after recover: neither all as before"]),
        (NO_ATTACK, []),
    ],
    ids=str,
)
def test_what_is_wrong_is_found(ring: Ring, attack: Attack, wrong: list[str]) -> None:
    """A mixture of old and new files is found, and so is a message that is not true."""
    found = ring.judge(Trial(attack, RECOVER)).wrong
    assert [text[: len(begin)] for text, begin in zip(found, wrong, strict=True)] == wrong, found


def test_leftovers_are_found(model: Path) -> None:
    """A file that no run without an attack has is found, and so is a generation that the databases do not know."""
    known = look(model)
    (model / ".esmith-12-1").write_text("")
    (model / "var/lib/e-smith/generations/7").mkdir(parents=True)
    now = look(model)
    assert leftovers(now, known_names([known, now]), read_rows(model)) == ["/var/lib/e-smith/generations/7"]
    assert "/.esmith-12-1" in leftovers(now, known_names([known]), read_rows(model))


def test_a_root_is_restored(model: Path, tmp_path: Path) -> None:
    """After anything was done to a root, it is restored: contents, modes, owners, links, what is new or gone."""
    (model / "folder").mkdir()
    (model / "folder/link").symlink_to("../a")
    copy = Copy(model, tmp_path / "root")
    before = compared(look(tmp_path / "root"), copy.tree.keys())
    root = tmp_path / "root"
    (root / "a").write_text("other")
    (root / "b").unlink()
    (root / "new/inner").mkdir(parents=True)
    (root / "new/inner/file").write_text("new")
    (root / "folder/link").unlink()
    os.chmod(root / "folder", 0o700)
    os.chown(root / "a", 1234, 1234)
    assert compared(look(root), copy.tree.keys()) != before
    copy.restore()
    assert compared(look(root), copy.tree.keys()) == before
    assert look(root, copy.tree) == copy.tree


def test_a_signal(runner: Runner, scripts: Path) -> None:
    """A signal hits the command itself, also when a child calls, and ends it as it ends any other."""
    run = runner.run(str(scripts / "writer"), [], Attack(5, signal="SIGTERM"))
    assert (run.code, run.hit and run.hit.program) == (-15, "child")


def test_what_is_kept_to_be_faster_may_stay() -> None:
    """Whether a command keeps it depends on the time; a temporary file beside it is left over."""
    kept = ("templates-1-30b07f0", "0123456789abcdef" * 2)
    others = (".esmith-1a", "templates-1-30b07f0.tmp")
    entry = Entry(0o100600, (0, 0), b"", (1, 1))
    tree = {f"/var/lib/e-smith/code/{name}": entry for name in (*kept, *others)}
    assert leftovers(tree, frozenset(), Rows()) == [f"/var/lib/e-smith/code/{name}" for name in others]
