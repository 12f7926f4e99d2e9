"""Every list the product has, and the commands that grow with it."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bench import roots
from bench.growth import Growth
from bench.measuring import Task
from bench.workshop import Workshop
from esmith.errors import ExitCode
from esmith.events.expand import expand_templates
from esmith.events.session import Session
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author

SIZES = (100, 1_000)
LONG_SIZES = (*SIZES, 10_000)
#: The last 20 are kept only.
GENERATIONS = (10, 100)
_ROUNDS = 3
_FIRST, _UNCHANGED, _CHANGED = "first event", "event, nothing changed", "event, one changed"
#: The event of the lists that are not in a database.
_EVENT = "bench-lists"
_TEMPLATE, _TEMPLATES = "/etc/bench-list.conf", "/etc/bench-list"


class ListOf(NamedTuple):
    """A list whose length is varied.

    :param fill: makes the list in a root, of that many.
    :param change: changes one of the list, to something else for each number.
    :param commands: further commands that grow with it, by the name of their line.
    :param event: what is signalled; "" when no event reads it.
    :param most: how long it can be at most.
    """

    name: str
    fill: Callable[[Path, int], None]
    change: Callable[[Path, int], None]
    commands: dict[str, list[str]]
    event: str = roots.EVENT
    most: int = LONG_SIZES[-1]


def _of_database(
    name: str,
    database: str,
    lines: Callable[[int], Iterable[str]],
    change: str,
    *,
    homes: bool = False,
    most: int = LONG_SIZES[-1],
) -> ListOf:
    """Return a list of records.

    :param lines: returns the lines of a batch that makes so many.
    :param change: a line of a batch in which ``{}`` stands for a number.
    :param homes: whether the records are users with accounts and homes.
    :param most: as that of :class:`ListOf`.
    """

    def fill(root: Path, count: int) -> None:
        roots.batch(root, database, lines(count))
        if homes:
            roots.add_unix_accounts(root, range(count))

    return ListOf(
        name,
        fill,
        lambda root, number: roots.batch(root, database, [change.format(number)]),
        {f"db {database} print": ["db", database, "print"], f"db {database} show": ["db", database, "show"]},
        most=most,
    )


def _members(count: int) -> Iterator[str]:
    addresses = ",".join(f"m{number}@example.org" for number in range(count))
    yield f"set staff group Description Staff Members '{addresses}'"


def _groups(count: int) -> Iterator[str]:
    return (f"set group{number} group Description Group Members admin,m{number}@example.org" for number in range(count))


def _pseudonyms(count: int) -> Iterator[str]:
    return (f"set pseudonym{number} pseudonym Account admin" for number in range(count))


def _domains(count: int) -> Iterator[str]:
    return (f"set d{number}.example.org domain Content Primary Description D{number}" for number in range(count))


def _hosts(count: int) -> Iterator[str]:
    return (f"set h{number}.example.com host HostType Self" for number in range(count))


def _senders(count: int) -> Iterator[str]:
    return (f"setprop badmailfrom spam{number}@example.org Black" for number in range(count))


def _revisions(root: Path, count: int) -> None:
    """Make revisions, one after the other, without a process for each."""
    store = open_store(Layout(str(root)), write=True)
    for number in range(count):
        with store.transaction(Author("bench", "", ["bench"])) as transaction:
            transaction.set_prop("configuration", "qpsmtpd", "Bench", str(number))
    store.close()


def _generations(root: Path, count: int) -> None:
    """Make installs of one file, one after the other, without a process for each."""
    _fragments(root, 1)
    layout = Layout(str(root))
    store = open_store(layout, write=True)
    for number in range(count):
        _change_fragment(root, number)
        expand_templates(Session(layout, store, lambda _text: None), [_TEMPLATE])
    store.close()


def _event_of(root: Path, templates: str) -> None:
    folder = root / "etc/e-smith/events" / _EVENT / "templates2expand"
    folder.mkdir(parents=True)
    (folder / "LIST").write_text(f"{templates}\n")


def _custom(root: Path, path: str) -> Path:
    folder = root / "etc/e-smith/templates-custom" / path.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fragments(root: Path, count: int) -> None:
    """Make one template with so many custom fragments, and one more that is changed."""
    folder = _custom(root, _TEMPLATE)
    (folder / "template.toml").write_text("services = []\n")
    for number in range(count):
        (folder / f"{number:05}part").write_text(f"# Part {number}\nDNSBL = {{{{ qpsmtpd.DNSBL }}}}\n")
    _change_fragment(root, 0)
    _event_of(root, _TEMPLATE)


def _change_fragment(root: Path, number: int) -> None:
    (_custom(root, _TEMPLATE) / "zz-changed").write_text(f"# {number}\n")


def _template_files(root: Path, count: int) -> None:
    """Make so many templates, each a file of one fragment, and one more that is changed."""
    folder = root / "etc/e-smith/templates" / _TEMPLATES.lstrip("/")
    for number in range(count):
        (folder / f"file{number:05}").mkdir(parents=True)
        (folder / f"file{number:05}/10part").write_text(f"# File {number}\nDNSBL = {{{{ qpsmtpd.DNSBL }}}}\n")
    _change_template(root, 0)
    (folder / "template.toml").write_text('services = []\nengine = "jinja2"\n')
    _event_of(root, f"{_TEMPLATES}/*")


def _change_template(root: Path, number: int) -> None:
    # A pattern of an event matches templates of this layer only.
    folder = root / "etc/e-smith/templates" / _TEMPLATES.lstrip("/") / "changed"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "10part").write_text(f"# {number}\n")


_HISTORY = {
    "esmith history": ["esmith", "history"],
    "config getprop": ["config", "getprop", "qpsmtpd", "DNSBL"],
    "esmith status": ["esmith", "status"],
}
LISTS = (
    _of_database(
        "users",
        "accounts",
        lambda count: roots.users(range(count)),
        "setprop admin EmailForward both ForwardAddress a{}@example.org",
        homes=True,
    ),
    _of_database("groups", "accounts", _groups, "set changed group Members m{}@example.org"),
    # A value has 64 KiB at most (esmith.store.limits).
    _of_database(
        "members of a group", "accounts", _members, "set changed group Members m{}@example.org", most=SIZES[-1]
    ),
    _of_database("pseudonyms", "accounts", _pseudonyms, "set changed{} pseudonym Account admin"),
    _of_database("domains", "domains", _domains, "set changed.example.org domain Description D{}"),
    _of_database(
        "networks", "networks", lambda count: roots.networks(range(count)), "set 10.200.{}.0 network Mask 255.255.255.0"
    ),
    _of_database("hosts", "hosts", _hosts, "set changed.example.com host Comment C{}"),
    _of_database("wbl entries", "wbl", _senders, "setprop badmailfrom changed{}@example.org Black"),
    ListOf("revisions", _revisions, lambda _root, _number: None, _HISTORY, event=""),
    ListOf(
        "generations",
        _generations,
        _change_fragment,
        {"esmith generations": ["esmith", "generations"], "esmith recover": ["esmith", "recover"]},
        event=_EVENT,
    ),
    ListOf("templates", _template_files, _change_template, {}, event=_EVENT),
    ListOf("custom fragments", _fragments, _change_fragment, {}, event=_EVENT),
)


def measure(
    shop: Workshop, sizes: tuple[int, ...], listed: ListOf, empty: dict[str, float]
) -> Iterator[tuple[str, Growth]]:
    """Measure how each command grows with a list.

    :param sizes: how long the list is.
    :param empty: what commands take in a root whose lists of records are empty, by their name; gets what is missing.
    :return: for each command a name, such as ``networks: event, nothing changed``, and its growth.
    """
    costs: dict[str, dict[int, float]] = {}
    lengths = GENERATIONS if listed.name == "generations" else [size for size in sizes if size <= listed.most]
    for size in (0, *lengths):
        shared = size == 0 and listed.event == roots.EVENT
        name = "empty" if shared else f"{listed.name.replace(' ', '-')}-of-{size}"
        root = shop.root(name, _filled(listed, 0 if shared else size))
        for command, task, rounds in _commands(shop, root, listed):
            if not (shared and command in empty):
                seconds = _median(task, rounds)
                if shared:
                    empty[command] = seconds
            costs.setdefault(command, {})[size] = empty[command] if shared else seconds
    for command, found in costs.items():
        yield f"{listed.name}: {command}", Growth(found)


def _filled(listed: ListOf, size: int) -> Callable[[Path], None]:
    """Return what fills a new root; one that several lists share stays empty."""

    def fill(root: Path) -> None:
        if size or listed.event != roots.EVENT:
            listed.fill(root, size)

    return fill


def _median(task: Task, rounds: int) -> float:
    return statistics.median(task().cpu for _ in range(rounds))


def _commands(shop: Workshop, root: Path, listed: ListOf) -> Iterator[tuple[str, Task, int]]:
    """Yield each command with its name and how often it is run; between two of them the root settles."""
    if listed.event:
        event = shop.command(root, "signal-event", listed.event)
        yield _FIRST, event, 1
        roots.settle(root, listed.event)
        yield _UNCHANGED, event, _ROUNDS
        yield _CHANGED, shop.prepared(_Change(root, listed), event), _ROUNDS
    for name, (program, *words) in listed.commands.items():
        # A read that finds nothing, as in an empty database, exits with 1; esmith status of a root without an event
        # has something to say.
        yield name, shop.command(root, program, *words, good=(0, 1, ExitCode.PENDING)), _ROUNDS


class _Change:
    """Changes one of a list, another way each time, and waits until nothing is new."""

    def __init__(self, root: Path, listed: ListOf) -> None:
        self._root = root
        self._listed = listed
        self._numbers = itertools.count(1)

    def __call__(self) -> None:
        self._listed.change(self._root, next(self._numbers))
        time.sleep(roots.SETTLING_SECONDS)
