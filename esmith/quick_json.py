"""Texts of JSON, as :mod:`json` reads and writes them, whose import compiles expressions that nothing here needs.

The work is done by the same code, which Python has in C; where it has not, as in other implementations, by that module.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    def decode(text: str) -> Any:
        """Return what a text of JSON says.

        :raises ValueError: when it is none.
        :raises RecursionError: when it is too deep.
        """

    def encode(data: Any, default: Callable[[Any], Any] = ..., separators: tuple[str, str] = (",", ":")) -> str:
        """Return data as a text of JSON, in ASCII.

        :param default: returns data for an object that JSON does not know.
        :param separators: what stands between entries, and behind a name.
        :raises TypeError: for an object that nobody knows.
        """


__all__ = ["WITH_BLANKS", "decode", "encode"]

#: The separators of :mod:`json` where none are given.
WITH_BLANKS = (", ", ": ")
_BLANKS = " \t\n\r"


class _Reading:
    """How JSON is read, as the code in C asks for it."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int
    parse_constant = float
    memo: dict[str, str] = {}


def _refuse(data: object) -> object:
    raise TypeError(f"{type(data).__name__} is no data of JSON")


def _functions() -> tuple[Any, Any]:
    """Return the functions of this module."""
    try:
        from _json import encode_basestring_ascii, make_encoder, make_scanner
    except ImportError:
        import json
        from functools import partial

        return json.loads, partial(json.dumps, separators=(",", ":"))

    reading: Any = _Reading()
    scan = make_scanner(reading)

    def decode(text: str) -> Any:
        try:
            found, end = scan(text, len(text) - len(text.lstrip(_BLANKS)))
        except StopIteration:
            end = -1
        if end < 0 or text[end:].strip(_BLANKS):
            raise ValueError("this is no text of JSON")
        return found

    def encode(data: Any, default: Callable[[Any], Any] = _refuse, separators: tuple[str, str] = (",", ":")) -> str:
        between, behind = separators
        # One for each call: it remembers what it is in, also when it fails.
        chunks = make_encoder({}, default, encode_basestring_ascii, None, behind, between, False, False, True)
        return "".join(chunks(data, 0))

    return decode, encode


if not TYPE_CHECKING:
    decode, encode = _functions()
