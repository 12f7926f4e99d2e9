"""The pages, a module each group: its ``ROUTES`` says which addresses it answers.

A handler gets the request and returns an answer: :func:`esmith.manager.web.rendering.render` makes a page,
:func:`esmith.manager.web.visit.ask` asks the helper. Who is logged in, the posted values and the CSRF token were looked
at before; an :class:`~esmith.manager.web.client.HelperError` that a handler lets pass becomes a page of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module

from starlette.requests import Request
from starlette.responses import Response

#: What answers a request.
Handler = Callable[[Request], Awaitable[Response]]

#: The modules, in the order in which their addresses are looked at.
MODULES = (
    "home", "login", "preview", "jobs", "panel", "record", "changes", "services", "health", "settings",
    "search", "sessions",
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """An address and what answers it.

    :param path: below the base; ``{name}`` stands for one part of it.
    :param get: answers GET; must change nothing.
    :param post: answers POST; it is asked only with the CSRF token of the session.
    :param is_open: whether it is there for those who are not logged in.
    :param is_bare: whether it needs no navigation: streams, and fragments of pages.
    :param asks_first: whether it asks the helper before it shows anything: the session comes with that answer.
    """

    path: str
    get: Handler | None = None
    post: Handler | None = None
    is_open: bool = False
    is_bare: bool = False
    asks_first: bool = False


def all_pages() -> list[Page]:
    """Return the pages of all modules."""
    found: list[Page] = []
    for name in MODULES:
        found.extend(import_module(f"{__name__}.{name}").ROUTES)
    return found
