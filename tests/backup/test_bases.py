"""What overrides were made from is in a backup, and known on the machine that it is restored on."""

from __future__ import annotations

import json
import os
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.backup import restore as restoring
from esmith.backup.form import BASES, BackupError
from esmith.backup.opening import open_backup
from esmith.errors import StoreError
from esmith.overrides.search import Search
from esmith.plan.host import DiskHost
from esmith.setup.bases import Base, Bases, with_head
from tests.backup.kit import Forged, Small
from tests.examples import examples
from tests.memory import memory

_ETC = "etc/e-smith"
_OWN, _OTHER = "templates-custom/etc/clamd.conf/20own", "services-custom/clamd/run"
_TEXTS = st.one_of(st.none(), st.binary(max_size=40))
_NAMES = st.builds(
    "{}/{}".format,
    st.sampled_from(("templates-custom/etc/a.conf", "templates-custom/etc/b", "services-custom/clamd")),
    st.sampled_from(("10x", "run", "template-begin", "é \udcff", "new\nline")),
)
_BASES = st.dictionaries(_NAMES, st.builds(Base, _TEXTS, st.booleans(), st.sampled_from(("", "1.2.3"))), max_size=5)


def _with_bases(small: Small, bases: dict[str, Base], version: str = "1.0") -> Small:
    """Have a root with overrides know what these were made from, as init and edit do it."""
    known = Bases(small.layout)
    known.version, known.installed_at = version, 1_000_000_000.0
    for name, base in bases.items():
        small.write(f"{_ETC}/{name}", b"mine\n")
        known.record(name, base)
    host = DiskHost(small.layout)
    known.write(host)
    host.close()
    return small


def _known(small: Small, *names: str) -> dict[str, Base | None]:
    known = Bases(small.layout)
    return {name: known.find(name) for name in names}


@given(_BASES, _BASES)
@settings(max_examples=examples(12), deadline=None, suppress_health_check=list(HealthCheck))
def test_what_was_known_is_known_again(old: dict[str, Base], other: dict[str, Base]) -> None:
    """Of each override of the backup its base is known on another machine, and of no other; what was there goes."""
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        one = _with_bases(Small(Path(name) / "one"), old)
        file = one.backup(Path(name) / "backup")
        two = _with_bases(Small(Path(name) / "two"), other, "2.0")
        two.restore(file)
        assert _known(two, *old, *other) == {**dict.fromkeys([*other]), **old}
        assert Bases(two.layout).version == "2.0" and not two.restore(file).difference
        kept = two.path / "var/lib/e-smith/bases"
        assert not kept.exists() or all(path.stat().st_mode & 0o777 == 0o600 for path in kept.iterdir())


def test_an_override_that_came_since(tmp_path: Path) -> None:
    """What was copied from a shipped file, and no init has noted yet, is known to be made from that."""
    one = _with_bases(Small(tmp_path / "one"), {})
    one.write(f"{_ETC}/templates/etc/clamd.conf/20own", b"shipped\n")
    one.write(f"{_ETC}/{_OWN}", b"mine\n")
    one.write(f"{_ETC}/{_OTHER}", b"mine\n")
    old = one.write(f"{_ETC}/templates-custom/etc/old/10x", b"mine\n")
    os.utime(old, (1, 1))
    two = _with_bases(Small(tmp_path / "two"), {}, "2.0")
    two.write(f"{_ETC}/templates/etc/clamd.conf/20own", b"shipped later\n")
    two.restore(one.backup(tmp_path / "backup"))
    made_from = Base(b"shipped\n", version="1.0")
    assert _known(two, _OWN, _OTHER) == {_OWN: made_from, _OTHER: Base(None, version="1.0")}
    assert Search(two.layout).one(_OWN).state == "outdated"
    assert _known(two, "templates-custom/etc/old/10x") == {"templates-custom/etc/old/10x": None}


def test_earlier_texts_go_along(tmp_path: Path) -> None:
    """Where a base is only probable the earlier shipped texts are in the backup, too; they count as older than ours."""
    one = _with_bases(Small(tmp_path / "one"), {_OWN: Base(b"2\n", probable=True)})
    two = _with_bases(Small(tmp_path / "two"), {}, "2.0")
    path = "templates/etc/clamd.conf/20own"
    for small, texts in ((one, (b"1\n", b"2\n")), (two, (b"2\n", b"3\n"))):
        known, host = Bases(small.layout), DiskHost(small.layout)
        for text in texts:
            known.remember_earlier(path, text, "v")
        known.write(host)
        host.close()
    two.restore(one.backup(tmp_path / "backup"))
    assert [base.text for base in Bases(two.layout).earlier(path)] == [b"3\n", b"2\n", b"1\n"]


def test_a_backup_of_the_version_before(tmp_path: Path) -> None:
    """One without bases still restores; what is known here of an override that it replaces is about another file."""
    one = _with_bases(Small(tmp_path / "one"), {_OWN: Base(b"1\n"), _OTHER: Base(b"1\n")})
    forged = Forged(one.backup(tmp_path / "backup"))
    forged.entries = [(entry, data) for entry, data in forged.entries if not entry.name.endswith(f"/{BASES}")]
    forged.replace("README", forged.data("README").replace(b"backup 2\n", b"backup 1\n"))
    forged.manifest["format"] = 1
    two = _with_bases(Small(tmp_path / "two"), {_OWN: Base(b"2\n"), _OTHER: Base(b"2\n")})
    two.write(f"{_ETC}/{_OWN}", b"other\n")
    two.restore(forged.write(tmp_path / "old"))
    assert (two.path / _ETC / _OWN).read_bytes() == b"mine\n"
    assert _known(two, _OWN, _OTHER) == {_OWN: None, _OTHER: Base(b"2\n")}


def test_lost_bases_are_restored(tmp_path: Path) -> None:
    """Also where the files are as in the backup, what they were made from is restored when it is lost or damaged."""
    one = _with_bases(Small(tmp_path / "one"), {_OWN: Base(b"1\n"), _OTHER: Base(b"2\n")})
    file, kept = one.backup(tmp_path / "backup"), one.path / "var/lib/e-smith/bases"
    for spoilt in [path for path in kept.iterdir() if path.name != "index"]:
        spoilt.write_bytes(b"nonsense\n")
        assert None in _known(one, _OWN, _OTHER).values()
        one.restore(file)
        assert _known(one, _OWN, _OTHER) == {_OWN: Base(b"1\n"), _OTHER: Base(b"2\n")}
    (kept / "index").write_bytes(b"bases 1 x\n{}")
    assert _known(one, _OWN) == {_OWN: None}
    one.restore(file)
    assert _known(one, _OWN) == {_OWN: Base(b"1\n")}


def test_a_damaged_base_is_not_in_a_backup(tmp_path: Path) -> None:
    """An override whose base is damaged has none in the backup; the shipped text of today is not taken for it."""
    one = _with_bases(Small(tmp_path / "one"), {_OWN: Base(b"1\n")})
    one.write(f"{_ETC}/templates/etc/clamd.conf/20own", b"shipped later\n")
    for text in one.path.glob("var/lib/e-smith/bases/[0-9a-f]*[0-9a-f]"):
        text.write_bytes(b"2\n")
    with open_backup(str(one.backup(tmp_path / "backup"))) as backup:
        assert backup.bases().overrides == {}
    assert Search(one.layout).one(_OWN).base.probable


def test_a_signal_leaves_no_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore that a signal ends when all is staged leaves none of it, nor of what overrides were made from."""
    one = _with_bases(Small(tmp_path / "one"), {_OWN: Base(b"shipped\n")})
    file, staged, real = one.backup(tmp_path / "backup"), list[Path](), DiskHost.sync_staged
    two = Small(tmp_path / "two")

    def interrupt(host: DiskHost) -> None:
        staged.extend(path for path in two.path.rglob(".esmith-*") if path.is_file())
        if staged:
            raise KeyboardInterrupt
        real(host)

    monkeypatch.setattr(DiskHost, "sync_staged", interrupt)
    with pytest.raises(KeyboardInterrupt):
        two.restore(file)
    assert [path for path in staged if path.parent.name == "bases"]
    assert [path for path in two.path.rglob(".esmith-*") if path.is_file()] == []


def test_a_failure_leaves_what_was_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the settings cannot be written, what is known of the overrides is as before, as the files are."""
    one = _with_bases(Small(tmp_path / "one"), {_OWN: Base(b"1\n")})
    file = one.backup(tmp_path / "backup")
    two = _with_bases(Small(tmp_path / "two"), {_OWN: Base(b"2\n"), _OTHER: Base(None)})
    before = two.trees("var/lib/e-smith/bases", _ETC)

    def fail(*_: object) -> None:
        raise StoreError("no space left")

    monkeypatch.setattr(restoring, "mark_stale", fail)
    with pytest.raises(StoreError):
        two.restore(file)
    assert two.trees("var/lib/e-smith/bases", _ETC) == before


_TEXT = b64encode(b"x").decode()
_HOSTILE: dict[str, Any] = {
    "no JSON": b"{",
    "no UTF-8": b'{"overrides": {"\xff": 1}, "earlier": {}}',
    "nested": b'{"overrides": ' + b"[" * 100_000,
    "a list": [],
    "another table": {"overrides": {}, "earlier": {}, "more": {}},
    "rows that are none": {"overrides": {_OWN: [_TEXT, "1"]}, "earlier": {}},
    "a text that is none": {"overrides": {_OWN: ["not base64!", "1", False]}, "earlier": {}},
    "other letters": {"overrides": {_OWN: ["é", "1", False]}, "earlier": {}},
    "a version for a terminal": {"overrides": {_OWN: [_TEXT, "\x1b[2J", False]}, "earlier": {}},
    "a long version": {"overrides": {_OWN: [_TEXT, "1" * 1000, False]}, "earlier": {}},
    "a path that leads out": {"overrides": {"templates-custom/../../passwd": [_TEXT, "1", False]}, "earlier": {}},
    "another tree": {"overrides": {"events/x": [_TEXT, "1", False]}, "earlier": {}},
    "an earlier text of an override": {"overrides": {}, "earlier": {_OWN: [[_TEXT, "1", False]]}},
    "earlier rows that are none": {"overrides": {}, "earlier": {"templates/x": {"a": 1}}},
}


@pytest.mark.parametrize("name", _HOSTILE)
def test_foreign_bases_are_refused(name: str, tmp_path: Path) -> None:
    """A backup that was made to do harm, with right checksums, is refused as a whole."""
    one = _with_bases(Small(tmp_path / "one"), {_OWN: Base(b"1\n")})
    forged = Forged(one.backup(tmp_path / "backup"))
    hostile = _HOSTILE[name]
    forged.replace(BASES, hostile if isinstance(hostile, bytes) else json.dumps(hostile).encode())
    with pytest.raises(BackupError):
        one.restore(forged.write(tmp_path / "forged"))
    assert _known(one, _OWN) == {_OWN: Base(b"1\n")}


@pytest.mark.parametrize(
    "index",
    [
        [],
        {"installed_at": "x"},
        {"installed_at": 10**400},
        {"installed_at": float("nan")},
        {"version": "\x1b[2J"},
        {"overrides": []},
        {"overrides": {_OWN: ["../../../etc/passwd", "1", False]}},
        {"overrides": {_OWN: ["", "1"]}},
        {"earlier": {"templates/x": [["", "1"]]}},
        {"earlier": {"templates/x": "ab"}},
    ],
)
def test_a_foreign_index_counts_as_none(index: Any, tmp_path: Path) -> None:
    """An index that says something else, with a right digest, counts as not there, and the next one takes its place."""
    one = Small(tmp_path / "one")
    one.write("var/lib/e-smith/bases/index", with_head(index), 0o600)
    assert not Bases(one.layout).is_known and _known(one, _OWN) == {_OWN: None}
    assert _known(_with_bases(one, {_OWN: Base(b"1\n")}), _OWN) == {_OWN: Base(b"1\n")}
