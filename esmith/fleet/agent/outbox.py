"""What was sent and of which it is not known yet whether it landed, or whether this host has it.

It is on the disk before anything of its change leaves this host, and goes when the store has the revision, or when it
is settled that the change never landed. So whatever ends the agent or the command, the next agent knows what to look
for. Mostly there is only one, and that is in a file that was there before; what is too long for it, or comes while that
is taken, is a file of its own.
"""

from __future__ import annotations

import contextlib
import json
import os

from esmith.fields import dataclass
from esmith.fleet.agent.places import make_private
from esmith.fleet.agent.points import reach
from esmith.fleet.agent.prepared import LONGEST, PreparedFile
from esmith.private_files import read_regular, remove_left, replace_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    #: Database, key, property ("" is the type) and value (None deletes it) of a cell of this host.
    HostChange = tuple[str, str, str, str | None]

_FORMAT = 1
_PREPARED = "prepared"
_TOKEN_DIGITS = 32


@dataclass(frozen=True)
class Sent:
    """A change that was sent.

    :param token: of its row.
    :param revision: the fleet revision that it is to become.
    :param previous: the hash of the row before it.
    :param hash: of its row: whoever reads the blobs knows the token before the row lands, and could use it in his own.
    :param host: what is changed in this host's own layer together with it.
    :param is_blobs: whether its changes went to blobs.
    """

    token: str
    revision: int
    previous: str
    hash: str
    host: list[HostChange]
    is_blobs: bool = False


class Outbox:
    """The files of a root; one thread writes, any may look.

    :param path: its directory; made when it is not there.
    :raises StoreError: when that cannot be.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        make_private(path)
        self._sent: dict[str, Sent] = {}
        self._prepared = PreparedFile(path, _PREPARED)
        #: The token of what is in the prepared file; "" for nothing.
        self._in_prepared = ""
        for name in sorted(name for name in os.listdir(path) if name.endswith(".json")):
            sent = _read(os.path.join(path, name), name)
            if sent is not None:
                self._sent[sent.token] = sent
        sent = _sent_of(self._prepared.read() or b"")
        if sent is not None:
            self._sent[sent.token] = sent
            self._in_prepared = sent.token

    def remove_left(self) -> None:
        """Remove what a killed agent was writing: nothing of it was sent."""
        remove_left(self._path)

    def all(self) -> list[Sent]:
        """Return what is in it, in the order of the revisions."""
        return sorted(self._sent.copy().values(), key=lambda sent: (sent.revision, sent.token))

    def find(self, token: str) -> Sent | None:
        """Return what was sent under a token, None when that is not in it."""
        return self._sent.get(token)

    def add(self, sent: Sent) -> None:
        """Note what is about to be sent; it is on the disk when this returns.

        :raises OSError: when it cannot be written; then it is not noted.
        """
        reach("before outbox")
        data = {
            "format": _FORMAT,
            "token": sent.token,
            "revision": sent.revision,
            "previous": sent.previous,
            "hash": sent.hash,
            "host": sent.host,
            "blobs": sent.is_blobs,
        }
        content = json.dumps(data).encode()
        if self._in_prepared or len(content) > LONGEST:
            replace_private(self._path, f"{sent.token}.json", content)
        else:
            self._prepared.write(content)
            self._in_prepared = sent.token
        self._sent[sent.token] = sent
        reach("after outbox")

    def remove(self, token: str) -> None:
        """Forget what was sent under a token, because nothing is left to be done about it.

        A crash of the machine may bring it back: whoever finds it sees by the revision that it is done.
        """
        if self._sent.pop(token, None) is None:
            return
        reach("before removal")
        if token == self._in_prepared:
            self._prepared.clear()
            # From now on the other thread may write into it.
            self._in_prepared = ""
        else:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self._path, f"{token}.json"))
        reach("after removal")

    def remove_until(self, revision: int) -> None:
        """Forget all that was to become a revision which the store has: it did, or another change did."""
        for sent in self.all():
            if sent.revision <= revision:
                self.remove(sent.token)


def _read(path: str, name: str) -> Sent | None:
    """Return what a file holds; None when it is not one of ours."""
    try:
        sent = _sent_of(read_regular(path)[0])
    except (OSError, ValueError):
        return None
    return sent if sent is not None and name == f"{sent.token}.json" else None


def _sent_of(content: bytes) -> Sent | None:
    """Return what was sent; None when it is not in the form of :meth:`Outbox.add`."""
    try:
        data = json.loads(content)
        if data["format"] != _FORMAT or not is_token(data["token"]):
            return None
        host: list[HostChange] = [(database, key, prop, value) for database, key, prop, value in data["host"]]
        hashes = str(data["previous"]), str(data["hash"])
        return Sent(data["token"], int(data["revision"]), *hashes, host, is_blobs=bool(data["blobs"]))
    except (ValueError, KeyError, TypeError):
        return None


def is_token(text: object) -> bool:
    """Return whether a text can be the token of a row."""
    return isinstance(text, str) and len(text) == _TOKEN_DIGITS and set(text) <= set("0123456789abcdef")
