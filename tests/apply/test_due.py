"""Which files of a plan are checked, and which of them differ: asked once for thousands of them, and still right."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.checks.due import Due
from esmith.fragments.rendering import Kind
from esmith.names import path_matches
from esmith.plan.output import Difference
from esmith.plan.plan import Plan
from tests.examples import examples

_PATHS = st.sampled_from(["/etc/a.conf", "/etc/b.conf", "/etc/a/x", "/etc/a/y", "/etc/b/x", "/var/a"])
_READS = st.none() | st.lists(st.sampled_from(["/etc/*.conf", "/etc/a/*", "/etc/*/x", "/var/a"]), max_size=2).map(tuple)
_CHECKS = st.none() | st.builds(SimpleNamespace, command=st.sampled_from([(), ("true",)]), reads=_READS)


def _output(path: str, check: Any, *, is_left: bool = False, is_recalled: bool = False) -> Any:
    rendering = SimpleNamespace(kind=Kind.FILE, metadata=SimpleNamespace(check=check), recalled=is_recalled)
    left = ValueError() if is_left else None
    return SimpleNamespace(path=path, rendering=rendering, left=left, difference=Difference.NONE)


def _is_due(output: Any, changed: set[str]) -> bool:
    check = output.rendering.metadata.check
    if check is None or output.left:
        return False
    if output.path in changed:
        return True
    if check.reads is None:
        return bool(check.command) and any(os.path.dirname(one) == os.path.dirname(output.path) for one in changed)
    return any(path_matches(one, pattern) for one in changed for pattern in check.reads)


@given(st.lists(st.builds(_output, _PATHS, _CHECKS, is_left=st.booleans())), st.sets(_PATHS))
@settings(deadline=None, max_examples=examples(100))
def test_as_each_alone(outputs: list[Any], changed: set[str]) -> None:
    """A file is checked when it changes, or one that its check reads, whatever was asked for before."""
    due = Due(changed)
    assert [due.covers(one) for one in outputs] == [_is_due(one, changed) for one in outputs]


def test_what_differs_is_looked_at_each_time() -> None:
    """Outputs that are added, found to differ, left or taken out count from then on; a recalled one never differs."""
    plan = Plan()
    assert plan.changed == []
    one, two, recalled = _output("/a", None), _output("/b", None), _output("/c", None, is_recalled=True)
    plan.outputs += [one, recalled]
    assert plan.changed == []
    one.difference = Difference.CREATE
    assert plan.changed == [one]
    two.difference = Difference.REPLACE
    plan.outputs.append(two)
    assert plan.changed == [one, two]
    one.left = ValueError()
    assert plan.changed == [two]
    plan.outputs = [one, recalled]
    assert plan.changed == []
