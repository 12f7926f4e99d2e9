"""Changesets that are too long for a row: they are split, and complete only with all parts."""

from __future__ import annotations

import pytest

from esmith.fields import replace
from esmith.fleet.journal.errors import RowError
from esmith.fleet.journal.row import BODY_LIMIT, decode, encode, fill, hash_of, pack
from tests.fleet.journal.journals import Journal, key_of

_JOURNAL = Journal("mail1", "mail2")
_ROW = _JOURNAL.next("mail2", "changes", changes=(("fleet", "configuration", "qpsmtpd", "DNSBL", "enabled"),))


def test_many_changes_go_to_blobs() -> None:
    """A changeset of more than half a MiB is split, and complete only with all its blobs, whole and in order."""
    changes = tuple(("fleet", "accounts", f"user{number}", "Name", "ü" * 5_000) for number in range(120))
    row, blobs = pack(replace(_ROW, changes=changes))
    assert len(blobs) == 3
    assert [len(blob) for blob in blobs[:2]] == [BODY_LIMIT] * 2
    raw = encode(row, key_of("mail2"))
    assert len(raw) < 1000
    bare = decode(raw)
    assert not bare.is_complete
    whole = fill(bare, blobs)
    assert whole.is_complete
    assert whole.changes == changes
    assert encode(whole, key_of("mail2")) == raw
    for wrong in ([], blobs[:2], [*blobs, b""], blobs[::-1], [*blobs[:2], blobs[2] + b" "]):
        with pytest.raises(RowError, match="row 4 of the fleet's journal, by host mail2, .*part"):
            fill(bare, wrong)


def test_blobs_hold_changes_only() -> None:
    """What blobs hold is checked as the changes in a row are, though their digests are right."""
    for body in (b"[]", b"{", b"\xff", b'[["host","configuration","a","b","c"]]', b'[ ["fleet","a","b","c","d"]]'):
        with pytest.raises(RowError):
            fill(replace(_ROW, changes=(), blobs=(hash_of(body),)), [body])


def test_few_changes_stay_in_the_row() -> None:
    """A short changeset has no blobs, nor has a row of another kind; to fill them changes nothing."""
    assert pack(_ROW) == (_ROW, [])
    assert fill(_ROW, []) == _ROW
    leave = _JOURNAL.next("mail2", "leave")
    assert pack(leave) == (leave, [])


def test_more_than_blobs_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changeset that is larger than all blobs is refused before anything is stored."""
    monkeypatch.setattr("esmith.fleet.journal.row.MOST_BLOBS", 2)
    changes = (("fleet", "accounts", "a", "b", "x" * 60_000),) * 18
    with pytest.raises(RowError, match="more than 1 MiB") as caught:
        pack(replace(_ROW, changes=changes))
    assert "fewer settings" in caught.value.hint
    assert len(pack(replace(_ROW, changes=changes[:17]))[1]) == 2


def test_a_very_long_command_is_cut() -> None:
    """Of the words of a command as many are kept as there is room for, so that the row stays small."""
    words = ("config", "setprop", *("x" * 1000 for _ in range(100)))
    row, _ = pack(replace(_ROW, author=("root", "", words)))
    assert row.author[2][:3] == words[:3]
    assert row.author[2][-1] == "..."
    assert len(encode(row, key_of("mail2"))) < 20_000
