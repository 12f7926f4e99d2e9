"""Whatever valid settings there are, email-update never fails, and every file it makes can be read."""

from __future__ import annotations

import os
import shlex

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from esmith.errors import RefusedError
from esmith.fragments.rendering import Kind
from tests.content.desk import Desk, Trial
from tests.content.formats import complaints
from tests.content.random_changes import change_something

_all_programs = os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1"
_in_ci = "CI" in os.environ or _all_programs


def _check_files(trial: Trial) -> None:
    for output in trial.plan_all().outputs:
        if output.rendering.kind is Kind.FILE:
            assert complaints(output.path, output.rendering.content.decode()) == [], output.path


@settings(
    max_examples=30 if _all_programs else 12,
    phases=[Phase.explicit, Phase.generate],  # to shrink twenty settings takes minutes; the commands are shown instead
    deadline=None,
    database=None,
    derandomize=_in_ci,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_valid_settings_never_break_a_file(desk: Desk, data: st.DataObject) -> None:
    """Up to twenty settings that setprop accepts: email-update is planned, and no file holds a line out of place."""
    with desk.trial() as trial:
        for _ in range(data.draw(st.integers(1, 20))):
            change_something(data.draw, trial, desk)  # type: ignore[arg-type]
        note("\n".join(shlex.join(words) for words in trial.done))
        _check_files(trial)


@pytest.mark.parametrize("key", ["LocalIP", "ExternalIP", "GatewayIP"])
def test_an_address_that_is_taken_does_not_stop_the_event(desk: Desk, key: str) -> None:
    """An IPv6 address is refused when it is set, or email-update can be planned with it."""
    with desk.trial() as trial:
        try:
            trial.do(f"config set {key} 2001:db8::1")
        except RefusedError:
            return
        _check_files(trial)
