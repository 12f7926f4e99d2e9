"""JSON as :mod:`json` reads and writes it, by what that is built on, for commands that change a setting.

To import that module takes longer than the change: it loads regular expressions, which nothing here needs. Where what
it is built on is not as expected, it does the work itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: The separators of :mod:`json` where none are given.
WITH_BLANKS = (", ", ": ")


def _raise(value: object) -> Any:
    raise ValueError(f"{value!r} is no JSON")


class _Reading:
    """How values are made, as the reader asks for it."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, staticmethod(_raise)


def scan(text: str, place: int) -> tuple[Any, int]:
    """Return what JSON begins at a place of a text, and where it ends.

    :raises ValueError: when what begins there is damaged.
    :raises StopIteration: when none begins there.
    """
    try:
        found: tuple[Any, int] = _scan(text, place)
    except SystemError:
        # Python 3.11 has the error of damaged JSON in json.decoder, and has none where nobody has loaded that module.
        raise ValueError("it is not JSON") from None
    return found


def loads(text: bytes) -> Any:
    """Return what JSON in UTF-8 holds.

    :raises ValueError: when it is none.
    """
    stripped = text.decode().strip(" \t\n\r")
    try:
        found, end = scan(stripped, 0)
    except StopIteration:
        raise ValueError("it is not JSON") from None
    if end != len(stripped):
        raise ValueError("there is more than JSON")
    return found


def dumps(data: dict[str, Any]) -> bytes:
    """Return an object as JSON in one line of ASCII.

    :param data: dictionaries, lists, texts, numbers, truth values and None.
    :raises ValueError: for what else is in it.
    """
    return _encoded(data, _raise, WITH_BLANKS, False).encode()


def encode(data: Any, default: Callable[[Any], Any] = _raise, separators: tuple[str, str] = (",", ":")) -> str:
    """Return data as a text of JSON, in ASCII.

    :param default: returns data for an object that JSON does not know.
    :param separators: what stands between entries, and behind a name.
    """
    return _encoded(data, default, separators, True)


try:
    from _json import encode_basestring_ascii, make_encoder, make_scanner

    _reading: Any = _Reading()
    _scan: Any = make_scanner(_reading)

    def _encoded(data: Any, default: Callable[[Any], Any], separators: tuple[str, str], allow_nan: bool) -> str:
        between, behind = separators
        # One for each call: it remembers what it is in, also when it fails.
        pieces = make_encoder({}, default, encode_basestring_ascii, None, behind, between, False, False, allow_nan)
        return "".join(pieces(data, 0))

except (ImportError, TypeError, AttributeError):
    import json

    _scan = json.JSONDecoder(parse_constant=_raise).raw_decode

    def _encoded(data: Any, default: Callable[[Any], Any], separators: tuple[str, str], allow_nan: bool) -> str:
        return json.dumps(data, default=default, separators=separators, allow_nan=allow_nan)
