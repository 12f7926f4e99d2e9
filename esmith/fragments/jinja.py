"""Running Jinja2 fragments: whatever goes wrong becomes an error with fragment and line."""

from __future__ import annotations

from functools import wraps

import jinja2
from jinja2.filters import do_random
from jinja2.runtime import Context, Undefined
from jinja2.utils import generate_lorem_ipsum, missing

from esmith.errors import TemplateError
from esmith.fragments.helpers import FILTERS
from esmith.fragments.records import (
    OTHER,
    Databases,
    Missing,
    MissingValueError,
    Records,
    attribute_of,
    entry_of,
    require_printable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any, NoReturn

    from esmith.fragments.compiled import CompiledFragments
    from esmith.fragments.records import Hint


class JinjaMissing(Missing, Undefined):
    """What is missing, as Jinja2 has it: anything else than to test, compare and default it raises an error."""

    @classmethod
    def value(
        cls, message: str, hint: Hint = "", parent: Records | None = None, place: tuple[str, str] = ("", ""), /
    ) -> Missing:
        """Return a missing value, see :class:`~esmith.fragments.records.Missing`."""

        def exception(text: str | None) -> MissingValueError:
            return MissingValueError(text or message, hint if isinstance(hint, str) else hint())

        made = cls(hint=message, exc=exception)  # type: ignore[arg-type]
        made._parent, made._place = parent, place
        return made

    def __str__(self) -> str:
        return str(self._fail_with_undefined_error())

    def __iter__(self) -> NoReturn:
        raise self._fail_with_undefined_error()

    def __len__(self) -> NoReturn:
        raise self._fail_with_undefined_error()


class _RecordContext(Context):
    """Looks up every name that is no variable of the fragment among the configuration records."""

    def resolve_or_missing(self, key: str) -> Any:
        found = super().resolve_or_missing(key)
        if isinstance(self.environment, Engine):
            records = self.environment.records
            records.notes.names.add(key)
            if found is missing:
                return records.variable(key)
        return found


class Engine(jinja2.Environment):
    """Jinja2 as fragments know it, for the templates of one plan. A fragment is compiled once.

    :param records: the databases; their notes are those of the template that is expanded.
    :param functions: the helper functions.
    :param kept: the fragments that are compiled already; None for none.
    """

    context_class = _RecordContext

    def __init__(
        self, records: Records, functions: dict[str, Callable[..., Any]], kept: CompiledFragments | None = None
    ) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            undefined=JinjaMissing,
            finalize=_printable,
            cache_size=0,
        )
        self.records = records
        self.kept = kept
        self._compiled: dict[tuple[str, str], jinja2.Template] = {}
        self._depth = 0
        self.globals |= functions
        self.globals["db"] = Databases(records)
        self.filters |= FILTERS | {"random": _chance(records, do_random)}
        self.globals["lipsum"] = _chance(records, generate_lorem_ipsum)
        self._all_globals = dict(self.globals)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return ``obj.attribute``: a record's property, a database's record."""
        found = attribute_of(obj, attribute)
        return super().getattr(obj, attribute) if found is OTHER else found

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return ``obj[argument]``, which is the same, for names that are no identifiers."""
        found = entry_of(obj, argument)
        return super().getitem(obj, argument) if found is OTHER else found

    def expand(self, text: str, path: str, output: str, variables: dict[str, Any]) -> str:
        """Return what a fragment gives.

        :param text: the fragment.
        :param path: its path, for messages.
        :param output: the output it is for, for messages.
        :param variables: variables besides the records.
        :raises TemplateError: when it is wrong, or uses something that does not exist.
        """
        self._depth += 1
        try:
            template = self._compiled.get((path, text))
            if template is None:
                code = self.code_of(text, path, output)
                # A plain dictionary: what Jinja2 makes of two is read key by key for each output.
                template = jinja2.Template.from_code(self, code, self._all_globals)
                self._compiled[path, text] = template
            return template.render(variables)
        except TemplateError as error:
            if error.place:
                raise  # of another template, expanded inside this one
            place = f"{path}:{_line(error, path)}"
            raise TemplateError(f"{error.message} ({_for(output)})", place=place, hint=error.hint) from error
        except _MISTAKES as error:
            if isinstance(error, RecursionError) and self._depth > 1 and not _line(error, path):
                raise  # too deep to begin with this fragment: the line that asked for it is known further out
            raise _template_error(error, path, output) from error
        finally:
            self._depth -= 1

    def code_of(self, text: str, path: str, output: str) -> CodeType:
        """Return a fragment compiled; nothing of it is run.

        :param text: the fragment.
        :param path: its path, for messages.
        :param output: the output it is for, for messages.
        :raises TemplateError: when it is wrong.
        """
        try:
            code = self.kept.find(text, path) if self.kept is not None else None
            if code is None:
                code = self.compile(text, filename=path)
                if self.kept is not None:
                    self.kept.note(text, path, code)
            return code
        except jinja2.TemplateSyntaxError as error:
            raise TemplateError(
                error.message or "wrong syntax", place=f"{path}:{error.lineno}", hint=_for(output)
            ) from error
        except SyntaxError as error:
            line = text.count("\n", 0, max(text.find("{%"), 0)) + 1
            message = f"{error.msg}: the blocks that begin here are nested too deeply ({_for(output)})"
            raise TemplateError(message, place=f"{path}:{line}", hint="use fewer levels") from error


def _chance(records: Records, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of Jinja2 that gives something else each time, and notes that."""

    @wraps(function)  # also says that it wants the context, if it does
    def called(*args: Any, **named: Any) -> Any:
        records.notes.repeatable = False
        return function(*args, **named)

    return called


#: What an expression of a fragment may raise. Anything else is a defect of the engine and should be seen as one.
_MISTAKES = (
    jinja2.TemplateError,
    MissingValueError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RuntimeError,
    MemoryError,
    OSError,
)


def _printable(value: Any) -> Any:
    if isinstance(value, jinja2.Undefined):
        return value  # a missing value says so itself; an inline "if" without "else" prints nothing
    require_printable(value)
    return value


def _template_error(error: Exception, path: str, output: str) -> TemplateError:
    hint = error.hint if isinstance(error, MissingValueError) else ""
    line = _line(error, path)
    place = f"{path}:{line}" if line else path
    return TemplateError(f"{error} ({_for(output)})", place=place, hint=hint)


def _for(output: str) -> str:
    return f"for {output}"


def _line(error: Exception, path: str) -> int:
    """Return the line of the fragment where an error arose; Jinja2 puts the fragment's lines into the traceback."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
