"""Pages about what went wrong: what happened, and what to do; nothing about how the server works."""

from __future__ import annotations

import json
import secrets

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from esmith.manager import wire
from esmith.manager.web import client, texts
from esmith.manager.web.addresses import url
from esmith.manager.web.client import HelperError
from esmith.manager.web.rendering import render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import LOGIN_COOKIE, Visit, cookie_of, visit_of

#: From the status of HTTP to a heading and what to do.
_TEXTS = {
    400: ("This request cannot be read", "Go back and try again."),
    403: ("This request did not come from this page", "Load the page again and repeat what you did."),
    404: ("There is no such page", "Follow a link of the menu, or search."),
    405: ("This address does not take that", "Follow a link of the menu."),
    408: ("The request came too slowly", "Try again."),
    413: ("Too much was sent", "Send less at once: a form may hold 256 KiB."),
    415: ("This kind of data is not taken", "Use the forms of these pages."),
    422: ("This was refused", "Go back and change it."),
    429: ("Too many tries", "Wait a while, then try again."),
    500: ("A fault of the server-manager", "The log of its service has the details. Report it, please."),
    503: ("The server-manager is busy", "Try again in a moment."),
}
#: From the kind of an error of the helper to the status of HTTP.
_STATUS = {
    wire.LOGIN: 403,
    wire.LIMITED: 429,
    wire.REFUSED: 422,
    wire.CONFLICT: 409,
    wire.BUSY: 503,
    wire.BAD_REQUEST: 400,
    wire.NOT_FOUND: 404,
    wire.FAILED: 422,
    wire.INTERNAL: 500,
    client.UNAVAILABLE: 503,
}


def page(request: Request, status: int, *, message: str = "", place: str = "", hint: str = "") -> Response:
    """Return a page about an error.

    :param message: what happened; without it the page says what the status means.
    """
    heading, cure = _TEXTS.get(status, _TEXTS[422 if status < 500 else 500])
    values = {"heading": _(heading), "message": message, "place": place, "hint": hint or ("" if message else _(cure))}
    # htmx puts an answer into the page that is there, so it gets the part that says what is wrong.
    template = "error_part.html" if request.headers.get("hx-request") else "error.html"
    answer = render(request, template, status, **values)
    if status in (408, 413):
        # The rest of what is sent is not read.
        answer.headers["connection"] = "close"
    return answer


async def of_status(request: Request, error: Exception) -> Response:
    """Return the page about a status that starlette raises: no such page, no such method."""
    assert isinstance(error, HTTPException)
    texts.choose(request.headers.get("accept-language", ""), request.app.state.translations)
    answer = page(request, error.status_code)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


def of_helper(request: Request, error: HelperError) -> Response:
    """Return the page about what the helper answered instead of a result."""
    status = _STATUS.get(error.kind, 500)
    if status == 500:
        return page(request, 500)
    hint = error.hint
    if error.kind == client.UNAVAILABLE:
        hint = _("Its service smanager-helper seems not to run. Start it, then load this page again.")
    message = "; ".join([_(error.message), *error.fields.values()])
    answer = page(request, status, message=message, place=error.place, hint=_(hint))
    if status in (429, 503):
        answer.headers["retry-after"] = str(retry_after(error))
    return answer


def retry_after(error: HelperError) -> int:
    """Return when the next try is allowed, in seconds."""
    try:
        return max(1, round(float(error.more.get("retry_after") or 5)))
    except (TypeError, ValueError):
        return 5


def to_login(request: Request, *, is_new: bool = False) -> Response:
    """Return the way to the login form, for a request without a session.

    What was posted is carried by the form and is there again after the login, but for what is secret.

    :param is_new: whether the login form itself was posted, with a token that is too old.
    """
    if request.headers.get("hx-request"):
        # A fragment is no place for a login form: the whole page goes there.
        return Response(status_code=401, headers={"hx-redirect": url("/login")})
    if request.method == "POST" and not is_new:
        carried = json.dumps(visit_of(request).posted.carried())
        return login_form(request, next_page=_asked(request), carried=carried, notice=_("Your session has ended."))
    if is_new:
        given = visit_of(request).posted
        notice = _("This form was too old. Enter the password again.")
        next_page, carried, account = given.get("next"), given.get("carried"), given.get("account")
        return login_form(request, next_page=next_page, carried=carried, account=account, notice=notice)
    asked = _asked(request)
    return RedirectResponse(url("/login", next=asked if asked != url("/") else None), 303)


def _asked(request: Request) -> str:
    """Return the address that was asked for, as it was written."""
    path, query = request.scope["raw_path"], request.scope["query_string"]
    return f"{path.decode('latin-1')}?{query.decode('latin-1')}" if query else path.decode("latin-1")


def login_form(
    request: Request,
    *,
    status: int = 200,
    next_page: str = "",
    carried: str = "",
    account: str = "",
    notice: str = "",
    error: str = "",
) -> Response:
    """Return the login form, with a token of its own in a cookie of its own.

    :param carried: JSON of the values that were posted when the session had ended.
    """
    token = cookie_of(request, LOGIN_COOKIE)
    if not (20 <= len(token) <= 100 and token.isascii() and token.isalnum()):
        token = secrets.token_hex(24)
    request.state.visit = Visit(request.app.state.helper, token=token)
    values = {"next_page": next_page, "carried": carried, "account": account, "notice": notice, "error": error}
    answer = render(request, "login.html", status, **values)
    set_cookie(answer, LOGIN_COOKIE, token)
    return answer


def set_cookie(answer: Response, name: str, token: str) -> None:
    """Put a token into a cookie that ends with the browser; an empty one removes it."""
    answer.set_cookie(
        name, token, max_age=None if token else 0, path="/", secure=True, httponly=True, samesite="strict"
    )
