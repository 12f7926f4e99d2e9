"""What a saved file would change, shown before it takes effect."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from esmith.events.affected import Affected, TemplateUse, find_affected
from esmith.events.rehearse import Rehearsal, rehearse
from esmith.plan.installed import OUTPUTS
from tests.events.kit import Scene, make_event


def _rehearse(scene: Scene, affected: Affected, known: TemplateUse | None = None) -> Rehearsal:
    with scene.store.snapshot() as snapshot:
        users = known or TemplateUse.of(scene.layout, snapshot)
    found = rehearse(scene.layout, scene.store, affected, users)
    found.lines = [line.replace(str(scene.path), "") for line in found.lines]
    return found


def _check(code: str) -> str:
    """Return the lines of a template.toml with a check that is Python code."""
    return f'[check]\ncommand = ["{sys.executable}", "-c", "{code}", "{{file}}"]\npackage = "python3"\n'


def test_a_diff_changes_nothing(scene: Scene) -> None:
    """The rehearsal shows the diff; neither the file nor what is remembered of it is there afterwards."""
    scene.template("/etc/a", "one\n")
    scene.event("/etc/a\n")
    found = _rehearse(scene, Affected(["/etc/a"]))
    assert found.sound and "+one" in found.lines
    assert not Path(scene.layout.under("/etc/a")).exists()
    with scene.store.snapshot() as snapshot:
        assert OUTPUTS.rows(snapshot) == {}


def test_one_broken_template_hides_no_other(scene: Scene) -> None:
    """When one of several templates is broken, the others are still shown."""
    scene.template("/etc/a", "{{ broken\n")
    scene.template("/etc/b", "fine\n")
    scene.event("/etc/a\n/etc/b\n")
    found = _rehearse(scene, Affected(["/etc/a", "/etc/b"]))
    assert not found.sound
    assert found.lines[0].startswith("/etc/e-smith/templates/etc/a/10a:1: ")
    assert "+fine" in found.lines


def test_a_broken_common_file_is_reported_once(scene: Scene) -> None:
    """A template-begin that breaks many templates gives one message."""
    for name in "abc":
        scene.trees.standard(f"/etc/{name}/10a", "x\n")
    scene.trees.standard("/etc/template-begin", "{{ broken\n")
    scene.event("/etc/a\n/etc/b\n/etc/c\n")
    found = _rehearse(scene, Affected(["/etc/a", "/etc/b", "/etc/c"]))
    assert sum("template-begin:1" in line for line in found.lines) == 1


@pytest.mark.parametrize(("code", "sound"), [("raise SystemExit(0)", True), ("raise SystemExit('line 1: no')", False)])
def test_the_verdict_of_the_checks(scene: Scene, code: str, sound: bool) -> None:
    """A check that accepts is reported, one that refuses too, with the fragment its line comes from."""
    scene.template("/etc/a", "one\n", _check(code))
    scene.event("/etc/a\n")
    found = _rehearse(scene, Affected(["/etc/a"]))
    assert found.sound == sound
    assert ("the checks accept what changes" in found.lines) == sound
    assert any("line 1 comes from" in line for line in found.lines) != sound, found.lines


def test_a_check_that_is_missing_is_no_verdict(scene: Scene) -> None:
    """A check whose program is not installed is reported as not checked, never as accepted."""
    scene.template("/etc/a", "one\n", '[check]\ncommand = ["no-such-checker"]\npackage = "nothing"\n')
    scene.event("/etc/a\n")
    found = _rehearse(scene, Affected(["/etc/a"]))
    assert any("was not checked" in line for line in found.lines)
    assert "the checks accept what changes" not in found.lines


def test_a_template_that_is_gone(scene: Scene) -> None:
    """A template that vanished is an error when an event names it, and else a note that its file stays."""
    scene.template("/etc/b", "b\n")
    scene.event("/etc/b\n")
    known = TemplateUse(events={"/etc/gone": ["try"]}, installed={"/etc/left"})
    found = _rehearse(scene, Affected(["/etc/gone", "/etc/left"]), known)
    assert not found.sound
    assert found.lines == [
        "there is no template for /etc/gone any more",
        "  1 event would fail: try",
        "there is no template for /etc/left any more; the file stays as it is",
    ]


def test_events_and_schema_files(scene: Scene) -> None:
    """A changed event is read, a changed schema file too; what is wrong with them is reported with the place."""
    scene.template("/etc/a", "a\n")
    make_event(scene.path, "good", templates="/etc/a\n", actions={"S10x": "true"})
    make_event(scene.path, "bad", templates="etc/a\n")
    schema = Path(scene.layout.schema) / "configuration"
    schema.mkdir(parents=True)
    (schema / "x.toml").write_text('[properties.P]\ntype = "text"\n')
    (schema / "@user.toml").write_text('[properties.P]\ntypo = "text"\n')
    paths = [f"{scene.layout.events}/good/S10x", f"{scene.layout.events}/bad/templates2expand"]
    affected = find_affected(scene.layout, TemplateUse(), [*paths, str(schema / "x.toml"), str(schema / "@user.toml")])
    found = _rehearse(scene, affected)
    text = "\n".join(found.lines)
    assert not found.sound
    assert "event good has 1 template, 1 action, 0 services" in text
    assert "/etc/e-smith/events/bad/templates2expand:1: " in text
    assert "/etc/e-smith/db/configuration/@user.toml: [properties.P] unknown key 'typo'" in text
    assert "/etc/e-smith/db/configuration/x.toml is sound" in text


def test_long_reports_are_cut(scene: Scene) -> None:
    """A diff of thousands of lines is cut, and says how much is left out."""
    scene.template("/etc/a", "line\n" * 3000)
    scene.event("/etc/a\n")
    found = _rehearse(scene, Affected(["/etc/a"]))
    assert len(found.lines) < 300
    assert any("more lines" in line for line in found.lines)
