"""Which trials there are: each call site, and random ones that are the same for one seed."""

from __future__ import annotations

from tests.crash.attack import ERRORS, Run
from tests.crash.calls import Site
from tests.crash.judge import Trial
from tests.crash.plan import LONG, QUICK, Amounts, trials
from tests.crash.scenarios import RECOVER, SCENARIOS

#: Two sites, of which the first has two calls.
_SITES = [Site(0, "main", "write", "/a"), Site(0, "main", "write", "/a"), Site(0, "main", "fsync", "/a")]
_SCENARIO = SCENARIOS[0]


def _trials(amounts: Amounts, seed: int = 1) -> list[Trial]:
    return trials(_SCENARIO, Run(sites=_SITES), 5, 1.0, amounts, seed)


def test_the_same_for_one_seed() -> None:
    """One seed has the same trials each time, another one has others."""
    assert _trials(QUICK[False]) == _trials(QUICK[False])
    assert _trials(QUICK[False]) != _trials(QUICK[False], seed=2)


def test_each_site() -> None:
    """The long form kills at the first call of each site, and there has each error."""
    attacks = [trial.attack for trial in _trials(LONG[False])]
    assert [attack.at for attack in attacks[:2]] == [1, 3]
    single = {(attack.at, attack.error) for attack in attacks if attack.error and not attack.lasting}
    assert single == {(at, error) for at in (1, 3) for error in ERRORS}


def test_ten_thousand_kills() -> None:
    """The long form has 10,000 kills even without those at the sites."""
    amounts = [LONG[scenario.is_quick] for scenario in SCENARIOS]
    assert sum(one.kills + one.timed + 2 * one.again for one in amounts) >= 10_000
    assert all(one.kills >= 500 for one in amounts)


def test_a_second_kill() -> None:
    """A recovery is killed as well, within the calls that it has."""
    seconds = [trial for trial in _trials(LONG[False]) if trial.second.at]
    assert {trial.next for trial in seconds} == {RECOVER}
    assert {trial.second.at for trial in seconds} == {1, 2, 3, 4, 5}


def test_the_sample_has_no_times() -> None:
    """The sample kills at calls only: a time is another moment in each run."""
    assert [trial for trial in _trials(QUICK[False]) if trial.attack.after] == []
