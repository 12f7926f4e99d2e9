"""A fleet whose etcd asks for certificates and passwords, as a real one does, and a thief who has those of one host."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from esmith.fleet import place
from esmith.fleet.admin import accounts
from esmith.fleet.etcd import fields
from esmith.fleet.etcd.client import Etcd
from esmith.fleet.etcd.operations import delete, put
from esmith.fleet.etcd.tls import Tls
from esmith.fleet.journal.keys import SigningKey
from esmith.fleet.journal.row import hash_of
from tests.fleet.cluster import Cluster
from tests.fleet.world.fleet import Fleet
from tests.fleet.world.founding import FLEET, KEYS, Writer, encode_json
from tests.fleet.world.office import Nursery

ROOT_PASSWORD = "the password of root"


class WalledFleet(Fleet):
    """It, over a cluster with TLS; etcd's users are those that the commands make."""

    def __init__(self, cluster: Cluster, folder: Path, nursery: Nursery, groups: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__(cluster, folder, nursery, groups=groups)
        accounts.enable(self.etcd, ROOT_PASSWORD)
        self.etcd = self._client("root", ROOT_PASSWORD)
        self.writer = Writer(self.etcd)
        accounts.add_fleet(self.etcd, FLEET)
        files = cluster.files
        assert files is not None
        self.passwords = {}
        for name, host in self.hosts.items():
            self.passwords[name] = accounts.new_password()
            accounts.add_host(self.etcd, FLEET, name, self.passwords[name])
            keys = host.root.path / KEYS
            for source, target in ((files.ca, "ca.pem"), (files.client, "host.pem"), (files.client_key, "host.key")):
                shutil.copyfile(source, keys / target)
                (keys / target).chmod(0o600)
            (keys / "password").write_text(f"{self.passwords[name]}\n")
            (keys / "password").chmod(0o600)

    def _connect(self) -> Etcd:
        return self._client("", "")

    def _client(self, user: str, password: str) -> Etcd:
        files = self.cluster.files
        assert files is not None
        tls = Tls(ca=str(files.ca), certificate=str(files.client), key=str(files.client_key))
        return Etcd(self.cluster.endpoints, tls=tls, user=user, password=password)

    def thief(self, name: str) -> Thief:
        """Return who has all that a host has: its certificate, its password and its key."""
        etcd = self._client(place.user_of(FLEET, name), self.passwords[name])
        return Thief(name, etcd, SigningKey.load(str(self[name].root.path / KEYS / "signing.key")))

    def kept(self) -> dict[bytes, bytes]:
        """Return all keys of the journal and their values, to be restored."""
        pages = self.etcd.prefix(self.writer.prefix)
        below = [f"{self.writer.prefix}{name}".encode() for name in ("j/", "head")]
        return {row.key: row.value for page in pages for row in page.rows if row.key.startswith(tuple(below))}

    def restore(self, kept: dict[bytes, bytes]) -> None:
        """Have the journal be as it was, and wait until each agent goes on."""
        now = self.kept()
        self.etcd.txn(
            [],
            [
                *(put(key, value) for key, value in kept.items() if now.get(key) != value),
                *(delete(key) for key in now if key not in kept),
            ],
        )
        for host in self.hosts.values():
            if host.has_agent:
                host.wait_going_on()


class Thief:
    """Who has stolen a host.

    :param name: of the host.
    :param etcd: a client with its password.
    :param key: its signing key.
    """

    def __init__(self, name: str, etcd: Etcd, key: SigningKey) -> None:
        self.name = name
        self.etcd = etcd
        self.key = key
        self.writer = Writer(etcd)

    def write(self, kind: str, signs: SigningKey | None = None, **fields: Any) -> int:
        """Write a row of the right form and whatever content at the end of the journal; return its number.

        :param signs: the key; that of the host by default.
        :param fields: go into its JSON as they are.
        """
        number, previous = self.writer.head
        data = {
            "format": 1,
            "fleet": FLEET,
            "revision": number + 1,
            "previous": previous,
            "host": self.name,
            "token": f"{number:032x}",
            "time": 1_800_000_000,
            "program": "0.1.0",
            "kind": kind,
            "author": ["thief", "", ["steal"]],
        }
        return self.writer.write(encode_json(data | fields, signs or self.key))

    def rewrite(self, number: int) -> None:
        """Write other content into a row that is there, signed by the host, with the hashes of all rows after it."""
        raw = self.writer.rows()[number - 1]
        data = json.loads(raw.partition(b"\n")[2])
        data["author"][0] = "somebody else"
        self.put(number, encode_json(data, self.key))

    def put(self, number: int, raw: bytes) -> None:
        """Write the bytes of a row over the one that is there."""
        operations = [put(self.writer.key(number), raw)]
        if number == self.writer.head[0]:
            operations.append(put(f"{self.writer.prefix}head", f"{number} {hash_of(raw)}"))
        self.etcd.txn([], operations)

    def go_back(self) -> None:
        """Delete the last row, and have the head be the one before."""
        rows = self.writer.rows()
        head = f"{len(rows) - 1} {hash_of(rows[-2])}"
        self.etcd.txn([], [delete(self.writer.key(len(rows))), put(f"{self.writer.prefix}head", head)])

    def alarm(self, action: str) -> None:
        """Raise or clear the alarm that etcd's database is full.

        :raises DeniedError: it may not.
        """
        session = self.etcd._session  # no host ever asks for that, so the client has no call for it
        session.call("/v3/maintenance/alarm", {"action": action, "alarm": "NOSPACE"}, fields.revision_of, changes=True)
