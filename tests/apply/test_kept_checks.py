"""Checks in Python that are kept compiled for the next command."""

from __future__ import annotations

from pathlib import Path

from esmith.checks import own
from esmith.checks.staged import StagedTree
from esmith.layout import Layout
from esmith.private import keep_all

RULE = """
from esmith.checks.own import Findings


def rule_for(path):
    return lambda file: Findings("it", [(1, "{}")])
"""


def _faults(layout: Layout) -> list[tuple[int, str]]:
    rule = own.Rules(layout).find("own-lines", "/x")
    assert rule is not None
    return rule(own.File("/x", b"", StagedTree(layout))).faults


def test_a_check_that_was_compiled_before(tmp_path: Path) -> None:
    """A check that another command compiled counts until its file says something else; a damaged one does not count."""
    layout = Layout(str(tmp_path))
    place = Path(layout.check("own-lines"))
    place.parent.mkdir(parents=True)
    place.write_text(RULE.format("first"))
    for _ in range(2):
        assert _faults(layout) == [(1, "first")]
        keep_all(layout.kept_code)
    (kept,) = Path(layout.kept_code).iterdir()
    place.write_text(RULE.format("other"))
    assert _faults(layout) == [(1, "other")]
    kept.write_bytes(kept.read_bytes()[:-1])
    place.write_text(RULE.format("first"))
    assert _faults(layout) == [(1, "first")]
