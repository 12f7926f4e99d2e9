"""What is remembered for a run of the tests is what would have been found out; whatever counts makes a new case."""

from __future__ import annotations

import datetime
import os
import shutil
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from esmith.checks.staged import StagedTree
from esmith.checks.views import Ended, Job, Views
from esmith.errors import SchemaError
from esmith.fragments.engine import choose_engine
from esmith.fragments.file_check import Check
from esmith.fragments.jinja import Engine
from esmith.layout import Layout
from esmith.tables import TomlFile
from tests import remembered
from tests.documents import HOME
from tests.remembered import Memory

CHECK = Check(command=("true", "{file}"), package="coreutils")
OF_DIRECTORY = Check(command=("true", "{dir}"), package="coreutils")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Remember in a new folder; return the files that programs were really run for."""
    found: list[str] = []

    def run(self: Views, jobs: list[Job]) -> list[Ended]:
        found.extend(job.path for job in jobs)
        self.copied = "copied"
        root = self._layout.root
        texts = [f"about {job.path}" + (f" in {root}/etc" if "{dir}" in job.check.command else "") for job in jobs]
        return [Ended(0, text, "", os.environ.get("WHY", "")) for text in texts]

    monkeypatch.setattr(Views, "run", run)
    monkeypatch.setattr(Engine, "compile", Engine.compile)
    monkeypatch.setattr(tomllib, "load", tomllib.load)
    folder = tmp_path / "memory"
    folder.mkdir()
    remembered.remember_in(str(folder))
    yield found


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Return a root with one file that is checked."""
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/file").write_text("text\n")
    return Layout(str(tmp_path / "root"))


def _ask(layout: Layout, check: Check = CHECK, path: str = "/etc/file") -> str:
    views = Views(StagedTree(layout), writes=False)
    (ended,) = views.run([Job(path, check)])
    assert views.copied == "copied"
    return ended.out


def test_the_same_case_is_asked_once(layout: Layout, ran: list[str]) -> None:
    """What a program printed about a file is given again, with why it saw a copy, while nothing has changed."""
    assert [_ask(layout), _ask(layout)] == ["about /etc/file"] * 2
    assert ran == ["/etc/file"]


def test_only_what_is_new_is_asked(layout: Layout, ran: list[str]) -> None:
    """Of two files of which one is known, a program runs for the other, and each gets its own answer."""
    _ask(layout)
    Path(layout.under("/etc/x")).mkdir()
    views = Views(StagedTree(layout), writes=False)
    ended = views.run([Job("/etc/x/new", CHECK), Job("/etc/file", CHECK)])
    assert [one.out for one in ended] == ["about /etc/x/new", "about /etc/file"]
    assert ran == ["/etc/file", "/etc/x/new"]


@pytest.mark.parametrize("what", ["content", "mode", "beside it", "accounts", "words", "another file"])
def test_another_case_is_asked(layout: Layout, ran: list[str], what: str) -> None:
    """Another content or mode, a file beside it, other accounts, words or another file: the program runs."""
    _ask(layout)
    file, check, path = Path(layout.under("/etc/file")), CHECK, "/etc/file"
    if what == "content":
        file.write_text("other\n")
    elif what == "mode":
        file.chmod(0o600)
    elif what == "accounts":
        file.with_name("passwd").write_text("root:x:0:0::/:/bin/sh\n")
    elif what == "words":
        check = Check(command=("true", "-x", "{file}"), package="coreutils")
    else:
        path = "/etc/beside"
        file.with_name("beside").write_text("x\n")
    _ask(layout, check, path if what == "another file" else "/etc/file")
    assert len(ran) == 2


def test_a_program_of_a_test_always_runs(layout: Layout, ran: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is named by its path runs each time; with ESMITH_REAL_CHECKS=1 each does."""
    own = Check(command=("/bin/true", "{file}"), package="coreutils")
    for _ in range(2):
        _ask(layout, own)
    monkeypatch.setenv("ESMITH_REAL_CHECKS", "1")
    for _ in range(2):
        _ask(layout)
    assert len(ran) == 4


def test_checks_may_be_left_out(layout: Layout, ran: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With ESMITH_ACCEPT_CHECKS=1 no program runs, and nothing is remembered that none has decided."""
    monkeypatch.setenv("ESMITH_ACCEPT_CHECKS", "1")
    (ended,) = Views(StagedTree(layout), writes=False).run([Job("/etc/file", CHECK)])
    assert (ended.status, ended.out, ended.why, ran) == (0, "", "", [])
    monkeypatch.delenv("ESMITH_ACCEPT_CHECKS")
    assert _ask(layout) == "about /etc/file"


def test_an_answer_that_names_the_root(layout: Layout, ran: list[str], tmp_path: Path) -> None:
    """Another root gets the answer with its own name in it; the program is not asked again."""
    other = Layout(str(tmp_path / "other"))
    shutil.copytree(layout.root, other.root)
    for place in (layout, other):
        assert _ask(place, OF_DIRECTORY) == f"about /etc/file in {place.root}/etc"
    assert ran == ["/etc/file"]


def test_a_program_that_was_ended_is_asked_again(
    layout: Layout, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a program printed that had to be ended is not kept."""
    monkeypatch.setenv("WHY", "took too long")
    for _ in range(2):
        _ask(layout)
    assert len(ran) == 2


@pytest.mark.usefixtures("ran")
def test_a_table_is_read_once(tmp_path: Path) -> None:
    """The same text in two files is parsed once; what a caller does with its table, no other one sees."""
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        place.write_text("a = [1]\n")
    tables = [TomlFile(str(place), SchemaError).data for place in places]
    tables[0]["a"].append(2)
    assert [tables[1], TomlFile(str(places[0]), SchemaError).data] == [{"a": [1]}] * 2
    assert len(os.listdir(tmp_path / "memory")) == 1


@pytest.mark.usefixtures("ran")
def test_a_table_with_a_date(tmp_path: Path) -> None:
    """A table that cannot be kept, and one that is wrong, are read each time, as without the memory."""
    place = tmp_path / "table"
    for _ in range(2):
        place.write_text("a = 2026-11-28\n")
        assert TomlFile(str(place), SchemaError).data == {"a": datetime.date(2026, 11, 28)}
        place.write_text("a =\n")
        with pytest.raises(SchemaError, match="cannot be read: Invalid value"):
            TomlFile(str(place), SchemaError)
    assert os.listdir(tmp_path / "memory") == []


@pytest.mark.usefixtures("ran")
def test_code_knows_its_file(tmp_path: Path) -> None:
    """The same text in two files is compiled once, and each code has the name of its own file."""
    engine = Engine(None, {})  # type: ignore[arg-type]
    first, second = (engine.compile("{% if a %}{{ a }}{% endif %}", filename=name) for name in ("/one", "/two"))
    assert (first.co_filename, second.co_filename) == ("/one", "/two")
    assert first.co_code == second.co_code
    assert len(os.listdir(tmp_path / "memory")) == 1


def test_what_another_process_found_out(tmp_path: Path) -> None:
    """What others remember is in memory once it is learnt, also what came later; verdicts are read when asked for."""
    other, own = Memory(str(tmp_path)), Memory(str(tmp_path))
    other.store("table-1", b"one")
    own.learn()
    time.sleep(0.05)  # Longer than the least difference between two times of a folder.
    other.store("table-2", b"two")
    other.store("verdict-1", "yes")
    own.learn()
    for place in tmp_path.iterdir():
        place.unlink()
    assert [own.recall(key) for key in ("table-1", "table-2", "verdict-1")] == [b"one", b"two", None]


def test_nothing_is_learnt_of_a_folder_that_is_gone(tmp_path: Path) -> None:
    """A folder that was removed at the end of a run stops nothing."""
    memory = Memory(str(tmp_path / "memory"))
    memory.learn()
    assert memory.recall("table-1") is None


def test_languages_are_known_beforehand() -> None:
    """The language of each shipped fragment is kept, so that to ask for it looks at no text again."""
    choose_engine.cache_clear()
    remembered.remember_languages()
    looked = choose_engine.cache_info().misses
    for place in (HOME / "templates/etc/clamd.conf").iterdir():
        if place.suffix != ".toml":
            choose_engine(place.read_text())
    assert looked > 400
    assert choose_engine.cache_info().misses == looked
