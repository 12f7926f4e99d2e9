"""The addresses of the pages: made, and checked when a browser brings one."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlencode

#: Below which all pages are.
BASE = "/server-manager"

_INSIDE = re.compile(r"/server-manager(?:/[\x21-\x5b\x5d-\x7e]*|\?[\x21-\x5b\x5d-\x7e]*)?")


def url(path: str, *parts: object, **query: object) -> str:
    """Return the address of a page.

    :param path: below the base, as ``/panel``.
    :param parts: what follows, each quoted: ``url("/job", job["id"])``.
    :param query: the query; what is None or empty is left out.
    """
    address = BASE + path + "".join("/" + quote(str(part), safe="", errors="replace") for part in parts)
    asked = {name: str(value) for name, value in query.items() if value is not None and value != ""}
    return f"{address}?{urlencode(asked, errors='replace')}" if asked else address


def panel_url(panel: str, *parts: object, **query: object) -> str:
    """Return the address of a panel: ``panel_url("configuration/email", section="access")``."""
    group, _slash, name = panel.partition("/")
    return url("/panel", group, name, *parts, **query)


def without_done(address: str) -> str:
    """Return the address of a page without the word about what was done before it."""
    path, _question, query = address.partition("?")
    kept = "&".join(part for part in query.split("&") if part and not part.startswith("done="))
    return f"{path}?{kept}" if kept else path


def inside(address: str) -> str:
    """Return an address that a browser brought, when it is one of our pages; the start page otherwise."""
    path = address.partition("?")[0]
    # A browser takes "%2e%2e" for ".." as well (URL standard, "double-dot URL path segment").
    is_straight = "//" not in path and not {".", ".."} & set(unquote(path).replace("\\", "/").split("/"))
    if len(address) > 2000 or ".." in address or not is_straight or not _INSIDE.fullmatch(address):
        return BASE + "/"
    return address
