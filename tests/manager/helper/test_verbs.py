"""Every verb, asked by a web process that somebody has taken over: what it may answer, and what it never does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from esmith.errors import EsmithError
from esmith.layout import Layout
from esmith.manager import wire
from esmith.manager.helper.context import Context, VerbError
from esmith.manager.helper.server import all_verbs
from tests.commands import Root
from tests.examples import examples
from tests.manager.helper.guessing import ARGUMENTS, requests

_VERBS = all_verbs()
_HEALTH = list(HealthCheck)


def _answer(root: Root, verb: str, arguments: dict[str, Any]) -> str:
    """Ask for a verb, and return the kind of its answer; another error than those there are is a fault of ours."""
    try:
        line = wire.answer(_VERBS[verb](Context(Layout(str(root.path)), "admin", "192.0.2.7"), arguments))
    except VerbError as error:
        line = error.line
    except EsmithError:
        return wire.FAILED
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return "ok" if line.startswith(b'{"ok":true') else next(kind for kind in wire.KINDS if f'"{kind}"'.encode() in line)


def test_all_verbs_are_there() -> None:
    """The helper offers the verbs of the contract, and none that runs a command or reads a file."""
    named = "navigation panel records record suggest preview apply jobs job history generations generation services"
    more = "health databases database setting search confirm take-back"
    assert sorted(_VERBS) == sorted(f"{named} {more}".split())
    assert set(ARGUMENTS) <= set(_VERBS)


def test_random_requests(root: Root) -> None:
    """No argument of any kind makes a verb end otherwise than with a result or one of its errors."""

    @given(requests().filter(lambda request: request[0] != "apply"))
    @settings(max_examples=examples(80), deadline=None, suppress_health_check=_HEALTH, database=None)
    def ask(request: tuple[str, dict[str, Any]]) -> None:
        _answer(root, *request)

    ask()


@pytest.mark.long
def test_many_random_requests(office: Root) -> None:
    """The same, of a thousand requests to an office, and what is asked for is changed, too."""

    @given(requests())
    @settings(max_examples=examples(1000), deadline=None, suppress_health_check=_HEALTH)
    def ask(request: tuple[str, dict[str, Any]]) -> None:
        assert _answer(office, *request) != wire.INTERNAL

    ask()
