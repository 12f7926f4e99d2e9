"""The questions that show whether a service which is up is of use: the table ``[useful]`` of ``service.toml``.

Each is data: what to ask, what has to be answered, what is wrong otherwise, and the commands that help
(docs/add-a-service.md#whether-a-service-is-of-use).
"""

from __future__ import annotations

import os

from esmith.expressions import expression
from esmith.fields import dataclass
from esmith.tables import FLAG, INTEGER, NAME, SECONDS, TABLE, TEXTS, TomlFile, Type, either

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Stands in the values of a question for what was read of a file.
READ = "{read}"


def _is_expression(value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return False
    import re

    try:
        re.compile(value)
    except re.error:
        return False
    return True


def _is_exchange(value: Any) -> bool:
    return TEXTS.accepts(value) and len(value) == 2 and _is_expression(value[1])


_EXPRESSION = Type("a regular expression", _is_expression)
_EXCHANGES = Type(
    "a list of pairs, each what is sent and the expression of its answer",
    lambda value: isinstance(value, list) and bool(value) and all(map(_is_exchange, value)),
)
_KEYS = {
    "means": NAME,
    "cure": TEXTS,
    "read": TABLE,
    "port": either(INTEGER, NAME),
    "socket": NAME,
    "encrypted": FLAG,
    "dialogue": _EXCHANGES,
    "command": TEXTS,
    "package": NAME,
    "file": NAME,
    "has": _EXPRESSION,
    "lacks": _EXPRESSION,
    "exists": TEXTS,
    "usable": TEXTS,
    "log": _EXPRESSION,
    "log-until": _EXPRESSION,
    "within": SECONDS,
    "in-events": TEXTS,
}
_READ_KEYS = {"file": NAME, "value": _EXPRESSION, "otherwise": NAME}
#: What a question may ask; each has one of these.
_SUBJECTS = ("dialogue", "command", "file", "exists", "usable", "log")


@dataclass(frozen=True)
class Reading:
    """A value that stands in a generated file.

    :param file: the file, as the configured system knows it.
    :param value: a regular expression with one group, which is the value; ``^`` and ``$`` are the ends of a line.
    :param otherwise: the value where the file has none.
    """

    file: str
    value: str
    otherwise: str = ""


@dataclass(frozen=True)
class Question:
    """One question to a service that is up.

    :param name: its name in the table ``[useful]``.
    :param means: what is so when the answer is wrong, for people.
    :param cure: the commands that help.
    :param read: a value that the others may hold as ``{read}``.
    :param port: a TCP port of 127.0.0.1 for the dialogue; "" for none. With port 0 nothing is asked.
    :param socket: the path of a unix socket for it.
    :param encrypted: whether it is encrypted from the first byte.
    :param dialogue: what is sent, and the expression that the answer has to match, in turn.
    :param command: a program and its arguments that have to succeed.
    :param package: its Debian package.
    :param file: a file that needs a line that matches ``has``, and none that matches ``lacks``.
    :param exists: patterns of paths; one file has to be there.
    :param usable: patterns of paths; the account of the service has to be able to read and write what is there.
    :param log: an expression; a line of the log that matches it is wrong,
    :param log_until: unless a later line matches this one.
    :param within: seconds that an answer may take.
    :param in_events: patterns of generated files. When an event changes one, and the answer was right before, it has
        to be right afterwards.
    """

    name: str
    means: str
    cure: tuple[str, ...] = ()
    read: Reading | None = None
    port: str = ""
    socket: str = ""
    encrypted: bool = False
    dialogue: tuple[tuple[str, str], ...] = ()
    command: tuple[str, ...] = ()
    package: str = ""
    file: str = ""
    has: str = ""
    lacks: str = ""
    exists: tuple[str, ...] = ()
    usable: tuple[str, ...] = ()
    log: str = ""
    log_until: str = ""
    within: float = 10.0
    in_events: tuple[str, ...] = ()


def check_questions(file: TomlFile, tables: Any) -> None:
    """Check the table ``[useful]`` of a file.

    One question may be spread over the administrator's file and the shipped one, so what it lacks is found when both
    are known: :func:`questions_of`.

    :raises ServiceError: when it has a mistake.
    """
    for name, table in tables.items():
        where = f"useful.{name}"
        file.check(table, _KEYS, where)
        if "read" in table:
            file.check(table["read"], _READ_KEYS, f"{where}.read")
            if not table["read"].keys() >= {"file", "value"}:
                raise file.error(f"[{where}.read] needs file and value", hint="add what is missing")
            if expression(table["read"]["value"]).groups != 1:
                raise file.error(f"[{where}.read] value must have one group", hint="write what is wanted as (...)")
        for key in ("file", "socket"):
            if not table.get(key, "/").startswith(("/", READ)):
                raise file.error(f"[{where}] {key} must be an absolute path", hint="correct the file")
        if table.get("command") and not table.get("package"):
            raise file.error(f"[{where}] command needs the Debian package of its program", hint='add package = "..."')


def questions_of(tables: Mapping[str, dict[str, Any]]) -> tuple[Question, ...]:
    """Return the questions of a checked table; one that asks nothing is none, so that a file can leave one out.

    :param tables: the table ``[useful]``.
    """
    return tuple(_question(name, table) for name, table in tables.items() if any(map(table.get, _SUBJECTS)))


def _question(name: str, data: dict[str, Any]) -> Question:
    read = data.get("read")
    return Question(
        name=name,
        means=data.get("means", "it is of no use"),
        cure=tuple(data.get("cure", ())),
        read=Reading(os.path.normpath(read["file"]), read["value"], read.get("otherwise", "")) if read else None,
        port=str(data.get("port", "")),
        socket=data.get("socket", ""),
        encrypted=data.get("encrypted", False),
        dialogue=tuple((sent, expected) for sent, expected in data.get("dialogue", ())),
        command=tuple(data.get("command", ())),
        package=data.get("package", ""),
        file=data.get("file", ""),
        has=data.get("has", ""),
        lacks=data.get("lacks", ""),
        exists=tuple(data.get("exists", ())),
        usable=tuple(data.get("usable", ())),
        log=data.get("log", ""),
        log_until=data.get("log-until", ""),
        within=data.get("within", Question.within),
        in_events=tuple(data.get("in-events", ())),
    )
