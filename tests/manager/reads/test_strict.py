"""Whatever is asked, a verb that only looks answers, or says what is wrong with the request; it writes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.manager.helper.context import VerbError
from tests.commands import Root
from tests.events.kit import look_at_files
from tests.examples import examples
from tests.manager.reads.kit import VERBS, ask, context_of, refused

#: What a verb needs, as far as it needs something.
NEEDED: dict[str, dict[str, Any]] = {
    "generation": {"number": 1},
    "database": {"database": "configuration"},
    "setting": {"database": "configuration", "key": "qpsmtpd"},
    "search": {"query": "mail"},
}
NAMES = ("before", "query", "size", "changes", "number", "database", "key", "type", "page", "doctor", "x")
WRONG: tuple[Any, ...] = (True, 1.5, [], {}, "", "a\nb", "a\0b", "\ud800", "x" * 5000, -1, 2**70, 0)
#: What no argument of a verb may be that it needs.
_NEVER: tuple[Any, ...] = (True, 1.5, [], {}, "x" * 5000, "\ud800", "a\nb", 2**70)
VALUES = st.one_of(st.sampled_from([*WRONG, None, 1, "configuration"]), st.text(max_size=20), st.integers())


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_arguments(root: Root, verb: str) -> None:
    """One argument more, one of another kind, one too long or too large is no request; those needed must be there."""
    assert refused(root, verb, **NEEDED.get(verb, {}), other=1) == "bad-request"
    for name in NEEDED.get(verb, {}):
        for wrong in _NEVER:
            assert refused(root, verb, **{**NEEDED[verb], name: wrong}) == "bad-request", wrong
    needed = [name for name in NEEDED.get(verb, {}) if name != "key"]
    for name in needed:
        assert (
            refused(root, verb, **{key: value for key, value in NEEDED[verb].items() if key != name}) == "bad-request"
        )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60), deadline=None)
@given(verb=st.sampled_from(sorted(set(VERBS) - {"health"})), asked=st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_anything(root: Root, verb: str, asked: dict[str, Any]) -> None:
    """Whatever the arguments are, the answer is a result, or an error of the request."""
    try:
        json.dumps(VERBS[verb](context_of(root), asked))
    except VerbError as error:
        assert error.kind in ("bad-request", "not-found")


def test_nothing_is_written(office: Root) -> None:
    """No file of the root is another one after every verb was asked."""
    # When the data file was verified, and who reads it, is noted by whatever reads it.
    notes = ("/home/e-smith/db/data.verified", "/home/e-smith/db/lock.mdb")
    before = look_at_files(office, besides=notes)
    for verb in VERBS:
        ask(office, verb, **NEEDED.get(verb, {}))
    ask(office, "health", doctor=True)
    assert look_at_files(office, besides=notes) == before
