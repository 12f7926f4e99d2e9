"""A member of a fleet without a network: a root, and what answers at the socket of its agent."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Any

from esmith.fleet.replica.applying import apply_changes
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author
from tests.commands import Root

#: The members, each with its groups; this host is the first.
MEMBERS = {"mail1": ["mx"], "mail2": ["mx"], "office": []}
ENGINE = Author("root", "", ["esmith", "fleet", "agent"])
Changes = Sequence[tuple[str, str, str, str, "str | None"]]


def make_member(root: Root) -> Root:
    """Make the server of a root a member, with no shared setting yet."""
    folder = root.path / "var/lib/e-smith/fleet"
    folder.mkdir(mode=0o700, parents=True)
    rows = {"host": b"mail1", "name": b"example", "revision": b"0 "}
    rows |= {f"member/{name}": json.dumps({"groups": groups}).encode() for name, groups in MEMBERS.items()}
    with closing(open_store(Layout(str(root.path)), write=True)) as store, store.transaction(ENGINE) as transaction:
        for name, row in rows.items():
            transaction.set_state("fleet", name, row)
    return root


def receive(root: Root, changes: Changes) -> int:
    """Apply a row of the journal as the agent does; return its number."""
    with closing(open_store(Layout(str(root.path)), write=True)) as store, store.transaction(ENGINE) as transaction:
        number = int((transaction.state("fleet", "revision") or b"0").split()[0]) + 1
        apply_changes(transaction, list(changes), revision=number, hash=f"h{number}")
    return number


def stored(root: Root, database: str, key: str, prop: str) -> str | None:
    """Return what is stored of a cell."""
    with closing(open_store(Layout(str(root.path)))) as store, store.snapshot() as snapshot:
        return snapshot.prop(database, key, prop)


def mark_of(root: Root, database: str, key: str, prop: str) -> str | None:
    """Return whether a cell has a value of this host: ``host`` or ``local``."""
    from esmith.fleet.replica.overrides import of_cell

    with closing(open_store(Layout(str(root.path)))) as store, store.snapshot() as snapshot:
        mark = of_cell(snapshot, database, key, prop)
        return None if mark is None else mark.kind


def set_row(root: Root, name: str, value: bytes) -> None:
    """Write a row of what a member knows of its fleet."""
    with closing(open_store(Layout(str(root.path)), write=True)) as store, store.transaction(ENGINE) as transaction:
        transaction.set_state("fleet", name, value)


def make_certificate(root: Root, name: str) -> float:
    """Make a certificate of a member, and return when it ends, in seconds since 1970."""
    folder = root.path / "home/e-smith/fleet"
    folder.mkdir(mode=0o700, exist_ok=True)
    made = str(folder / name)
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-subj", "/O=example", "-days", "100", "-keyout", made + ".key", "-out", made]
    subprocess.run(words, check=True, capture_output=True)
    ends = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", made], check=True, capture_output=True)
    return float(ssl.cert_time_to_seconds(ends.stdout.decode().strip().removeprefix("notAfter=")))


class FakeAgent:
    """What answers at the socket of an agent, for as long as the context is open.

    :param root: the root of the member.
    """

    def __init__(self, root: Root) -> None:
        self.root = root
        #: The changesets that commands have sent.
        self.commits: list[dict[str, Any]] = []
        #: What is answered to the next ones; ``accepted`` to all after them.
        self.answers: list[dict[str, Any]] = []
        #: Called when a command waits for a revision, with its number.
        self.on_wait: Callable[[int], object] = lambda _revision: None
        self._listening = socket.socket(socket.AF_UNIX)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> FakeAgent:
        folder = os.open(self.root.path / "var/lib/e-smith/fleet", os.O_RDONLY)
        try:
            self._listening.bind(f"/proc/self/fd/{folder}/agent.socket")
        finally:
            os.close(folder)
        self._listening.listen()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        (self.root.path / "var/lib/e-smith/fleet/agent.socket").unlink()

    @property
    def changes(self) -> list[list[str | None]]:
        """What the last command sent for the layers."""
        found: list[list[str | None]] = self.commits[-1]["changes"]
        return found

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream, suppress(OSError):
                for line in stream:
                    answer = self._answer(json.loads(line))
                    if answer is not None:
                        stream.write(json.dumps(answer).encode() + b"\n")
                        stream.flush()

    def _answer(self, question: dict[str, Any]) -> dict[str, Any] | None:
        if question["verb"] == "wait":
            self.on_wait(question["revision"])
            return {"outcome": "applied"}
        if question["verb"] != "commit":
            return None
        self.commits.append(question)
        if self.answers:
            return self.answers.pop(0)
        number = int(question["base"].split(" ")[0]) + 1
        return {"outcome": "accepted", "revision": number, "hash": f"h{number}"}
