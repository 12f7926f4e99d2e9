"""Pages from templates. What is filled in is text, never markup: the templates have no way to say otherwise."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from esmith.manager.web import addresses, texts
from esmith.manager.web.static_files import load_files, static_url
from esmith.manager.web.texts import _
from esmith.manager.web.visit import Visit
from esmith.printable import shown_time

#: What a page may report about what was just done: addresses carry only the word (``?done=kept``).
DONE = {
    "kept": "The change is kept.",
    "logged-out": "You are logged out.",
    "logged-out-everywhere": "You are logged out in all browsers.",
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.globals.update(
        _=_,
        counted=texts.counted,
        url=addresses.url,
        panel_url=addresses.panel_url,
        static=static_url,
        language=texts.language,
        direction=texts.direction,
    )
    environment.filters.update(time=_time, duration=duration, json=_json, anchor=anchor)
    return environment


def load_templates() -> None:
    """Load all templates, and what they are made of, before the rights to read files are given up."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)
    load_files()


def render(request: Request, template: str, /, status: int = 200, **values: Any) -> Response:
    """Return a page.

    :param template: its name in the folder ``templates``.
    :param values: what it shows. Each template also knows ``visit``, ``path``, ``done``, and ``here``: the address of
        the page, "" where it cannot be got again with GET.
    """
    state = getattr(request.state, "visit", None)
    visit = state if isinstance(state, Visit) else Visit(request.app.state.helper)
    done = DONE.get(request.query_params.get("done", ""), "")
    known = {"visit": visit, "path": request.url.path, "done": done, "here": _here(request)}
    text = _environment().get_template(template).render(known, **values)
    # A value with bytes that are no text has lone surrogates (PEP 383), which no page can hold.
    body = text.encode("utf-8", "replace")
    return Response(body, status, {"content-type": "text/html; charset=utf-8", "content-language": texts.language()})


def _here(request: Request) -> str:
    """Return the address of a page that was got with GET, without what was done before it; "" of another."""
    if request.method != "GET":
        return ""
    # Raw: a key with a slash is one part of the path.
    raw = request.scope.get("raw_path")
    path = raw.decode("ascii", "replace") if isinstance(raw, bytes) else request.url.path
    return addresses.without_done(f"{path}?{request.url.query}" if request.url.query else path)


def redirect(path: str, *parts: object, **query: object) -> Response:
    """Return an answer that leads to one of our pages, to be got with GET: ``redirect("/job", number)``."""
    return RedirectResponse(addresses.url(path, *parts, **query), 303)


def redirect_to(address: str) -> Response:
    """Return an answer that leads to an address of :mod:`esmith.manager.web.addresses`."""
    return RedirectResponse(addresses.inside(address), 303)


def redirect_back(address: str, done: str) -> Response:
    """Return an answer that leads back to where somebody was, which says what was done there.

    :param address: as a browser brings it; the start page where it is none of ours.
    :param done: a word of :data:`DONE`.
    """
    back = addresses.inside(address)
    return redirect_to(f"{back}{'&' if '?' in back else '?'}done={done}")


def json_answer(data: Any, status: int = 200) -> Response:
    """Return an answer for our scripts."""
    return Response(json.dumps(data), status, {"content-type": "application/json"})


def _time(seconds: float | None) -> str:
    return "" if seconds is None else shown_time(float(seconds))


def duration(seconds: float) -> str:
    """Return a length of time as text: ``9 minutes``."""
    number = max(0, round(float(seconds)))
    if number < 90:
        return texts.counted("%(n)s second", "%(n)s seconds", number)
    if number < 5400:
        return texts.counted("%(n)s minute", "%(n)s minutes", round(number / 60))
    return texts.counted("%(n)s hour", "%(n)s hours", round(number / 3600))


def _json(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def anchor(name: str) -> str:
    """Return the id of the element of a field: letters, digits, ``_`` and ``-``, another for each name."""
    return "field-" + "".join(c if (c.isascii() and c.isalnum()) or c == "-" else f"_{ord(c):x}_" for c in name)
