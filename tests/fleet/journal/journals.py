"""Journals for tests: keys that are the same in each run, rows that follow one another, and those of a thief."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

from esmith.fleet.journal.chain import Chain, replay
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.journal.row import Row, encode

FLEET = "mail"
NOW = 1_800_000_000
AUTHOR = ("root", "alice", ("config", "set", "a b"))
_KEYS: dict[str, SigningKey] = {}


def key_of(name: str) -> SigningKey:
    """Return the signing key of a host; ``once-NAME`` is the one-time key of its invitation."""
    if name not in _KEYS:
        _KEYS[name] = SigningKey(sha256(name.encode()).digest())
    return _KEYS[name]


def forge(data: dict[str, Any], key: SigningKey) -> bytes:
    """Return any JSON as a row, signed with a key that the writer has: nothing is checked."""
    body = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return b64encode(key.sign(body)) + b"\n" + body


def data_of(raw: bytes) -> dict[str, Any]:
    """Return the JSON of a row."""
    data: dict[str, Any] = json.loads(raw.partition(b"\n")[2])
    return data


class Journal:
    """A journal that grows, and the chain of who follows it.

    :param hosts: who is in it; the first one begins it and invites the others.
    """

    def __init__(self, *hosts: str) -> None:
        self.rows: list[bytes] = []
        self.chain = Chain(FLEET)
        for host in hosts:
            if self.rows:
                self.invite(host)
            self.join(host)

    def next(self, host: str, kind: str, **fields: Any) -> Row:
        """Return a row that could come next."""
        head = self.chain.head
        number = head.number + 1
        common = (FLEET, number, head.hash, host, f"{number:032x}")
        usual: dict[str, Any] = {"time": NOW + number, "program": "0.1.0", "kind": kind, "author": AUTHOR}
        return Row(*common, **(usual | fields))

    def add(self, row: Row, key: SigningKey) -> bytes:
        """Add a row, which has to fit."""
        raw = encode(row, key)
        self.chain.take(raw)
        self.rows.append(raw)
        return raw

    def write(self, host: str, kind: str, **fields: Any) -> bytes:
        """Add a row that a host signs."""
        return self.add(self.next(host, kind, **fields), key_of(host))

    def invite(self, name: str, *, by: str = "", until: int = NOW + 1000) -> bytes:
        """Add the invitation of a host by the lead."""
        by = by or self.chain.members.lead
        return self.write(by, "invite", name=name, key=key_of(f"once-{name}").public, until=until)

    def join(self, name: str, **fields: Any) -> bytes:
        """Add the join of a host, by the one-time key of its invitation; that of the first host by its own."""
        signing = key_of(f"once-{name}" if self.rows else name)
        return self.add(self.next(name, "join", **({"name": name, "key": key_of(name).public} | fields)), signing)

    def replayed(self, **known: Any) -> Chain:
        """Return the chain of who reads the rows from the first one."""
        chain = Chain(FLEET, **known)
        assert len(list(replay(chain, self.rows))) == len(self.rows)
        return chain
