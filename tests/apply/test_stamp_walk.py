"""Whatever changes, a stamp holds only where a run would find nothing to do."""

from __future__ import annotations

import random
import time

import pytest

from esmith.events.expand import expand_templates, plan_templates
from esmith.events.session import RecordingSession, Session
from esmith.events.stamp import unchanged
from tests.apply.kit import Bench
from tests.apply.test_incremental import Walk
from tests.examples import examples

#: The clock of the file system goes in steps; a run takes far longer.
TICK_SECONDS = 0.02
#: Of fewer changes there may be none after which a stamp holds.
ENOUGH = 40


class StampWalk(Walk):
    """Random changes, of which each is followed by a look at the stamp and by a run.

    :param bench: the root.
    :param seed: of the random numbers.
    """

    def __init__(self, bench: Bench, seed: int, *, with_perl: bool) -> None:
        super().__init__(bench, seed, with_perl=with_perl)
        self.held = self.did_not = 0
        self._groups = [[path] for path in self.templates] + [sorted(self.templates)]

    def event(self) -> None:
        """Compare what the stamps of some runs say with what these would do; then run, so that there are new ones."""
        for paths in random.Random(len(self.done)).sample(self._groups, 3):
            self.done.append(f"expand {' '.join(paths)}")
            holds = unchanged(self.bench.layout, ["expand-template", *paths]) is not None
            notes: list[str] = []
            plan = plan_templates(RecordingSession(self.bench.layout, self.bench.store, notes.append), paths)
            if holds:
                assert (plan.changed, plan.warnings) == ([], []), self.story
                self.held += 1
            else:
                self.did_not += 1
            for _ in range(2):
                expand_templates(Session(self.bench.layout, self.bench.store, notes.append), paths)
            time.sleep(TICK_SECONDS)


@pytest.fixture
def walked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Give a root in which what is younger than a second is trusted, which would make every step wait."""
    for module in ("esmith.plan.seen", "esmith.events.stamp_lines"):
        monkeypatch.setattr(f"{module}.TRUSTED_AGE_NS", -(10**18))
    return bench


def _walk(bench: Bench, number: int, *, with_perl: bool) -> None:
    walk = StampWalk(bench, number, with_perl=with_perl)
    for _ in range(number):
        # Often nothing has changed at all.
        for _ in range(walk.random.choice([0, 0, 1, 2])):
            walk.change()
        walk.event()
    if number >= ENOUGH:
        assert walk.held > number / 10
        assert walk.did_not > number / 10


@pytest.mark.parametrize("number", [examples(50), pytest.param(2000, marks=pytest.mark.long)])
def test_a_stamp_holds_only_where_nothing_is_to_be_done(walked: Bench, number: int) -> None:
    """After random changes of networks, layers and files, a stamp that holds says what a whole run finds."""
    _walk(walked, number, with_perl=False)


@pytest.mark.program("Text::Template")
@pytest.mark.parametrize("number", [examples(20), pytest.param(500, marks=pytest.mark.long)])
def test_perl_among_it(walked: Bench, number: int) -> None:
    """The same where some fragments, and what makes the keys, are in Perl."""
    _walk(walked, number, with_perl=True)
