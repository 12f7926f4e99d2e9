"""Encrypting a backup to recipients, and decrypting it: by the program age (Debian package ``age``, age(1))."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from contextlib import contextmanager

from esmith.backup.form import BackupError
from esmith.environment import clean_environment, which

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

#: What an encrypted file begins with.
HEADER = b"age-encryption.org/v1\n"
_PROGRAM = "age"
#: How much of what the program says is shown, in bytes.
_PRINTED = 500


@contextmanager
def encrypted(output: int, recipients: list[str]) -> Iterator[IO[bytes]]:
    """Give a stream, of which what is written is encrypted.

    :param output: the descriptor that the encrypted bytes go to.
    :param recipients: public keys, as ``age -r`` takes them.
    :raises BackupError: when the program is missing or fails.
    :raises OSError: when what it writes is not taken.
    """
    argv = [_program(), "--encrypt", *(word for one in recipients for word in ("--recipient", one))]
    with _in_memory() as errors:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=output, stderr=errors, env=clean_environment())
        assert process.stdin is not None
        done = False
        try:
            try:
                yield process.stdin
                process.stdin.close()
                done = True
            except BrokenPipeError:
                # It ended; its exit code and what it prints show why.
                if process.wait() == 0:
                    raise
                done = True
            finally:
                if not done:
                    process.kill()
                code = process.wait()
        finally:
            _close(process.stdin)
        if code != 0:
            why = _reason(code, errors)
            raise BackupError(f"age cannot encrypt: {why}", hint="name a recipient that age-keygen has shown")


def decrypt(source: IO[bytes], identity: str, target: IO[bytes], place: str) -> None:
    """Decrypt a file.

    :param source: the encrypted file, open.
    :param identity: the file with the private key.
    :param target: where what is decrypted goes.
    :param place: the encrypted file, for messages.
    :raises BackupError: when the program is missing, or cannot decrypt it.
    :raises OSError: when there is no room for what it writes.
    """
    argv = [_program(), "--decrypt", "--identity", identity]
    # Python may have read more of it than was asked for.
    os.lseek(source.fileno(), 0, os.SEEK_SET)
    with _in_memory() as errors:
        code = subprocess.run(
            argv, stdin=source, stdout=target, stderr=errors, env=clean_environment(), check=False
        ).returncode
        if code != 0:
            why = _reason(code, errors)
            raise BackupError(f"age cannot decrypt it: {why}", place=place, hint="name the file that age-keygen made")


def _program() -> str:
    found = which(_PROGRAM)
    if found is None:
        raise BackupError("there is no program age", hint="install the Debian package: apt-get install age")
    return found


def _in_memory() -> IO[bytes]:
    """Return a file for what the program complains about: a disk that is full has no room for that."""
    return open(os.memfd_create("errors"), "w+b")


def _reason(code: int, errors: IO[bytes]) -> str:
    """Return why the program failed.

    :raises OSError: when what it wrote was not taken.
    """
    found = _printed(errors)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EPIPE):
        # It is a program in Go, whose texts are those of strerror(3) in small letters.
        if found.endswith(os.strerror(number).lower()) or (number, code) == (errno.EPIPE, -signal.SIGPIPE):
            raise OSError(number, os.strerror(number))
    return found


def _printed(errors: IO[bytes]) -> str:
    errors.seek(0)
    text = errors.read(_PRINTED).decode("utf-8", "replace")
    lines = [line.removeprefix("age: ").removeprefix("error: ") for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "it does not say why"


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        return
