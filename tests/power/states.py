"""The disk states that a power loss may leave, and folders that hold them."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.power.disk import Change, Disk, Node, Nodes

#: Of so many pending changes every subset is tried; of more, a sample.
ALL_UP_TO = 8
#: What no command relies on after a crash, and what is never synced: it is there or not, as a whole.
_LOOSE = (
    "var/log/e-smith/events.log",
    "var/lib/e-smith/event.lock",
    "home/e-smith/db/lock.mdb",
    "home/e-smith/db/data.verified",
)


@dataclass(frozen=True)
class Moment:
    """A moment of a run at which the power may fail.

    :param durable: what is on the disk for sure.
    :param pending: the changes that may be on it, the oldest first.
    :param loose: those of files that no command relies on; they are there or not together.
    :param commands: how many commands had ended.
    :param between: whether one more had begun.
    """

    durable: Nodes
    pending: list[Change]
    loose: list[Change]
    commands: int
    between: bool

    @property
    def is_small(self) -> bool:
        """Whether every subset of the pending changes is tried."""
        return len(self.pending) <= ALL_UP_TO


@dataclass(frozen=True)
class State:
    """A disk as a power loss may leave it.

    :param moment: when.
    :param survived: which of the pending changes are on the disk.
    :param is_loose: whether the changes of files that no command relies on are.
    """

    moment: Moment
    survived: frozenset[int]
    is_loose: bool

    def nodes(self) -> Nodes:
        """Return the disk."""
        nodes = dict(self.moment.durable)
        for index, change in enumerate(self.moment.pending):
            if index in self.survived:
                change.apply(nodes)
        for change in self.moment.loose if self.is_loose else ():
            change.apply(nodes)
        return nodes

    def key(self) -> object:
        """Return what is equal for two states after which the same disk has to become the same."""
        differing = {
            (path, node.mode, node.owner, sha256(node.content).digest(), frozenset(node.names or ()))
            for path, node in _walk(self.nodes(), 0, "")
            if node.source is None
        }
        return frozenset(differing), self.moment.commands, self.moment.between

    def __str__(self) -> str:
        changes = enumerate(self.moment.pending)
        texts = [f"{'' if index in self.survived else 'without '}{change.kind}" for index, change in changes]
        while_ = "while one more ran" if self.moment.between else "and no more had begun"
        return f"{self.moment.commands} commands had ended {while_}; {', '.join(texts) or 'nothing was pending'}"


def moment_of(disk: Disk, commands: int, *, between: bool) -> Moment:
    """Return this moment of a run."""
    loose = {inode for path in _LOOSE if (inode := find(disk.now, path)) is not None}
    return Moment(
        dict(disk.durable),
        [change for change in disk.pending if not change.inodes <= loose],
        [change for change in disk.pending if change.inodes <= loose],
        commands,
        between,
    )


def find(nodes: Nodes, path: str) -> int | None:
    """Return the inode of a path without links."""
    inode = 0
    for name in path.split("/"):
        names = nodes[inode].names
        if names is None or name not in names:
            return None
        inode = names[name]
    return inode


def states_of(moments: list[Moment], sample: int, most: int, chance: random.Random) -> list[State]:
    """Return the different states of a run.

    :param sample: how many states of the moments with more pending changes than :data:`ALL_UP_TO`.
    :param most: how many in all; of more a part is taken, as many of each moment.
    """
    large = [moment for moment in moments if not moment.is_small]
    by_moment = [_subsets(moment, chance) for moment in moments if moment.is_small]
    by_moment += [_sampled(moment, max(1, sample // len(large)), chance) for moment in large]
    found: dict[object, State] = {}
    while by_moment and len(found) < most:
        for states in by_moment:
            state = states.pop()
            found.setdefault(state.key(), state)
        by_moment = [states for states in by_moment if states]
    return list(found.values())[:most]


def _subsets(moment: Moment, chance: random.Random) -> list[State]:
    """Return the states of every subset of the pending changes, in any order."""
    count = len(moment.pending)
    masks = chance.sample(range(2**count), 2**count)
    subsets = (frozenset(index for index in range(count) if mask >> index & 1) for mask in masks)
    return [State(moment, survived, chance.random() < 0.5) for survived in subsets]


def _sampled(moment: Moment, number: int, chance: random.Random) -> list[State]:
    return [State(moment, _some(len(moment.pending), chance), chance.random() < 0.5) for _ in range(number)]


def _some(count: int, chance: random.Random) -> frozenset[int]:
    """Return some of the pending changes: few, half, most, all but one, or the first ones as they were made."""
    kind = chance.randrange(5)
    if kind == 3:
        return frozenset(range(count)) - {chance.randrange(count)}
    if kind == 4:
        return frozenset(range(chance.randrange(count + 1)))
    share = (0.15, 0.5, 0.85)[kind]
    return frozenset(index for index in range(count) if chance.random() < share)


def _walk(nodes: Nodes, inode: int, path: str) -> Iterator[tuple[str, Node]]:
    node = nodes[inode]
    yield path, node
    for name, child in (node.names or {}).items():
        yield from _walk(nodes, child, f"{path}/{name}" if path else name)


def build(nodes: Nodes, folder: Path, shared: Mapping[str, Path] | None = None) -> None:
    """Make a folder that holds a disk; it must not be there yet.

    :param shared: directories below the root that are only read, each with one of the same content: they become links
        to it.
    """
    links = {f"/{inside}": path for inside, path in (shared or {}).items()}
    made: dict[int, str] = {}

    def make(inode: int, path: str) -> None:
        node, target = nodes[inode], f"{folder}{path}"
        if inode in made:
            os.link(made[inode], target, follow_symlinks=False)
        elif path in links:
            os.symlink(links[path], target)
        elif node.names is not None:
            os.mkdir(target)
            for name, child in node.names.items():
                make(child, f"{path}/{name}")
            _set_attributes(target, node)
        else:
            made[inode] = target
            if node.is_link:
                os.symlink(node.content, os.fsencode(target))
            elif node.source is not None:
                shutil.copy2(node.source, target)
            else:
                with open(target, "wb") as file:
                    file.write(node.content)
            _set_attributes(target, node)

    make(0, "")


def _set_attributes(target: str, node: Node) -> None:
    if not node.is_link:
        os.chmod(target, node.mode)
    if os.geteuid() == 0:
        os.chown(target, *node.owner, follow_symlinks=False)
