"""What a browser posts: read with limits on size, number and time, and taken apart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

#: How long a body may be, in bytes.
MOST_BODY = 256 * 1024
#: How many values it may have.
MOST_VALUES = 20_000
#: How long a browser may take to send it, in seconds.
PATIENCE = 20.0

#: The only form in which our pages post.
FORM = "application/x-www-form-urlencoded"


#: The longest number that is read.
_MOST_DIGITS = 15


def number_in(text: str) -> int | None:
    """Return the number that a text is, None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


class PostError(Exception):
    """A body that is not taken.

    :param status: of HTTP.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Posted:
    """The values of a form, in their order; a name may be there several times."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a name."""
        return self._values.get(name, [default])[0]

    def all(self, name: str) -> list[str]:
        """Return all values of a name."""
        return list(self._values.get(name, ()))

    def starting(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield the rest of each name that begins so, with its value."""
        return ((name[len(prefix) :], value) for name, value in self.pairs if name.startswith(prefix))

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def carried(self) -> list[tuple[str, str]]:
        """Return what may be written into a page again as hidden values: no token, and nothing secret."""
        return [(name, value) for name, value in self.pairs if not _is_secret(name)]


def _is_secret(name: str) -> bool:
    return name in ("csrf", "password", "carried", "kept") or name.startswith(("secret.", "password."))


async def read_form(request: Request) -> Posted:
    """Return what was posted.

    The bytes are counted while they come, because a browser need not say how many there will be.

    :raises PostError: when it is too long, too slow or of another kind.
    """
    if request.headers.get("content-type", FORM).split(";")[0].strip().lower() != FORM:
        raise PostError(415)
    try:
        body = await asyncio.wait_for(_body(request), PATIENCE)
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_VALUES)
    except TimeoutError as error:
        raise PostError(408) from error
    except (ValueError, ClientDisconnect) as error:
        raise PostError(400) from error
    return Posted([(name, _lines(value)) for name, value in pairs])


async def _body(request: Request) -> bytearray:
    body = bytearray()
    async for chunk in request.stream():
        if len(body) + len(chunk) > MOST_BODY:
            raise PostError(413)
        body += chunk
    return body


def _lines(value: str) -> str:
    # A browser ends each line of a value with both characters (HTML, "normalize newlines").
    return value.replace("\r\n", "\n").replace("\r", "\n") if "\r" in value else value
