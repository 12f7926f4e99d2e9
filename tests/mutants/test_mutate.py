"""The faults of the mutation test: which are found, that each can be put in, and which tests are chosen for one."""

from __future__ import annotations

import ast
import functools
import shutil
from pathlib import Path

import pytest

from tests.mutants import reach
from tests.mutants.__main__ import ignored_keys
from tests.mutants.mutate import Mutant, find_mutants
from tests.mutants.reach import ROOT, Reach, Tree
from tests.mutants.run import OWN_TESTS, Outcome, choose_tests, list_mutants, try_mutant

FAULTS = {
    "a < b": ["a <= b"],
    "a is not b": ["a is b"],
    "a < b <= c": ["a <= b <= c", "a < b < c"],
    "a and b": ["(a or b)", "a", "b"],
    "not a": ["a"],
    "a + b": ["(a - b)"],
    "a if b else c": ["(c if b else a)", "not b"],
    "[a for a in b if c]": ["not c"],
    "f(a, b=c)": ["pass", "f(a)"],
    "f(a, hint=c)": ["pass"],
    "raise A": ["pass"],
    "a += b": ["pass"],
    "a.b = c": ["pass"],
    "a = b": [],
    "a = 1": ["2"],
    "a = True": ["False"],
    "a = 'word'": ["'word-x'"],
    "a = 'a message'": [],
    "a = f'{b < c}'": [],
    "'''Text.'''": [],
    "def f(a: int = 1) -> 'T': return a": ["2", "return None"],
    "for a in b: break": ["continue"],
    "TYPE_CHECKING = False": [],
    "if TYPE_CHECKING: a.b = 1": [],
}


@pytest.mark.parametrize(("source", "faults"), FAULTS.items(), ids=FAULTS)
def test_faults(source: str, faults: list[str]) -> None:
    """Each fault is one small change; there is none where nobody could notice it, as in annotations and messages."""
    found = find_mutants("esmith/x.py", source.encode())
    assert sorted(mutant.new for mutant in found) == sorted(faults)
    for mutant in found:
        ast.parse(mutant.apply(source.encode()))


def test_a_fault_names_its_place() -> None:
    """It is printed with file, line, what was there and what is put there, and replaces just that."""
    source = "# für\n@decorated\ndef f():\n    g()\n    return (a <\n        b)\n".encode()
    mutant = find_mutants("esmith/x.py", source)[-1]
    assert str(mutant) == "esmith/x.py:5: a < b -> a <= b"
    assert mutant.function == "f"
    assert mutant.apply(source) == "# für\n@decorated\ndef f():\n    g()\n    return (a <= b)\n".encode()


def _mutant(path: str, function: str) -> Mutant:
    return Mutant(path, 1, function, (0, 1), "a", "b")


def test_which_tests_are_chosen() -> None:
    """Those that call the function: of the package first, then those that call the least; until the time is over."""
    store, wide, other, none = "tests/store/a.py::a", "tests/store/a.py::b", "tests/cli/c.py::c", "tests/cli/d.py::d"
    found = Reach(
        dict.fromkeys((store, wide, other, none), 2.0),
        {"esmith/store/x.py:f": [other, wide, store], "esmith/store/x.py:g": [wide], "esmith/store/y.py:h": [none]},
    )
    assert choose_tests(_mutant("esmith/store/x.py", "f"), found, 60) == [store, wide, other]
    assert choose_tests(_mutant("esmith/store/x.py", "f"), found, 5) == [store, wide]
    assert choose_tests(_mutant("esmith/store/x.py", "f"), found, 1) == [store]
    assert choose_tests(_mutant("esmith/store/x.py", ""), found, 60) == [store, wide, other]
    assert choose_tests(_mutant("esmith/store/x.py", "new"), found, 60) == []


def test_a_case_of_each_test_comes_first() -> None:
    """The second case of a test is chosen after the first case of another one that calls as much."""
    one, two, other, wide = (f"tests/store/a.py::{name}" for name in ("a[1]", "a[2]", "b", "c"))
    callers = {"esmith/store/x.py:f": [one, two, other, wide], **{f"esmith/store/y.py:{n}": [wide] for n in range(9)}}
    found = Reach(dict.fromkeys((one, two, other, wide), 2.0), callers)
    assert choose_tests(_mutant("esmith/store/x.py", "f"), found, 60) == [one, other, two, wide]


def test_a_test_that_is_too_long_is_left_out() -> None:
    """A test that does not fit into the time that is left does not keep a short one from being chosen."""
    short, long, last = (f"tests/store/a.py::{name}" for name in ("a", "b", "c"))
    found = Reach({short: 1.0, long: 50.0, last: 1.0}, {"esmith/store/x.py:f": [short, long, last]})
    assert choose_tests(_mutant("esmith/store/x.py", "f"), found, 10) == [short, last]


def test_a_function_that_is_new() -> None:
    """Where the engine has changed, a function that nobody is known to call is taken for called by its file's tests."""
    known = {"esmith/store/x.py:f": ["tests/store/a.py::a"], "esmith/store/y.py:g": ["tests/store/a.py::b"]}
    seconds = {"tests/store/a.py::a": 1.0, "tests/store/a.py::b": 1.0}
    mutant = _mutant("esmith/store/x.py", "new")
    assert choose_tests(mutant, Reach(seconds, known), 60) == []
    assert choose_tests(mutant, Reach(seconds, known, is_of_this_engine=False), 60) == ["tests/store/a.py::a"]


ENGINE = """\
class X:
    def f(self, a):
        return a > 0

    def g(self):
        return 1
"""
TESTS = """\
import sys
from esmith.store.x import X

def test_before():
    sys.settrace(None)

def test_f():
    assert X().f(1) and not X().f(-1)

def test_none():
    assert 1

def test_wrong():
    assert X().g() == 2
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with one module of the engine and one of tests."""
    for path, text in (("esmith/store/x.py", ENGINE), ("tests/store/test_x.py", TESTS)):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
        for folder in list((tmp_path / path).parents)[:2]:
            (folder / "__init__.py").touch()
    shutil.copytree(ROOT / "tests/mutants", tmp_path / "tests/mutants")
    monkeypatch.setattr(reach, "ROOT", tmp_path)
    # Options that only the tests of this repository know, e.g. of .ci/run.
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return tmp_path


def test_what_was_found_out_is_kept(small: Path) -> None:
    """Tests are measured once, and once more when their text changes, not when only the engine does."""
    tree = Tree(small / ".mutants")
    tree.make()
    everything = {"store": ["tests/store/test_x.py"]}
    assert tree.unmeasured(["store"], []) == everything
    assert tree.unmeasured(["store"], everything["store"]) == {}
    # One does not pass, so it can notice nothing. Another one ends what notes the calls, for itself alone.
    assert tree.measure(everything["store"]) == 3
    assert tree.unmeasured(["store"], []) == {}
    found = tree.reach(["store"])
    assert found.seconds.keys() == {f"tests/store/test_x.py::test_{name}" for name in ("before", "f", "none")}
    assert found.callers["esmith/store/x.py:X.f"] == ["tests/store/test_x.py::test_f"]
    assert "esmith/store/x.py:X.g" not in found.callers
    assert found.is_of_this_engine
    assert tree.reach(["schema"]).seconds == {}
    (small / "esmith/store/x.py").write_text(f"\n{ENGINE}")
    assert tree.unmeasured(["store"], []) == {}
    assert not tree.reach(["store"]).is_of_this_engine
    (small / "tests/store/test_x.py").write_text(f"{TESTS}\n")
    assert tree.unmeasured(["store"], []) == everything
    tree.forget()
    assert tree.reach(["store"]).seconds == {}


def test_a_fault_is_noticed_or_not(small: Path) -> None:
    """A fault that a test notices is killed, another one survives, and the copy is as before after each."""
    tree = Tree(small / ".mutants")
    tree.make()
    tree.measure(["tests/store/test_x.py"])
    found = {str(one): one for one in find_mutants("esmith/store/x.py", ENGINE.encode())}
    outcomes = {
        text: try_mutant(tree, mutant, tree.reach(["store"]), 60, number)
        for number, (text, mutant) in enumerate(found.items(), 1)
    }
    assert outcomes == {
        "esmith/store/x.py:3: return a > 0 -> return None": Outcome.KILLED,
        "esmith/store/x.py:3: a > 0 -> a >= 0": Outcome.SURVIVED,
        "esmith/store/x.py:3: 0 -> 1": Outcome.KILLED,
        "esmith/store/x.py:6: return 1 -> return None": Outcome.UNREACHED,
        "esmith/store/x.py:6: 1 -> 2": Outcome.UNREACHED,
    }
    assert (tree.path / "esmith/store/x.py").read_text() == ENGINE


@functools.cache
def _faults(package: str) -> list[Mutant]:
    """Return the faults of a package; to find those of all takes a second."""
    return list_mutants([package], set())


def test_what_is_ignored_is_there() -> None:
    """Each fault that the list calls equivalent can still be put into the engine; others have to go from the list."""
    keys = {mutant.key for package in OWN_TESTS for mutant in _faults(package)}
    assert ignored_keys() - keys == set()


def test_every_package_has_faults() -> None:
    """The packages are those of the engine, and each has tests of its own."""
    for package, folders in OWN_TESTS.items():
        assert _faults(package)
        assert all((ROOT / "tests" / folder).is_dir() for folder in folders)
