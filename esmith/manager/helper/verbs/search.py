"""The verb that finds pages, fields, settings and files."""

from __future__ import annotations

from typing import Any

from esmith.manager.helper import arguments
from esmith.manager.helper.context import Context, Verb
from esmith.manager.helper.looks.index import Index
from esmith.manager.helper.opened import opened
from esmith.schema.load import Schema
from esmith.schema.remembered import RememberedFiles

_MOST = 50
_LONGEST_QUERY, _MOST_WORDS = 200, 8


def search(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return what a text finds: in labels, names, help, words of the manual, and names of generated files.

    Argument: ``query``, of which all words must fit; more than the first eight do not count.

    :return: ``results``, the best first: ``kind`` (panel, field, record of a list, setting or file), ``title``,
        ``detail``, and where it leads: ``panel`` with ``section``, ``field`` or ``key``, or ``database`` and ``key``;
        what does not apply is "".
    """
    asked = arguments.take(data, {"query": arguments.line(_LONGEST_QUERY)})
    words = asked["query"].lower().split()[:_MOST_WORDS]
    if not words:
        return {"results": []}
    with opened(context.layout) as snapshot:
        schema = Schema(context.layout, RememberedFiles(snapshot))
        found = Index(context.layout, snapshot, schema).search(words, _MOST)
    return {"results": [one.data() for one in found]}


VERBS: dict[str, Verb] = {"search": search}
