"""The application: from a request to a page, with what is checked before any page is asked."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from gettext import NullTranslations
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from esmith.manager import wire
from esmith.manager.web import error_pages, static_files, texts
from esmith.manager.web.addresses import BASE
from esmith.manager.web.client import Helper, HelperError
from esmith.manager.web.guard import Guard, client_address, is_from_our_page, is_read_by_a_script
from esmith.manager.web.kept import Kept
from esmith.manager.web.pages import Handler, Page, all_pages
from esmith.manager.web.posted import PostError, read_form
from esmith.manager.web.visit import COOKIE, LOGIN_COOKIE, Visit, cookie_of, csrf_of

#: How long the navigation is remembered, in seconds: panels change when a contrib is installed.
_NAVIGATION_AGE = 30.0


def create_app(
    socket_path: str, *, translations: Mapping[str, NullTranslations] | None = None, pages: list[Page] | None = None
) -> ASGIApp:
    """Return the application.

    :param socket_path: of the helper.
    :param translations: the languages besides English, by their code.
    :param pages: other pages than those of this package, for tests.
    """
    routes = [
        Route("/", _to_base),
        Route(BASE, _to_base),
        Route(BASE + "/static/{file}", static_files.answer),
    ]
    for page in all_pages() if pages is None else pages:
        methods = [name for name, handler in (("GET", page.get), ("POST", page.post)) if handler]
        routes.append(Route(BASE + page.path, _endpoint(page), methods=methods))
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: error_pages.of_status, 500: _fault},
    )
    # What it would add or take away at the end, it would put behind the name that the browser claims to have asked.
    app.router.redirect_slashes = False
    app.state.helper = Helper(socket_path)
    app.state.translations = dict(translations or {})
    app.state.navigation = {}
    app.state.kept = Kept()
    return Guard(app)


async def _to_base(_request: Request) -> Response:
    return RedirectResponse(BASE + "/", 303)


async def _fault(request: Request, _error: Exception) -> Response:
    # Starlette raises it again, and the server logs it; the browser gets nothing of it.
    return error_pages.page(request, 500)


def _endpoint(page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        texts.choose(request.headers.get("accept-language", ""), request.app.state.translations)
        request.state.visit = visit = Visit(request.app.state.helper, address=client_address(request.scope))
        try:
            if request.method == "POST":
                visit.posted = await read_form(request)
                if not is_from_our_page(request.scope):
                    return error_pages.page(request, 403)
            return await (_answer_open if page.is_open else _answer)(page, request, visit)
        except PostError as error:
            return error_pages.page(request, error.status)
        except HelperError as error:
            if error.kind == wire.NOT_FOUND:
                # A panel of the menu may have gone.
                request.app.state.navigation.clear()
            return error_pages.of_helper(request, error)

    return endpoint


async def _answer(page: Page, request: Request, visit: Visit) -> Response:
    if request.method != "POST" and not page.is_bare and is_read_by_a_script(request.scope):
        return error_pages.page(request, 403)
    visit.token = cookie_of(request, COOKIE)
    if request.method == "POST" and not _is_csrf_good(visit):
        # Without a session there is nothing that a forged request could do, so this one was only late.
        return error_pages.page(request, 403) if visit.token else error_pages.to_login(request)
    try:
        if not visit.token:
            raise HelperError(wire.SESSION, "")
        if not page.asks_first:
            visit.session = await visit.helper.ask("session", {}, visit.token, visit.address)
        if not page.is_bare:
            visit.navigation = await _navigation(request, visit)
        return await _handler(page, request)(request)
    except HelperError as error:
        if error.kind == wire.SESSION:
            return error_pages.to_login(request)
        raise


async def _answer_open(page: Page, request: Request, visit: Visit) -> Response:
    visit.token = cookie_of(request, LOGIN_COOKIE)
    if request.method == "POST" and not _is_csrf_good(visit):
        return error_pages.to_login(request, is_new=True)
    return await _handler(page, request)(request)


def _handler(page: Page, request: Request) -> Handler:
    handler = page.post if request.method == "POST" else page.get
    assert handler is not None
    return handler


def _is_csrf_good(visit: Visit) -> bool:
    given = visit.posted.get("csrf").encode("utf-8", "replace")
    return bool(visit.token) and hmac.compare_digest(given, csrf_of(visit.token).encode())


async def _navigation(request: Request, visit: Visit) -> dict[str, Any]:
    """Return the navigation of a session, at most half a minute old."""
    remembered: dict[str, tuple[float, asyncio.Future[Any]]] = request.app.state.navigation
    # Of a session: one that has ended must not answer for another one that asks at the same time.
    whose, now = visit.csrf, time.monotonic()
    at, future = remembered.get(whose, (0.0, None))
    if future is None or now - at > _NAVIGATION_AGE or (future.done() and (future.cancelled() or future.exception())):
        if len(remembered) > 100:
            remembered.clear()
        future = asyncio.ensure_future(visit.helper.ask("navigation", {}, visit.token, visit.address))
        remembered[whose] = (now, future)
    navigation = await asyncio.shield(future)
    return navigation if isinstance(navigation, dict) else {}
