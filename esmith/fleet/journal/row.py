"""A row of the journal: one command of one host, as bytes that are the same wherever they are made.

A row is the base64 of an Ed25519 signature, a newline, and the JSON that is signed: keys sorted, no blanks, UTF-8. The
hash of a row is the SHA-256 of all of that, and each row has the hash of the one before. What is decoded is checked
field by field, and has to be written exactly as :func:`encode` writes it.

A changeset whose JSON is longer than :data:`BODY_LIMIT` goes to blobs: pieces of that JSON under keys of their own,
which the row names by their digests.
"""

from __future__ import annotations

from base64 import b64decode, b64encode

from esmith.digests import sha256
from esmith.fields import dataclass, replace
from esmith.fleet.journal.canonical import canonical, parse
from esmith.fleet.journal.checking import (
    LARGEST_ROW,
    MOST_BLOBS,
    check_author,
    check_changes,
    check_digests,
    check_event,
    check_groups,
    check_hosts,
    check_name,
    check_number,
    check_previous,
    check_program,
    check_public,
    check_time,
    check_token,
    require,
)
from esmith.fleet.journal.errors import NewerRowError, RowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    #: A cell of a layer: layer (``fleet`` or ``group:NAME``), database, key, property ("" is the type), and the new
    #: value, None where it is deleted.
    Change = tuple[str, str, str, str, str | None]

    class Signs(Protocol):
        """What signs: :class:`esmith.fleet.journal.keys.SigningKey`."""

        def sign(self, data: bytes) -> bytes:
            """Return the signature of bytes."""


#: The format of the rows that this version writes, and the newest that it reads.
FORMAT = 1
#: In bytes: what the JSON of a changeset may take in its row, and how much of it is in one blob.
BODY_LIMIT = 512 * 1024
#: In bytes: what the words of a command may take. They are for people, and the changes say what was done.
_MOST_WORDS = 16 * 1024
_SIGNATURE_BYTES = 64
_SIGNATURE_LENGTH = 88


@dataclass(frozen=True)
class Row:
    """One row of the journal.

    :param fleet: name of the fleet.
    :param revision: its number, from 1.
    :param previous: hash of the row before it, "" for row 1.
    :param host: who signs it.
    :param token: 32 hexadecimal digits that no other row has: whether a row landed is found out by it.
    :param time: seconds since 1970, by the clock of the host.
    :param program: version of the program that made it.
    :param kind: a key of :data:`KINDS`.
    :param author: the user, who called sudo or "", and the words of the command.
    :param changes: for ``changes``: cells of layers, at least one. Where there are blobs, empty until :func:`fill`.
    :param blobs: for ``changes``: digests of the pieces of the JSON of the changes, where that is long.
    :param name: for ``invite``, ``join`` and ``remove``: which host.
    :param key: for ``invite`` the one-time public key, for ``join`` that of the new host; base64.
    :param until: for ``invite`` and ``signal``: seconds since 1970.
    :param groups: for ``join`` and ``groups``: the groups of the host, nearest layer first.
    :param event: for ``signal``: its name.
    :param hosts: for ``signal``: which hosts; none stands for all.
    """

    fleet: str
    revision: int
    previous: str
    host: str
    token: str
    time: int
    program: str
    kind: str
    author: tuple[str, str, tuple[str, ...]]
    changes: tuple[Change, ...] = ()
    blobs: tuple[str, ...] = ()
    name: str = ""
    key: str = ""
    until: int = 0
    groups: tuple[str, ...] = ()
    event: str = ""
    hosts: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all changes are here; else :func:`fill` needs the blobs."""
        return not self.blobs or bool(self.changes)


def _tuple_of_changes(value: Any) -> tuple[Change, ...]:
    check_changes(value)
    return tuple(tuple(one) for one in value)


def _texts(check: Callable[[Any], None]) -> Callable[[Any], tuple[str, ...]]:
    def take(value: Any) -> tuple[str, ...]:
        check(value)
        return tuple(value)

    return take


def _as_is(check: Callable[[Any], None]) -> Callable[[Any], Any]:
    def take(value: Any) -> Any:
        check(value)
        return value

    return take


def _author(value: Any) -> tuple[str, str, tuple[str, ...]]:
    check_author(value)
    user, sudo_user, words = value
    return user, sudo_user, tuple(words)


def _named(what: str) -> Callable[[Any], Any]:
    return _as_is(lambda value: check_name(value, what))


#: What takes the value of each key of the JSON, having checked it.
_FIELDS: dict[str, Callable[[Any], Any]] = {
    "fleet": _named("fleet"),
    "revision": _as_is(check_number),
    "previous": _as_is(check_previous),
    "host": _named("host"),
    "token": _as_is(check_token),
    "time": _as_is(lambda value: check_time(value, "time")),
    "program": _as_is(check_program),
    "author": _author,
    "changes": _tuple_of_changes,
    "blobs": _texts(check_digests),
    "name": _named("name"),
    "key": _as_is(check_public),
    "until": _as_is(lambda value: check_time(value, "until")),
    "groups": _texts(check_groups),
    "event": _as_is(check_event),
    "hosts": _texts(check_hosts),
}
#: What every row has, besides format and kind.
_COMMON = ("fleet", "revision", "previous", "host", "token", "time", "program", "author")
#: What else the rows of each kind have; ``changes`` has blobs instead where it is long.
KINDS = {
    "changes": ("changes",),
    "invite": ("name", "key", "until"),
    "join": ("name", "key", "groups"),
    "leave": (),
    "remove": ("name",),
    "groups": ("groups",),
    "signal": ("event", "hosts", "until"),
    "nothing": (),
}


def encode(row: Row, key: Signs) -> bytes:
    """Return a row as bytes, signed.

    :param key: the signing key of the host; for a ``join``, the one-time key of the invitation.
    :raises RowError: when a field is not as it has to be.
    """
    body = canonical(_to_json(row))
    raw = b64encode(key.sign(body)) + b"\n" + body
    decode(raw)
    return raw


def decode(raw: bytes) -> Row:
    """Return the row that bytes are. Whether its signature and its place are right is checked elsewhere.

    :raises NewerRowError: when a newer version wrote it.
    :raises RowError: when it is not a row.
    """
    _, body = split(raw)
    data = _parse(body)
    revision, host = _claimed(data)
    try:
        if data.get("format") != FORMAT or type(data["format"]) is not int:
            _refuse_format(data.get("format"))
        return _from_json(data)
    except RowError as error:
        raise error.at(revision, host) from None
    except RecursionError:
        # To show what is nested so deep takes more of the stack than to read it.
        raise RowError("it is nested too deep", revision=revision, host=host) from None


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Return the signature of a row, and what is signed.

    :raises RowError: when it does not begin with a signature.
    """
    require(len(raw) <= LARGEST_ROW, f"it has more than {LARGEST_ROW} bytes")
    text, newline, body = raw.partition(b"\n")
    require(len(text) == _SIGNATURE_LENGTH and newline == b"\n", "it does not begin with a signature")
    try:
        signature = b64decode(text, validate=True)
    except ValueError:
        raise RowError("it does not begin with a signature") from None
    # Else one signature could be written in several ways, and the hash of a row changed without its key.
    require(len(signature) == _SIGNATURE_BYTES and b64encode(signature) == text, "it does not begin with a signature")
    return signature, body


def hash_of(raw: bytes) -> str:
    """Return the hash of a row, which the next one has: 64 hexadecimal digits."""
    return sha256(raw).hexdigest()


def pack(row: Row) -> tuple[Row, list[bytes]]:
    """Return a row as it can be encoded, and what has to be stored as blobs 0000, 0001... under its token before it.

    There are no blobs where the changes are short. Words of a command that are very long are cut.

    :raises RowError: when there are more changes than blobs may hold.
    """
    row = replace(row, author=_shortened(row.author))
    if row.kind != "changes":
        return row, []
    body = canonical([list(one) for one in row.changes])
    if len(body) <= BODY_LIMIT:
        return row, []
    blobs = [body[start : start + BODY_LIMIT] for start in range(0, len(body), BODY_LIMIT)]
    if len(blobs) > MOST_BLOBS:
        size = MOST_BLOBS * BODY_LIMIT // 2**20
        raise RowError(f"its changes take more than {size} MiB", hint="change fewer settings at once")
    check_changes([list(one) for one in row.changes])
    return replace(row, blobs=tuple(hash_of(blob) for blob in blobs)), blobs


def fill(row: Row, blobs: Sequence[bytes]) -> Row:
    """Return a row with its changes.

    :param row: one that has been decoded; one without blobs is returned as it is.
    :param blobs: what the blobs under its token hold, in order.
    :raises RowError: when one is missing, not the one that was signed, or holds no changes.
    """
    if not row.blobs:
        return row
    try:
        for number, digest in enumerate(row.blobs):
            require(number < len(blobs), f"part {number} of its changes is missing")
            require(hash_of(blobs[number]) == digest, f"part {number} of its changes was changed")
        require(len(blobs) == len(row.blobs), "there are more parts of its changes than it names")
        body = b"".join(blobs)
        data = parse(body)
        changes = _tuple_of_changes(data)
        require(canonical(data) == body, "its changes are not written in the one form that rows have")
        return replace(row, changes=changes)
    except RowError as error:
        raise error.at(row.revision, row.host) from None


def _shortened(author: tuple[str, str, tuple[str, ...]]) -> tuple[str, str, tuple[str, ...]]:
    """Return an author with as many words of the command as there is room for."""
    user, sudo_user, words = author
    size = 0
    kept: list[str] = []
    for word in words:
        size += 2 * len(word.encode("utf-8", "replace")) + 3
        if size > _MOST_WORDS:
            return user, sudo_user, (*kept, "...")
        kept.append(word)
    return author


def _to_json(row: Row) -> dict[str, Any]:
    require(row.kind in KINDS, f"there is no kind {_shown(row.kind)} of row")
    require(not row.blobs or row.kind == "changes", "rows of its kind have no blobs")
    own = ("blobs",) if row.blobs else KINDS[row.kind]
    for other in {name for names in KINDS.values() for name in names} - {*own, *KINDS[row.kind]}:
        require(not getattr(row, other), f"rows of its kind have no {other}")
    return {"format": FORMAT, "kind": row.kind} | {name: getattr(row, name) for name in (*_COMMON, *own)}


def _from_json(data: dict[str, Any]) -> Row:
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise RowError(f"there is no kind {_shown(kind)} of row")
    own = ("blobs",) if kind == "changes" and "blobs" in data else KINDS[kind]
    names = {"format", "kind", *_COMMON, *own}
    for missing in sorted(names - data.keys()):
        raise RowError(f"{missing} is missing")
    for other in sorted(data.keys() - names):
        raise RowError(f"rows of its kind have no {_shown(other)}")
    row = Row(kind=kind, **{name: _FIELDS[name](data[name]) for name in (*_COMMON, *own)})
    require((row.revision == 1) == (row.previous == ""), "only row 1 follows no other, and it follows none")
    return row


def _refuse_format(value: Any) -> None:
    if type(value) is int and value > FORMAT:
        raise NewerRowError(f"it has the format {_shown(value)}, so it was written by a newer version")
    raise RowError(f"it has the format {_shown(value)}, which there is not")


def _claimed(data: dict[str, Any]) -> tuple[int, str]:
    """Return the number and the host that a row gives itself, for messages about it; 0 and "" for what is not one."""
    revision, host = data.get("revision"), data.get("host")
    try:
        check_number(revision)
        check_name(host, "host")
    except RowError:
        return 0, ""
    return revision, host  # type: ignore[return-value]


def _parse(body: bytes) -> dict[str, Any]:
    data = parse(body)
    if not isinstance(data, dict):
        raise RowError("it is not a JSON object")
    try:
        canonical_body = canonical(data)
    except RowError:
        canonical_body = b""
    if canonical_body != body:
        revision, host = _claimed(data)
        raise RowError("it is not written in the one form that rows have", revision=revision, host=host)
    return data


def _shown(value: object) -> str:
    from esmith.names import shorten

    return shorten(repr(value))
