"""What lists have in common: what is looked for, the page that is asked for, and the addresses of the others."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from esmith.manager.web.addresses import panel_url
from esmith.manager.web.posted import number_in

#: How many rows a page has.
SIZE = 50
#: How long what is looked for may be, in characters.
LONGEST_QUERY = 200


def query_of(request: Request) -> str:
    """Return what is looked for, in one line; "" for everything."""
    text = request.query_params.get("q", "")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_QUERY]


def page_of(request: Request) -> int:
    """Return the number of the page that is asked for; what is no number is the first."""
    return max(1, number_in(request.query_params.get("page", "")) or 1)


def links(address: Callable[..., str], **query: str) -> Callable[[int], str]:
    """Return what makes the address of a page of a list from its number.

    :param address: makes the address of the list from a query.
    :param query: what all pages of the list have in theirs.
    """
    return lambda number: address(**query, page=number if number > 1 else "")


#: Stands in an address for a key that comes in its query.
ELSEWHERE = "-"


def record_url(panel: str, key: str, *parts: str) -> str:
    """Return the address of a record.

    A key that no part of a path can be, because browsers and proxies would change it, goes into the query.

    :param parts: what follows: what is done to the record.
    """
    if "/" in key or key in (".", "..", ""):
        return panel_url(panel, "record", ELSEWHERE, *parts, key=key)
    return panel_url(panel, "record", key, *parts)


def key_of(request: Request) -> str | None:
    """Return the key that an address of a record names, None where it is of a new one."""
    key: str | None = request.path_params.get("key")
    return request.query_params.get("key", key) if key == ELSEWHERE else key
