"""A service directory, as runit and daemontools both use it: its ``supervise`` folder shows the state.

Checked with runit 2.1.2 and daemontools 0.76. ``supervise/status`` is a TAI64N stamp of the last change (12 bytes),
the pid (4, little endian), whether it is paused (1) and whether ``u`` or ``d`` is wanted (1); runit adds whether TERM
was sent (1) and whether nothing, ``run`` or ``finish`` runs (1).
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import time

from esmith.directories import open_file
from esmith.errors import ServiceError
from esmith.services.model import ServiceStatus, Status

#: A TAI64 label is this much ahead of the seconds since 1970, as both programs count them.
_TAI_EPOCH = 2**62 + 10
_FINISH_RUNS = 2


class ServiceDirectory:
    """One service directory.

    :param path: where it is.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether it is a service directory: it has a ``run`` program, or was supervised once.

        ``/var/service/qpsmtpd/config`` alone, which templates make, does not make a service.
        """
        return os.path.exists(self._inside("run")) or os.path.isdir(self._inside("supervise"))

    @property
    def is_runit(self) -> bool:
        """Whether runsv wrote its ``supervise`` folder: only runsv keeps ``pid`` and ``stat`` there."""
        return any(os.path.exists(self._inside("supervise", name)) for name in ("pid", "stat"))

    def is_supervised(self) -> bool:
        """Return whether a supervisor runs for it now: one that does keeps the FIFO ``supervise/ok`` open to read.

        :raises ServiceError: when this may not be looked at.
        """
        try:
            fifo = os.open(self._inside("supervise", "ok"), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ENXIO, errno.ENOENT, errno.ENOTDIR):
                return False
            raise self._trouble(error) from error
        try:
            return stat.S_ISFIFO(os.fstat(fifo).st_mode)
        finally:
            os.close(fifo)

    def status(self) -> ServiceStatus:
        """Return the state the supervisor wrote down.

        :raises ServiceError: when it may not be read.
        """
        if not self.is_supervised():
            return ServiceStatus(Status.UNSUPERVISED)
        try:
            with open(self._inside("supervise", "status"), "rb") as file:
                written = file.read()
        except FileNotFoundError:
            # The supervisor opens its FIFO before it writes the first status.
            return ServiceStatus(Status.STARTING)
        except OSError as error:
            raise self._trouble(error) from error
        return decode_status(written, time.time())

    def start_with_supervisor(self, wanted: bool) -> None:
        """Say whether the service starts when its supervisor does: a file named ``down`` says no (runsv(8)).

        :raises ServiceError: when the file can be neither made nor removed.
        """
        file = self._inside("down")
        try:
            if wanted:
                os.unlink(file)
            else:
                os.close(open_file(file, os.O_WRONLY, 0o644))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._trouble(error) from error

    def _inside(self, *names: str) -> str:
        return os.path.join(self.path, *names)

    def _trouble(self, error: OSError) -> ServiceError:
        hint = "run the command as root, or as the owner of the service directory"
        return ServiceError(
            f"{error.strerror}: {error.filename}",
            place=f"service {os.path.basename(self.path)}",
            hint=hint if isinstance(error, PermissionError) else "",
        )


def decode_status(written: bytes, now: float) -> ServiceStatus:
    """Return what a ``supervise/status`` file says.

    :param written: its contents: 18 bytes by daemontools, 20 by runit.
    :param now: seconds since 1970.
    """
    if len(written) not in (18, 20):
        return ServiceStatus(Status.UNKNOWN)
    label, _nanoseconds, pid = struct.unpack(">QI", written[:12]) + struct.unpack("<I", written[12:16])
    paused, wanted_up = written[16] != 0, written[17:18] == b"u"
    finishing = len(written) == 20 and written[19] == _FINISH_RUNS
    seconds = max(0, int(now) - (label - _TAI_EPOCH))
    if pid and not finishing:
        state = Status.ENDING if not wanted_up else Status.PAUSED if paused else Status.UP
        return ServiceStatus(state, pid, seconds)
    if finishing:
        return ServiceStatus(Status.STARTING if wanted_up else Status.ENDING, None, seconds)
    return ServiceStatus(Status.STARTING if wanted_up else Status.DOWN, None, seconds)
