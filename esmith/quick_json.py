"""JSON as :mod:`json` reads and writes it, by what that is built on, for commands that change a setting.

To import that module takes longer than the change: it loads regular expressions, which nothing here needs. Where what
it is built on is not as expected, it does the work itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _raise(value: object) -> Any:
    raise ValueError(f"{value!r} is no JSON")


class _Reading:
    """How values are made, as the reader asks for it."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, staticmethod(_raise)


def loads(text: bytes) -> Any:
    """Return what JSON in UTF-8 holds.

    :raises ValueError: when it is none.
    """
    stripped = text.decode().strip(" \t\n\r")
    try:
        found, end = _scan(stripped, 0)
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
    return "".join(_pieces(data, 0)).encode()


try:
    from _json import encode_basestring_ascii, make_encoder, make_scanner

    _reading: Any = _Reading()
    _scan: Any = make_scanner(_reading)
    _pieces: Any = make_encoder(None, _raise, encode_basestring_ascii, None, ": ", ", ", False, False, False)
except (ImportError, TypeError, AttributeError):
    import json

    _scan = json.JSONDecoder(parse_constant=_raise).raw_decode
    _pieces = lambda data, _: [json.dumps(data, allow_nan=False)]  # noqa: E731
