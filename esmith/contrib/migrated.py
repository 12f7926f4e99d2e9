"""What a contrib's migrate fragments do to the databases, as far as their text shows it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from esmith.contrib.staged import CONFIGURATION
from esmith.errors import EsmithError, TemplateError
from esmith.fragments.perl.migrations import PerlMigrations
from esmith.schema.initialize import initialize_databases
from esmith.schema.load import Schema
from esmith.store.model import Author

if TYPE_CHECKING:
    from esmith.contrib.place import Contrib
    from esmith.contrib.staged import StagedLayout
    from esmith.store.protocol import Store, Transaction

#: The type of a record whose migrate fragment computes it; which it is matters to nothing here.
_SOME_TYPE = "service"
#: A record that is made, or its type or value that is set. Each ends before the type, if that can be read.
_SETS_TYPE = re.compile(
    r"(?:->\s*(?:new_record|set_value|set_prop|merge_props|reset_props)\b|\bdb_(?:new_record|set|set_type|set_prop)\b"
    r"|\b(?:config|db\s+\S+)['\"]?\s*,?\s*['\"]?(?:set|setdefault|settype)\b|\$\w+\s*\{[^}]*\}\s*(?:\|\||//)?=(?![=~]))"
)
_TYPE = re.compile(r"\btype['\"]?\s*(?:=>|,)\s*['\"]([\w-]+)['\"]")


def _is_named(text: str, word: str) -> bool:
    """Return whether a text has a word in it: between quotes, in a list of words, or as the key of a hash."""
    return re.search(rf"(?<![\w$@%-]){re.escape(word)}(?![\w-])", text) is not None


def migrated_type(contrib: Contrib, database: str, key: str) -> str | None:
    """Return the type that a migrate fragment of a contrib seems to give a record, None when none does.

    The fragment names the record, and makes one or sets a type: no more is read of it. ``$DB`` is the database
    ``configuration``, whichever is migrated; another one is opened by its name.
    """
    for path in contrib.files(f"{CONFIGURATION}/db"):
        own, _, rest = path.removeprefix(f"{CONFIGURATION}/db/").partition("/")
        if not rest.startswith("migrate/") or not contrib.is_file(path):
            continue
        text = contrib.read(path).decode("utf-8", "replace")
        text = re.sub(r"^\s*#.*", "", text, flags=re.MULTILINE)
        reaches = database in (own, "configuration") or _is_named(text, database)
        if reaches and _is_named(text, key) and _SETS_TYPE.search(text):
            found = _TYPE.search(text)
            return found[1] if found else _SOME_TYPE
    return None


class ReadMigrations:
    """Sets the types that migrate fragments seem to set, and runs none of the contrib's."""

    def __init__(self, contrib: Contrib, layout: StagedLayout) -> None:
        self._contrib = contrib
        self._layout = layout
        self._own = PerlMigrations(layout)

    def run(self, transaction: Transaction, database: str, paths: list[str]) -> tuple[list[str], list[TemplateError]]:
        """Run the fragments that are not the contrib's; in the place of its own set types.

        :return: warnings, and the faults: also those of the contrib's fragments that certainly fail.
        """
        with self._own as others:
            rest, faults = [], []
            for path in paths:
                inside = self._layout.inside(path)
                fault = self._contrib.faults.get(inside)
                if fault is not None:
                    faults.append(TemplateError(fault.message, place=f"{path}:{fault.line}" if fault.line else path))
                elif not os.path.lexists(self._contrib.own.under(inside)):
                    rest.append(path)
            warnings, more = others.run(transaction, database, rest) if rest else ([], [])
            return warnings, [*faults, *more]


def bring_up_to_date(contrib: Contrib, layout: StagedLayout, store: Store, *, runs: bool) -> list[EsmithError]:
    """Bring the copy of the databases up to date, as ``esmith initialize-databases`` would the real ones.

    :param runs: whether the contrib's migrate fragments are run.
    :return: what that command would leave out.
    :raises EsmithError: when it would fail.
    """
    author = Author.current(["esmith", "contrib", "check"])
    if not runs:
        return initialize_databases(store, Schema(layout), layout, author, ReadMigrations(contrib, layout)).faults
    with PerlMigrations(layout) as migrations:
        done = initialize_databases(store, Schema(layout), layout, author, migrations)
    _note_skipped(contrib, layout, done.warnings)
    return done.faults


def _note_skipped(contrib: Contrib, layout: StagedLayout, warnings: list[str]) -> None:
    for warning in map(layout.named, warnings):
        place, _, message = warning.partition(": ")
        if os.path.lexists(contrib.own.under(place)) and message:
            contrib.note(place, message)
