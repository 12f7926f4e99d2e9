"""Stores for the tests: empty ones, changed by Python, with or without commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import lmdb

from esmith.layout import Layout
from esmith.plan.host import DiskHost
from esmith.setup.product_files import write_file
from esmith.setup.shipped import command_files
from esmith.store import open_store
from esmith.store.model import Author, Change, Record
from esmith.store.protocol import Store
from tests.commands import Root

AUTHOR = Author("tester", "", ["test"])

#: Where ``python -m tests...`` works.
REPOSITORY = Path(__file__).parents[2]

#: A cell as the tests write it: database, key, property, old value, new value.
Cell = tuple[str, str, str, str | None, str | None]


@contextmanager
def opened(root: Path, *, write: bool = True, create: bool = False) -> Iterator[Store]:
    """Open the store of a root, and close it: LMDB allows one at a time in a process."""
    store = open_store(Layout(str(root)), write=write, create=create)
    try:
        yield store
    finally:
        store.close()


def put(store: Store, database: str, key: str, type: str, props: Mapping[str, str] | None = None) -> None:
    """Write a record in a transaction of its own."""
    with store.transaction(AUTHOR) as transaction:
        transaction.set_type(database, key, type)
        for prop, value in (props or {}).items():
            transaction.set_prop(database, key, prop, value)


def contents(store: Store) -> dict[str, list[Record]]:
    """Return all records of all databases."""
    with store.snapshot() as snapshot:
        return {name: list(snapshot.records(name)) for name in snapshot.databases()}


def last_revision(store: Store) -> int:
    """Return the number of the last revision."""
    with store.snapshot() as snapshot:
        return snapshot.revision()


def cells(changes: list[Change]) -> set[Cell]:
    """Return changes in a form that can be compared."""
    return {(change.database, change.key, change.prop, change.old, change.new) for change in changes}


def bare_root(path: Path) -> Root:
    """Make a root that has the commands and an empty store, but no schema files, templates or events."""
    path.mkdir(parents=True, exist_ok=True)
    host = DiskHost(Layout(str(path)))
    for file, (content, mode) in command_files(host.layout).items():
        write_file(host, file, content, mode)
    host.close()
    with opened(path, create=True):
        pass
    return Root(path)


def shared_root(path: Path) -> Root:
    """Make such a root with one record, which several processes write to."""
    root = bare_root(path)
    with opened(path) as store:
        put(store, "t", "shared", "v")
    return root


def data_file(root: Root) -> Path:
    """Return where the data of a root's store is."""
    return root.file("/home/e-smith/db/data.mdb")


def start_child(
    *words: str, env: Mapping[str, str] | None = None, errors: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a program of :mod:`tests.store.child`; the caller ends it.

    :param errors: the file that gets its stderr; None for that of the tests.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.child", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if errors is None else errors.open("wb"),
        cwd=REPOSITORY,
        env={**os.environ, **(env or {})},
    )


def wait_ready(child: subprocess.Popen[bytes]) -> None:
    """Wait until a child says that it is ready; fail when it ends instead."""
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"


def release(child: subprocess.Popen[bytes]) -> None:
    """Let a ready child go on."""
    assert child.stdin is not None
    child.stdin.write(b"\n")
    child.stdin.flush()


def shrink(root: Root) -> None:
    """Take from the data file what is free in it or behind its last page, so that each commit needs space."""
    small = root.path / "small"
    small.mkdir()
    with lmdb.open(str(data_file(root).parent), max_dbs=128, readonly=True) as env:
        env.copy(str(small), compact=True)
    data_file(root).write_bytes((small / "data.mdb").read_bytes())
    shutil.rmtree(small)
    root.config("get", "DomainName")
