"""The options that choose in which layer of a fleet a command writes (docs/fleet.md#groups-and-layers).

Only they lead here: a plain ``setprop`` imports nothing of this.
"""

from __future__ import annotations

import os
from contextlib import closing

from esmith.cli.arguments import Option
from esmith.errors import UsageError
from esmith.store import database_name, is_flat, open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Protocol

    from esmith.layout import Layout

    class Options(Protocol):
        """The options of ``db`` and ``config`` that matter here."""

        root: str | None
        force: bool
        json: bool
        layer: str
        layers: bool


#: The options that choose a layer without a word of their own, and what the store calls it.
_FLAGS = {"--host": "host", "--fleet": "fleet", "--local": "local"}
_GROUP = "--group"
#: The same for commands that :mod:`esmith.cli.arguments` reads.
LAYER_OPTIONS = (
    Option(("--host",), "host", "In a fleet, change this server only."),
    Option(("--group",), "group", "In a fleet, change the servers of this group.", read=str, metavar="NAME"),
    Option(("--fleet",), "fleet", "In a fleet, change all servers."),
    Option(("--local",), "local", "In a fleet, change this server while the others cannot be reached."),
)


def take(words: list[str], chosen: str) -> tuple[str, list[str]] | None:
    """Return the layer that the first of the words chooses, and the words after it; None when it chooses none.

    :param chosen: the layer that was chosen before, or "".
    :raises UsageError: when a group lacks its name, or another layer was chosen before.
    """
    word, *rest = words
    layer = _FLAGS.get(word, "")
    if word == _GROUP:
        if not rest:
            raise UsageError("--group needs the name of a group")
        layer, rest = f"group:{rest[0]}", rest[1:]
    elif word.startswith(f"{_GROUP}="):
        layer = f"group:{word.partition('=')[2]}"
    if not layer:
        return None
    return joined(chosen, layer), rest


def joined(chosen: str, layer: str) -> str:
    """Return the layer that two options choose.

    :raises UsageError: when each chooses another, or a group has no name.
    """
    if layer == "group:":
        raise UsageError("--group needs the name of a group")
    if chosen not in ("", layer):
        raise UsageError(f"{words_of(chosen)[0]} and {words_of(layer)[0]} choose two layers", hint="give one of them")
    return layer


def layer_of(values: dict[str, Any]) -> str:
    """Return the layer that the values of :data:`LAYER_OPTIONS` choose; "" for none.

    :raises UsageError: when they choose two, or a group has no name.
    """
    chosen = ""
    for option in LAYER_OPTIONS:
        value = values[option.place]
        if value is not None and value is not False:
            chosen = joined(chosen, f"group:{value}" if option.place == "group" else option.place)
    return chosen


def words_of(layer: str) -> list[str]:
    """Return the option that chooses a layer, as words of a command."""
    if layer.startswith("group:"):
        return [f"{_GROUP}={layer.partition(':')[2]}"]
    return [f"--{layer}"] if layer else []


def given(options: Options, flags: Iterable[str]) -> list[str]:
    """Return the options of ``db`` and ``config`` that were given, as words of another command.

    :param flags: those without a word of their own.
    :raises UsageError: when one of them is for ``show`` alone.
    """
    if options.layers:
        raise _only_for_show()
    found = [word for word in flags if getattr(options, word[2:].replace("-", "_"))]
    found += words_of(options.layer)
    return found if options.root is None else [*found, f"--root={options.root}"]


def require_use(layout: Layout, database: str, verb: str, operands: list[str], options: Options) -> None:
    """Require options about layers to be of use for a verb, and the server to be in a fleet.

    :param options: those that were given, one about layers among them.
    :raises UsageError: when they are not, or it is in none.
    """
    from esmith.cli.verbs import VERBS

    if options.layers and (verb != "show" or len(operands) != 1):
        raise _only_for_show()
    writes = verb in ("batch", "edit", "apply") or (verb in VERBS and VERBS[verb].write is not None)
    if options.layer and not writes:
        raise UsageError(
            f"{verb} changes nothing, so there is no layer to choose",
            hint="where values come from: config show --layers KEY",
        )
    if is_flat(database_name(layout, database, os.environ.get("DBPATH", ""))):
        raise UsageError("a text file has no layers", place=database, hint="name a database of the root")
    require_fleet(layout)


def _only_for_show() -> UsageError:
    return UsageError("--layers is for show with a key", hint="run: config show --layers KEY")


def require_fleet(layout: Layout) -> None:
    """Require a server to be in a fleet, as an option names a layer.

    :raises UsageError: when it is in none.
    """
    with closing(open_store(layout)) as store, store.snapshot() as snapshot:
        if snapshot.state("fleet", "host") is None:
            raise UsageError(
                "this server is in no fleet, so there are no layers",
                hint="leave the option out; to begin a fleet: esmith fleet init --help",
            )
