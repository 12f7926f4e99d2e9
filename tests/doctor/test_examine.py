"""Running the checks: one that fails is one finding, and what waits is not waited for."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from esmith.doctor.case import Case
from esmith.doctor.examine import AREAS, chosen_checks, examine
from esmith.doctor.files import cures_of
from esmith.doctor.finding import Check, Finding, ok, warning
from esmith.errors import EsmithError, StoreError, UsageError
from esmith.layout import Layout
from tests.commands import Root
from tests.doctor.kit import bad, examined, make_case, shown


def _fine(_case: Case) -> Iterator[Finding]:
    yield ok("fine")


def _checks(error: BaseException) -> list[Check]:
    def failing(_case: Case) -> Iterator[Finding]:
        yield warning("seen before", "")
        raise error

    return [Check("demo", "what fails", failing), Check("demo", "what works", _fine)]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError(13, "Permission denied", "/x"), "skipped: what fails"),
        (FileNotFoundError(2, "No such file or directory", "/x"), "skipped: what fails"),
        (EsmithError("it is broken", place="/x", hint="repair it"), "skipped: what fails"),
        (ValueError("bad \x1b number"), "warning: cannot look at what fails: ValueError: bad \\x1b number"),
        (KeyError("arrival_time"), "warning: cannot look at what fails: KeyError: 'arrival_time'"),
    ],
)
def test_a_check_that_fails(root: Root, error: Exception, expected: str) -> None:
    """What it found before counts, its failure is one finding, and the other checks go on."""
    found = shown(finding for _, finding in examine(make_case(root), _checks(error)).findings())
    assert found[:2] == ["warning: seen before", expected]
    assert found[-1] == "ok: fine"


def test_a_mistake_of_ours_is_not_hidden(root: Root) -> None:
    """What only a mistake of the program raises is not made a finding."""
    with pytest.raises(AttributeError):
        examine(make_case(root), _checks(AttributeError("x")))


def test_a_check_that_waits(root: Root) -> None:
    """What does not end in time is a finding, and the others are there."""
    gate = threading.Event()

    def waiting(_case: Case) -> Iterator[Finding]:
        gate.wait(60)
        yield ok("late")

    try:
        found = examine(make_case(root), [Check("x", "a disk", waiting), Check("x", "y", _fine)], seconds=0.2)
    finally:
        gate.set()
    assert found.is_overdue
    assert shown(finding for _, finding in found.findings()) == [
        "warning: looking at a disk did not end within 0.2 s",
        "skipped: a disk",
        "ok: fine",
    ]


def test_areas_are_chosen() -> None:
    """Only the areas that are named are looked at; one that does not exist is refused with the nearest name."""
    assert {check.area for check in chosen_checks(["dns", "disk"])} == {"dns", "disk"}
    assert [check.area for check in chosen_checks()] == sorted(
        (check.area for check in chosen_checks()), key=list(AREAS).index
    )
    with pytest.raises(UsageError, match="no area 'certificate'") as caught:
        chosen_checks(["certificate"])
    assert caught.value.hint == "did you mean 'certificates'?"


def test_the_cures_of_a_damaged_data_file() -> None:
    """What an error says to type is a cure of its own, and the rest of its hint is a comment for the shell."""
    hint = "set it aside:\n  mv a b\n  esmith init\nmake them with: esmith --root / init\nname it: --root\nso: "
    assert list(cures_of(hint)) == [
        "# set it aside:",
        "mv a b",
        "esmith init",
        "# make them with",
        "esmith --root / init",
        "# name it: --root",
        "# so: ",
    ]


def test_databases_that_cannot_be_opened(root: Root) -> None:
    """Without the databases that is failing with the cure of the error, and what needs no setting is looked at."""
    trouble = StoreError("is damaged", place="data.mdb", hint="restore it")
    case = Case(Layout(str(root.path)), None, trouble=trouble)
    found = bad(case)
    (failing,) = [finding for finding in found if finding.severity == "failing"]
    assert failing.what == "the databases cannot be opened: data.mdb is damaged"
    assert failing.cure == ("# restore it", "esmith status")
    assert "skipped: users" in shown(found)
    assert "ok: no temporary files in 3 directories" in shown(f for _, f in examined(case, "leftovers").findings())
