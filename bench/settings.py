"""Commands that read and write settings."""

from __future__ import annotations

import itertools
from pathlib import Path

from bench import roots
from bench.measuring import Task
from bench.workshop import Measured, Workshop

#: The record that is read and written, and properties of it that take small numbers.
KEY = "qpsmtpd"
PROPERTIES = ("KarmaStrikes", "MaxScannerSize", "Instances")
MANY = 10_000
RECORDS = 100_000


def measure(shop: Workshop) -> Measured:
    """Measure the commands about one record, and many changes at once."""
    root = shop.root("settings")
    flat = shop.flat_file(root, "configuration")
    reads = {
        "getprop": ("getprop", KEY, "DNSBL"),
        "get": ("get", KEY),
        "gettype": ("gettype", KEY),
        "show-key": ("show", KEY),
    }
    for name, words in reads.items():
        original = shop.original.task(flat, *words) if shop.original else None
        least = shop.least("read", str(root / roots.DATABASE), "configuration", KEY, "DNSBL")
        yield name, shop.compare(shop.command(root, "config", *words), original, least=least)
    for count in (1, 3):
        ours, original = _writers(shop, root, flat, PROPERTIES[:count])
        yield f"setprop-{count}", shop.compare(ours, original, least=_least_writer(shop))
    yield f"batch-{MANY}", shop.compare(_batch(shop, root), rounds=3)


def _writers(shop: Workshop, root: Path, flat: Path, properties: tuple[str, ...]) -> tuple[Task, Task | None]:
    """Return a task that gives properties other values each time, and one that has the original do so."""
    values = itertools.cycle(range(3, 10))

    def words() -> list[str]:
        value = str(next(values))
        return ["setprop", KEY, *itertools.chain.from_iterable((name, value) for name in properties)]

    original = shop.original
    return (
        lambda: shop.command(root, "config", *words())(),
        (lambda: original.task(flat, *words())()) if original else None,
    )


def _least_writer(shop: Workshop) -> Task:
    """Return a task that writes one property each time another value, in a store of its own: it keeps no journal."""
    root = shop.root("least")
    values = itertools.cycle("3456789")
    folder = str(root / roots.DATABASE)
    return lambda: shop.least("write", folder, "configuration", KEY, PROPERTIES[0], next(values))()


def _batch(shop: Workshop, root: Path) -> Task:
    """Return a task that changes one property of many records, each time to another value."""
    roots.batch(root, "hosts", (f"set h{number}.example.com host HostType Self" for number in range(MANY)))
    files = []
    for kind in ("Local", "Self"):
        path = shop.folder / f"batch-{kind}"
        path.write_text("".join(f"setprop h{number}.example.com HostType {kind}\n" for number in range(MANY)))
        files.append(path)
    turns = itertools.cycle(files)
    return lambda: shop.command(root, "db", "hosts", "batch", stdin=next(turns))()
