"""Running compiled Jinja2 fragments without Jinja2, which takes longer to import than an event takes.

What a compiled fragment needs of Jinja2 when it runs is little, and for most fragments that is here. Anything else
raises :class:`NotQuickError`, and so does what ends in a message: Jinja2 itself then runs the fragment again from its
beginning (:mod:`esmith.fragments.runner`). So what is given here is what Jinja2 gives, and messages are
those of Jinja2. The functions for filters and tests are in :mod:`esmith.fragments.quick_filters`.
"""

from __future__ import annotations

import builtins

from esmith.fragments.quick_values import (
    ABSENT,
    MISSING,
    Context,
    LoopContext,
    Macro,
    Namespace,
    Nothing,
    QuickMissing,
    refuse,
)
from esmith.fragments.records import OTHER, Databases, Missing, Records, attribute_of, entry_of, require_printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType
    from typing import Any

#: The variables that Jinja2 itself has besides those of the engine, and what is here of them.
GLOBALS: dict[str, Any] = {
    "range": range,
    "dict": dict,
    "namespace": Namespace,
    "lipsum": ABSENT,
    "cycler": ABSENT,
    "joiner": ABSENT,
}


def _identity(value: Any) -> Any:
    return value


#: What that code imports from ``jinja2.runtime``. What is not listed is absent.
_RUNTIME: dict[str, Any] = {
    "LoopContext": LoopContext,
    "Macro": Macro,
    "Namespace": Namespace,
    "Undefined": Nothing,
    "TemplateRuntimeError": refuse,
    "TemplateNotFound": refuse,
    "identity": _identity,
    "internalcode": _identity,
    "missing": MISSING,
    "str_join": lambda parts: "".join(map(str, parts)),
}


class _Runtime:
    """Stands for the module ``jinja2.runtime``."""

    def __getattr__(self, name: str) -> Any:
        return _RUNTIME.get(name, ABSENT)


def _import(name: str, *_given: object, **_named: object) -> Any:
    """Import what compiled fragments import, and nothing else."""
    return _Runtime() if name == "jinja2.runtime" else refuse()


_BUILTINS = vars(builtins) | {"__import__": _import}


class QuickEngine:
    """Runs compiled fragments. For these it is what they know as their environment.

    :param records: the databases; their notes are those of the template that is expanded.
    :param functions: the helper functions.
    :param filters: the filters of the engine.
    """

    undefined = QuickMissing
    concat = "".join
    is_async = sandboxed = autoescape = False

    def __init__(
        self, records: Records, functions: dict[str, Callable[..., Any]], filters: dict[str, Callable[..., Any]]
    ) -> None:
        from esmith.fragments.quick_filters import TESTS, filters_with

        self.records = records
        self.globals = GLOBALS | functions | {"db": Databases(records)}
        self.filters = filters_with(self, filters)
        self.tests = TESTS
        self._roots: dict[CodeType, Callable[[Context], Iterable[str]]] = {}

    def run(self, code: CodeType, variables: dict[str, Any]) -> str:
        """Return what a fragment gives.

        :param code: the compiled fragment.
        :param variables: variables besides the records.
        :raises NotQuickError: when it has to be run by Jinja2. Other exceptions mean the same
            (:data:`esmith.fragments.quick_values.FAILURES`).
        """
        root = self._roots.get(code)
        if root is None:
            names: dict[str, Any] = {"environment": self, "__builtins__": _BUILTINS}
            exec(code, names)
            root = self._roots[code] = names["root"]
        return "".join(root(Context(self.records, self.globals | variables)))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return ``obj.attribute``."""
        found = attribute_of(obj, attribute)
        if found is not OTHER:
            return found
        try:
            return getattr(obj, attribute)
        except AttributeError:
            pass
        try:
            return obj[attribute]
        except (TypeError, LookupError, AttributeError):
            return QuickMissing()

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return ``obj[argument]``."""
        found = entry_of(obj, argument)
        if found is not OTHER:
            return found
        try:
            return obj[argument]
        except (AttributeError, TypeError, LookupError):
            return getattr(obj, argument, QuickMissing()) if isinstance(argument, str) else QuickMissing()

    @staticmethod
    def finalize(value: Any) -> Any:
        """Return a value to print."""
        if not isinstance(value, Missing | Nothing):
            require_printable(value)
        return value


def use(records: Records) -> None:
    """Have what is missing be as fragments that are run here need it."""
    records.missing = QuickMissing
