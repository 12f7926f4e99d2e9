"""Whatever is set: who is accepted gets the mail, who is set up is accepted, and who is internal is not reached."""

from __future__ import annotations

import os
import shlex
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from esmith.fragments.kept import KeptTexts
from tests.content.desk import Desk, Trial
from tests.receivers.agreement import disagreements
from tests.receivers.files import TEMPLATES, Files, planned
from tests.receivers.office import Office
from tests.receivers.random_offices import OFFICES, Command

_in_ci = "CI" in os.environ or os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1"


def _made(trial: Trial, commands: list[Command]) -> tuple[Files, Office]:
    for words in commands:
        changes = words[1] == "accounts" and words[2] in ("setprop", "delete", "settype", "delprop")
        if not changes or trial.transaction.type_of(words[1], words[3]) is not None:
            trial.do_words(words)
    note("\n".join(shlex.join(words) for words in trial.done))
    return planned(trial.plan(*TEMPLATES)), Office(trial.transaction)


def _agree(desk: Desk, commands: list[Command]) -> None:
    with desk.trial() as trial:
        files, office = _made(trial, commands)
        found = disagreements(files, office)
        assert not found, "\n".join(found[:20])


_SETTINGS = settings(
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # to shrink an office takes minutes; the commands are shown instead
    derandomize=_in_ci,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


# The run with all programs takes all of them; the others show that they run.
@settings(_SETTINGS, max_examples=120 if os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1" else 40)
@given(commands=OFFICES)
def test_all_files_agree_on_who_gets_mail(desk: Desk, commands: list[Command]) -> None:
    """In random offices (200 in CI) the files of qmail and qpsmtpd agree with one another and with the settings."""
    _agree(desk, commands)


@settings(_SETTINGS, max_examples=10)
@given(commands=OFFICES)
def test_kept_texts_change_nothing(desk: Desk, commands: list[Command]) -> None:
    """In random offices no file differs when who gets mail is decided again for each file, and none depends on less."""
    with desk.trial() as trial:
        _made(trial, commands)
        kept = [output.rendering for output in trial.plan().outputs]
        with mock.patch.object(KeptTexts, "find", return_value=None):
            expanded = [output.rendering for output in trial.plan().outputs]
    assert kept == expanded


@pytest.mark.long
@settings(_SETTINGS, max_examples=5000)
@given(commands=OFFICES)
def test_all_files_agree_in_many_offices(desk: Desk, commands: list[Command]) -> None:
    """In 5,000 random offices they do."""
    _agree(desk, commands)
