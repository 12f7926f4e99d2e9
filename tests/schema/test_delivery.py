"""A delivery instruction for all users: what the schema allows, the check of .qmail takes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from esmith.checks import own
from esmith.checks.own.file import File
from esmith.checks.staged import StagedTree
from esmith.errors import ExitCode
from esmith.layout import Layout
from esmith.schema.check import NotAllowedError, check_properties
from esmith.schema.load import Schema
from tests.commands import Root
from tests.documents import HOME
from tests.examples import examples

_PATH = "/home/e-smith/.qmail"
_SIGNS = st.text(st.sampled_from("&|./+#@ab1-_,<>[]!%é \t\r\0"), max_size=9)
#: Of one line, as the store holds it.
_VALUES = _SIGNS | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=6)


@pytest.fixture(scope="module")
def is_taken() -> Iterator[Callable[[str], bool]]:
    """Return what says whether the check takes a file with a line."""
    place = Path(mkdtemp(prefix="delivery-"))
    shutil.copytree(HOME / "checks", place / "etc/e-smith/checks")
    tree = StagedTree(Layout(str(place)))
    rule = own.Rules(tree.layout).find("dot-qmail", _PATH)
    assert rule is not None

    def taken(line: str) -> bool:
        return rule(File(_PATH, f"# filter\n{line}\n./Maildir/\n".encode(), tree)).faults == []

    yield taken
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def schema() -> Iterator[Schema]:
    """Return the shipped schema."""
    place = Path(mkdtemp(prefix="delivery-"))
    place.joinpath("etc/e-smith").mkdir(parents=True)
    place.joinpath("etc/e-smith/db").symlink_to(HOME / "db")
    yield Schema(Layout(str(place)))
    shutil.rmtree(place)


@settings(max_examples=examples(200), deadline=None)
@given(_VALUES)
@example("&!._%@_)")
@example("")
@example("..")
@example("a@b.c, d@e.f")
def test_the_schema_allows_what_the_check_takes(schema: Schema, is_taken: Callable[[str], bool], value: str) -> None:
    """A value is allowed when and only when the check takes the .qmail file that it is a line of."""
    try:
        check_properties(schema, "configuration", "qmail", "service", {"DeliveryInstruction": value})
    except NotAllowedError as error:
        assert not is_taken(value), error
    else:
        assert is_taken(value)


def test_it_is_refused_before_an_event_is(root: Root) -> None:
    """setprop refuses what the check would refuse; the hint that it is no longer used stays."""
    answer = root.config("setprop", "qmail", "DeliveryInstruction", "&!._%@_)", code=ExitCode.REFUSED)
    assert "'&!._%@_)' has a domain that is no host name" in answer.err
    answer = root.config("setprop", "qmail", "DeliveryInstruction", "| filter")
    assert "DeliveryInstruction is no longer used" in answer.err
