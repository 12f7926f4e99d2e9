"""What a request of the web process may look like; whatever else comes is refused before anybody looks at it."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

from esmith.manager import wire
from esmith.manager.helper.context import VerbError
from esmith.manager.helper.sessions import LONGEST_TOKEN

#: How many values a request may hold, those in lists and objects counted: each costs more memory than it is long.
MOST_VALUES = 60_000
_KEYS = {"verb", "session", "address", "arguments", "also"}


@dataclass(frozen=True)
class Request:
    """A request.

    :param verb: what is asked for.
    :param session: the token of a session, "" for none.
    :param address: the address of the browser, as the web process says it; "" for none.
    :param arguments: of the verb.
    :param also: the verbs of :data:`esmith.manager.wire.ALSO` that are asked with it, each with its arguments.
    """

    verb: str
    session: str = field(repr=False)
    address: str
    arguments: dict[str, Any] = field(repr=False)
    also: dict[str, dict[str, Any]] = field(repr=False, default_factory=dict)

    def text(self, name: str, longest: int) -> str:
        """Return an argument that is a text.

        :raises VerbError: when it is none, or too long.
        """
        value = self.arguments.get(name)
        if not isinstance(value, str) or len(value) > longest:
            raise VerbError(wire.BAD_REQUEST, f"the argument {name} is missing, no text, or too long")
        return value


def parse_request(line: bytes) -> Request:
    """Return the request of a line.

    :raises VerbError: when it is none.
    """
    try:
        data = json.loads(line.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise VerbError(wire.BAD_REQUEST, "the request is not a line of JSON") from None
    if not isinstance(data, dict) or not data.keys() <= _KEYS or "verb" not in data:
        raise VerbError(wire.BAD_REQUEST, "the request has not the keys verb, session, address, arguments, also")
    _require_clean(data)
    texts = {name: data.get(name) or "" for name in ("verb", "session", "address")}
    arguments = data.get("arguments", {})
    if not all(isinstance(text, str) for text in texts.values()) or not isinstance(arguments, dict):
        raise VerbError(wire.BAD_REQUEST, "the request has values of another kind")
    if len(texts["session"]) > LONGEST_TOKEN:
        raise VerbError(wire.SESSION, "you are not logged in")
    try:
        address = _address(texts["address"]) if texts["address"] else ""
    except ValueError:
        raise VerbError(wire.BAD_REQUEST, "the address is none") from None
    return Request(texts["verb"], texts["session"], address, arguments, _also(data.get("also", {})))


def _also(data: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(data, dict) or not data.keys() <= {*wire.ALSO}:
        raise VerbError(wire.BAD_REQUEST, f"with another verb only these may be asked: {', '.join(wire.ALSO)}")
    if not all(isinstance(arguments, dict) for arguments in data.values()):
        raise VerbError(wire.BAD_REQUEST, "the request has values of another kind")
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _address(text: str) -> str:
    """Return an address without its zone: that of IPv6 may be any text (RFC 4007), and this goes to logs and to PAM.

    :raises ValueError: when it is none.
    """
    found = ipaddress.ip_address(text)
    return str(type(found)(int(found)))


def _require_clean(data: Any) -> None:
    """See that all texts can be written as UTF-8, and hold no NUL, which no setting and no path may hold.

    :raises VerbError: when one does, or there are too many values.
    """
    rest, count = [data], 0
    while rest:
        one = rest.pop()
        count += 1
        if isinstance(one, str) and ("\0" in one or any("\ud800" <= letter <= "\udfff" for letter in one)):
            raise VerbError(wire.BAD_REQUEST, "the request holds text that is none")
        if isinstance(one, dict | list):
            if count + len(rest) + len(one) > MOST_VALUES:
                raise VerbError(wire.BAD_REQUEST, "the request holds too many values")
            rest += one if isinstance(one, list) else (part for pair in one.items() for part in pair)
