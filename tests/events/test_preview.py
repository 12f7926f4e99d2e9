"""What the files would be with what is not saved: shown as the event then does it, and nothing is written."""

from __future__ import annotations

import sys

import pytest

from esmith.errors import TemplateError, UsageError
from esmith.events.preview import Preview, PreviewFile, preview, preview_events
from esmith.events.recover import recovered
from esmith.fields import replace
from esmith.plan.output import Difference
from esmith.plan.verdict import Outcome
from esmith.store.model import Change
from tests.commands import Root
from tests.events.kit import Scene, look_at_files, make_event, make_old
from tests.store.stores import cells


def _set(key: str, prop: str, new: str | None, database: str = "configuration") -> Change:
    return Change(database, key, prop, None, new)


def _changed(found: Preview) -> dict[str, bytes | None]:
    return {file.path: file.new for file in found.files}


def _file(found: Preview) -> PreviewFile:
    (file,) = found.files
    return file


def test_it_shows_what_the_event_then_does(scene: Scene) -> None:
    """A file that reads an unsaved value is shown with old and new text, its service and events; then it is so."""
    scene.give_reader()
    scene.template("/etc/other", "{{ B.value | default('') }}\n")
    make_event(scene.path, "more", templates="/etc/t\n/etc/other\n")
    scene.signal()
    found = preview(scene.layout, scene.store, unsaved=[_set("A", "value", "second")], events=["try"])
    file = _file(found)
    assert (file.path, file.template, file.events) == ("/etc/t", "/etc/t", ["try", "more"])
    assert (file.old, file.new, file.difference) == (b"first\n", b"second\n", Difference.REPLACE)
    assert file.diff[-2:] == ["-first", "+second"] and not (file.secret or file.anyway or file.left)
    assert found.services == {"clamd": ["restart"]} and found.is_sound
    assert cells(found.changes) == {("configuration", "A", "value", "first", "second")}
    assert scene.file("/etc/t").read_text() == "first\n"
    scene.set("configuration", "A", "setting", value="second")
    assert [output.path for output in scene.signal().plan.changed] == ["/etc/t"]


def test_what_would_change_anyway_is_marked(scene: Scene) -> None:
    """A file that differs because of what is saved already is shown, and marked; one that both change is not."""
    scene.template("/etc/a", "{{ A }}\n")
    scene.template("/etc/b", "{{ B }}\n")
    scene.event("/etc/a\n/etc/b\n")
    scene.set("configuration", "A", "1")
    scene.set("configuration", "B", "1")
    found = preview(scene.layout, scene.store, unsaved=[_set("B", "", "2")])
    assert {file.path: (file.new, file.anyway) for file in found.files} == {
        "/etc/a": (b"1\n", True),
        "/etc/b": (b"2\n", False),
    }


def test_nothing_is_written(scene: Scene) -> None:
    """Neither the databases nor any file of the root is another afterwards, and an event that runs is no hindrance."""
    scene.give_reader()
    scene.template("/etc/new", "new {{ A.value }}\n")
    scene.event("/etc/t\n/etc/new\n")
    # Who reads stands there, whatever he reads.
    besides = ("/home/e-smith/db/lock.mdb",)
    with recovered(scene.session(), "try"):
        before = look_at_files(Root(scene.path), besides=besides)
        found = preview(scene.layout, scene.store, unsaved=[_set("A", "value", "second")], checks=True)
        assert set(_changed(found)) == {"/etc/t", "/etc/new"}
        assert look_at_files(Root(scene.path), besides=besides) == before


def test_a_broken_template_hides_no_other(scene: Scene) -> None:
    """A fault in one template is listed with its place, and would stop the event; the others are shown."""
    scene.template("/etc/a", "{{ A }\n")
    scene.template("/etc/b", "{{ A }}\n")
    scene.event("/etc/a\n/etc/b\n")
    make_event(scene.path, "wrong", templates="etc/a\n")
    found = preview(scene.layout, scene.store, unsaved=[_set("A", "", "1")])
    assert _changed(found) == {"/etc/b": b"1\n"}
    assert [(fault.subject, fault.stops) for fault in found.faults] == [("/etc/a", True), ("wrong", False)]
    assert found.faults[0].error.place.endswith("/etc/a/10a:1") and not found.is_sound


def test_an_unsaved_fragment_joins_the_others(scene: Scene) -> None:
    """A folder of fragments is nearer than templates-custom: what is in it takes the place of those of its name."""
    scene.template("/etc/t", "shipped\n")
    scene.trees.standard("/etc/t/20b", "more\n")
    scene.trees.custom("/etc/t/10a", "custom\n")
    scene.event("/etc/t\n")
    scene.signal()
    folder = scene.path / "draft"
    (folder / "etc/t").mkdir(parents=True)
    (folder / "etc/t/10a").write_text("{{ A }}\n")
    (folder / "etc/t/30c").write_text("last\n")
    unsaved = [_set("A", "", "draft")]
    found = preview(scene.layout, scene.store, unsaved=unsaved, templates=["/etc/t"], fragments=str(folder))
    assert _changed(found) == {"/etc/t": b"draft\nmore\nlast\n"}
    assert not _file(found).anyway
    assert preview(scene.layout, scene.store, unsaved=unsaved).files == []


def test_records_that_come_and_go(scene: Scene) -> None:
    """A file for each record is made for one that is unsaved, and removed for one that is to be deleted."""
    scene.template("/etc/u/{key}", "{{ record.key }}\n", 'foreach = "accounts:user"')
    scene.event("/etc/u/{key}\n")
    scene.set("accounts", "joe", "user")
    scene.signal()
    unsaved = [_set("joe", "", None, "accounts"), _set("mary", "", "user", "accounts")]
    found = preview(scene.layout, scene.store, unsaved=unsaved)
    assert _changed(found) == {"/etc/u/joe": None, "/etc/u/mary": b"mary\n"}
    assert [file.difference for file in found.files] == [Difference.REMOVE, Difference.CREATE]


def test_a_check_that_refuses(scene: Scene) -> None:
    """With checks the verdict stands with its file, and nothing is installed; without, none is run."""
    code = "import sys; 'bad' in open(sys.argv[1]).read() and sys.exit('line 1: bad')"
    check = f'[check]\ncommand = ["{sys.executable}", "-c", "{code}", "{{file}}"]\npackage = "python3"\n'
    scene.template("/etc/t", "{{ A }}\n", check)
    scene.event("/etc/t\n")
    for value, outcome in (("good", Outcome.PASSED), ("bad", Outcome.REFUSED)):
        found = preview(scene.layout, scene.store, unsaved=[_set("A", "", value)], checks=True)
        verdict = _file(found).verdict
        assert verdict is not None and verdict.outcome is outcome
        assert found.is_sound == (outcome is Outcome.PASSED) == (found.refused is None)
    assert _file(preview(scene.layout, scene.store, unsaved=[_set("A", "", "bad")])).verdict is None


def test_a_status_that_is_unsaved(scene: Scene) -> None:
    """A service that is to be disabled would be stopped, one that is to be enabled started; a disabled one is left."""
    scene.give_reader()
    scene.service("spamd", "disabled")
    Root(scene.path).write("/etc/e-smith/services/spamd/service.toml", "")
    unsaved = [_set("clamd", "status", "disabled"), _set("spamd", "status", "enabled"), _set("A", "value", "x")]
    assert preview(scene.layout, scene.store, unsaved=unsaved).services == {"clamd": ["stop"], "spamd": ["start"]}
    scene.service("clamd", "disabled")
    assert preview(scene.layout, scene.store, unsaved=unsaved[2:]).services == {}


def test_services_of_an_event(scene: Scene) -> None:
    """Of the services of an event those are named that a change needs; not what the event does in any case."""
    scene.give_reader()
    for name in ("other", "cron"):
        scene.service(name)
    scene.event("/etc/t\n", "clamd sighup\nother restart\ncron start\n")
    changed = _set("A", "value", "second")
    assert preview(scene.layout, scene.store, unsaved=[changed], events=["try"]).services == {"clamd": ["restart"]}
    unsaved = [_set("other", "status", "disabled"), _set("clamd", "status", "disabled")]
    found = preview(scene.layout, scene.store, unsaved=unsaved, events=["try"])
    assert found.services == {"clamd": ["stop"], "other": ["stop"]}
    scene.template("/etc/u", "{{ A.value }}\n")
    scene.event("/etc/u\n", "other restart\ncron start\n")
    found = preview(scene.layout, scene.store, unsaved=[changed], events=["try"])
    assert found.services == {"cron": ["start"], "other": ["restart"]}


def test_events_that_write_all(scene: Scene) -> None:
    """As few events are named as write all of the files; of as few as that one for changed settings."""
    for name in "abc":
        scene.template(f"/etc/{name}", f"{{{{ {name.upper()} }}}}\n")
    make_event(scene.path, "all", templates="/etc/a\n/etc/b\n/etc/c\n")
    make_event(scene.path, "ab-update", templates="/etc/a\n/etc/b\n")
    make_event(scene.path, "b-update", templates="/etc/b\n")
    for names, events in (("a", ["ab-update"]), ("ab", ["ab-update"]), ("abc", ["all"]), ("c", ["all"])):
        unsaved = [_set(name.upper(), "", "1") for name in names]
        scene.set("configuration", "A", "0")
        scene.set("configuration", "B", "0")
        scene.set("configuration", "C", "0")
        assert preview(scene.layout, scene.store, unsaved=unsaved).events == events


def test_a_secret_is_not_shown(office: Root) -> None:
    """The diff of a file that holds a secret, saved or not, names only the file."""
    from esmith.layout import Layout
    from tests.store.stores import opened

    unsaved = [
        _set("clamav", "HTTPProxyServer", "proxy.example.com"),
        _set("clamav", "HTTPProxyUsername", "me"),
        _set("clamav", "HTTPProxyPassword", "Geheim-1234"),
    ]
    with opened(office.path, write=False) as store:
        found = preview(Layout(str(office.path)), store, unsaved=unsaved, events=["email-update"])
    secret = [file for file in found.files if file.new and b"Geheim-1234" in file.new]
    assert secret and all(file.secret for file in secret)
    assert not any("Geheim-1234" in line for file in found.files for line in file.diff)


@pytest.mark.program("Text::Template")
def test_perl_sees_what_is_unsaved(scene: Scene) -> None:
    """The variables of a Perl fragment, and what it asks esmith::ConfigDB for, are the unsaved values."""
    scene.template("/etc/t", "{ $A } { $B{p} } { $EVENT }\n")
    use = "{ use esmith::ConfigDB; $OUT = esmith::ConfigDB->open_ro->get_prop('B', 'p'); }"
    more = "{ use esmith::AccountsDB; $OUT = join ',', map { $_->key } esmith::AccountsDB->open_ro->users; }"
    scene.trees.standard("/etc/t/20b", f"{use} {more}\n")
    scene.event("/etc/t\n")
    scene.set("configuration", "A", "old")
    scene.set("configuration", "B", "setting", p="old")
    scene.set("accounts", "admin", "system")
    scene.signal()
    make_old(scene.path)
    unsaved = [_set("A", "", "new"), _set("B", "p", "newer"), _set("joe", "", "user", "accounts")]
    found = preview(scene.layout, scene.store, unsaved=unsaved, events=["try"])
    assert _changed(found) == {"/etc/t": b"new newer try\nnewer joe\n"}


def test_what_is_not_there(scene: Scene) -> None:
    """An event or a template that is named and does not exist is an error, and so is a property without a record."""
    scene.template("/etc/t", "x\n")
    with pytest.raises(UsageError, match="no event 'tyr'"):
        preview(scene.layout, scene.store, events=["tyr"])
    with pytest.raises(TemplateError, match="no template for /etc/s"):
        preview(scene.layout, scene.store, templates=["/etc/s"])
    with pytest.raises(UsageError, match="no such record"):
        preview(scene.layout, scene.store, unsaved=[_set("A", "value", "x")])


def test_named_events_alone(scene: Scene) -> None:
    """Of events that are named the same comes without a look at the others, which only name files."""
    scene.give_reader()
    make_event(scene.path, "more", templates="/etc/t\n")
    scene.signal()
    unsaved = [_set("A", "value", "second")]
    found = preview(scene.layout, scene.store, unsaved=unsaved, events=["try"])
    alone = preview_events(scene.layout, scene.store, ["try"], unsaved=unsaved)
    assert (_file(found).events, _file(alone).events) == (["try", "more"], ["try"])
    assert _file(alone) == replace(_file(found), events=["try"])
    assert (cells(alone.changes), alone.services) == (cells(found.changes), found.services)
    assert _file(alone).new == b"second\n"
