"""Events of a server with many users."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from bench import roots
from bench.workshop import Measured, Workshop

UNCHANGED_SIZES = (1, 4_000)
CHANGED_SIZES = (100, 10_000)
_ROUNDS = 3


def with_users(shop: Workshop, count: int) -> Path:
    """Return a root with users who have homes, after its events."""

    def fill(root: Path) -> None:
        roots.add_users(root, count)
        # What files are made of is remembered by the first event only where it is not new; the next makes all again.
        time.sleep(roots.SETTLING_SECONDS)
        roots.settle(root)

    return shop.root(f"users-{count}", fill)


def measure(shop: Workshop) -> Measured:
    """Measure the event with nothing to do, and after a change of one account."""
    for size in UNCHANGED_SIZES:
        root = with_users(shop, size)
        event = shop.command(root, "signal-event", roots.EVENT)
        yield f"users-{size}-unchanged", shop.compare(event, rounds=_ROUNDS, least=shop.least_look(root))
    for size in CHANGED_SIZES:
        root = with_users(shop, size)
        event = shop.command(root, "signal-event", roots.EVENT)
        changed = shop.prepared(_Change(root), event)
        yield f"users-{size}-changed", shop.compare(changed, rounds=_ROUNDS, least=shop.least_look(root))


class _Change:
    """Has the mail of one user forwarded elsewhere each time, and waits until nothing is new."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._addresses = itertools.cycle(("a@example.org", "b@example.org"))

    def __call__(self) -> None:
        words = ("setprop", "user0", "EmailForward", "both", "ForwardAddress", next(self._addresses))
        roots.do(self._root, "db", "accounts", *words)
        time.sleep(roots.SETTLING_SECONDS)
