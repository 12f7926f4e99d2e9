"""The service actions of services2adjust."""

from __future__ import annotations

import signal

import pytest

from esmith.errors import ExitCode, UsageError
from esmith.services.actions import ACTIONS, Effect, check_action, effect_of, signal_of, strongest

#: Every action of the original's adjust-services and serviceControl, and what it comes to here.
ORIGINAL = {
    "down": "stop",
    "stop": "stop",
    "up": "start",
    "start": "start",
    "restart": "restart",
    "sigterm": "restart",
    "adjust": "hup",
    "reload": "reload",
    "sighup": "hup",
    "graceful": "hup",
    "sigusr1": "usr1",
    "sigusr2": "usr2",
    "once": "once",
    "pause": "pause",
    "alarm": "alarm",
    "interrupt": "interrupt",
    "quit": "quit",
    "kill": "kill",
    "exit": "exit",
    "d": "stop",
    "o": "once",
    "svdisable": "disable",
    "reload-or-restart": "reload-or-restart",
    "try-restart": "try-restart",
    "reload-or-try-restart": "reload-or-try-restart",
    "enable": "enable",
    "enable -now": "enable",
    "disable": "disable",
    "sigint": "interrupt",
    "sigquit": "quit",
    "sigkill": "kill",
    "sigalrm": "alarm",
    "sigstop": "pause",
    "sigcont": "cont",
    "sigwinch": "sigwinch",
}


@pytest.mark.parametrize(("action", "meant"), ORIGINAL.items())
def test_every_action_of_the_original_is_known(action: str, meant: str) -> None:
    """Scripts and contribs written for the original keep working."""
    assert check_action(action) == meant


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_mean_themselves(action: str) -> None:
    """What check_action returns may be checked again, and every other name for it comes to it."""
    assert check_action(action) == action
    assert {check_action(other) for other in ACTIONS[action][1]} <= {action}


def test_no_name_has_two_meanings() -> None:
    """Each name belongs to one row of the table."""
    others = [other for action, (_, others) in ACTIONS.items() for other in (action, *others)]
    assert len(others) == len(set(others))


@pytest.mark.parametrize("action", ["SIGHUP", "SigHup", " sighup\n", "HUP"])
def test_case_and_blanks_do_not_matter(action: str) -> None:
    """Signals may be written as they are everywhere else."""
    assert check_action(action) == "hup"


def test_unknown_action_names_the_nearest_and_all_known() -> None:
    """A typing mistake is refused as wrong usage, with the action that was meant."""
    with pytest.raises(UsageError) as caught:
        check_action("restrat")
    assert caught.value.exit_code == ExitCode.USAGE
    assert "'restrat'" in caught.value.message
    assert "did you mean 'restart'?" in caught.value.hint
    assert all(action in caught.value.hint for action in ACTIONS)


@pytest.mark.parametrize("action", ["", "sig", "signosuch", "sighup; reboot", "restart now", "--help", "winch"])
def test_other_names_are_refused(action: str) -> None:
    """Nothing that is not a service action reaches a supervisor, least of all an option or a shell."""
    with pytest.raises(UsageError):
        check_action(action)


@pytest.mark.parametrize(
    ("actions", "winner"),
    [
        (["start"], "start"),
        (["start", "sighup"], "hup"),
        (["sigusr1", "reload"], "reload"),
        (["alarm", "sigusr2"], "usr2"),
        (["enable", "start"], "enable"),
        (["sighup", "once"], "once"),
        (["sighup", "kill"], "kill"),
        (["kill", "sigterm"], "restart"),
        (["sighup", "restart", "start", "sigusr1"], "restart"),
        (["restart", "down", "start"], "stop"),
        (["adjust", "reload"], "hup"),
        (["reload", "adjust"], "reload"),
    ],
)
def test_the_strongest_action_wins(actions: list[str], winner: str) -> None:
    """Several reasons give one action: stop before restart before reload before signals before start."""
    assert strongest(actions) == winner


def test_strongest_needs_actions_that_are_known() -> None:
    """An unknown action is refused even beside a stronger one; no action at all is a mistake of the caller."""
    with pytest.raises(UsageError):
        strongest(["stop", "restrat"])
    with pytest.raises(ValueError):
        strongest([])


def test_a_signal_that_no_action_stands_for_is_a_plain_signal() -> None:
    """sigNAME of any signal is accepted and sent as it is."""
    assert effect_of("sigwinch") is Effect.SIGNAL
    assert signal_of("sigwinch") is signal.SIGWINCH
    assert signal_of("hup") is signal.SIGHUP
    assert signal_of("restart") is None
