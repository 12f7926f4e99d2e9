"""Asking the agent of this host: one line of JSON each way, over its socket.

The socket is in a directory that only its owner may enter, and who answers has to be that owner or root. It is reached
by the descriptor of the directory: the path of a root may be longer than the name of a socket.
"""

from __future__ import annotations

import os
import time
from _socket import AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM, socket

from esmith.errors import StoreError
from esmith.layout import Layout
from esmith.local_sockets import connect, user_at
from esmith.quick_json import dumps, loads
from esmith.store.behind import BehindError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Self

    from esmith.fleet.replica.layers import LayerChange
    from esmith.store.model import Author

    #: Database, key, property and value; None deletes.
    HostChange = tuple[str, str, str, str | None]

SOCKET = "agent.socket"
#: How long a command waits for the agent's word, in seconds.
PATIENCE = 2.0
#: For so many bytes of a question a second more: some 5,000 settings. The agent reckons with half of that.
BYTES_A_SECOND = 2**17
#: More than any answer has.
_LONGEST = 2**20
LOCALLY = "to change it only here until the fleet answers, give --local"


class AgentAwayError(StoreError):
    """The agent is not there, or its answer makes no sense. Nothing was sent."""


class FleetRefusesError(StoreError):
    """The fleet cannot be asked now, or does not take the change. Nothing was changed."""


class UnsettledError(StoreError):
    """It is not known whether the fleet took the change. Nothing was changed here; the agent finds out."""

    is_doubtful = True


class Agent:
    """A connection to the agent.

    :param root: the root.
    :param patience: how long it may take to connect, and then each question, in seconds; a long one may take longer.
    :raises AgentAwayError: when it is not there.
    """

    def __init__(self, root: str, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._until = time.monotonic() + patience
        self._socket = _connected(root, patience)
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, question: dict[str, object]) -> dict[str, Any]:
        """Send a line, and return the answer.

        :raises OSError: when it cannot be sent, or there is no answer in time.
        :raises ValueError: when the answer makes no sense.
        """
        self.begin(question)
        return self.answer()

    def begin(self, question: dict[str, object]) -> None:
        """Send a line that is to be answered.

        :raises OSError: when it cannot be sent.
        """
        line = _line(question)
        # What was done since it was connected is not its fault.
        self._until = time.monotonic() + self._patience + len(line) / BYTES_A_SECOND
        self._send(line)

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to the line that was sent; the time for it began when that was.

        :raises OSError: when there is none in time.
        :raises ValueError: when it makes no sense.
        """
        while b"\n" not in self._read:
            self._socket.settimeout(max(self._until - time.monotonic(), 0.001))
            more = self._socket.recv(2**16)
            if not more:
                raise ConnectionResetError("it closed the connection")
            self._read += more
            if len(self._read) > _LONGEST:
                raise ValueError("its answer is too long")
        line, _, self._read = self._read.partition(b"\n")
        try:
            answer = loads(line)
        except RecursionError as error:
            raise ValueError("its answer is no object") from error
        if not isinstance(answer, dict):
            raise ValueError("its answer is no object")
        return answer

    def send(self, question: dict[str, object]) -> None:
        """Send a line.

        :raises OSError: when it cannot be sent.
        """
        self._until = time.monotonic() + self._patience
        self._send(_line(question))

    def _send(self, line: bytes) -> None:
        self._socket.settimeout(max(self._until - time.monotonic(), 0.001))
        self._socket.sendall(line)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def commit(
    agent: Agent,
    base: str,
    author: Author,
    changes: Sequence[LayerChange],
    host: Sequence[HostChange],
    meanwhile: Callable[[], None],
) -> tuple[int, str]:
    """Have the fleet agree on a changeset; then say ``done`` after the local commit, or close the connection.

    :param base: number and hash of the row it is to follow, as :attr:`esmith.fleet.replica.member.Membership.base`.
    :param changes: of layers.
    :param host: what changes on this host together with it; it is not sent on.
    :param meanwhile: is called while the fleet is asked; what it raises is raised, and the outcome is not known then.
    :return: the number and the hash of its row.
    :raises BehindError: when another row was first.
    :raises FleetRefusesError: when it was not taken.
    :raises UnsettledError: when that is not known.
    """
    question: dict[str, object] = {
        "verb": "commit",
        "base": base,
        "author": [author.user, author.sudo_user, list(author.command)],
        "changes": [list(change) for change in changes],
        "host": [list(change) for change in host],
    }
    try:
        agent.begin(question)
    except OSError as error:
        raise _no_answer(error) from error
    meanwhile()
    try:
        return _outcome(agent.answer())
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise _no_answer(error) from error


def wait(root: str, revision: int, timeout: float = 10.0) -> bool:
    """Wait until this host has a revision of the fleet.

    :param root: the root.
    :param timeout: at most so many seconds.
    :return: whether it has.
    """
    try:
        with Agent(root, timeout) as agent:
            answer = agent.ask({"verb": "wait", "revision": revision, "seconds": timeout})
            return answer.get("outcome") == "applied"
    except (OSError, ValueError, AgentAwayError):
        return False


def status(root: str) -> dict[str, Any]:
    """Return the state of the agent.

    :raises AgentAwayError: when it does not answer.
    """
    with Agent(root) as agent:
        try:
            return agent.ask({"verb": "status"})
        except (OSError, ValueError) as error:
            raise _away(str(error)) from error


def _line(question: dict[str, object]) -> bytes:
    return dumps(question) + b"\n"


def _outcome(answer: dict[str, Any]) -> tuple[int, str]:
    outcome = answer["outcome"]
    if outcome == "accepted":
        return int(answer["revision"]), str(answer["hash"])
    if outcome == "behind":
        raise BehindError(int(answer["head"]))
    message, hint = str(answer.get("message", "")), str(answer.get("hint", ""))
    if outcome == "refused":
        raise FleetRefusesError(message or "the fleet did not take the change", hint=hint or LOCALLY)
    if outcome == "unknown":
        raise _unsettled(message or "it is not known whether the fleet took the change", hint)
    raise ValueError(f"its answer is {outcome!r}")


def _no_answer(error: Exception) -> UnsettledError:
    return _unsettled(f"the agent of the fleet did not answer: {error}")


def _unsettled(message: str, hint: str = "") -> UnsettledError:
    return UnsettledError(
        message,
        hint=hint
        or "nothing was changed here, and it is not known whether the fleet took it: the agent finds out, "
        "see: esmith fleet status",
    )


def _away(reason: str) -> AgentAwayError:
    return AgentAwayError(
        f"the agent of the fleet is not there: {reason}",
        hint=f"start it: it is the service esmith-fleet; {LOCALLY}",
    )


def _connected(root: str, patience: float) -> socket:
    connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC)
    is_connected = False
    try:
        connection.settimeout(patience)
        connect(connection, Layout(root).fleet, SOCKET)
        uid = user_at(connection)
        if uid not in (0, os.geteuid()):
            raise PermissionError(f"another user answers at its socket, number {uid}")
        is_connected = True
    except OSError as error:
        raise _away(error.strerror or str(error)) from error
    finally:
        if not is_connected:
            connection.close()
    return connection
