"""Prints the table of run times: ``make bench``, or ``python -m bench PART...`` for some of it."""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import importing, recovery
from esmith.events.definition import load_event
from esmith.fragments.tree import TemplateTree
from esmith.layout import Layout
from esmith.plan.plan import make_plan
from esmith.store import open_store
from esmith.store.model import Author
from esmith.store.protocol import Store

ROUNDS = 25
#: What was written less than a second ago is expanded again to be sure (esmith.plan.memory).
TRUSTED_AGE_SECONDS = 1.5
HERE = Path(__file__).parent
AUTHOR = Author("bench", "", ["bench"])

Task = Callable[[], object]


def paired(first: Task, second: Task, rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Time two tasks in turns.

    :return: the median seconds of each, and the median of the ratios first/second of each turn.
    """
    first(), second()
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        start = time.perf_counter()
        first()
        middle = time.perf_counter()
        second()
        times.append((middle - start, time.perf_counter() - middle))
    return (
        statistics.median(a for a, _ in times),
        statistics.median(b for _, b in times),
        statistics.median(a / b for a, b in times),
    )


def row(name: str, first: Task, second: Task, rounds: int = ROUNDS) -> None:
    """Print one line of the table."""
    a, b, ratio = paired(first, second, rounds)
    print(f"{name:<68} {a * 1000:9.1f} ms {b * 1000:9.1f} ms {ratio:8.2f}")


def command(root: Path, name: str, *words: str) -> Task:
    """Return a task that runs a command of a root as a process."""
    argv = [str(root / "sbin/e-smith" / name), *words]
    environment = {**os.environ, "ESMITH_ROOT": str(root)}
    return lambda: subprocess.run(argv, env=environment, check=True, stdout=subprocess.DEVNULL)


def make_root(folder: Path, name: str, *, users: int = 0) -> Path:
    """Return a new root, with users."""
    root = folder / name
    subprocess.run([sys.executable, "-m", "esmith", "--root", str(root), "init"], check=True, stdout=subprocess.DEVNULL)
    store = open_store(Layout(str(root)), write=True)
    with store.transaction(AUTHOR) as transaction:
        for number in range(users):
            transaction.set_type("accounts", f"user{number}", "user")
            for prop, value in (("EmailForward", "local"), ("Uid", str(5000 + number))):
                transaction.set_prop("accounts", f"user{number}", prop, value)
    store.close()
    return root


def flat_file(root: Path) -> Path:
    """Return the configuration database as a flat file, for the stand-in of the original."""
    path = root / "configuration"
    store = open_store(Layout(str(root)))
    with store.snapshot() as snapshot:
        path.write_text("".join(f"{record.key}={record.raw}\n" for record in snapshot.records("configuration")))
    store.close()
    return path


def perl(path: Path, *words: str) -> Task:
    """Return a task that runs the stand-in of the original."""
    argv = ["perl", str(HERE / "flatfile.pl"), str(path), *words]
    return lambda: subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def plan_task(root: Path) -> Task:
    """Return a task that changes one user and plans email-update; everything is expanded before."""
    command(root, "signal-event", "email-update")()
    time.sleep(TRUSTED_AGE_SECONDS)
    command(root, "signal-event", "email-update")()
    layout = Layout(str(root))
    store: Store = open_store(layout, write=True)
    templates = load_event(layout, "email-update", TemplateTree(layout)).templates
    values = itertools.cycle(("both", "local"))

    def plan() -> None:
        with store.transaction(AUTHOR) as transaction:
            transaction.set_prop("accounts", "user1", "EmailForward", next(values))
        with store.snapshot() as snapshot:
            make_plan(layout, snapshot, templates)

    return plan


def compare_with_perl(root: Path) -> None:
    """Print the lines about the original."""
    if shutil.which("perl") is None:
        print("perl is not installed, so the original's work cannot be timed")
        return
    flat = flat_file(root)
    row(
        "config getprop / the original's work in Perl",
        command(root, "config", "getprop", "qpsmtpd", "DNSBL"),
        perl(flat, "getprop", "qpsmtpd", "DNSBL"),
    )
    values = iter(range(1, 10_000))

    def write() -> None:
        command(root, "config", "setprop", "qpsmtpd", "KarmaStrikes", str(next(values)))()

    def write_perl() -> None:
        perl(flat, "setprop", "qpsmtpd", "KarmaStrikes", str(next(values)))()

    row("config setprop (durable) / the original's work in Perl (not durable)", write, write_perl)


def recovering(folder: Path) -> None:
    """Print the processor time of recovering from killed events, beside that of a recovery with nothing to do."""
    root = make_root(folder, "recovering", users=recovery.USERS)
    recovery.add_accounts(root)
    recovery.forward(root, "first@example.org")
    for users in (recovery.USERS, recovery.SOME):
        # What the settings say and a recovery took back is made first.
        command(root, "signal-event", "email-update")()
        if users == recovery.SOME:
            recovery.add_waiting_action(root)
        after_kill, idle, files = recovery.measure(root, rounds=5, users=users)
        name = f"CPU of esmith recover, {recovery.USERS} users, {files} new files / of one with nothing to do"
        a, b = statistics.median(after_kill), statistics.median(idle)
        print(f"{name:<68} {a * 1000:9.1f} ms {b * 1000:9.1f} ms {a / b:8.2f}")


def importing_databases(folder: Path) -> None:
    """Print the processor time of importing the databases of another server, many records and few."""
    times = []
    for records in (importing.RECORDS, importing.SOME):
        files = importing.make_files(folder / f"files-{records}", records)
        times.append(importing.seconds(make_root(folder, f"importing-{records}"), files))
    name = f"CPU of esmith import, {importing.RECORDS:,} records / {importing.SOME:,}"
    print(f"{name:<68} {times[0] * 1000:9.1f} ms {times[1] * 1000:9.1f} ms {times[0] / times[1]:8.2f}")


def reading(folder: Path) -> None:
    """Print the lines about commands that read and write one setting."""
    small, large = make_root(folder, "small"), make_root(folder, "large", users=20_000)
    compare_with_perl(small)
    row(
        "db accounts getprop with 20,000 users / with none",
        command(large, "db", "accounts", "getprop", "everyone", "Account"),
        command(small, "db", "accounts", "getprop", "everyone", "Account"),
    )


def planning(folder: Path) -> None:
    """Print the lines about events."""
    root = make_root(folder, "event")
    event = command(root, "signal-event", "email-update")
    event()
    row(
        "signal-event email-update, nothing changed / config getprop",
        event,
        command(root, "config", "getprop", "qpsmtpd", "DNSBL"),
        rounds=10,
    )
    hundred, thousand = make_root(folder, "hundred", users=100), make_root(folder, "thousand", users=1000)
    row(
        "planning email-update after a change of one user of 1,000 / of 100",
        plan_task(thousand),
        plan_task(hundred),
        rounds=5,
    )


#: The parts of the table, in their order, by the name that prints one of them.
PARTS: dict[str, Callable[[Path], None]] = {
    "settings": reading,
    "events": planning,
    "recover": recovering,
    "import": importing_databases,
}


def main(words: list[str]) -> None:
    """Print the table, or the parts of it that are named."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = ", ".join(PARTS)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{names}; all of them without a name")
    parts = parser.parse_args(words).parts or list(PARTS)
    if wrong := [name for name in parts if name not in PARTS]:
        parser.error(f"there is no part {wrong[0]!r}; there are {names}")
    print(f"{'first / second, medians of ' + str(ROUNDS) + ' turns':<68} {'first':>12} {'second':>12} {'ratio':>8}")
    with tempfile.TemporaryDirectory() as directory:
        for name in parts:
            folder = Path(directory, name)
            folder.mkdir()
            PARTS[name](folder)


if __name__ == "__main__":
    main(sys.argv[1:])
