"""How a generated file is checked before it is installed, as metadata have it (docs/fragments.md#templatetoml)."""

from __future__ import annotations

from esmith.fields import dataclass, field


@dataclass(frozen=True)
class Check:
    """A check of a generated file: by a program, or one of the engine's own.

    :param command: program and arguments; ``{file}`` is the new file, ``{dir}`` its directory. Empty without a program.
    :param package: the Debian package that has the program.
    :param also_called: other names of the program, which it has on other systems.
    :param own: the name of a check that needs no program (``esmith/checks/own``); "" for a program.
    :param off: why the file is not checked although a farther file names a check; "" when it is.
    :param fails_on: a pattern of what it prints when it refuses the file, for programs whose exit status is 0 then.
    :param reads: patterns of the generated files it reads besides its own; None for those of the same directory when
        it is a program, and for none when it is one of the engine's own.
    :param beside: patterns of files of the machine that have to stand beside the file.
    :param environment: variables the program gets.
    :param timeout: seconds after which the check has failed.
    :param inherited: whether a file of a directory above sets it, for all templates below; not for this one by name.
    """

    command: tuple[str, ...] = ()
    package: str = ""
    also_called: tuple[str, ...] = ()
    own: str = ""
    off: str = ""
    fails_on: str = ""
    reads: tuple[str, ...] | None = None
    beside: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    timeout: float = 60.0
    inherited: bool = False
