"""A row of the table of outputs, which stands for an installed file."""

from __future__ import annotations

import pytest

from esmith.plan.installed import Installed
from esmith.store.table import DamagedRowError

DIGEST, MARK = "0" * 64, "12-34-56"


@pytest.mark.parametrize("digest", [DIGEST, ""])
@pytest.mark.parametrize("mark", [MARK, ""])
def test_a_row_is_read_as_it_was_stored(digest: str, mark: str) -> None:
    """Digest, mark and template come back as they were stored; digest and mark may be empty."""
    row = Installed(digest, mark, "/etc/a b", "inputs\n")
    assert Installed.decode(row.encode()) == row


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("", id="empty"),
        pytest.param(f"{DIGEST} {MARK}\n", id="no template"),
        pytest.param(f"{DIGEST[1:]} {MARK} /etc/a\n", id="short digest"),
        pytest.param(f"{DIGEST[1:]}G {MARK} /etc/a\n", id="digest that is no number"),
        pytest.param(f"{DIGEST} 12-34 /etc/a\n", id="mark of two numbers"),
        pytest.param(f"{DIGEST} 12-34-x /etc/a\n", id="mark with a letter"),
        pytest.param(f"{DIGEST} {MARK} /etc/\0\n", id="template with a NUL"),
    ],
)
def test_a_row_that_is_damaged(row: str) -> None:
    """A row of which one part cannot be what was stored is damaged; no part of it counts."""
    with pytest.raises(DamagedRowError):
        Installed.decode(row.encode("utf-8", "surrogateescape"))
