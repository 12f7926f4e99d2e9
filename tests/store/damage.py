"""Damaging a data file in ways that are the same at every run, and seeing what the commands make of it."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from esmith.errors import ExitCode
from esmith.store.lmdb.data_file import DataFile
from tests.commands import Root
from tests.store.stores import data_file, opened, put

PAGE = 4096
#: What is run on every damaged file: all kinds of reading, then writing.
COMMANDS = (
    ("config", "getprop", "record010", "first"),
    ("config", "show"),
    ("db", "accounts", "keys"),
    ("esmith", "history", "--limit", "0"),
    ("config", "setprop", "record010", "first", "changed", "second", "changed"),
)


#: A property of the file that ``fill`` makes.
GETPROP = ("config", "getprop", "record010", "first")
FIRST = "first 10 é"


def fill(root: Root) -> bytes:
    """Store the same records in every run, in many transactions; return the data file."""
    with opened(root.path) as store:
        for number in range(60):
            props = {name: f"{name} {number} é" for name in ("first", "second", "third")}
            put(store, "configuration", f"record{number:03}", "service", props)
        for number in range(20):
            put(store, "accounts", f"user{number:02}", "user", {"EmailForward": "local"})
        put(store, "configuration", "long", "text", {"value": "long " * 3000})
    return data_file(root).read_bytes()


def overwrite(root: Root, data: bytes) -> None:
    """Write other bytes into the data file, in place, a tick of the clock after whatever was done to it before.

    Within one tick of a kernel before Linux 6.13 a file can change while its times stay.
    """
    path = data_file(root)
    before = path.stat().st_ctime_ns if path.exists() else 0
    path.write_bytes(data)
    while path.stat().st_ctime_ns == before:
        os.utime(path)


def marked(root: Root) -> bool:
    """Return whether the data file is as it was marked."""
    return DataFile(str(data_file(root))).is_as_marked()


def mark_file(root: Root) -> Path:
    """Return the file that holds the mark."""
    return data_file(root).with_name("data.verified")


def damaged(data: bytes) -> bytes:
    """Return a data file of the same size whose tables' pages are damaged."""
    return data[: 2 * PAGE] + b"\xff" * (len(data) - 2 * PAGE)


def flipped(data: bytes, seed: int, count: int, *, headers: bool) -> tuple[bytes, str]:
    """Change some bytes, chosen by a seed.

    :param headers: only where LMDB keeps a page's head and the places of its rows.
    :return: the damaged file, and what was changed.
    """
    chance = random.Random(seed)
    damaged = bytearray(data)
    places = []
    for _ in range(count):
        page, offset = chance.randrange(len(data) // PAGE), chance.randrange(64 if headers else PAGE)
        damaged[page * PAGE + offset] ^= chance.randrange(1, 256)
        places.append(f"page {page} offset {offset} is {damaged[page * PAGE + offset]:#04x}")
    return bytes(damaged), f"seed {seed}: {', '.join(places)}"


#: A message and its cure of four lines.
_LINES = 5


@dataclass
class Findings:
    """What went wrong on damaged files, by kind."""

    tracebacks: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)

    def probe(
        self, root: Root, damage: str, commands: Sequence[tuple[str, ...]] = COMMANDS
    ) -> dict[tuple[str, ...], str]:
        """Run the commands on a damaged file.

        :return: what each command that succeeded printed.
        """
        printed = {}
        for program, *words in commands:
            what = f"{damage}: {program} {words[0]}"
            try:
                answer = root.run(program, *words, code=None)
            except AssertionError as error:
                self.tracebacks.append(f"{what}: {str(error).strip().splitlines()[-1]}")
                continue
            except subprocess.TimeoutExpired:
                self.hangs.append(what)
                continue
            if answer.code == ExitCode.OK:
                printed[program, *words] = answer.out
            elif answer.code < 0:
                self.crashes.append(f"{what}: signal {-answer.code}")
            elif answer.code == ExitCode.STORE:
                if str(data_file(root)) not in answer.err or len(answer.err.splitlines()) > _LINES:
                    self.unclear.append(f"{what}: {answer.err}")
            elif answer.code != ExitCode.FAILED or answer.err:
                # A damaged name makes a record that is not found; that alone may be silent.
                self.unclear.append(f"{what}: exit {answer.code}: {answer.err}")
        return printed
