"""What a root holds that a power loss must not tear apart."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from esmith.apply.drift import find_drift
from esmith.apply.generations import list_interrupted
from esmith.backup.last import LastBackup
from esmith.layout import Layout
from esmith.names import TEMPORARY_PREFIX
from esmith.store.lmdb.data_file import DataFile
from esmith.store.lmdb.verify import find_damage
from esmith.store.table import DamagedRowError, decode_json
from tests import forks
from tests.commands import TIMEOUT_SECONDS
from tests.crash.trees import HALF_A_BACKUP, backed_up
from tests.store.stores import contents, opened

DATA_FILE = "home/e-smith/db/data.mdb"
#: The engine's own, which no other program reads, and what the kernel or a log keeps.
_OWN = ("/var/lib/e-smith", "/home/e-smith/db", "/var/log")
#: The shipped trees: a thousand files that only ``esmith init`` writes.
TREES = ("etc/e-smith/templates", "etc/e-smith/db", "etc/e-smith/events", "etc/e-smith/services")
#: Where a restore leaves what there was before it, and the note of the last backup.
_BEFORE, _LAST = "var/lib/e-smith/backups", "var/lib/e-smith/last-backup"


@dataclass(frozen=True)
class Observed:
    """The files and the settings of a root.

    :param files: each with its mode and what it holds.
    :param settings: the databases.
    :param drift: the files that are not as the databases say that they were installed.
    :param left: temporary files.
    """

    files: dict[str, tuple[int, bytes]]
    settings: dict[str, list[tuple[str, str, dict[str, str]]]]
    drift: dict[str, str]
    left: frozenset[str] = frozenset()


@dataclass
class Violation:
    """A state that was not recovered as it has to be.

    :param state: the state.
    :param faults: what is wrong with it.
    """

    state: str
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.state}:\n  " + "\n  ".join(self.faults)


def observe(root: Path, *, shipped: bool) -> Observed:
    """Return what a root holds.

    :param shipped: whether the shipped trees count.
    """
    files: dict[str, tuple[int, bytes]] = {}
    left = set()
    for directory, folders, names in os.walk(root):
        inside = directory[len(str(root)) :]
        if inside in _OWN:
            folders.clear()
            continue
        if not shipped:
            folders[:] = [name for name in folders if f"{inside[1:]}/{name}" not in TREES]
        for name in [*names, *(name for name in folders if os.path.islink(f"{directory}/{name}"))]:
            if name.startswith(TEMPORARY_PREFIX):
                left.add(f"{inside}/{name}")
            else:
                files[f"{inside}/{name}"] = _content(f"{directory}/{name}")
    with opened(root, write=False) as store:
        found = contents(store)
        with store.snapshot() as snapshot:
            drift = {path: str(what) for path, what in find_drift(Layout(str(root)), snapshot).items()}
    settings = {name: [(one.key, one.type, one.props) for one in records] for name, records in found.items()}
    return Observed(files, settings, drift, frozenset(left))


def _content(path: str) -> tuple[int, bytes]:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return 0, os.fsencode(os.readlink(path))
    if path.endswith(".tar.gz"):
        return stat.S_IMODE(status.st_mode), backed_up(path)
    with open(path, "rb") as file:
        return stat.S_IMODE(status.st_mode), file.read()


def torn_backups(root: Path) -> list[str]:
    """Return what is wrong with the backups that a root has, and with what is noted about them."""
    found = [*root.glob(f"{_BEFORE}/*.tar.gz"), *root.glob("root/backups/**/*.tar.gz")]
    wrong = [f"{path.name} is not whole" for path in found if backed_up(str(path)) == HALF_A_BACKUP]
    note = root / _LAST
    if note.exists():
        try:
            made = decode_json(LastBackup, note.read_bytes())
        except DamagedRowError:
            return [*wrong, "the note of the last backup is not whole"]
        # A backup that takes the place of an older one is there before it is noted.
        if Path(made.file).name not in [path.name for path in found]:
            wrong.append(f"{made.file} is noted as the last backup, and is not there")
    return wrong


def has_backup_of_before(root: Path) -> bool:
    """Return whether a restore has left what there was before it."""
    return any(root.glob(f"{_BEFORE}/*.tar.gz"))


def trust_databases(root: Path) -> None:
    """Let the next command believe that the data file is sound, so that it does not verify it first."""
    DataFile(str(root / DATA_FILE)).mark()


def recover(root: Path) -> list[str]:
    """Recover a root, and return what is wrong then, whatever it was to hold."""
    code, out, err = forks.run(
        [str(root / "sbin/e-smith/esmith"), "recover"],
        stdin=b"",
        env={**os.environ, "ESMITH_ROOT": str(root)},
        timeout=TIMEOUT_SECONDS,
    )
    if code != 0:
        return [f"esmith recover ended with {code}: {(out + err).decode()}"]
    damage = find_damage(str(root / DATA_FILE))
    if damage is not None:
        return [f"the databases: {damage}"]
    with opened(root, write=False) as store, store.snapshot() as snapshot:
        return [f"interrupted: {generation.what}" for generation in list_interrupted(snapshot)]


def differences(found: Observed, expected: list[Observed]) -> list[str]:
    """Return how a root differs from all that it may be; nothing when it is one of them."""
    wanted = ((one.files, one.settings, one.drift) for one in expected)
    if (found.files, found.settings, found.drift) in wanted:
        return []
    texts = []
    for number, one in enumerate(expected):
        pairs = ((path, found.files.get(path), one.files.get(path)) for path in _differing(found.files, one.files)[:5])
        texts += [f"not {number}: {path}: {_short(has)}, not {_short(wanted)}" for path, has, wanted in pairs]
        texts += [f"not {number}: {path}: {found.drift.get(path)}" for path in _differing(found.drift, one.drift)]
        texts += [f"not {number}: database {name}" for name in _differing(found.settings, one.settings)]
    return texts


def _differing(found: Mapping[str, object], expected: Mapping[str, object]) -> list[str]:
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def _short(entry: tuple[int, bytes] | None) -> str:
    return "missing" if entry is None else f"{len(entry[1])} bytes, mode {entry[0]:04o}"
