"""The verdict of ``esmith contrib check`` about random contribs is what their events do."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from esmith.contrib.check import check_contrib
from esmith.contrib.verdict import STOPS, WORKS, EventVerdict, Verdict
from esmith.errors import ExitCode
from esmith.layout import Layout
from esmith.store import open_store
from tests.commands import Root, copy_prepared
from tests.contrib.parts import CONTRIBS, MINE, SHIPPED, Part

pytestmark = pytest.mark.program("Text::Template")

_SETTINGS = settings(
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # what is to be shrunk is four parts, which are named
    derandomize="CI" in os.environ or os.environ.get("ESMITH_REQUIRE_DAEMONS") == "1",
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where each example makes a folder of its own, and removes it."""
    return tmp_path_factory.mktemp("verdicts")


def _verdict(place: Path, root: Root, event: str, *, rehearses: bool) -> Verdict:
    layout = Layout(str(root.path))
    store = open_store(layout)
    try:
        return check_contrib(str(place), layout, store, rehearses=rehearses, only=[event])
    finally:
        store.close()


def _compare(source: Path, folder: Path, parts: list[Part], event: str) -> None:
    """Compare the verdict about a contrib with what its event does."""
    note(f"{event}: {', '.join(part.name for part in parts)}")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        contrib, root = Path(place) / "contrib", Root(Path(place) / "root")
        copy_prepared(source, root.path)
        (contrib / "root/etc/e-smith").mkdir(parents=True)
        for part in parts:
            part.write(contrib / "root/etc/e-smith")
        if not (contrib / "root/etc/e-smith/events" / event).exists() and event == MINE:
            event = SHIPPED
        read = _verdict(contrib, root, event, rehearses=False)
        tried = _verdict(contrib, root, event, rehearses=True)
        note("\n".join([*read.lines(), "rehearsed:", *tried.lines()]))
        shutil.copytree(contrib / "root", root.path, symlinks=True, dirs_exist_ok=True)
        root.esmith("initialize-databases", code=None)
        done = _done(root, event)
        note(str(done))
        for expected in tried.events:
            assert _shape(expected) == _shape(done)
        if not any(part.hidden for part in parts):
            _require_read(read, done)
        _require_words(tried, done)


def _done(root: Root, event: str) -> EventVerdict:
    """Return what an event did, in the form of its verdict."""
    answer = root.run("signal-event", "--json", event, code=None)
    if answer.code not in (ExitCode.OK, ExitCode.PARTIAL):
        return EventVerdict(event, answer.code)
    data = json.loads(answer.out)
    failed = {path.removeprefix(str(root.path)): "" for path in data["partial"]}
    return EventVerdict(event, answer.code, "", data["left"], failed)


def _shape(expected: EventVerdict) -> tuple[int, set[str], set[str]]:
    return expected.exit_code, set(expected.left), set(expected.failed)


def _require_read(read: Verdict, done: EventVerdict) -> None:
    """Require what is known without running anything: all but what is left with a file at fault."""
    beside = {path for path, why in done.left.items() if "belongs together with" in why}
    for expected in read.events:
        assert (expected.exit_code, expected.failed.keys()) == (done.exit_code, done.failed.keys())
        assert expected.left.keys() <= done.left.keys()
        assert done.left.keys() - expected.left.keys() <= beside


def _require_words(tried: Verdict, done: EventVerdict) -> None:
    """Require that the word of the verdict is that of its event; what no event reports may make it less than works."""
    if not tried.events:
        assert done.exit_code == ExitCode.OK
    if tried.word == WORKS:
        assert done.exit_code == ExitCode.OK
    assert (tried.word == STOPS) == (done.exit_code not in (ExitCode.OK, ExitCode.PARTIAL))


_EVENTS = st.sampled_from((SHIPPED, MINE))


@settings(_SETTINGS, max_examples=10)
@given(parts=CONTRIBS, event=_EVENTS)
def test_a_verdict_is_what_happens(_office: Path, folder: Path, parts: list[Part], event: str) -> None:
    """Of ten random contribs, copied to a root: the exit code, the files that stay, the actions that fail."""
    _compare(_office, folder, parts, event)


@pytest.mark.long
@settings(_SETTINGS, max_examples=200)
@given(parts=CONTRIBS, event=st.sampled_from((SHIPPED, MINE, "clamav-update", "console-save")))
def test_many_verdicts_are_what_happens(_office: Path, folder: Path, parts: list[Part], event: str) -> None:
    """The same of 200, with two more events, one of which brings the databases up to date first."""
    _compare(_office, folder, parts, event)
