"""Whether the databases can be opened, and what ``esmith status`` has to say: one line that points there."""

from __future__ import annotations

import os
from collections.abc import Iterator

from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, by_hand, failing, listed, ok, skipped, warning
from esmith.events.lock import is_held
from esmith.events.trusted import all_faults
from esmith.layout import Layout
from esmith.names import counted
from esmith.services.definition import service_names
from esmith.store import store_files

_STATUS = "esmith status"


def check_databases(case: Case) -> Iterator[Finding]:
    """Look whether the databases can be opened, and for damaged rows and interrupted installs."""
    if case.trouble is not None and not case.is_root and _is_closed(case.layout):
        yield skipped("the databases", "they may not be read by this user: run it as root")
        return
    if case.trouble is not None:
        what = f"the databases cannot be opened: {case.trouble.place} {case.trouble.message}"
        yield failing(what, "no setting can be read, and no event can run", *cures_of(case.trouble.hint), _STATUS)
        return
    if case.damaged:
        why = "what they held is lost; the next event sets them aside"
        yield warning(f"{counted(case.damaged, 'damaged row')} in the databases", why, _STATUS, "esmith recover")
    if case.interrupted and not is_held(case.layout):
        why = "some files are new and some are old"
        yield failing(f"{counted(case.interrupted, 'interrupted event')}", why, _STATUS, "esmith recover")
    if not case.damaged and not case.interrupted:
        yield ok("the databases can be read, and nothing is interrupted")


def cures_of(hint: str) -> Iterator[str]:
    """Yield the hint of an error as cures: what is no command of its own line is for reading."""
    for line in hint.splitlines():
        before, mark, command = line.partition(": ")
        if line.startswith("  "):
            yield line.strip()
        elif mark and command.split()[:1] == ["esmith"]:
            yield by_hand(before)
            yield command
        else:
            yield by_hand(line)


def _is_closed(layout: Layout) -> bool:
    """Return whether the databases are there, and only others may read them."""
    try:
        return any(os.stat(file) and not os.access(file, os.R_OK) for file in store_files(layout))
    except PermissionError:
        return True
    except OSError:
        return False


def check_trust(case: Case) -> Iterator[Finding]:
    """Look for what others may write of all that the engine reads as its own or runs."""
    # What is remembered of it is not for several threads.
    layout = Layout(case.layout.root)
    names = set(service_names(layout.services_custom, layout.services))
    if case.trouble is None:
        names |= {record.key for record in case.settings.records("configuration", "service")}
    faults = list(all_faults(layout, sorted(names)))
    if faults:
        places = [layout.inside(fault.place) for fault in faults]
        why = "no command reads or runs them until that is corrected"
        what = f"{counted(len(faults), 'file')} not in the hands of root alone: {listed(places, 3)}"
        yield failing(what, why, _STATUS, about=f"untrusted {listed(places, 3)}")
    else:
        yield ok("all that is read or run belongs to those who may change it")


CHECKS: dict[str, Checking] = {"databases": check_databases, "trusted files": check_trust}
