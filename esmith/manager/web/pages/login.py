"""Logging in and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from esmith.manager import wire
from esmith.manager.web.addresses import inside
from esmith.manager.web.client import HelperError
from esmith.manager.web.error_pages import login_form, retry_after, set_cookie
from esmith.manager.web.pages import Page
from esmith.manager.web.previewing import pairs_of
from esmith.manager.web.rendering import duration, redirect, redirect_to, render
from esmith.manager.web.texts import _
from esmith.manager.web.visit import COOKIE, LOGIN_COOKIE, ask, posted, visit_of


async def show(request: Request) -> Response:
    """Show the login form."""
    return login_form(request, next_page=request.query_params.get("next", ""))


async def log_in(request: Request) -> Response:
    """Log in, and go on to where the browser was going, with what it had posted there."""
    values, visit = posted(request), visit_of(request)
    account, next_page, carried = values.get("account"), values.get("next"), values.get("carried")
    try:
        credentials = {"account": account, "password": values.get("password")}
        session = await visit.helper.ask("login", credentials, "", visit.address)
    except HelperError as error:
        if error.kind not in (wire.LOGIN, wire.LIMITED):
            raise
        text, status = _(error.message), 403
        if error.kind == wire.LIMITED:
            text, status = _("Too many tries. Try again in %s.") % duration(retry_after(error)), 429
        answer = login_form(request, status=status, next_page=next_page, carried=carried, account=account, error=text)
        if status == 429:
            answer.headers["retry-after"] = str(retry_after(error))
        return answer
    visit.token = str(session["session"])
    pairs = pairs_of(carried)
    if pairs:
        answer = render(request, "continue.html", address=inside(next_page), pairs=pairs)
    else:
        answer = redirect_to(next_page)
    set_cookie(answer, COOKIE, visit.token)
    set_cookie(answer, LOGIN_COOKIE, "")
    return answer


async def log_out(request: Request) -> Response:
    """End this session."""
    return await _end(request, "logout", "logged-out")


async def log_out_everywhere(request: Request) -> Response:
    """End all sessions of this account."""
    return await _end(request, "logout-everywhere", "logged-out-everywhere")


async def _end(request: Request, verb: str, done: str) -> Response:
    request.app.state.kept.forget(visit_of(request).token)
    await ask(request, verb)
    answer = redirect("/login", done=done)
    set_cookie(answer, COOKIE, "")
    return answer


ROUTES = [
    Page("/login", show, log_in, is_open=True),
    Page("/logout", post=log_out, is_bare=True),
    Page("/logout-everywhere", post=log_out_everywhere, is_bare=True),
]
