"""Commands whose plain arguments are read without click, which takes longer to start than they take to work.

A :class:`Command` says once which options and operands there are, and :func:`esmith.cli.running.run_command` reads the
arguments by it. Where there is a mistake in them, a help page to show, or anything that is not plain, click takes all
of them instead, with the same options (:func:`esmith.cli.program.as_click`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


#: The values of ``--color``, which says when output is coloured.
COLORS = ("auto", "always", "never")


class Option:
    """One option of a command.

    :param names: as they are typed.
    :param place: the name its value has for the command.
    :param help: the line of the help page.
    :param metavar: what stands for its word there; "" for the name of a type, or for a flag.
    :param read: makes the value from its word, and raises ValueError with the message; or the words that it may be.
        None for a flag.
    :param default: the value where it is not given.
    :param repeated: whether it may be given several times; the value is a tuple then.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        place: str,
        help: str,
        *,
        read: Callable[[str], Any] | tuple[str, ...] | None = None,
        default: Any = None,
        metavar: str = "",
        repeated: bool = False,
    ) -> None:
        self.names, self.place, self.help, self.metavar = names, place, help, metavar
        #: The words it may be; none where it may be any.
        self.choices: tuple[str, ...] = read if isinstance(read, tuple) else ()
        self.read: Callable[[str], Any] | None = str if isinstance(read, tuple) else read
        self.default = False if read is None else () if repeated else default
        self.repeated = repeated


class Command:
    """One command.

    :param name: what it is called by, and its messages begin with.
    :param carry_out: does it, with the value of ``--root`` and the other values by their places, and returns the exit
        code.
    :param help: the text of the help page, as click takes it.
    :param options: those besides ``--root`` and ``--trust-owner``, which every command has.
    :param operands: their places. One: it is for one operand or several, among which options may stand. Two: the first
        is for one operand, after which nothing is an option any more, and the second for what follows it, if anything.
    :param mistake: says what is wrong with values that do not go together; "" for nothing.
    :param is_done: says whether there is nothing to do; it is asked before anything is begun.

    ``without_operands`` is the place of a flag with which no operand is given; "" for none.
    """

    without_operands = ""
    #: Whether it takes one operand alone, whose value is that and not a tuple.
    single = False

    def __init__(
        self,
        name: str,
        carry_out: Callable[[str | None, dict[str, Any]], int],
        help: str,
        options: list[Option],
        *,
        operands: tuple[str, ...],
        mistake: Callable[[dict[str, Any]], str] = lambda _values: "",
        is_done: Callable[[str | None, dict[str, Any]], bool] = lambda _root, _values: False,
    ) -> None:
        self.name, self.carry_out, self.help, self.options = name, carry_out, help, options
        self.operands, self.mistake, self.is_done = operands, mistake, is_done

    def read(self, words: list[str]) -> dict[str, Any] | None:
        """Return the values of plain arguments, those of ``root`` and ``trust_owner`` among them; None for any other.

        :param words: the arguments.
        """
        known = {name: option for option in (*COMMON, *self.options) for name in option.names}
        values: dict[str, Any] = {option.place: option.default for option in known.values()}
        operands: list[str] = []
        rest = iter(words)
        for word in rest:
            if not word.startswith("-"):
                operands.append(word)
                if len(self.operands) > 1:
                    operands += rest
                continue
            name, mark, value = word.partition("=")
            option = known.get(name)
            if option is None or (mark and (option.read is None or not name.startswith("--"))):
                return None
            if option.read is None:
                values[option.place] = True
                continue
            value = value if mark else next(rest, "")
            if not value or value.startswith("-") or (option.choices and value not in option.choices):
                return None
            try:
                made = option.read(value)
            except ValueError:
                return None
            values[option.place] = (*values[option.place], made) if option.repeated else made
        if "" in operands or not operands or (self.single and len(operands) > 1):
            return None
        if len(self.operands) > 1:
            values[self.operands[0]] = operands.pop(0)
        values[self.operands[-1]] = operands[0] if self.single else tuple(operands)
        return None if self.mistake(values) else values


#: When the diffs of a command are coloured; click has it from :func:`esmith.cli.program.color_option`.
COLOR_OPTION = Option(
    ("--color",),
    "color",
    "When diffs are coloured: auto is at a terminal only.",
    read=COLORS,
    default="auto",
)


class SingleCommand(Command):
    """A command that takes one operand alone."""

    single = True


#: What every command has; click has them from :func:`esmith.cli.program.root_option`.
COMMON = (Option(("--root",), "root", "", read=str), Option(("--trust-owner",), "trust_owner", ""))
