"""What lists of records and of settings have in common: the page that is asked for, and the addresses of the others."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

#: How many rows a page has.
SIZE = 50
#: How long what is looked for may be, in characters.
LONGEST_QUERY = 200


def query_of(request: Request) -> str:
    """Return what is looked for, "" for everything."""
    return request.query_params.get("q", "").strip()[:LONGEST_QUERY]


def page_of(request: Request) -> int:
    """Return the number of the page that is asked for, at least 1; what is no number is the first."""
    text = request.query_params.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1


def links(address: Callable[..., str], **query: str) -> Callable[[int], str]:
    """Return what makes the address of a page of a list from its number.

    :param address: makes the address of the list from a query.
    :param query: what the other pages have as well.
    """
    return lambda number: address(**query, page=number if number > 1 else "")
