"""The style sheet and the scripts, under names that hold their digest, so that a browser may keep them for long."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from esmith.manager.web.addresses import BASE

_FOLDER = Path(__file__).parent / "static"
_KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_HEADERS = {"cache-control": "public, max-age=31536000, immutable"}


@cache
def _files() -> dict[str, tuple[str, bytes]]:
    """From the name of a file to the name with its digest, and its bytes."""
    found = {}
    for path in sorted(_FOLDER.rglob("*")):
        if path.suffix in _KINDS and path.is_file():
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:16]
            found[path.relative_to(_FOLDER).as_posix()] = (f"{path.stem}.{digest}{path.suffix}", content)
    return found


def load_files() -> None:
    """Read all files, before the rights to read them are given up."""
    _files()


def static_url(name: str) -> str:
    """Return the address of a file of the folder ``static``: ``style.css``, ``vendor/htmx.js``."""
    return f"{BASE}/static/{_files()[name][0]}"


async def answer(request: Request) -> Response:
    """Answer with a file. Names are looked up in a list; no path is made from what was asked for."""
    asked = request.path_params["file"]
    for name, content in _files().values():
        if name == asked:
            return Response(content, headers={**_HEADERS, "content-type": _KINDS[Path(name).suffix]})
    raise HTTPException(404)
