"""Events of a server with many local networks."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

from bench import roots
from bench.workshop import Measured, Workshop

SIZES = (10, 300, 1_000)
_ROUNDS = 3


def measure(shop: Workshop) -> Measured:
    """Measure the first event, one after a change of one network, and one with nothing to do."""
    for size in SIZES:
        root = shop.root(f"networks-{size}")
        roots.batch(root, "networks", roots.networks(range(size)))
        event = shop.command(root, "signal-event", roots.EVENT)
        figures = shop.compare(event, rounds=1)
        figures["size"] = roots.data_file_megabytes(root)
        yield f"networks-{size}-first", figures
        roots.settle(root)
        yield f"networks-{size}-unchanged", shop.compare(event, rounds=_ROUNDS, least=shop.least_look(root))
        yield f"networks-{size}-changed", shop.compare(shop.prepared(_Change(root), event), rounds=_ROUNDS)


class _Change:
    """Gives a network another mask each time, and waits until nothing is new."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._masks = itertools.cycle(("255.255.255.128", "255.255.255.0"))

    def __call__(self) -> None:
        roots.do(self._root, "db", "networks", "setprop", "10.0.5.0", "Mask", next(self._masks))
        time.sleep(roots.SETTLING_SECONDS)
