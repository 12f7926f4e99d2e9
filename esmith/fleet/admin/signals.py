"""``esmith fleet signal``: a row that asks for an event, and the answers of the servers as they come."""

from __future__ import annotations

import json
import time

from esmith.errors import UsageError
from esmith.fields import dataclass
from esmith.fleet.admin.reading import row_after
from esmith.fleet.etcd.errors import AwayError
from esmith.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from esmith.fleet.admin.own import Own
    from esmith.fleet.etcd.client import Etcd
    from esmith.store.model import Author

#: Seconds for which a server that is away still signals the event when it is back.
VALID = 86_400
#: Seconds between two looks for answers.
_PAUSE = 0.25
_LONGEST = 300


@dataclass
class Result:
    """How an event ended on a server.

    :param host: the server.
    :param code: the exit code of ``signal-event`` there; None when it was not run, or there is no answer.
    :param message: its last line, or why it was not run.
    :param answered: whether there is an answer.
    """

    host: str
    code: int | None = None
    message: str = ""
    answered: bool = False

    @property
    def is_well(self) -> bool:
        """Whether the event ended with exit code 0."""
        return self.code == 0


@dataclass
class Asked:
    """An event that was asked for.

    :param event: its name.
    :param revision: the fleet revision of the row that asks for it.
    :param hosts: who is to signal it.
    """

    event: str
    revision: int
    hosts: list[str]


def ask(own: Own, etcd: Etcd, event: str, hosts: Sequence[str], author: Author) -> Asked:
    """Ask servers to signal an event.

    :param hosts: their names; none stands for all.
    :raises UsageError: when there is no server of a name.
    :raises RowError: when the event has a name that none has.
    :raises StoreError: when etcd does not answer.
    """
    journal = own.journal(etcd)
    journal.read_on()
    members = list(journal.chain.members)
    for host in hosts:
        if host not in members:
            raise UsageError(f"the fleet has no server {host!r}", hint="see which there are: esmith fleet groups")
    named = tuple(dict.fromkeys(hosts))
    until = int(time.time()) + VALID
    row = journal.append(
        lambda chain: row_after(chain, own.host, "signal", author, event=event, hosts=named, until=until)
    )
    return Asked(event, row.revision, list(named or members))


def answers(own: Own, etcd: Etcd, asked: Asked, seconds: float) -> Iterator[Result]:
    """Yield how the event ended on each server, as the answers come; at the end those without one.

    :param seconds: how long to wait for all.
    :raises StoreError: when etcd does not answer for so long.
    """
    deadline, waiting = time.monotonic() + seconds, list(asked.hosts)
    while waiting:
        is_last = time.monotonic() >= deadline
        for host in list(waiting):
            try:
                found = etcd.get(f"/esm/{own.fleet}/a/{host}/{asked.revision:012d}")
            except AwayError:
                if is_last:
                    raise
                break
            if found is not None:
                waiting.remove(host)
                yield _result(host, found.value)
        if is_last:
            break
        if waiting:
            time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))
    for host in waiting:
        yield Result(host, None, "has not answered yet")


def _result(host: str, value: bytes) -> Result:
    """Return what an answer says; the server wrote it, so it is data."""
    try:
        data = json.loads(value)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        return Result(host, None, "its answer cannot be read", answered=True)
    code, error, lines = data.get("code"), data.get("error"), data.get("lines")
    last = lines[-1] if isinstance(lines, list) and lines else ""
    message = error if isinstance(error, str) else last
    number = code if isinstance(code, int) and not isinstance(code, bool) and abs(code) < 256 else None
    return Result(host, number, printable(str(message))[:_LONGEST], answered=True)
