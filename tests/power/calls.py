"""Recording what commands do to the files below a root: the real system calls, with everything that they write.

strace sees also what is not Python: LMDB writes its pages from C, and actions are programs of their own.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.commands import TIMEOUT_SECONDS
from tests.programs import path_of

#: The calls that change a file system, that make changes durable, or that move the place of the next write.
#: One that this system does not know is left out ("?").
TRACED = (
    "open,openat,creat,write,writev,pwrite64,pwritev,ftruncate,truncate,fallocate,lseek,mkdir,"
    "mkdirat,rmdir,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "mknod,mknodat,chmod,fchmod,fchmodat,?fchmodat2,chown,lchown,fchown,fchownat,fsync,"
    "fdatasync,sync,syncfs,sync_file_range,pwritev2,copy_file_range,sendfile,splice"
)
#: Longer than any write of a command; strace cuts what is longer.
_LONGEST_WRITE = 16 * 2**20

_LINE = re.compile(r"(\d+) +(.*)")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)(?:<(.*?)>)?(?: .*)?$")
_UNFINISHED = re.compile(r"(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)$")
#: A descriptor with its path, a text, or any other word of a call.
_WORD = re.compile(
    r'(AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>(?:\(deleted\))?|"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?|([^\s,\[\]{}=]+)'
)


@dataclass
class Call:
    """One system call that succeeded.

    :param name: its name.
    :param pid: the process.
    :param result: what it returned.
    :param opened: the path of the descriptor that it returned.
    :param paths: the paths of the descriptors among its arguments, in order.
    :param descriptors: their numbers; None for the working directory.
    :param texts: the strings among its arguments.
    :param words: its other arguments.
    """

    name: str
    pid: int
    result: int
    opened: str = ""
    paths: list[str] = field(default_factory=list)
    descriptors: list[int | None] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


def record(words: list[str], root: Path, log: Path) -> list[Call]:
    """Run a command, which has to succeed, and return its calls, the earliest first.

    :param root: the root it works on.
    :param log: a file for what strace writes.
    """
    strace = [path_of("strace"), "-f", "-y", "-xx", "--seccomp-bpf", "-s", str(_LONGEST_WRITE), "-o", str(log)]
    done = subprocess.run(
        [*strace, "-e", f"trace={TRACED}", "--", *words],
        env={**os.environ, "ESMITH_ROOT": str(root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, (words, done.returncode, done.stderr)
    return list(_parsed(log))


def _parsed(log: Path) -> Iterator[Call]:
    begun: dict[str, str] = {}
    with log.open() as lines:
        for line in lines:
            found = _LINE.match(line)
            assert found is not None, line
            pid, rest = found.groups()
            if unfinished := _UNFINISHED.match(rest):
                begun[pid] = unfinished[1]
                continue
            if resumed := _RESUMED.match(rest):
                rest = begun.pop(pid) + resumed[1]
            call = _CALL.match(rest)
            if call is not None and not call[3].startswith("-"):
                yield _call(int(pid), *call.groups())


def _call(pid: int, name: str, arguments: str, result: str, opened: str | None) -> Call:
    call = Call(name, pid, int(result), os.fsdecode(_bytes(opened or "")))
    for number, path, text, cut, word in _WORD.findall(arguments):
        assert not cut, f"strace cut what {name} wrote"
        if number:
            call.descriptors.append(None if number == "AT_FDCWD" else int(number))
            call.paths.append(os.fsdecode(_bytes(path)))
        elif word:
            call.words.append(word)
        else:
            call.texts.append(_bytes(text))
    return call


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
