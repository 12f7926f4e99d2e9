"""A member of a fleet whose agent is a fake one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.commands import Root
from tests.fleet.surface.kit import FakeAgent, make_member


@pytest.fixture
def member(root: Root) -> Root:
    """A root that is the member mail1 of a fleet; its agent does not run."""
    return make_member(root)


@pytest.fixture
def agent(member: Root) -> Iterator[FakeAgent]:
    """The agent of the member, which takes every change unless it has other answers."""
    with FakeAgent(member) as made:
        yield made
