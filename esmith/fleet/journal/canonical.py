"""The one way to write JSON: what is signed and hashed has to be the same bytes wherever it is made."""

from __future__ import annotations

import json

from esmith.fleet.journal.errors import RowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def canonical(data: Any) -> bytes:
    """Return data as JSON: keys sorted, no blanks, UTF-8.

    :raises RowError: for what cannot be written so: half of a surrogate pair, an endless number, too deep a nesting.
    """
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError, TypeError):
        raise RowError("it has what no row can hold") from None


def parse(body: bytes) -> Any:
    """Return what JSON holds, in whatever way it is written.

    :raises RowError: when it is not JSON in UTF-8.
    """
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        raise RowError("it is not JSON in UTF-8") from None
