"""The words of services2adjust."""

from __future__ import annotations

import signal

import pytest

from esmith.errors import ExitCode, UsageError
from esmith.services.actions import ACTIONS, Effect, check_action, effect_of, signal_of, strongest

#: Every word of the original's adjust-services and serviceControl, and what it comes to here.
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


@pytest.mark.parametrize(("word", "meant"), ORIGINAL.items())
def test_every_word_of_the_original_is_known(word: str, meant: str) -> None:
    """Scripts and contribs written for the original keep working."""
    assert check_action(word) == meant


@pytest.mark.parametrize("word", ACTIONS)
def test_words_mean_themselves(word: str) -> None:
    """What check_action returns may be checked again, and every other word for it comes to it."""
    assert check_action(word) == word
    assert {check_action(other) for other in ACTIONS[word][1]} <= {word}


def test_no_word_has_two_meanings() -> None:
    """Each word belongs to one row of the table."""
    others = [other for word, (_, others) in ACTIONS.items() for other in (word, *others)]
    assert len(others) == len(set(others))


@pytest.mark.parametrize("word", ["SIGHUP", "SigHup", " sighup\n", "HUP"])
def test_case_and_blanks_do_not_matter(word: str) -> None:
    """Signals may be written as they are everywhere else."""
    assert check_action(word) == "hup"


def test_unknown_word_names_the_nearest_and_all_known() -> None:
    """A typing mistake is refused as wrong usage, with the word that was meant."""
    with pytest.raises(UsageError) as caught:
        check_action("restrat")
    assert caught.value.exit_code == ExitCode.USAGE
    assert "'restrat'" in caught.value.message
    assert "did you mean 'restart'?" in caught.value.hint
    assert all(word in caught.value.hint for word in ACTIONS)


@pytest.mark.parametrize("word", ["", "sig", "signosuch", "sighup; reboot", "restart now", "--help", "winch"])
def test_other_words_are_refused(word: str) -> None:
    """Nothing that is not a word reaches a supervisor, least of all an option or a shell."""
    with pytest.raises(UsageError):
        check_action(word)


@pytest.mark.parametrize(
    ("words", "winner"),
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
def test_the_strongest_word_wins(words: list[str], winner: str) -> None:
    """Several reasons give one action: stop before restart before reload before signals before start."""
    assert strongest(words) == winner


def test_strongest_needs_words_that_are_known() -> None:
    """An unknown word is refused even beside a stronger one; no word at all is a mistake of the caller."""
    with pytest.raises(UsageError):
        strongest(["stop", "restrat"])
    with pytest.raises(ValueError):
        strongest([])


def test_a_signal_that_no_word_stands_for_is_a_plain_signal() -> None:
    """sigNAME of any signal is accepted and sent as it is."""
    assert effect_of("sigwinch") is Effect.SIGNAL
    assert signal_of("sigwinch") is signal.SIGWINCH
    assert signal_of("hup") is signal.SIGHUP
    assert signal_of("restart") is None
