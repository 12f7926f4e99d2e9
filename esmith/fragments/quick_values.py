"""What stands for the values of Jinja2 where fragments are run without it (:mod:`esmith.fragments.quick`)."""

from __future__ import annotations

from esmith.fragments.records import Missing, MissingValueError, Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, NoReturn, Self

    from esmith.fragments.records import Hint


class NotQuickError(Exception):
    """A fragment has to be run by Jinja2."""


#: What a fragment may raise when it has to be run by Jinja2, or is wrong.
FAILURES = (
    NotQuickError,
    MissingValueError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NameError,
    TypeError,
    ValueError,
    RuntimeError,
    MemoryError,
    OSError,
)

#: The operations that only Jinja2 knows the outcome of, as Python names them.
_OPERATIONS = (
    *("add", "radd", "sub", "rsub", "mul", "rmul", "matmul", "rmatmul", "truediv", "rtruediv", "floordiv", "rfloordiv"),
    *("mod", "rmod", "pow", "rpow", "divmod", "rdivmod", "neg", "pos", "abs", "invert", "and", "rand"),
    *("or", "ror", "xor", "rxor", "lshift", "rshift", "lt", "le", "gt", "ge", "int", "float"),
    *("complex", "index", "round", "call", "getitem", "iter", "next", "len", "contains", "str", "repr", "format"),
    *("bool", "eq", "ne", "hash", "html"),
)


def refuse(*_given: object, **_named: object) -> NoReturn:
    """Refuse to go on without Jinja2.

    :raises NotQuickError: always.
    """
    raise NotQuickError


def _refusing(kind: Any) -> Any:
    """Have a class refuse every operation that it does not have itself."""
    for operation in _OPERATIONS:
        if f"__{operation}__" not in kind.__dict__:
            setattr(kind, f"__{operation}__", refuse)
    return kind


@_refusing
class Absent:
    """Stands for what Jinja2 has and is not here."""

    def __getattr__(self, name: str) -> NoReturn:
        refuse()


ABSENT = Absent()
#: Stands for a variable that was not set, in the code that Jinja2 makes.
MISSING = object()


@_refusing
class Nothing:
    """What an inline ``if`` without ``else`` gives: it is false and prints nothing."""

    def __init__(self, *_message: object) -> None:
        """Jinja2 says what is wrong with it."""

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return ""


@_refusing
class Lazy:
    """The items that a filter gives one after the other; nobody can see what it is otherwise."""

    #: Python asks for the length of what it makes a list of, and takes this for an answer.
    __len__ = None

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return self._items

    def __next__(self) -> Any:
        return next(self._items)


@_refusing
class QuickMissing(Missing):
    """What is missing: it may be tested, compared and defaulted."""

    def __init__(self, *_given: object, **_named: object) -> None:
        """Jinja2 says what is missing."""

    @classmethod
    def value(
        cls, _message: str, _hint: Hint = "", parent: Records | None = None, place: tuple[str, str] = ("", ""), /
    ) -> Missing:
        """Return a missing value, see :class:`~esmith.fragments.records.Missing`; Jinja2 says what is missing."""
        made = cls()
        made._parent, made._place = parent, place
        return made

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __ne__(self, other: object) -> bool:
        return type(self) is not type(other)

    def __hash__(self) -> int:
        return id(type(self))


class _Evaluation:
    """What the code of a fragment asks about how it is evaluated."""

    autoescape = volatile = False


class Context:
    """The variables of one run of a fragment.

    :param records: where every name that is none is looked up.
    :param variables: those that are given.
    """

    eval_ctx = _Evaluation()

    def __init__(self, records: Records, variables: dict[str, Any]) -> None:
        self._records = records
        self._given = variables
        self.vars: dict[str, Any] = {}
        self.exported_vars: set[str] = set()

    def resolve_or_missing(self, key: str) -> Any:
        """Return a variable, else the configuration record of that name."""
        self._records.notes.names.add(key)
        for variables in (self.vars, self._given):
            if key in variables:
                return variables[key]
        return self._records.variable(key)

    def call(self, function: Any, /, *given: Any, **named: Any) -> Any:
        """Call something."""
        if hasattr(function, "jinja_pass_arg") or not callable(function):
            refuse()
        named.pop("_block_vars", None)
        named.pop("_loop_vars", None)
        try:
            return function(*given, **named)
        except StopIteration:
            refuse()


class Namespace:
    """The variable that ``namespace()`` makes, whose attributes fragments set."""

    def __init__(self, *given: Any, **named: Any) -> None:
        object.__setattr__(self, "_values", dict(*given, **named))

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return Namespace
        try:
            return object.__getattribute__(self, "_values")[name]
        except KeyError:
            raise NotQuickError from None

    def __setitem__(self, name: str, value: Any) -> None:
        object.__getattribute__(self, "_values")[name] = value


class Macro:
    """A macro of a fragment that takes nothing but the arguments it names."""

    def __init__(
        self, _environment: object, function: Callable[..., str], _name: str, arguments: tuple[str, ...], *others: bool
    ) -> None:
        if any(others):
            refuse()
        self._function = function
        self._arguments = arguments

    def __call__(self, *given: Any, **named: Any) -> str:
        """Return what the macro gives."""
        if len(given) > len(self._arguments):
            refuse()
        rest = self._arguments[len(given) :]
        if not set(rest).issuperset(named):
            refuse()
        return self._function(*given, *(named.get(name, MISSING) for name in rest))


class LoopContext:
    """The variable ``loop``: where a loop stands."""

    def __init__(self, iterable: Iterable[Any], _undefined: object, *others: object) -> None:
        if others:
            refuse()
        self._iterator = iter(iterable)
        self.index0 = -1

    @property
    def index(self) -> int:
        """The number of the turn, from 1."""
        return self.index0 + 1

    @property
    def first(self) -> bool:
        """Whether it is the first turn."""
        return self.index0 == 0

    def __getattr__(self, name: str) -> NoReturn:
        refuse()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[Any, LoopContext]:
        found = next(self._iterator)
        self.index0 += 1
        return found, self
