"""An invitation as text that can be pasted. It holds secrets: whoever has it can join as that host until it ends.

The text is ``esmith1:``, and base64url of a length, a checksum and compressed JSON. It is written in short lines, since
a terminal takes at most 4,095 characters of one, and read however it is wrapped. The checksum finds slips of copying;
it proves nothing about who made it.
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode

from esmith.digests import sha256
from esmith.errors import UsageError
from esmith.fields import dataclass, fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: What the first and the last line of the text are.
BEGIN, END = "-----BEGIN ESMITH FLEET INVITATION-----", "-----END ESMITH FLEET INVITATION-----"
_PREFIX = "esmith1:"
_LINE = 76
_LENGTH_BYTES, _CHECK_BYTES = 3, 6
#: In bytes: more than any invitation has; what says it is larger is not unpacked.
_LARGEST = 256 * 1024
_AGAIN = "copy all of it again, from the line BEGIN to the line END; or invite again with 'esmith fleet invite'"
_FRAME = re.compile("-----(BEGIN|END) ")
_FORM = re.compile(r"esmith([0-9]+):([A-Za-z0-9_-]*)(.*)", re.DOTALL)


@dataclass(frozen=True)
class Invitation:
    """All that a host needs to join.

    :param fleet: name of the fleet.
    :param name: of the host that is invited.
    :param endpoints: URLs of etcd.
    :param ca: certificate of the authority, PEM.
    :param certificate: of the host as a client, PEM.
    :param key: of that certificate, PEM.
    :param user: in etcd.
    :param password: in etcd.
    :param one_time_key: private key that signs the join (:meth:`esmith.fleet.journal.keys.SigningKey.secret`).
    :param first_hash: hash of row 1 of the journal.
    :param until: when it ends, in seconds since 1970.
    :param head: ``N HASH`` of the row that invites: a journal without it was rewritten. "" where that is not known.
    :param groups: proposed groups of the host.
    """

    fleet: str
    name: str
    endpoints: tuple[str, ...]
    ca: str
    certificate: str
    key: str
    user: str
    password: str
    one_time_key: str
    first_hash: str
    until: int
    head: str = ""
    groups: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Invitation({self.fleet}, {self.name})"

    def line(self) -> str:
        """Return it as one line of text, with a checksum."""
        data = {one.name: getattr(self, one.name) for one in fields(self)}
        packed = zlib.compress(json.dumps(data, sort_keys=True, separators=(",", ":")).encode(), 9)
        whole = len(packed).to_bytes(_LENGTH_BYTES, "big") + _check_of(packed) + packed
        return _PREFIX + urlsafe_b64encode(whole).rstrip(b"=").decode()

    def text(self) -> str:
        """Return it as text: lines of at most 76 characters between :data:`BEGIN` and :data:`END`, with a checksum."""
        line = self.line()
        return "\n".join([BEGIN, *(line[at : at + _LINE] for at in range(0, len(line), _LINE)), END, ""])

    @classmethod
    def read(cls, text: str) -> Invitation:
        """Return the invitation that a text is, with or without its first and last line, however it is wrapped.

        :raises UsageError: when it is none, was cut, was changed, or is of a newer version.
        """
        try:
            data = json.loads(_unpacked(text))
            return cls(**_checked(data))
        except (ValueError, TypeError, RecursionError):
            raise UsageError("the invitation holds what no invitation holds", hint=_AGAIN) from None


def _unpacked(text: str) -> bytes:
    """Return the JSON of an invitation.

    :raises UsageError: when it is not whole.
    """
    lines = [line.strip(" \t\r>") for line in text.splitlines()]
    joined = "".join("".join(line.split()) for line in lines if not _FRAME.match(line))
    match = _FORM.fullmatch(joined)
    if match is None:
        raise UsageError(f"this is no invitation, or its beginning {_PREFIX} is missing", hint=_AGAIN)
    if match[1] != "1":
        raise UsageError("the invitation was made by a newer version of this program", hint="upgrade this host")
    if match[3]:
        raise UsageError("the invitation has characters in it that do not belong there", hint=_AGAIN)
    digits = match[2]
    whole = urlsafe_b64decode(digits[: len(digits) // 4 * 4] + _rest(digits[len(digits) // 4 * 4 :]))
    start = _LENGTH_BYTES + _CHECK_BYTES
    length, check, packed = whole[:_LENGTH_BYTES], whole[_LENGTH_BYTES:start], whole[start:]
    missing = int.from_bytes(length, "big") - len(packed)
    if len(whole) < start or missing > 0:
        raise UsageError("the invitation is not complete: its end is missing, or lines of it", hint=_AGAIN)
    if missing < 0:
        raise UsageError("the invitation is longer than it was: something else was pasted with it", hint=_AGAIN)
    if _check_of(packed) != check or urlsafe_b64encode(whole).rstrip(b"=").decode() != digits:
        raise UsageError("the invitation was changed when it was copied: its checksum is wrong", hint=_AGAIN)
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(packed, _LARGEST)
    except zlib.error:
        raise ValueError from None
    if not unpacking.eof:
        raise ValueError
    return data


def _rest(digits: str) -> str:
    """Return the last digits of base64 as four; a single one is half a byte, of which nothing can be made."""
    return "" if len(digits) < 2 else digits.ljust(4, "=")


def _check_of(packed: bytes) -> bytes:
    return sha256(_PREFIX.encode() + packed).digest()[:_CHECK_BYTES]


def _checked(data: Any) -> dict[str, Any]:
    """Return the fields of an invitation.

    :raises ValueError: when one is missing or is not of its type.
    """
    kinds = {one.name: one.type for one in fields(Invitation)}
    if not isinstance(data, dict) or data.keys() != kinds.keys():
        raise ValueError
    found = {}
    for name, kind in kinds.items():
        value = data[name]
        if kind == "tuple[str, ...]":
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise ValueError
            value = tuple(value)
        elif type(value) is not (int if kind == "int" else str):
            raise ValueError
        found[name] = value
    return found
