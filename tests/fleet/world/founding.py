"""A fleet made without its commands, quickly: the rows with which hosts join, and roots that are members."""

from __future__ import annotations

import json
import secrets
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from esmith import __version__
from esmith.fields import replace
from esmith.fleet.agent.checked import checker_of_all
from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.operations import put
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.journal.row import FORMAT, Row, encode, hash_of, split
from esmith.fleet.replica.applying import rebuild
from tests.fleet.world.history import Cell, Landed, Place
from tests.store.stores import AUTHOR, bare_root, opened

FLEET = "trial"
#: The folder of a member's keys, below the root.
KEYS = "home/e-smith/fleet"


class Writer:
    """Writes rows of the journal as a host would, without its agent.

    :param etcd: any client that may.
    """

    def __init__(self, etcd: Etcd, fleet: str = FLEET) -> None:
        self.etcd = etcd
        self.prefix = f"/esm/{fleet}/"
        self._fleet = fleet

    @property
    def head(self) -> tuple[int, str]:
        """Number and hash of the last row."""
        found = self.etcd.get(f"{self.prefix}head")
        number, _, digest = found.value.decode().partition(" ") if found else ("0", "", "")
        return int(number), digest

    def row(self, host: str, kind: str, **fields: object) -> Row:
        """Return the row that would come next."""
        number, previous = self.head
        row = Row(
            fleet=self._fleet,
            revision=number + 1,
            previous=previous,
            host=host,
            token=secrets.token_hex(16),
            time=int(time.time()),
            program=__version__,
            kind=kind,
            author=("tester", "", ("test",)),
        )
        return replace(row, **fields)  # type: ignore[arg-type]

    def write(self, raw: bytes) -> int:
        """Put the bytes of a row at the end of the journal, whatever they are; return its number."""
        number = self.head[0] + 1
        head = f"{number} {hash_of(raw)}"
        self.etcd.txn([], [put(self.key(number), raw), put(f"{self.prefix}head", head)])
        return number

    def key(self, number: int) -> str:
        """Return the key of a row."""
        return f"{self.prefix}j/{number:012d}"

    def rows(self) -> list[bytes]:
        """Return the whole journal."""
        return self.values("j/")

    def values(self, below: str) -> list[bytes]:
        """Return the values of all keys of the fleet that begin so."""
        return [row.value for page in self.etcd.prefix(f"{self.prefix}{below}") for row in page.rows]


def found(
    etcd: Etcd, folder: Path, hosts: Mapping[str, Sequence[str]], endpoints: Mapping[str, Sequence[str]]
) -> dict[str, Path]:
    """Make a fleet, and return the roots of its hosts.

    :param hosts: their groups by their names; the first one begins it.
    :param endpoints: where their agents find etcd, by their names.
    """
    writer = Writer(etcd)
    keys = {host: SigningKey.generate() for host in hosts}
    first = next(iter(hosts))
    for host, groups in hosts.items():
        signs = keys[host]
        if host != first:
            signs = SigningKey.generate()
            until = int(time.time()) + 3600
            writer.write(encode(writer.row(first, "invite", name=host, key=signs.public, until=until), keys[first]))
        join = writer.row(host, "join", name=host, key=keys[host].public, groups=tuple(groups))
        writer.write(encode(join, signs))
    rows = writer.rows()
    roots = {host: folder / host for host in hosts}
    for host, root in roots.items():
        _make_member(root, host, keys[host], endpoints[host], rows)
    return roots


def _make_member(root: Path, host: str, key: SigningKey, endpoints: Sequence[str], rows: Sequence[bytes]) -> None:
    bare_root(root)
    folder = root / KEYS
    folder.mkdir(mode=0o700, parents=True)
    key.save(str(folder / "signing.key"))
    with opened(root) as store, store.transaction(AUTHOR) as transaction:
        transaction.set_type("configuration", "fleet", "service")
        props = {"status": "enabled", "Name": FLEET, "Host": host, "Endpoints": ",".join(endpoints)}
        for prop, value in props.items():
            transaction.set_prop("configuration", "fleet", prop, value)
        for name, text in (("name", FLEET), ("host", host), ("first", hash_of(rows[0]))):
            transaction.set_state("fleet", name, text.encode())
        checker = checker_of_all(FLEET, hash_of(rows[0]))
        rebuild(transaction, [checker.take(raw, lambda _token, _count: []).applied for raw in rows])


def encode_newer(row: Row, key: SigningKey) -> bytes:
    """Return a row as a newer version of this program would write it."""
    data = json.loads(split(encode(row, key))[1])
    return encode_json(data | {"format": FORMAT + 1, "new": True}, key)


def encode_json(data: Mapping[str, Any], key: SigningKey) -> bytes:
    """Return a row of any content, signed, whether or not it is one."""
    body = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return b64encode(key.sign(body)) + b"\n" + body


def landed(row: Row) -> Landed:
    """Return a row of the journal as the checker of histories takes it: with the stamp of who asked for it.

    :param row: with its changes.
    """
    words = row.author[2]
    stamp = words[1] if words[:1] == ("trial",) else ""
    writes = {Place(layer, Cell(*cell)): value for layer, *cell, value in row.changes}
    groups = {(row.name or row.host): row.groups} if row.kind in ("join", "groups") else {}
    return Landed(row.revision, stamp, writes, groups)
