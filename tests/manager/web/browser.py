"""A browser without a screen: it asks the application in process, keeps cookies, and takes forms from pages."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Coroutine, Mapping, Sequence
from gettext import NullTranslations
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlencode, urlsplit

from esmith.manager.web.addresses import BASE
from esmith.manager.web.app import create_app
from esmith.manager.web.visit import COOKIE, csrf_of
from tests.manager.fake_helper import SESSION, FakeHelper

T = TypeVar("T")
Pairs = Mapping[str, str] | Sequence[tuple[str, str]]
_HOST = "server.example.com"


class Page(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    text: str
    cookies: list[str]

    @property
    def location(self) -> str:
        """Where it leads."""
        return self.headers.get("location", "")

    @property
    def words(self) -> str:
        """The text that a reader sees, in one line."""
        bare = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", self.text, flags=re.DOTALL)
        return " ".join(html.unescape(bare).split())


class Browser:
    """Asks an application that has a fake helper; both run in a loop of its own.

    :param answers: of the fake helper.
    """

    def __init__(
        self, folder: Path, answers: dict[str, Any], translations: Mapping[str, NullTranslations] | None = None
    ) -> None:
        self.loop = asyncio.new_event_loop()
        self.helper = FakeHelper(folder, answers)
        self.run(self.helper.start())
        self.app = create_app(self.helper.path, translations=translations)
        self.cookies = {COOKIE: SESSION}

    def close(self) -> None:
        """Stop both."""
        self.run(self.helper.stop())
        self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something in the loop of the application."""
        return self.loop.run_until_complete(coroutine)

    @property
    def csrf(self) -> str:
        """The token of the forms of this session."""
        return csrf_of(self.cookies.get(COOKIE, ""))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Page:
        """Ask for a page; the path is below the base."""
        return self.ask("GET", BASE + path, b"", dict(headers or {}))

    def post(self, path: str, values: Pairs = (), headers: Mapping[str, str] | None = None, csrf: str = "yes") -> Page:
        """Post values as a form of our page does.

        :param csrf: the token; the right one unless it is given.
        """
        pairs = list(values.items()) if isinstance(values, Mapping) else list(values)
        pairs.append(("csrf", self.csrf if csrf == "yes" else csrf))
        sent = {"content-type": "application/x-www-form-urlencoded", "origin": f"https://{_HOST}"}
        sent |= {"sec-fetch-site": "same-origin", **(headers or {})}
        return self.ask("POST", BASE + path, urlencode(pairs, errors="surrogatepass").encode(), sent)

    def ask(self, method: str, address: str, body: bytes, headers: dict[str, str], **scope: Any) -> Page:
        """Ask for an address as it is."""
        page = self.run(self._ask(method, address, body, headers, scope))
        for cookie in page.cookies:
            name, _equals, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return page

    async def _ask(self, method: str, address: str, body: bytes, headers: dict[str, str], more: dict[str, Any]) -> Page:
        parts = urlsplit(address)
        sent = {"host": _HOST, "cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items()), **headers}
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
        }
        scope |= {"query_string": parts.query.encode(), "scheme": "https", "server": (_HOST, 443), "root_path": ""}
        scope |= {"http_version": "1.1", "asgi": {"version": "3.0"}, "client": ("192.0.2.7", 4711), **more}
        scope["headers"] = [(n.lower().encode(), v.encode("latin-1")) for n, v in sent.items() if v]
        chunks = [body[at : at + 60000] for at in range(0, len(body), 60000)] or [b""]
        messages: list[Any] = []

        async def receive() -> dict[str, Any]:
            if chunks:
                return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}
            await asyncio.sleep(3600)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        raw = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in messages[0]["headers"]]
        text = b"".join(message.get("body", b"") for message in messages[1:]).decode()
        return Page(messages[0]["status"], dict(raw), text, [value for name, value in raw if name == "set-cookie"])
