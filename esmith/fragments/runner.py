"""Runs the Jinja2 fragments of one plan: without Jinja2 while that is possible, else with it.

A fragment that was compiled before is run by :mod:`esmith.fragments.quick`. When one is met that was not, that has to
be run by Jinja2, or that is wrong, Jinja2 runs it from its beginning, and all that come after it.
"""

from __future__ import annotations

from esmith.errors import TemplateError
from esmith.fragments.compiled import CompiledFragments
from esmith.fragments.helpers import FILTERS, functions
from esmith.fragments.quick import QuickEngine, use
from esmith.fragments.quick_values import FAILURES, NotQuickError
from esmith.fragments.records import Records
from esmith.schema.defaults import Defaults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    from esmith.fragments.identity import Identities
    from esmith.fragments.jinja import Engine
    from esmith.layout import Layout
    from esmith.store.protocol import Snapshot


class Runner:
    """What runs the Jinja2 fragments of one plan.

    :param layout: the root.
    :param snapshot: the databases.
    :param identities: the users.

    ``records`` are the databases as fragments see them; their notes are those of the template that is expanded.
    """

    def __init__(self, layout: Layout, snapshot: Snapshot, identities: Identities) -> None:
        self.records = Records(snapshot, Defaults(layout))
        self._functions = functions(layout, self.records, identities)
        self._compiled = CompiledFragments(layout)
        self._codes: dict[tuple[str, str], CodeType | None] = {}
        self._whole: Engine | None = None
        self._depth = 0
        use(self.records)
        self._quick = QuickEngine(self.records, self._functions, FILTERS)

    @property
    def engine(self) -> Engine:
        """Jinja2 itself, which runs all fragments from now on."""
        if self._whole is None:
            from esmith.fragments.jinja import Engine, JinjaMissing

            self.records.missing = JinjaMissing
            self._whole = Engine(self.records, self._functions, self._compiled)
            if self._whole.globals.keys() - self._quick.globals.keys():
                # A variable of a newer Jinja2 would be taken for a record.
                self._whole.kept = None
        return self._whole

    def need_jinja(self) -> None:
        """Have Jinja2 run all fragments from now on; also the one that is run now, from its beginning.

        :raises NotQuickError: when one is run now.
        """
        if self._whole is None:
            if self._depth:
                raise NotQuickError
            _ = self.engine

    def expand(self, text: str, path: str, output: str, variables: dict[str, Any]) -> str:
        """Return what a fragment gives, see :meth:`esmith.fragments.jinja.Engine.expand`."""
        if self._whole is None:
            notes = self.records.notes
            warnings = len(notes.warnings)
            self._depth += 1
            try:
                return self._quick.run(self._code(text, path), variables)
            except TemplateError as error:
                if error.place:
                    raise  # of another template, expanded inside this one
                failure: Exception = error
            except FAILURES as error:
                failure = error
            finally:
                self._depth -= 1
            if self._depth:
                raise NotQuickError from failure
            self.records.notes = notes
            del notes.warnings[warnings:]
        return self.engine.expand(text, path, output, variables)

    def _code(self, text: str, path: str) -> CodeType:
        place = path, text
        if place not in self._codes:
            self._codes[place] = self._compiled.find(text, path)
        code = self._codes[place]
        if code is None:
            raise NotQuickError
        return code
