"""Which templates are affected when a file of /etc/e-smith changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.events.affected import Affected, TemplateUse, find_affected, including
from esmith.layout import Layout
from tests.events.kit import Scene, make_event, make_old

KNOWN = TemplateUse(
    events={"/etc/a": ["one"], "/etc/b": ["one", "two"], "/var/control/x": ["one"], "/var/control/y": ["two"]},
    installed={"/etc/a", "/srv/{key}/.qmail"},
    includes={"/etc/a/inner": {"/etc/a"}, "/etc/lines": {"/etc/b", "/etc/words"}, "/etc/words": {"/etc/a"}},
)


def _affected(*paths: str) -> Affected:
    return find_affected(Layout("/r"), KNOWN, [f"/r/etc/e-smith{path}" for path in paths])


@pytest.mark.parametrize("layer", ["templates", "templates-custom"])
@pytest.mark.parametrize(
    ("path", "templates"),
    [
        ("/etc/a/10x", ["/etc/a"]),
        ("/etc/b/template-begin", ["/etc/b"]),
        ("/srv/{key}/.qmail/10x", ["/srv/{key}/.qmail"]),
        ("/var/control/x", ["/var/control/x"]),
        ("/var/control/x/10x", ["/var/control/x"]),
        ("/var/control/new", ["/var/control/new"]),
        ("/var/control/template.toml", ["/var/control/x", "/var/control/y"]),
        ("/etc/template-end", ["/etc/a", "/etc/b"]),
        ("/template-begin", ["/etc/a", "/etc/b", "/srv/{key}/.qmail", "/var/control/x", "/var/control/y"]),
        ("/etc/a/inner/10x", ["/etc/a"]),
        ("/etc/a/misplaced/10x", ["/etc/a"]),
        ("/etc/lines/10x", ["/etc/a", "/etc/b"]),
        ("/etc/new.conf/10x", ["/etc/new.conf"]),
        ("/etc/new.conf/template.toml", ["/etc/new.conf"]),
        ("/README.md", []),
    ],
)
def test_templates(layer: str, path: str, templates: list[str]) -> None:
    """A fragment affects its template, a common file all below, a sub-template those that include it."""
    assert _affected(f"/{layer}{path}").templates == templates


def test_files_of_other_trees(tmp_path: Path) -> None:
    """A file of an event affects the event, a schema file itself, and what is elsewhere nobody."""
    make_event(tmp_path, "one", templates="/etc/a\n")
    make_event(tmp_path, "actions", actions={"S10x": "true"})
    layout = Layout(str(tmp_path))
    paths = ["events/one/templates2expand", "events/actions/S10x", "events/gone/S10x", "db/configuration/x.toml"]
    found = find_affected(layout, KNOWN, [*(f"{layout.configuration}/{path}" for path in paths), "/somewhere/else"])
    assert found == Affected([], ["one"], [f"{layout.schema}/configuration/x.toml"])


@pytest.mark.parametrize("path", ["/etc/a", "/etc/a/PERMS"])
def test_metadata_of_contribs(tmp_path: Path, path: str) -> None:
    """A file in templates.metadata affects its template, as a file or as a directory of names; else nobody."""
    layout = Layout(str(tmp_path))
    metadata = f"{layout.configuration}/templates.metadata"
    assert find_affected(layout, KNOWN, [metadata + path, f"{metadata}/etc/nothing/UID"]) == Affected(["/etc/a"])


def test_known_templates(scene: Scene) -> None:
    """TemplateUse are the templates of the events, those that were installed, and what these included."""
    scene.template("/etc/a", "{{ template('/etc/lines') }}\n")
    scene.template("/etc/lines", "line\n")
    scene.template("/etc/b", "b\n")
    scene.event("/etc/a\n")
    make_event(scene.path, "broken", templates="not absolute\n")
    make_event(scene.path, "other", templates="/etc/[b]\n")
    make_old(scene.path)
    scene.signal()
    with scene.store.snapshot() as snapshot:
        known = TemplateUse.of(scene.layout, snapshot)
    assert known.events == {"/etc/a": ["try"], "/etc/b": ["other"]}
    assert known.installed == {"/etc/a"}
    assert known.includes == {"/etc/lines": {"/etc/a"}}


def test_what_is_made_with_a_template(scene: Scene) -> None:
    """All files are found that were made with a template, directly or by way of another; none for other templates."""
    scene.template("/etc/a", "{{ template('/etc/lines') }}\n")
    scene.template("/etc/b", "{{ template('/etc/a') }}\n")
    scene.template("/etc/c", "c\n")
    scene.template("/etc/lines", "line\n")
    scene.event("/etc/a\n/etc/b\n/etc/c\n")
    make_old(scene.path)
    scene.signal()
    with scene.store.snapshot() as snapshot:
        assert including(snapshot, ["/etc/lines"]) == ["/etc/a", "/etc/b"]
        assert including(snapshot, ["/etc/a"]) == ["/etc/b"]
        assert including(snapshot, ["/etc/a", "/etc/b", "/etc/c"]) == []
