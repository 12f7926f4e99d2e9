"""Running the program by which a supervisor is controlled."""

from __future__ import annotations

import os

from esmith.contexts import nullcontext, suppress
from esmith.environment import clean_environment
from esmith.errors import ServiceError
from esmith.signals import signal

#: What a program may say before an error message cuts it.
_PRINTED_BYTES = 2000
#: What is read of a program that prints lines.
_TEXT_BYTES = 256 * 1024


def run_program(argv: list[str], *, package: str, timeout: float, place: str) -> tuple[int, str]:
    """Run a program to its end, without input, and return its exit code and what it printed, as one line.

    The parameters and errors are those of :func:`run_for_text`.
    """
    code, printed = run_for_text(argv, package=package, timeout=timeout, place=place, limit=_PRINTED_BYTES)
    return code, " ".join(printed.split())


def run_for_text(
    argv: list[str], *, package: str, timeout: float, place: str, limit: int = _TEXT_BYTES, given: bytes = b""
) -> tuple[int, str]:
    """Run a program to its end.

    Its output goes through a file: a pipe would be waited for as long as any child of the program (a ``check``
    script of runit) holds it.

    :param argv: the program and its arguments.
    :param package: the Debian package the program comes from.
    :param timeout: seconds after which it, and what it started, is killed.
    :param place: what it is run for, for messages.
    :param limit: how many bytes of its output are read.
    :param given: its input.
    :return: its exit code, and what it wrote to stdout and stderr.
    :raises ServiceError: when there is no such program, or it did not end in time.
    """
    import shutil
    import subprocess
    import tempfile

    program = shutil.which(argv[0])
    if program is None:
        raise ServiceError(
            f"the program {argv[0]!r} is not on the PATH",
            place=place,
            hint=f"install the Debian package {package}, or put the directory it is in on the PATH",
        )
    quiet = {**clean_environment(), "LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() if given else nullcontext() as source:
        if source is not None:
            source.write(given)
            source.seek(0)
        try:
            process = subprocess.Popen(
                [program, *argv[1:]],
                stdin=subprocess.DEVNULL if source is None else source,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=quiet,
                process_group=0,
            )
        except OSError as error:
            raise ServiceError(f"cannot run {program}: {error.strerror}", place=place) from error
        with process:
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                _kill_group(process.pid)
                raise ServiceError(
                    f"{' '.join(argv)!r} did not end within {timeout:g} s",
                    place=place,
                    hint="it was killed; run it by hand to see",
                ) from None
            except KeyboardInterrupt:
                _kill_group(process.pid)
                raise
        output.seek(0)
        printed = output.read(limit).decode("utf-8", "replace")
    return code, printed


def _kill_group(group: int) -> None:
    # It may have ended in this moment.
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
