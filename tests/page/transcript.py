"""Transcripts: what an administrator types, section by section of the page, and what must come of it (README.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "transcripts"

_BLOCK = re.compile(r"== (P?\d+) \(line (\d+)\) (.+)")
_GIVEN = re.compile(r"given (.+) = (.+)")
_PATH = re.compile(r"(/\S+)(?: (gone|made|-> \S+|mode \d{4}))?")


@dataclass
class Command:
    """One command as typed.

    :param text: the command, with its continuation lines.
    :param of_page: whether it is the page's own, rather than the test's.
    :param place: file and line of the transcript.
    :param typed: the text typed into the editor it opens, None when it opens none.
    :param code: the exit code it must have.
    :param prints: lines it prints, in order; None when that does not matter.
    :param only: whether it prints nothing else.
    :param complains: texts in what it writes to stderr, in order; None when it must write nothing.
    """

    text: str
    of_page: bool
    place: str
    typed: str | None = None
    code: int = 0
    prints: list[str] | None = None
    only: bool = False
    complains: list[str] | None = None


@dataclass
class FileEffect:
    """How one file changes.

    :param path: the file.
    :param state: "", ``gone``, ``made``, ``-> target`` or ``mode 0644``.
    :param lines: (mark, text): mark is ``+``, ``-``, ``!``, ``.`` (any other lines) or a blank (a line that stays).
    """

    path: str
    place: str
    state: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)

    def marked(self, marks: str) -> list[str]:
        """Return the lines that have one of some marks, in order."""
        return [text for mark, text in self.lines if mark in marks]


@dataclass
class Scene:
    """Some commands, and everything they bring about."""

    commands: list[Command] = field(default_factory=list)
    files: list[FileEffect] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    nothing: bool = False

    @property
    def has_effects(self) -> bool:
        """Whether there was anything but commands, so that the next command opens a new scene."""
        return bool(self.files or self.services or self.called or self.nothing)


@dataclass
class Block:
    """One block of the page.

    :param name: its number in the list of blocks, ``P1`` ... for instructions that use the panel.
    :param line: the line of the page it starts at.
    :param title: what it does.
    :param scenes: what is typed and what comes of it.
    :param undo: what takes it back.
    :param needs: what it cannot be played without: ``machine``, or a program as tests/programs.py names it.
    """

    name: str
    line: int
    title: str
    scenes: list[Scene] = field(default_factory=lambda: [Scene()])
    undo: list[Command] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)

    @property
    def commands(self) -> list[Command]:
        """Every command of the block but those of its undo."""
        return [command for scene in self.scenes for command in scene.commands]


@dataclass
class Transcript:
    """One section of the page.

    :param name: the file's name.
    :param title: its first line.
    :param given: what stands for the page's placeholders.
    :param blocks: in page order.
    """

    name: str
    title: str
    given: dict[str, str] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)

    def substituted(self, text: str) -> str:
        """Return a text of the page with its placeholders filled in."""
        for placeholder, value in self.given.items():
            text = text.replace(placeholder, value)
        return text


class _Reader:
    """Reads one transcript, line by line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number = 0
        self.transcript = Transcript(path.stem, "")
        self._block: Block | None = None
        self._undoing = False
        #: Where lines that start with "| " go, and where indented ones do.
        self._bar: list[str] | None = None
        self._file: FileEffect | None = None

    def read(self) -> Transcript:
        typed: list[tuple[Command, list[str]]] = []
        for line in self._path.read_text().splitlines():
            self._number += 1
            if line == "typed":
                command = self._command()
                self._bar = []
                typed.append((command, self._bar))
            elif not self.transcript.title:
                self.transcript.title = line.lstrip("# ")
            elif line and not line.startswith("#"):
                self._line(line)
        for typing, lines in typed:
            typing.typed = "".join(f"{line}\n" for line in lines)
        return self.transcript

    def _line(self, line: str) -> None:
        if self._block is None and not line.startswith("== "):
            given = _GIVEN.fullmatch(line)
            if given:
                self.transcript.given[given[1]] = given[2]
        elif line == "|" or line.startswith("| "):
            assert self._bar is not None, self._wrong("no place for a | line")
            self._bar.append(line[2:])
        elif line.startswith("  "):
            assert self._file is not None, self._wrong("no file is named above")
            self._file.lines.append((line[2] if len(line) > 2 else " ", line[4:]))
        else:
            self._bar = self._file = None
            self._statement(line)

    def _statement(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "==":
            self._open(line)
        elif word in ("$", "+"):
            self._type(rest, of_page=word == "$")
        elif word == ">":
            self._command().text += f"\n{rest}"
        elif word in ("exit", "prints", "complains"):
            self._answer(word, rest)
        elif line == "undo":
            self._undoing = True
        else:
            self._effect(line)

    def _open(self, line: str) -> None:
        found = _BLOCK.fullmatch(line)
        assert found, self._wrong("not a block: == NUMBER (line N) TITLE")
        self._block = Block(found[1], int(found[2]), found[3])
        self.transcript.blocks.append(self._block)
        self._undoing = False

    def _type(self, text: str, *, of_page: bool) -> None:
        assert self._block is not None
        command = Command(text, of_page, f"{self._path.name}:{self._number}")
        if self._undoing:
            assert not of_page, self._wrong("the page undoes nothing: + instead of $")
            self._block.undo.append(command)
            return
        if self._block.scenes[-1].has_effects:
            self._block.scenes.append(Scene())
        self._block.scenes[-1].commands.append(command)

    def _answer(self, word: str, rest: str) -> None:
        command = self._command()
        if word == "exit":
            command.code = int(rest)
        elif word == "prints":
            assert rest in ("", "only"), self._wrong("prints, or prints only")
            self._bar = command.prints = []
            command.only = rest == "only"
        else:
            self._bar = command.complains = []

    def _effect(self, line: str) -> None:
        assert self._block is not None
        scene = self._block.scenes[-1]
        path = _PATH.fullmatch(line)
        if line == "no file changes":
            scene.nothing = True
        elif path:
            self._file = FileEffect(path[1], f"{self._path.name}:{self._number}", path[2] or "")
            scene.files.append(self._file)
        elif line.startswith("needs "):
            self._block.needs.append(line.removeprefix("needs "))
        elif line.startswith("service "):
            scene.services.append(line.removeprefix("service "))
        elif line.startswith("called "):
            scene.called.append(line.removeprefix("called "))
        else:
            raise AssertionError(self._wrong("not understood"))

    def _command(self) -> Command:
        assert self._block is not None
        commands = self._block.undo if self._undoing else self._block.scenes[-1].commands
        assert commands, self._wrong("no command above")
        return commands[-1]

    def _wrong(self, what: str) -> str:
        return f"{self._path.name}:{self._number}: {what}"


def read_transcript(path: Path) -> Transcript:
    """Read one transcript."""
    return _Reader(path).read()


def all_transcripts() -> list[Transcript]:
    """Return every transcript, in the order of the page."""
    found = [read_transcript(path) for path in sorted(FOLDER.glob("*.txt"))]
    return sorted(found, key=lambda transcript: transcript.blocks[0].line)
