"""The verbs that show what was changed: revisions of the settings, and generations of the files."""

from __future__ import annotations

from typing import Any

from esmith.apply.generations import list_generations
from esmith.manager.helper import arguments
from esmith.manager.helper.context import Context, Verb, not_found
from esmith.manager.helper.looks.installs import install_data
from esmith.manager.helper.looks.journal import Query, page_of
from esmith.manager.helper.opened import opened
from esmith.schema.load import Schema
from esmith.schema.masking import SHOWN_CHANGES, Masking
from esmith.schema.remembered import RememberedFiles
from esmith.status.generations import generation_data

_MOST_REVISIONS = 100
_MOST_CHANGES = 1000
_LONGEST_QUERY = 200
#: Of one install more files would hide the next one.
_SHOWN_FILES = 20


_HISTORY = {
    "before": arguments.or_none(arguments.number),
    "query": arguments.or_none(arguments.line(_LONGEST_QUERY)),
    "size": arguments.or_none(arguments.count(1, _MOST_REVISIONS)),
    "changes": arguments.or_none(arguments.count(0, _MOST_CHANGES)),
    "fold": arguments.or_none(arguments.flag),
}


def history(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return a page of the journal, the newest revision first.

    Arguments: ``before`` (a revision; only older ones), ``query`` (:class:`Query`), ``size`` (how many revisions),
    ``changes`` (how many changes of each), ``fold`` (whether what actions of a job have changed is in ``folded`` of the
    revision that the job was for, the oldest first).

    :return: ``revisions``, each with ``more`` changes than are shown, and ``next``, the ``before`` of the next page.
    """
    asked = arguments.take(data, {}, _HISTORY)
    query = Query.of(asked["query"] or "")
    size = asked["size"] or 20
    shown = SHOWN_CHANGES if asked["changes"] is None else asked["changes"]
    folds = bool(asked["fold"])
    with opened(context.layout) as snapshot:
        masking = Masking(Schema(context.layout, RememberedFiles(snapshot)), snapshot)
        page = page_of(snapshot, masking, query, before=asked["before"] or None, size=size, shown=shown, folds=folds)
    return {"revisions": page.revisions, "next": page.next}


def generations(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return the installs that are kept, the newest first, each with its first files and how many it has."""
    arguments.take(data, {})
    with opened(context.layout) as snapshot:
        found = [generation_data(generation) for generation in list_generations(snapshot)]
    for one in found:
        one["count"] = len(one["files"])
        one["files"] = one["files"][:_SHOWN_FILES]
    return {"generations": found}


def generation(context: Context, data: dict[str, Any]) -> dict[str, Any]:
    """Return one install: what it changed in each file, and what it would mean to go back to it.

    Argument: ``number``.
    """
    number = arguments.take(data, {"number": arguments.count(1)})["number"]
    with opened(context.layout) as snapshot:
        if all(one.number != number for one in list_generations(snapshot)):
            raise not_found(f"there is no generation {number}")
        return install_data(context.layout, snapshot, number)


VERBS: dict[str, Verb] = {"history": history, "generations": generations, "generation": generation}
