"""Reading what a service is: the directory ``services/NAME`` (docs/add-a-service.md).

A directory makes a service; nothing else names it. ``/etc/e-smith/services-custom`` is the administrator's: a file
there takes the place of the one in ``/etc/e-smith/services``, and ``service.toml`` does so key by key.
"""

from __future__ import annotations

import os

from esmith.errors import ServiceError
from esmith.expressions import expression
from esmith.looks import looks_of_program
from esmith.names import is_leftover
from esmith.services.actions import ACTIONS
from esmith.services.model import is_service_name
from esmith.services.question import check_questions, questions_of
from esmith.services.service import STARTS, Account, Directory, Ending, Probe, Program, Queue, Service
from esmith.tables import FLAG, INTEGER, NAME, SECONDS, TABLE, TEXT, TEXT_TABLE, TEXTS, TomlFile, Type, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from esmith.layout import Layout

    _Data = dict[str, Any]

SETTINGS = "service.toml"
#: An older form of ``services-custom``, with the probe of each service in a table of its own.
OLD_PROBES = "/etc/e-smith/services.toml"

_LEFT = expression(r"(/[^/*?\[]+)+/[^/]+")
_SETTING = Type(
    "a record and a property of the database configuration",
    lambda value: isinstance(value, str) and len(value.split(" ")) == 2 and all(value.split(" ")),
)
#: No pattern in the directory: each pattern is of one directory, which can be removed afterwards.
_LEAVES = Type(
    "a list of absolute paths, of which the name may be a pattern",
    lambda value: TEXTS.accepts(value) and all(_LEFT.fullmatch(path) and ".." not in path for path in value),
)
_SERVICE = Type("the name of a service", lambda value: isinstance(value, str) and is_service_name(value))
_KEYS = {
    "leaves": _LEAVES,
    "record": NAME,
    "chosen-by": _SETTING,
    "stands-in-for": _SERVICE,
    "start": one_of(*STARTS),
    "program": TABLE,
    "files": TEXT_TABLE,
    "account": TABLE,
    "directories": TABLE,
    "probe": TABLE,
    "useful": TABLE,
    "ending": TABLE,
    "systemd": TABLE,
    "replaces": TABLE,
    "packages": TABLE,
    "queue": TABLE,
}
_PROGRAM_KEYS = {"name": NAME, "package": NAME, "python": NAME, "required": FLAG, "without": NAME, "cure": TEXTS}
_ACCOUNT_KEYS = {
    "name": NAME,
    "others": TEXTS,
    "number": INTEGER,
    "group": NAME,
    "group-number": INTEGER,
    "home": NAME,
}
_DIRECTORY_KEYS = {"owner": NAME, "group": NAME, "mode": NAME}
_PROBE_KEYS = {
    "up-for": SECONDS,
    "within": SECONDS,
    "port": INTEGER,
    "socket": TEXT,
    "command": TEXTS,
    "package": TEXT,
}
_ENDING_KEYS = {"wait": SECONDS, "until": NAME, "within": SECONDS}
_VERB = expression(r"[a-z][a-z-]*")
_UNIT = Type("the name of a unit", lambda value: isinstance(value, str) and is_service_name(value))
_VERBS = Type(
    "a table of service actions and verbs of systemctl",
    lambda value: TEXT_TABLE.accepts(value) and all(key in ACTIONS and _VERB.fullmatch(value[key]) for key in value),
)
_SYSTEMD_KEYS = {"unit": _UNIT, "verbs": _VERBS}
_UNIT_FILES = Type(
    'a list of units with their kind, as "clamav-daemon.service"',
    lambda value: TEXTS.accepts(value) and all(map(_is_unit_file, value)),
)
_REPLACES_KEYS = {"units": _UNIT_FILES}
#: deb-control(5), Package.
_PACKAGE = expression(r"[a-z0-9][a-z0-9+.-]+")
_PACKAGES = Type(
    "a list of names of Debian packages",
    lambda value: TEXTS.accepts(value) and all(_PACKAGE.fullmatch(name) for name in value),
)
_PACKAGES_KEYS = {"also": _PACKAGES}
_QUEUE_KEYS = {"list": TEXTS, "package": NAME, "messages": TEXTS, "arriving": TEXTS, "cure": TEXTS}
_TABLES = {
    "program": _PROGRAM_KEYS,
    "account": _ACCOUNT_KEYS,
    "probe": _PROBE_KEYS,
    "ending": _ENDING_KEYS,
    "systemd": _SYSTEMD_KEYS,
    "replaces": _REPLACES_KEYS,
    "packages": _PACKAGES_KEYS,
    "queue": _QUEUE_KEYS,
}
_MODE = expression(r"[0-7]{3,4}")
#: The modules that decide whether a file is in order; to check all of them again takes a tenth of an event.
_DECIDING = ("actions.py", "definition.py", "question.py", "service.py", "../tables.py")
#: How they look in this process, once that was asked for.
_looks: list[str] = []


class Services:
    """The services of one root; the files of each are read once, when it is asked for.

    :param layout: the root.
    :raises ServiceError: when a file that is for all services is broken.
    :raises UntrustedError: when it is not in the hands of its owners alone.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._read: dict[str, Service] = {}
        self._there = {layer: frozenset(service_names(layer)) for layer in _layers(layout)}
        self._old = _old_probes(layout)
        defaults = [_read(layout, f"{layer}/{SETTINGS}", {"probe": TABLE}) for layer in _layers(layout)]
        self._default = _merged([self._old.pop("default", {}), *defaults])

    def of(self, name: str) -> Service:
        """Return a service; one that has no directory has what holds for all.

        :raises ServiceError: when a file of it is broken.
        :raises UntrustedError: when a file of it is not in the hands of its owners alone.
        """
        if name not in self._read:
            layers = [layer for layer, names in self._there.items() if name in names]
            own = [_read(self._layout, f"{layer}/{name}/{SETTINGS}", _KEYS) for layer in layers]
            self._read[name] = _service(name, _merged([self._old.get(name, {}), *own, self._default]))
        return self._read[name]

    def names(self) -> list[str]:
        """Return the names of the services that have a directory, sorted."""
        return sorted(frozenset().union(*self._there.values()))


def _is_unit_file(unit: str) -> bool:
    # systemd.unit(5): the name, and the kind that ends it.
    name, _, kind = unit.rpartition(".")
    return is_service_name(name) and kind in ("service", "socket", "timer", "path")


def service_names(*directories: str) -> list[str]:
    """Return the names of the services in some directories, sorted: each directory that can be the name of one."""
    found: set[str] = set()
    for directory in directories:
        if os.path.isdir(directory):
            # isdir, because a link that leads to itself is no reason to hide the others.
            found |= {name for name in os.listdir(directory) if os.path.isdir(f"{directory}/{name}")}
    return sorted(name for name in found if is_service_name(name) and not is_leftover(name))


def piece(layout: Layout, name: str) -> bytes:
    """Return a part of the scripts of services, the administrator's or else the shipped one; empty for none.

    :param name: its path below the directory of the services, as ``clamd/run``.
    :raises ServiceError: when it cannot be read.
    :raises UntrustedError: when it is not in the hands of its owners alone.
    """
    for layer in _layers(layout):
        path = f"{layer}/{name}"
        layout.trust.require(path)
        try:
            with open(path, "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ServiceError(
                f"cannot be read: {error.strerror}", place=path, hint="run the command as root"
            ) from error
    return b""


def _layers(layout: Layout) -> tuple[str, str]:
    """Return the directories a file of a service may come from, nearest first."""
    return layout.services_custom, layout.services


def _old_probes(layout: Layout) -> dict[str, _Data]:
    path = layout.under(OLD_PROBES)
    layout.trust.require(path)
    try:
        file = TomlFile(path, ServiceError)
    except OSError:
        return {}
    for name, table in file.data.items():
        _check_probe(file, table, name)
    return {name: {"probe": table} for name, table in file.data.items()}


def _read(layout: Layout, path: str, keys: Mapping[str, Any]) -> _Data:
    """Return what a ``service.toml`` says, checked; nothing when there is none."""
    layout.trust.require(path)
    try:
        file = TomlFile(path, ServiceError)
    except OSError:
        return {}
    if file.is_checked(_deciding()):
        return file.data
    _check(file, keys)
    file.note_checked(_deciding())
    return file.data


def check_settings(path: str, text: bytes, *, of_all: bool) -> None:
    """See whether a ``service.toml`` that is not in place yet would be in order.

    :param path: what messages name.
    :param of_all: whether it is the one that holds for all services.
    :raises ServiceError: when it is not.
    """
    _check(TomlFile(path, ServiceError, text=text), {"probe": TABLE} if of_all else _KEYS)


def _check(file: TomlFile, keys: Mapping[str, Any]) -> None:
    file.check(file.data, keys)
    for name, table_keys in _TABLES.items():
        if name in file.data:
            file.check(file.data[name], table_keys, name)
    if "probe" in file.data:
        _check_probe(file, file.data["probe"], "probe")
    check_questions(file, file.data.get("useful", {}))
    program = file.data.get("program", {})
    if "name" in program and not program.keys() & {"package", "python"}:
        raise file.error("[program] name needs the Debian package it is in", hint='add package = "..."')
    for name, table in file.data.get("directories", {}).items():
        _check_path(file, "directories", name)
        file.check(table, _DIRECTORY_KEYS, f'directories."{name}"')
        if not _MODE.fullmatch(table.get("mode", "0755")):
            raise file.error(f'[directories."{name}"] mode must be octal, as "0755"', hint="correct the file")
    for name in file.data.get("files", {}):
        _check_path(file, "files", name)
    queue = file.data.get("queue", {})
    if queue.get("list") and not queue.get("package"):
        raise file.error("[queue] list needs the Debian package of its program", hint='add package = "..."')


def _deciding() -> str:
    """Return how the modules look that decide whether a ``service.toml`` is in order."""
    if not _looks:
        above = os.path.dirname(os.path.abspath(__file__))
        _looks.append(looks_of_program(os.path.join(above, name) for name in _DECIDING))
    return _looks[0]


def _check_path(file: TomlFile, table: str, name: str) -> None:
    if not name.startswith("/"):
        raise file.error(f"[{table}] {name!r} must be an absolute path", hint="correct the file")


def _check_probe(file: TomlFile, table: Any, name: str) -> None:
    file.check(table, _PROBE_KEYS, name)
    if table.get("command") and not table.get("package"):
        raise file.error(f"[{name}] command needs the Debian package of its program", hint='add package = "..."')


def _merged(levels: list[_Data]) -> _Data:
    """Return tables as one, key by key; the first that has a key wins."""
    found: _Data = {}
    for level in levels:
        for key, value in level.items():
            known = found.get(key)
            if isinstance(known, dict) and isinstance(value, dict):
                found[key] = _merged([known, value])
            else:
                found.setdefault(key, value)
    return found


def _service(name: str, data: _Data) -> Service:
    systemd = data.get("systemd", {})
    return Service(
        name=name,
        record=data.get("record", name),
        start=data.get("start", "status"),
        chosen_by=data.get("chosen-by", ""),
        stands_in_for=data.get("stands-in-for", ""),
        program=_program(data.get("program", {})),
        files=data.get("files", {}),
        account=_account(name, data["account"]) if "account" in data else None,
        directories=tuple(_directory(path, table) for path, table in data.get("directories", {}).items()),
        probe=_probe(data.get("probe", {})),
        useful=questions_of(data.get("useful", {})),
        ending=Ending(**data.get("ending", {})),
        unit=systemd.get("unit", name),
        verbs=systemd.get("verbs", {}),
        replaces=tuple(data.get("replaces", {}).get("units", ())),
        packages=tuple(data.get("packages", {}).get("also", ())),
        leaves=tuple(data.get("leaves", ())),
        queue=_queue(data["queue"]) if "queue" in data else None,
    )


def _program(data: _Data) -> Program:
    cure: list[str] = data.get("cure", [])
    return Program(**{key: value for key, value in data.items() if key != "cure"}, cure=tuple(cure))


def _account(service: str, data: _Data) -> Account:
    name: str = data.get("name", service)
    number: int = data.get("number", 0)
    return Account(
        name=name,
        others=tuple(data.get("others", ())),
        number=number,
        group=data.get("group", name),
        group_number=data.get("group-number", number),
        home=data.get("home", "/"),
    )


def _queue(data: _Data) -> Queue:
    texts: dict[str, tuple[str, ...]] = {key: tuple(value) for key, value in data.items() if key != "package"}
    return Queue(package=data.get("package", ""), **texts)


def _directory(path: str, data: _Data) -> Directory:
    return Directory(
        path=os.path.normpath(path),
        owner=data.get("owner", ""),
        group=data.get("group", ""),
        mode=data.get("mode", "0755"),
    )


def _probe(data: _Data) -> Probe:
    return Probe(
        up_for=data.get("up-for", Probe.up_for),
        within=data.get("within", Probe.within),
        port=data.get("port", 0),
        socket=os.path.normpath(data["socket"]) if data.get("socket") else "",
        command=tuple(data.get("command", ())),
        package=data.get("package", ""),
    )
