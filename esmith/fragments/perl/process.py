"""The perl that runs fragments: starting it, talking to it within a time, ending it whatever it does.

Messages go over two pipes of their own; what the fragments print to standard output and to standard error comes over
two others.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import time

from esmith.perl.protocol import MessageReader, ProtocolError, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.perl.protocol import Message

#: How many bytes a message may have: what one fragment gives.
MESSAGE_BYTES = 16 * 2**20
#: How many bytes the fragments may print besides.
PRINTED_BYTES = 2**20
#: How much memory perl may use, in bytes.
_MEMORY_BYTES = 2**30
#: How long it may compute in all, should nobody be left to stop it, in seconds.
_CPU_SECONDS = 3600
#: How long it may take to end after it was asked to, in seconds.
_PATIENCE = 2.0
#: The exit status of the driver when the pipes are no longer what they were.
LOST_PIPES = 97
_CHUNK = 65536
_PAUSE = 0.005


class PerlEndedError(Exception):
    """Perl ended, or had to be ended, before it answered.

    :param message: why, as what the fragment did.
    :param hint: what to do about it.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class PerlLateError(PerlEndedError):
    """Perl did not answer in time; whoever set the time knows how long that was."""


class _Printed:
    """What comes over one of the two pipes for printing.

    :param pipe: the end that is read; it does not block.
    """

    def __init__(self, pipe: int) -> None:
        self.pipe = pipe
        self.has_ended = False
        self._data = bytearray()

    @property
    def is_too_much(self) -> bool:
        """Whether more was printed than may be."""
        return len(self._data) > PRINTED_BYTES

    def take(self) -> bool:
        """Take some of what was printed; return whether there was any."""
        if self.has_ended:
            return False
        try:
            data = os.read(self.pipe, _CHUNK)
        except BlockingIOError:
            return False
        self.has_ended = not data
        if not self.is_too_much:
            self._data += data
        return bool(data)

    def all(self) -> bytes:
        """Take all that was printed and return what was printed since the last call."""
        while self.take():
            pass
        data = bytes(self._data)
        self._data.clear()
        return data


class PerlProcess:
    """One running perl, in a process group of its own.

    :param command: the program and its arguments; the numbers of its two pipes are added.
    :param environment: all of its environment.
    :raises OSError: when it cannot be started.
    """

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        standard_output, output = os.pipe()
        standard_error, errors = os.pipe()
        self._output, self._errors = _Printed(standard_output), _Printed(standard_error)
        for descriptor in (self._requests, self._answers, standard_output, standard_error):
            os.set_blocking(descriptor, False)
        try:
            self._perl = subprocess.Popen(
                [*command, str(requests), str(answers)],
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                pass_fds=(requests, answers),
                start_new_session=True,
            )
        except OSError:
            self._close_pipes()
            raise
        finally:
            for descriptor in (requests, answers, output, errors):
                os.close(descriptor)
        self._limit(resource.RLIMIT_DATA, _MEMORY_BYTES)
        self._limit(resource.RLIMIT_CPU, _CPU_SECONDS)
        self._limit(resource.RLIMIT_CORE, 0)
        self._reader = MessageReader(self._read)
        self._deadline = 0.0
        self._room = MESSAGE_BYTES

    @property
    def pid(self) -> int:
        """The number of the process, which is also that of its group."""
        return self._perl.pid

    def send(self, fields: Sequence[bytes | str | None], deadline: float) -> None:
        """Send a message; texts are sent as UTF-8.

        :param deadline: when it has to be sent, as :func:`time.monotonic` counts.
        :raises PerlEndedError: when perl does not read it.
        """
        rest = memoryview(encode([_bytes(field) for field in fields]))
        while rest:
            self._wait(deadline, writing=True)
            try:
                rest = rest[os.write(self._requests, rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._end() from error

    def receive(self, deadline: float) -> Message:
        """Return the next message.

        :raises PerlEndedError: when none comes in time, or none at all, or one that is too long.
        """
        self._deadline, self._room = deadline, MESSAGE_BYTES
        try:
            message = self._reader.next()
        except ProtocolError as error:
            raise PerlEndedError(f"gave an answer that cannot be used: {error.message}") from error
        if message is None:
            raise self._end()
        return message

    def printed(self) -> bytes:
        """Return what was printed to standard output since the last call."""
        return self._output.all()

    def complaints(self) -> bytes:
        """Return what was printed to standard error since the last call."""
        return self._errors.all()

    def close(self) -> None:
        """End perl and whatever it started in its group. It may finish by itself first."""
        if self._perl.returncode is None:
            os.close(self._requests)
            self._requests = -1
            self._await_end()
        self.kill()

    def kill(self) -> None:
        """End perl and whatever it started in its group, at once."""
        if self._perl.returncode is None:
            # The group exists for sure as long as its leader was not waited for.
            os.killpg(self._perl.pid, signal.SIGKILL)
            self._perl.wait()
        self._close_pipes()

    def _await_end(self) -> bool:
        """Return whether perl ended within the time it is given for that; it is not waited for yet."""
        deadline = time.monotonic() + _PATIENCE
        while os.waitid(os.P_PID, self._perl.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() > deadline:
                return False
            for printed in (self._output, self._errors):
                printed.take()
            time.sleep(_PAUSE)
        return True

    def _limit(self, kind: int, value: int) -> None:
        hard = resource.prlimit(self._perl.pid, kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.prlimit(self._perl.pid, kind, (value, hard))

    def _read(self, _wanted: int) -> bytes:
        """Return some of what perl answers, nothing when it ended."""
        while True:
            self._wait(self._deadline, writing=False)
            try:
                data = os.read(self._answers, _CHUNK)
            except BlockingIOError:
                continue
            self._room -= len(data)
            if self._room < 0:
                raise PerlEndedError(
                    f"gives more than {MESSAGE_BYTES} bytes", hint="look for a loop that appends to $OUT without an end"
                )
            return data

    def _wait(self, deadline: float, *, writing: bool) -> None:
        """Wait until a pipe can be used; what is printed meanwhile is taken."""
        wanted = self._requests if writing else self._answers
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise PerlLateError(
                    "did not end in time", hint="look for a loop without an end, or for what it waits for"
                )
            if self._output.is_too_much or self._errors.is_too_much:
                raise PerlEndedError(
                    f"prints more than {PRINTED_BYTES} bytes",
                    hint="what is printed goes into no file: append it to $OUT",
                )
            poll = select.poll()
            poll.register(wanted, select.POLLOUT if writing else select.POLLIN)
            for printed in (self._output, self._errors):
                if not printed.has_ended:
                    poll.register(printed.pipe, select.POLLIN)
            ready = {descriptor for descriptor, _ in poll.poll(left * 1000)}
            for printed in (self._output, self._errors):
                if printed.pipe in ready:
                    printed.take()
            if wanted in ready:
                return

    def _end(self) -> PerlEndedError:
        """Return how perl ended; it closed its pipes."""
        closed = PerlEndedError("closed the handles of the engine")
        if not self._await_end():
            return closed
        status = os.waitid(os.P_PID, self._perl.pid, os.WEXITED | os.WNOWAIT)
        if status is None or status.si_status == LOST_PIPES and status.si_code == os.CLD_EXITED:
            return closed
        if status.si_code == os.CLD_EXITED:
            return PerlEndedError(
                f"ended perl with the exit status {status.si_status}",
                hint="leave a block with return; exit ends perl, and exec replaces it",
            )
        return PerlEndedError(f"ended perl by the signal {status.si_status} ({signal.strsignal(status.si_status)})")

    def _close_pipes(self) -> None:
        for descriptor in (self._requests, self._answers, self._output.pipe, self._errors.pipe):
            if descriptor >= 0:
                os.close(descriptor)
        self._requests = self._answers = self._output.pipe = self._errors.pipe = -1


def _bytes(field: bytes | str | None) -> bytes | None:
    return field.encode("utf-8", "surrogateescape") if isinstance(field, str) else field
