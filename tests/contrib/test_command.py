"""The command ``esmith contrib check``: what it prints, and its exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from esmith.contrib.check import check_contrib
from esmith.errors import ExitCode, UsageError
from esmith.layout import Layout
from esmith.store import open_store
from tests.commands import Root
from tests.contrib.kit import copied


@pytest.mark.program("Text::Template")
def test_the_command(root: Root, tmp_path: Path) -> None:
    """It prints a line for each thing, exits with 4 when one fails, and with 0 when there are only notes."""
    base = copied(tmp_path / "contrib")
    (base / "web").mkdir()
    (base / "web/x").write_text("x")
    answer = root.esmith("contrib", "check", str(base.parent.parent))
    note = "/etc/e-smith/web: note: is for the original server-manager, whose pages do not run here\n"
    assert answer.out == f"{note}works, as far as reading it shows; --rehearse expands it in a copy of the root\n"
    os.symlink("restrat", base / "events/notices-update/services2adjust/x")
    answer = root.esmith("contrib", "check", str(tmp_path / "contrib"), code=ExitCode.TEMPLATE)
    place = "/etc/e-smith/events/notices-update/services2adjust/x"
    assert answer.out.splitlines()[-1].startswith(f"  {place} fails in notices-update: {place}: there is no service")
    found = json.loads(root.esmith("contrib", "check", "--json", str(tmp_path / "contrib"), code=4).out)
    assert [one["kind"] for one in found["findings"]] == ["fails", "note"]
    assert found["verdict"] == "works, except"
    (stopped,) = [one for one in found["events"] if one["exit_code"]]
    assert (stopped["event"], stopped["exit_code"]) == ("notices-update", ExitCode.PARTIAL)
    assert "restrat" in stopped["failed"][place]


def test_no_contrib(root: Root, tmp_path: Path) -> None:
    """A directory that holds no etc/e-smith is a usage error."""
    layout = Layout(str(root.path))
    store = open_store(layout)
    with pytest.raises(UsageError, match="has no etc/e-smith"):
        check_contrib(str(tmp_path / "root/etc"), layout, store)
    store.close()
