"""The faults of the mutation test: which are found, that each can be put in, and which tests are chosen for one."""

from __future__ import annotations

import ast

import pytest

from tests.mutants.__main__ import ignored_keys
from tests.mutants.mutate import Mutant, find_mutants
from tests.mutants.reach import ROOT, Reach
from tests.mutants.run import OWN_TESTS, choose_tests, list_mutants

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
    reach = Reach(
        dict.fromkeys((store, wide, other, none), 2.0),
        {"esmith/store/x.py:f": [other, wide, store], "esmith/store/x.py:g": [wide], "esmith/store/y.py:h": [none]},
    )
    assert choose_tests(_mutant("esmith/store/x.py", "f"), reach, 60) == [store, wide, other]
    assert choose_tests(_mutant("esmith/store/x.py", "f"), reach, 5) == [store, wide]
    assert choose_tests(_mutant("esmith/store/x.py", "f"), reach, 1) == [store]
    assert choose_tests(_mutant("esmith/store/x.py", ""), reach, 60) == [store, wide, other]
    assert choose_tests(_mutant("esmith/store/x.py", "new"), reach, 60) == []


def test_a_case_of_each_test_comes_first() -> None:
    """The second case of a test is chosen after the first cases of the others."""
    names = [f"tests/store/a.py::{name}" for name in ("a[1]", "a[2]", "b")]
    reach = Reach(dict.fromkeys(names, 2.0), {"esmith/store/x.py:f": names, "esmith/store/y.py:g": [names[2]]})
    assert choose_tests(_mutant("esmith/store/x.py", "f"), reach, 60) == [names[0], names[2], names[1]]


def test_what_is_ignored_is_there() -> None:
    """Each fault that the list calls equivalent can still be put into the engine; others have to go from the list."""
    keys = {mutant.key for mutant in list_mutants(list(OWN_TESTS), set())}
    assert ignored_keys() - keys == set()


def test_every_package_has_faults() -> None:
    """The packages are those of the engine, and each has tests of its own."""
    for package, folders in OWN_TESTS.items():
        assert list_mutants([package], set())
        assert all((ROOT / "tests" / folder).is_dir() for folder in folders)
