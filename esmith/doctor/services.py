"""Services: whether they are up and of use, as ``esmith services`` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, failing, listed, ok, skipped, warning
from esmith.names import counted
from esmith.printable import shell_word
from esmith.services.model import Status

_PENDING = "signal-event email-update"
#: How the state of a service begins that is well.
_UP = f"{Status.UP.value} "
_UNSUPERVISED = Status.UNSUPERVISED.value


def check_states(case: Case) -> Iterator[Finding]:
    """Look at each service that a supervisor knows."""
    states = case.states()
    known = {name: data for name, data in states.items() if data["state"]}
    if not known:
        yield skipped("services", "none is supervised under this root")
    left = [name for name, data in known.items() if data["wanted"] == "up" and data["state"] == _UNSUPERVISED]
    if left and case.layout.is_machine:
        what = f"{counted(len(left), 'enabled service')} without a supervisor: {listed(left)}"
        yield failing(what, "nothing starts them, now or when they end", "esmith setup")
    elif left:
        yield skipped(f"the services {listed(left)}", "no supervisor runs under this root")
    well = 0
    for name, data in states.items():
        found = list(_findings(name, data, is_machine=case.layout.is_machine))
        yield from found
        well += not found and data["state"] not in ("", _UNSUPERVISED)
    if well:
        yield ok(f"{counted(well, 'service')} {'is' if well == 1 else 'are'} as wanted, and of use")


def _findings(name: str, data: Mapping[str, Any], *, is_machine: bool) -> Iterator[Finding]:
    state = data["state"]
    if "missing" in data:
        missing = data["missing"]
        yield failing(f"{name}: {missing['program']} is not installed", missing["without"], *missing["commands"])
    if "not_started" in data:
        due = data["not_started"]
        yield failing(f"nothing starts {name}", due["without"], *due["commands"])
    if state not in ("", _UNSUPERVISED) and data["wanted"] == "up" and not state.startswith(_UP):
        # The state has a number of seconds.
        what, about = f"{name} is to be up, and is {state}", f"{name} is not up"
        if state.startswith(Status.FINISHED.value):
            return
        look = f"tail /var/log/{shell_word(name)}/current"
        yield failing(what, "it does nothing now", f"esmith control {shell_word(name)} start", look, about=about)
    elif data["wanted"] == "down" and state.startswith(_UP):
        why = "it is disabled, and answers whoever asks"
        yield warning(
            f"{name} is to be down, and is {state}",
            why,
            f"esmith control {shell_word(name)} stop",
            about=f"{name} is up",
        )
    for useless in data.get("useless", []):
        what, about = f"{name} is up, and of no use: {useless['means']}", f"{name} {useless['question']}"
        yield failing(what, useless["found"], *useless["commands"], about=about)
    # Under a folder nobody starts it.
    if "pending" in data and (state or is_machine):
        yield _pending(name, data["pending"])


def _pending(name: str, due: Mapping[str, Any]) -> Finding:
    actions = " ".join(due["actions"]) or "stop"
    ending = due.get("ending")
    if ending and not ending["overdue"]:
        return skipped(f"whether {name} reads its new files", f"it ends when {ending['until']}")
    what = f"{name} has a pending action since {due['since']}: {actions}"
    return warning(what, f"it does not know what {due['command']} changed", _PENDING, about=f"{name} pending")


CHECKS: dict[str, Checking] = {"services": check_states}
