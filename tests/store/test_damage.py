"""Damaged and missing data files: a clear refusal, never a traceback, a hang or a crash."""

from __future__ import annotations

import random
import shutil

import pytest

from esmith.errors import ExitCode
from tests.commands import Root
from tests.store.damage import COMMANDS, PAGE, Findings, fill, flipped, overwrite
from tests.store.stores import bare_root, data_file

#: How many damaged files of each kind are tried.
SEEDS = 25

#: Single bytes (page, offset, value) that make LMDB 0.9.36 end the process with SIGBUS or SIGABRT when it gets to see
#: them, found by changing every byte of every page's head in the file that ``fill`` makes.
DANGEROUS = [
    (1, 44, 0xF7),
    (6, 10, 0x03),
    (8, 27, 0x8B),
    (11, 12, 0x96),
    (11, 18, 0x60),
    (15, 25, 0x1F),
    (16, 16, 0xD1),
    (16, 29, 0x0B),
    (19, 20, 0x9A),
    (21, 0, 0x05),
    (21, 23, 0xF0),
    (22, 17, 0xF0),
    (23, 17, 0xF0),
    (24, 21, 0xF1),
    (26, 17, 0xF0),
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Root, bytes]:
    """Return a root whose data file the tests below replace, and the sound file."""
    root = bare_root(tmp_path_factory.mktemp("damage") / "root")
    return root, fill(root)


@pytest.fixture
def victim(filled: tuple[Root, bytes]) -> tuple[Root, bytes]:
    """Return the root with the sound data file, and that file."""
    root, data = filled
    directory = data_file(root).parent
    shutil.rmtree(directory)
    directory.mkdir()
    data_file(root).write_bytes(data)
    return root, data


@pytest.fixture(scope="module")
def findings(filled: tuple[Root, bytes]) -> Findings:
    """Return what went wrong when bytes were changed here and there."""
    root, data = filled
    found = Findings()
    for seed in range(SEEDS):
        for damaged, what in (flipped(data, seed, 1, headers=True), flipped(data, seed, 4, headers=False)):
            overwrite(root, damaged)
            found.probe(root, what)
    return found


def test_flipped_bytes_give_no_traceback(findings: Findings) -> None:
    """Whatever bytes of the data file are damaged, no command ends with a traceback."""
    assert not findings.tracebacks, "\n".join(findings.tracebacks)


def test_flipped_bytes_do_not_hang(findings: Findings) -> None:
    """Whatever bytes of the data file are damaged, every command ends."""
    assert not findings.hangs, "\n".join(findings.hangs)


def test_flipped_bytes_do_not_crash(findings: Findings) -> None:
    """Whatever bytes of the data file are damaged, no command is killed by a signal."""
    assert not findings.crashes, "\n".join(findings.crashes)


def test_flipped_bytes_are_reported_clearly(findings: Findings) -> None:
    """A damaged data file is reported with its path, in two lines at most, with the exit code of the store."""
    assert not findings.unclear, "\n".join(findings.unclear)


@pytest.mark.parametrize(("page", "offset", "value"), DANGEROUS)
def test_a_dangerous_byte_does_not_crash(victim: tuple[Root, bytes], page: int, offset: int, value: int) -> None:
    """One changed byte in the head of a page does not kill the command that comes across it."""
    root, data = victim
    damaged = bytearray(data)
    damaged[page * PAGE + offset] = value
    data_file(root).write_bytes(damaged)
    found = Findings()
    found.probe(root, f"page {page} offset {offset} is {value:#04x}")
    assert (found.crashes, found.hangs, found.unclear) == ([], [], [])


def test_truncated_at_every_page(victim: tuple[Root, bytes]) -> None:
    """A file cut at any page is refused, or every command does what it does with the whole file."""
    root, data = victim
    found = Findings()
    commands = [command for command in COMMANDS if command[1] in ("show", "history", "setprop")]
    sound = found.probe(root, "whole", commands)
    assert len(sound) == len(commands) == 3
    refused, halves = 0, []
    for length in range(0, len(data), PAGE):
        overwrite(root, data[:length])
        printed = found.probe(root, f"cut at {length} of {len(data)}", commands)
        if printed not in ({}, sound):
            halves.append(length)
        refused += not printed
    assert (found, halves) == (Findings(), [])
    assert refused > len(data) // PAGE // 2


@pytest.mark.parametrize("length", [1, 100, PAGE - 1, PAGE + 1, 2 * PAGE + 1])
def test_truncated_anywhere(victim: tuple[Root, bytes], length: int) -> None:
    """A file cut inside a page is refused by reading and by writing, and is left as it is."""
    root, data = victim
    data_file(root).write_bytes(data[:length])
    for words in (["show"], ["setprop", "record010", "first", "x"]):
        answer = root.config(*words, code=ExitCode.STORE)
        assert str(data_file(root)) in answer.err
        assert "  esmith restore BACKUP" in answer.err
    assert data_file(root).read_bytes() == data[:length]


@pytest.mark.parametrize("size", [1, PAGE, 100_000])
@pytest.mark.parametrize("kind", ["random", "zero", "ones", "text", "after the head"])
def test_garbage(victim: tuple[Root, bytes], kind: str, size: int) -> None:
    """A file that is something else is refused by every command, says how to go on, and is not overwritten."""
    root, data = victim
    garbage = {
        "random": random.Random(size).randbytes(size),
        "zero": bytes(size),
        "ones": b"\xff" * size,
        "text": (b"Foo=Bar\n" * size)[:size],
        "after the head": data[: 2 * PAGE] + random.Random(size).randbytes(size),
    }[kind]
    data_file(root).write_bytes(garbage)
    for words in (["show"], ["setprop", "record010", "first", "x"]):
        answer = root.config(*words, code=ExitCode.STORE)
        assert answer.out == ""
        assert "  esmith restore BACKUP" in answer.err
        assert len(answer.err.splitlines()) == 5
    assert data_file(root).read_bytes() == garbage


@pytest.mark.parametrize("program", ["config getprop record010 first", "config setprop record010 first x"])
def test_an_empty_file(victim: tuple[Root, bytes], program: str) -> None:
    """An empty data file is not a new store: the settings were lost, and it says so."""
    root, _ = victim
    data_file(root).write_bytes(b"")
    answer = root.run(*program.split(), code=ExitCode.STORE)
    assert "the data file is empty" in answer.err
    assert data_file(root).stat().st_size == 0


def test_a_missing_file(victim: tuple[Root, bytes]) -> None:
    """Without a data file the commands say how to make one, and make none."""
    root, _ = victim
    data_file(root).unlink()
    for words in (["show"], ["setprop", "record010", "first", "x"]):
        answer = root.config(*words, code=ExitCode.STORE)
        assert f"make them with: esmith --root {root.path} init" in answer.err
    assert not data_file(root).exists()


def test_a_directory_in_its_place(victim: tuple[Root, bytes]) -> None:
    """A directory where the data file belongs is refused."""
    root, _ = victim
    data_file(root).unlink()
    data_file(root).mkdir()
    for words in (["show"], ["setprop", "record010", "first", "x"]):
        assert str(data_file(root)) in root.config(*words, code=ExitCode.STORE).err


@pytest.mark.parametrize("size", [0, 100, PAGE, 100_000])
@pytest.mark.parametrize("kind", ["random", "zero", "ones"])
def test_garbage_in_the_lock_file(victim: tuple[Root, bytes], kind: str, size: int) -> None:
    """The lock file holds nothing that lasts: whatever is in it, reading and writing go on."""
    root, _ = victim
    lock = data_file(root).with_name("lock.mdb")
    garbage = {"random": random.Random(size).randbytes(size), "zero": bytes(size), "ones": b"\xff" * size}[kind]
    lock.write_bytes(garbage)
    assert root.config("getprop", "record010", "first").out == "first 10 é\n"
    lock.write_bytes(garbage)
    root.config("setprop", "record010", "first", "x")
    assert root.config("getprop", "record010", "first").out == "x\n"


def test_a_missing_lock_file(victim: tuple[Root, bytes]) -> None:
    """A lock file that is missing is made again, by readers too."""
    root, _ = victim
    lock = data_file(root).with_name("lock.mdb")
    for _ in range(2):
        lock.unlink(missing_ok=True)
        assert root.config("getprop", "record010", "first").out == "first 10 é\n"
        assert lock.exists()


def test_a_directory_for_a_lock_file(victim: tuple[Root, bytes]) -> None:
    """A directory where the lock file belongs is refused, with a message."""
    root, _ = victim
    data_file(root).with_name("lock.mdb").mkdir()
    answer = root.config("getprop", "record010", "first", code=ExitCode.STORE)
    assert str(data_file(root).parent) in answer.err
    assert len(answer.err.splitlines()) <= 2


def test_a_sound_file_is_restored(victim: tuple[Root, bytes]) -> None:
    """After damage a backup of data.mdb alone is enough to go on."""
    root, data = victim
    data_file(root).write_bytes(b"garbage")
    root.config("show", code=ExitCode.STORE)
    data_file(root).write_bytes(data)
    root.config("setprop", "record010", "first", "again")
    assert root.config("getprop", "record010", "first").out == "again\n"
