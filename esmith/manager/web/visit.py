"""Who asks for a page, and what may be asked of the helper in that name."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from esmith.manager import wire
from esmith.manager.web.client import Helper, HelperError
from esmith.manager.web.posted import Posted

#: The cookie with the token of a session.
COOKIE = "__Host-smanager"
#: The cookie with the token of the login form.
LOGIN_COOKIE = "__Host-smanager-login"
#: The tokens that a session or a login form may have are at most this long.
_LONGEST_TOKEN = 200


@dataclass
class Visit:
    """One request, and whose it is.

    :param token: of the session, or of the login form.
    :param address: of the browser.
    :param session: what the verb ``session`` answers; empty for those who are not logged in.
    :param navigation: what the verb ``navigation`` answers.
    :param posted: the values of the form.
    """

    helper: Helper
    token: str = ""
    address: str = ""
    session: dict[str, Any] = field(default_factory=dict)
    navigation: dict[str, Any] = field(default_factory=dict)
    posted: Posted = field(default_factory=lambda: Posted([]))

    @property
    def csrf(self) -> str:
        """The token that each form of this session carries."""
        return csrf_of(self.token)


def csrf_of(token: str) -> str:
    """Return the token against forged requests that belongs to the token of a cookie."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest() if token else ""


def cookie_of(request: Request, name: str) -> str:
    """Return the token in a cookie, "" where there is none.

    The name has to be exactly this one: browsers refuse others a name that begins with ``__Host-``, but not one with a
    white space before it. Of two cookies, which no browser has by itself, none counts: one is planted.
    """
    found = set()
    for header in request.headers.getlist("cookie"):
        for part in header.split(";"):
            known, _equals, token = part.strip(" ").partition("=")
            if known == name:
                found.add(token)
    token = found.pop() if len(found) == 1 else ""
    return token if token.isascii() and token.isprintable() and len(token) <= _LONGEST_TOKEN else ""


def visit_of(request: Request) -> Visit:
    """Return the visit of a request."""
    visit = request.state.visit
    assert isinstance(visit, Visit)
    return visit


def posted(request: Request) -> Posted:
    """Return what was posted."""
    return visit_of(request).posted


async def ask(request: Request, verb: str, /, **arguments: Any) -> Any:
    """Return the result of a verb of the helper, in the name of who is logged in.

    :raises HelperError: what the helper answered instead.
    """
    return (await ask_also(request, {}, verb, **arguments))[0]


async def ask_also(
    request: Request, also: dict[str, dict[str, Any]], verb: str, /, **arguments: Any
) -> tuple[Any, dict[str, Any]]:
    """Return the result of a verb, and those of others that are asked with it. The session is known after it.

    :param also: the verbs of :data:`esmith.manager.wire.ALSO`, each with its arguments.
    :raises HelperError: as :func:`ask`.
    """
    visit = visit_of(request)
    if not visit.session:
        also = {**also, "session": {}}
    try:
        result, found = await visit.helper.ask_also(verb, arguments, visit.token, visit.address, also)
    except HelperError as error:
        if error.kind != wire.SESSION:
            await know_session(visit)
        raise
    visit.session = visit.session or found.get("session") or {}
    return result, found


async def know_session(visit: Visit) -> None:
    """Ask whose session it is, unless that is known; a page about an error says it as well, where it can.

    :raises HelperError: when there is no session any more.
    """
    try:
        visit.session = visit.session or await visit.helper.ask("session", {}, visit.token, visit.address)
    except HelperError as error:
        if error.kind == wire.SESSION:
            raise


def panel_of(request: Request, panel: str) -> dict[str, Any] | None:
    """Return what the navigation knows about a panel."""
    for group in visit_of(request).navigation.get("groups", ()):
        for row in group["panels"]:
            if row["id"] == panel:
                return dict(row)
    return None
