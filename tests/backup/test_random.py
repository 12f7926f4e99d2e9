"""A backup restores what there was: random settings, journals and trees."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.backup.opening import open_backup
from esmith.store.model import Record
from esmith.store.protocol import Transaction
from tests.backup.kit import CUSTOM, KEYS, Small
from tests.examples import examples
from tests.memory import memory

_NAMES = st.text(st.characters(blacklist_categories=("Cc", "Cs"), blacklist_characters="=|#"), min_size=1, max_size=8)
_KEYS = _NAMES.map(str.strip).filter(lambda name: name and not name[0].isspace() and not name[-1].isspace())
_VALUES = st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=20)
_RECORDS = st.builds(
    Record, _KEYS, _VALUES.filter(lambda text: "|" not in text), st.dictionaries(_NAMES, _VALUES, max_size=4)
)
_DATABASES = st.sampled_from(["configuration", "accounts", "other.db"])
_FILE_NAMES = st.text(st.sampled_from("ab.é\udcff \\%"), min_size=1, max_size=6).filter(lambda name: name.strip("."))
_TREES = st.dictionaries(
    st.lists(_FILE_NAMES, min_size=1, max_size=3).map("/".join),
    st.tuples(st.binary(max_size=50), st.sampled_from([0o644, 0o600, 0o755, 0o400])),
    max_size=5,
)
_LINKS = st.sampled_from(["/dev/null", "elsewhere", "/etc/e-smith/templates/etc/clamd.conf", ""])


def _settings(changes: list[tuple[str, Record, bool]], small: Small) -> None:
    def change(database: str, record: Record, removes: bool) -> None:
        def make(transaction: Transaction) -> None:
            if removes:
                transaction.delete_record(database, record.key)
            else:
                transaction.set_record(database, Record(record.key, record.type, dict(sorted(record.props.items()))))

        small.change(make)

    for database, record, removes in changes:
        change(database, record, removes)


def _tree(folder: Path, files: dict[str, tuple[bytes, int]], link: str) -> None:
    for name, (content, mode) in files.items():
        place = folder / name
        if any(above.is_file() for above in place.parents) or place.is_dir():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(mode)
        place.parent.chmod(0o755 if mode == 0o644 else 0o700)
    if link and folder.exists():
        os.symlink(link, folder / "a link")


@given(_TREES, st.lists(st.integers(0, 0o7777), min_size=1, max_size=8))
@settings(max_examples=examples(12), deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_written_can_be_read(files: dict[str, tuple[bytes, int]], modes: list[int]) -> None:
    """A backup can be read back whatever modes files and directories have."""
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        small = Small(Path(name) / "root")
        _tree(small.path / CUSTOM, files, "")
        places = sorted((small.path / CUSTOM).rglob("*"), reverse=True)
        for number, place in enumerate(places):
            # Who is not root reads only what he may.
            place.chmod(modes[number % len(modes)] | (0 if os.geteuid() == 0 else 0o700))
        with open_backup(str(small.backup(Path(name) / "backup"))) as backup:
            directories = {file.path for file in backup.manifest.files if file.kind == "directory"}
        assert directories >= {f"/{place.relative_to(small.path)}" for place in places if place.is_dir()}
        for place in places:
            place.chmod(0o700)


@given(
    st.lists(st.tuples(_DATABASES, _RECORDS, st.booleans()), max_size=8),
    st.lists(st.tuples(_DATABASES, _RECORDS, st.booleans()), max_size=3),
    _TREES,
    _TREES,
    _LINKS,
)
@settings(max_examples=examples(12), deadline=None, suppress_health_check=list(HealthCheck))
def test_what_was_there_is_there_again(
    changes: list[tuple[str, Record, bool]],
    others: list[tuple[str, Record, bool]],
    custom: dict[str, tuple[bytes, int]],
    keys: dict[str, tuple[bytes, int]],
    link: str,
) -> None:
    """A backup that is restored in another root, which has settings, gives equal settings, journal, files and modes."""
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        old, new = Small(Path(name) / "old"), Small(Path(name) / "new")
        _settings(changes, old)
        _tree(old.path / CUSTOM, custom, link)
        _tree(old.path / KEYS, keys, "")
        _settings(others, new)
        before = new.revision()
        file = old.backup(Path(name) / "backup")
        done = new.restore(file)
        wanted, found = old.settings(), new.settings()
        assert {key: records for key, records in found.items() if records} == {
            key: records for key, records in wanted.items() if records
        }
        assert new.trees() == old.trees()
        journal = new.journal()
        if done.difference.goes_on:
            assert journal[-len(old.journal()) or len(journal) :] == old.journal()
        else:
            assert journal[1:] == old.journal()
            assert journal[0][0] == new.revision() >= max(before, old.revision()) + 2
        assert not new.restore(file).difference
