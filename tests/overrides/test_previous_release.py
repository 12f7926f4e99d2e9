"""A root that the wheel of the previous release made, with overrides of each kind, brought up to date by this one."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import TIMEOUT_SECONDS, Root
from tests.documents import HOME
from tests.machines.previous import PREVIOUS, unpack_previous
from tests.overrides.kit import CUSTOM, states

pytestmark = pytest.mark.long

#: What pip may take to build a wheel, in seconds: it installs what builds it.
_BUILD_SECONDS = 300


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the previous release as its wheel has it."""
    folder = tmp_path_factory.mktemp("previous")
    if unpack_previous(HOME, folder / "source") != f"from {PREVIOUS}":
        pytest.fail(f"the commit {PREVIOUS} is not here: git fetch --unshallow")
    # An environment may have no pip of its own; the Python that made it has.
    pip = [os.path.realpath(sys.executable), "-m", "pip", "wheel", "--quiet", "--no-deps"]
    words = [*pip, "--wheel-dir", str(folder / "wheel"), str(folder / "source")]
    subprocess.run(words, check=True, capture_output=True, timeout=_BUILD_SECONDS)
    (wheel,) = (folder / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "program")
    return folder / "program"


def _init(program: Path, root: Path, *words: str) -> str:
    """Run ``esmith init`` of a program, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "esmith", "--root", str(root), "init", *words],
        env={**os.environ, "PYTHONPATH": str(program)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _fragments(folder: Path) -> dict[str, bytes]:
    """Return the fragments of templates, by their names below the folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    plain = (path for path in files if path.suffix != ".toml" and not path.name.startswith("template-"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in plain}


def _first(names: Iterator[str], count: int) -> list[str]:
    """Return some names, each of another template."""
    found = dict[str, str]()
    for name in names:
        found.setdefault(os.path.dirname(name), name)
    chosen = list(found.values())[:count]
    assert len(chosen) == count
    return chosen


def test_each_kind_after_the_upgrade(previous: Path, tmp_path: Path) -> None:
    """Exactly what the upgrade touched is outdated; the rest replaces, adds, masks, is needless or dead as before."""
    root = Root(tmp_path / "root")
    _init(previous, root.path, "--domain", "example.com", "--name", "mail")
    old, new = _fragments(root.file("/etc/e-smith/templates")), _fragments(HOME / "templates")
    templates = {os.path.dirname(name) for name in old} & {os.path.dirname(name) for name in new}
    common = sorted(name for name in old.keys() & new.keys() if os.path.dirname(name) in templates)
    changed = _first((name for name in common if old[name] != new[name]), 2)
    same = _first((name for name in common if old[name] == new[name] and old[name]), 3)
    # No fragment went since that release; test_older_program has one that goes.
    assert not {name for name in old.keys() - new.keys() if os.path.dirname(name) in templates}
    (come,) = _first((name for name in sorted(new.keys() - old.keys()) if os.path.dirname(name) in templates), 1)
    own, left_behind = f"{os.path.dirname(same[0])}/55own", f"{os.path.dirname(same[0])}/55own~"
    expected = {}
    for name, text, state in (
        (changed[0], old[changed[0]] + b"# mine\n", "outdated"),
        (changed[1], b"", "outdated"),
        (come, b"# mine\n", "outdated"),
        (same[0], old[same[0]] + b"# mine\n", "replaces"),
        (same[1], old[same[1]], "needless"),
        (same[2], b"", "masks"),
        (own, b"# mine\n", "adds"),
        (left_behind, b"# mine\n", "dead"),
    ):
        place = root.file(f"{CUSTOM}/{name}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text)
        expected[f"/{name}"] = state
    lines = _init(HOME, root.path).splitlines()
    assert states(root) == expected
    shown = {line.strip().partition(": ")[0] for line in lines if line.startswith(f"  {CUSTOM}/")}
    assert shown == {f"{CUSTOM}{name}" for name, state in expected.items() if state == "outdated"}
