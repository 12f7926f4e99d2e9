"""Where the wiki page "Email" of SME Server is about a setting (docs/page.md).

``page.toml`` beside this module has the blocks of the page for each setting that is changed there. It is made from the
transcripts of the page and the table in docs/page.md: ``python -m tests.explain.page_table``; a test compares.
"""

from __future__ import annotations

import os
from functools import cache

from esmith.errors import SchemaError
from esmith.tables import TomlFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def mentions(database: str, key: str, prop: str) -> list[dict[str, Any]]:
    """Return the blocks of the page that change a setting, in the order of the page.

    :param prop: "" for a record without properties.
    """
    blocks, settings = _table()
    names = settings.get(" ".join(filter(None, (database, key, prop))), [])
    return [{"block": name, "line": blocks[name]["line"], "about": blocks[name]["about"]} for name in names]


@cache
def _table() -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    data = TomlFile(os.path.join(os.path.dirname(__file__), "page.toml"), SchemaError).data
    return data["blocks"], data["settings"]
