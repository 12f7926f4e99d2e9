"""A root as it would be once a contrib is copied to it: everything of the root, but other fragments and databases."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from esmith.contrib.place import Contrib
from esmith.errors import InstallError
from esmith.fields import replace
from esmith.layout import LAYERS, Layout
from esmith.plan.installed import OUTPUTS
from esmith.plan.listed import LISTED
from esmith.plan.remembered import of_other_journal
from esmith.store import open_store
from esmith.store.model import Author

if TYPE_CHECKING:
    from esmith.store.protocol import Snapshot, Store

CONFIGURATION = "/etc/e-smith"
_DATABASES = "/home/e-smith/db"


class StagedLayout(Layout):
    """A root of which ``/etc/e-smith`` and the databases are elsewhere.

    What is generated is compared with the files of the root itself, and accounts are those of the root.

    :param root: the root.
    :param place: the directory that holds ``etc/e-smith`` and the databases.
    """

    __slots__ = ("_moved",)

    def __init__(self, root: str, place: str) -> None:
        super().__init__(root)
        self._moved = {path: place + path for path in (CONFIGURATION, _DATABASES)}

    def under(self, path: str) -> str:
        """Return where an absolute path of the configured system is on this disk."""
        clean = os.path.normpath("/" + path.lstrip("/"))
        for moved, place in self._moved.items():
            if clean == moved or clean.startswith(f"{moved}/"):
                return place + clean.removeprefix(moved)
        return super().under(path)

    def inside(self, path: str) -> str:
        """Return the configured system's name of a path on this disk: the inverse of :meth:`under`."""
        for moved, place in self._moved.items():
            if path == place or path.startswith(f"{place}/"):
                return moved + path.removeprefix(place)
        return super().inside(path)

    def named(self, text: str) -> str:
        """Return a message with the paths of the configured system in it."""
        for moved, place in self._moved.items():
            text = text.replace(place, moved)
        return text if self.is_machine else text.replace(f"{self.root}/", "/")


@contextmanager
def staged(contrib: Contrib, snapshot: Snapshot) -> Iterator[tuple[StagedLayout, Store]]:
    """Yield the root with the contrib in it, and a copy of its databases, which may be written.

    :param snapshot: the databases of the root.
    :raises UntrustedError: when ``/etc/e-smith`` of the root is not in the hands of its owners alone.
    :raises InstallError: when the copy cannot be made.
    """
    here = contrib.here
    here.trust.require_trees(here.configuration)
    plain = _plain(here)
    with _folder() as place:
        layout = StagedLayout(here.root, place)
        try:
            os.makedirs(layout.configuration)
            os.makedirs(os.path.dirname(layout.database), exist_ok=True)
            _copy(contrib, here.configuration, CONFIGURATION, layout, plain)
            _copy(contrib, contrib.own.configuration, CONFIGURATION, layout, frozenset())
        except OSError as error:
            raise InstallError(
                f"cannot be copied to {place}: {error.strerror}",
                place=str(error.filename or here.configuration),
                hint="run it as root, or with another directory in TMPDIR",
            ) from error
        store = open_store(layout, create=True)
        try:
            _fill(store, snapshot)
            yield layout, store
        finally:
            store.close()


@contextmanager
def _folder() -> Iterator[str]:
    place = mkdtemp(prefix="esmith-contrib-")
    try:
        yield place
    finally:
        # TemporaryDirectory changes the mode of what a link leads to, where something cannot be removed.
        shutil.rmtree(place)


def _plain(here: Layout) -> frozenset[str]:
    """Return what a link may stand for: directories in which only files are that can be read, however deep, and files.

    Of files these are those of TOML and of templates. In the directory of an event it counts what is a link.
    """
    entries = here.trust.found_in(here.configuration)
    layers = tuple(f"{here.layer(name)}/" for name in LAYERS)
    found, others = set(), set()
    for path, status in entries:
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFDIR or path.endswith(".toml") or path.startswith(layers):
            found.add(path)
        if kind not in (stat.S_IFDIR, stat.S_IFREG) or not os.access(path, os.R_OK):
            above = path
            while above not in others and above != "/":
                others.add(above)
                above = os.path.dirname(above)
    return frozenset(found - others)


def _copy(contrib: Contrib, source: str, top: str, layout: StagedLayout, plain: frozenset[str]) -> None:
    """Copy a directory as ``cp -a`` does; what ``cp`` refuses is left out, and is a finding already.

    A link stands for what the contrib does not touch: nothing is written to the copy once it is made, and what the
    engine remembers of these files counts for the copy, too.

    :param source: the directory on this disk.
    :param top: its path in the configured system.
    :param plain: what a link may stand for. Links in such a directory would lead out of the copy.
    """
    for place, directories, names in os.walk(source):
        inside = f"{top}{place.removeprefix(source)}"
        links = [name for name in directories if os.path.islink(os.path.join(place, name))]
        for name in [name for name in links if _writes_below(contrib, f"{inside}/{name}")]:
            # Through the link the contrib would be copied into the real directory.
            links.remove(name)
            _copy(contrib, os.path.realpath(os.path.join(place, name)), f"{inside}/{name}", layout, plain)
        target = layout.under(inside)
        if os.path.lexists(target) and not os.path.isdir(target):
            directories.clear()
            continue
        os.makedirs(target, exist_ok=True)
        for found in (directories, names):
            for name in [name for name in found if os.path.join(place, name) in plain]:
                if not os.path.lexists(contrib.own.under(f"{inside}/{name}")):
                    found.remove(name)
                    os.symlink(os.path.join(place, name), os.path.join(target, name))
        for name in (*names, *links):
            _copy_file(contrib, os.path.join(place, name), f"{inside}/{name}", os.path.join(target, name))


def _writes_below(contrib: Contrib, inside: str) -> bool:
    """Return whether a contrib has a directory at a path, and not a link."""
    own = contrib.own.under(inside)
    return os.path.isdir(own) and not os.path.islink(own)


def _copy_file(contrib: Contrib, source: str, inside: str, target: str) -> None:
    if os.path.isdir(target) and not os.path.islink(target):
        return
    if os.path.lexists(target):
        os.unlink(target)
    if os.path.islink(source):
        os.symlink(_aim(contrib, inside, os.readlink(source)), target)
    elif os.path.isfile(source):
        shutil.copy2(source, target)


def _aim(contrib: Contrib, inside: str, target: str) -> str:
    """Return where a link is to lead: what is not below ``/etc/e-smith`` is not copied."""
    path = os.path.normpath(os.path.join(os.path.dirname(inside), target))
    if path == os.devnull or path.startswith(f"{CONFIGURATION}/"):
        # An absolute one leads into the root where that is the machine: the copy is not there.
        absolute = os.path.isabs(target) and contrib.here.is_machine
        return os.path.relpath(path, os.path.dirname(inside)) if absolute and path != os.devnull else target
    own = contrib.own.under(path)
    if os.path.lexists(own):
        return own
    return target if os.path.isabs(target) else contrib.here.under(path)


def _fill(store: Store, snapshot: Snapshot) -> None:
    """Copy the databases, and what is known of the outputs."""
    with store.transaction(Author.current(["esmith", "contrib", "check"])) as transaction:
        for database in snapshot.databases():
            transaction.create_database(database)
            for record in snapshot.records(database):
                transaction.set_record(database, record)
        for path, installed in OUTPUTS.rows(snapshot).items():
            OUTPUTS.put(transaction, path, replace(installed, inputs=of_other_journal(installed.inputs)))
        for path, listed in LISTED.rows(snapshot).items():
            common = {name: of_other_journal(text) for name, text in listed.common.items()}
            LISTED.put(transaction, path, replace(listed, inputs=of_other_journal(listed.inputs), common=common))
