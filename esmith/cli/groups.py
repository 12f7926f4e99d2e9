"""Groups of commands whose help page has a whole sentence for each of them, below headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module

import click

from esmith.names import nearest

_END = re.compile(r"(?<=[.:])\s+(?=[A-Z])")


class Sentences(click.Group):
    """A group of commands. Its help page shows the first sentence of the help of each, however long it is."""

    #: The headings in the order of the help page, each with the names of commands; some may not exist.
    headings: dict[str, tuple[str, ...]] = {}
    #: The heading of those that none names.
    others = "Commands"

    def below_headings(self, ctx: click.Context) -> Iterator[tuple[str, list[str]]]:
        """Yield the headings with the names of their commands; those that none names stand at the end."""
        names = self.list_commands(ctx)
        named = {name for below in self.headings.values() for name in below}
        for heading, below in [
            *self.headings.items(),
            (self.others, tuple(name for name in names if name not in named)),
        ]:
            if found := [name for name in below if name in names]:
                yield heading, found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name; of a misspelt name the error says which is close to it."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and (close := nearest(args[0], names)):
            ctx.fail(f"No such command {args[0]!r}; did you mean {close!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands to a help page."""
        width = max((len(name) for name in self.list_commands(ctx)), default=0)
        for heading, names in self.below_headings(ctx):
            commands = [(name, self.get_command(ctx, name)) for name in names]
            rows = [(f"{name:<{width}}", first_of(command.help or "")) for name, command in commands if command]
            with formatter.section(heading):
                formatter.write_dl(rows)


class Imported(Sentences):
    """A group that imports a subcommand when it is used: all of them take longer to import than most take to run."""

    #: The subcommands in the order of ``--help``, each with its module in this package. There the function for ``NAME``
    #: is ``NAME_command``.
    modules: dict[str, str] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        """Return the names of the subcommands, in the order of ``--help``."""
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Return a subcommand, None when there is none of that name."""
        if cmd_name not in self.modules:
            return None
        module = import_module(f"esmith.cli.{self.modules[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command


def first_of(help: str) -> str:
    """Return the first sentence of a help."""
    sentence = _END.split(" ".join(help.partition("\n\n")[0].split()), maxsplit=1)[0]
    return re.sub(r":$", ".", sentence)
