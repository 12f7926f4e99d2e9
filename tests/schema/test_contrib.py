"""The original's ``defaults``, ``force`` and ``migrate`` directories, which contribs install."""

from __future__ import annotations

import pytest

from esmith.errors import ExitCode, SchemaError
from esmith.store.model import Record
from tests.commands import Root
from tests.schema.kit import Desk


def contrib(desk: Desk, files: dict[str, str]) -> None:
    """Write files below the directory of the database t."""
    for name, text in files.items():
        desk.file(f"t/{name}", text)


def test_a_new_record(desk: Desk) -> None:
    """A directory of defaults makes its record: one trailing newline of a file is dropped, blanks are kept."""
    contrib(
        desk,
        {
            "defaults/rec/type": "service\n",
            "defaults/rec/status": "enabled",
            "defaults/rec/Empty": "",
            "defaults/rec/Newline": "\n",
            "defaults/rec/Blanks": " x \n",
            "defaults/Value/type": "x\n",
        },
    )
    desk.initialize()
    props = {"Blanks": " x ", "Empty": "", "Newline": "", "status": "enabled"}
    assert desk.record("t", "rec") == Record("rec", "service", props)
    assert desk.record("t", "Value") == Record("Value", "x", {})


def test_defaults_only_where_there_is_nothing(desk: Desk) -> None:
    """Defaults leave what is set alone, an empty value and the type too."""
    contrib(desk, {"defaults/rec/type": "service", "defaults/rec/a": "1", "defaults/rec/b": "2", "defaults/rec/c": "3"})
    desk.put("t", "rec", "other", {"a": "mine", "b": ""})
    desk.initialize()
    assert desk.record("t", "rec") == Record("rec", "other", {"a": "mine", "b": "", "c": "3"})


def test_force_always(desk: Desk) -> None:
    """Forced values are always written, the type too."""
    contrib(desk, {"force/rec/type": "service", "force/rec/a": "1"})
    desk.put("t", "rec", "other", {"a": "mine", "b": ""})
    desk.initialize()
    assert desk.record("t", "rec") == Record("rec", "service", {"a": "1", "b": ""})


def test_force_after_defaults(desk: Desk) -> None:
    """Where both are there the forced value wins, and a record may be made by force alone."""
    contrib(desk, {"defaults/rec/type": "a", "defaults/rec/p": "1", "force/rec/p": "2", "force/new/type": "b"})
    desk.initialize()
    assert desk.record("t", "rec") == Record("rec", "a", {"p": "2"})
    assert desk.record("t", "new") == Record("new", "b", {})


def test_beside_a_schema_file(desk: Desk) -> None:
    """A contrib adds properties to a record that has a schema file; the file's own defaults come first."""
    desk.file("t/rec.toml", 'type = "service"\n[properties.a]\ndefault = "1"\n')
    contrib(desk, {"defaults/rec/a": "contrib", "defaults/rec/b": "2"})
    desk.initialize()
    assert desk.record("t", "rec") == Record("rec", "service", {"a": "1", "b": "2"})


def test_leftovers_are_skipped(desk: Desk) -> None:
    """Hidden files, and what editors and packages leave, are not properties (the original takes some of them)."""
    names = ["status~", "x.rpmnew", "x.rpmsave", "x.orig", ".hidden", "x.swp", "x.dpkg-old"]
    contrib(desk, {"defaults/rec/type": "s", **{f"defaults/rec/{name}": "bad" for name in names}})
    contrib(desk, {"defaults/.git/type": "s", "defaults/old~/type": "s"})
    desk.initialize()
    assert desk.record("t", "rec") == Record("rec", "s", {})
    with desk.store.snapshot() as snapshot:
        assert snapshot.keys("t") == ["rec"]


def test_a_database_of_a_contrib(desk: Desk) -> None:
    """A database that only has such directories is made."""
    desk.file("newdb/defaults/rec/type", "service")
    desk.initialize()
    assert desk.record("newdb", "rec") == Record("rec", "service", {})


def test_idempotent(desk: Desk) -> None:
    """A second run changes nothing."""
    contrib(desk, {"defaults/rec/type": "s", "defaults/rec/p": "1", "force/rec/q": "2"})
    desk.initialize()
    assert (desk.initialize()[0], desk.revision()) == ([], 1)


@pytest.mark.parametrize("kind", ["defaults", "force"])
def test_a_record_without_a_type_is_skipped(desk: Desk, kind: str) -> None:
    """A note names it once, and everything else is stored: its contrib must not keep others from their defaults."""
    contrib(desk, {f"{kind}/rec/p": "1", f"{kind}/rec/q": "2", "defaults/zed/type": "s", f"{kind}/zed/p": "3"})
    notes = desk.initialize()[1]
    assert [note for note in notes if f"t/{kind}/rec: the record rec has no type" in note] == notes
    assert len(notes) == 1
    assert desk.record("t", "rec") is None
    assert desk.record("t", "zed") == Record("zed", "s", {"p": "3"})


def test_the_type_may_be_forced(desk: Desk) -> None:
    """A record whose type only a file in force has gets its defaults as well."""
    contrib(desk, {"force/rec/type": "s", "defaults/rec/p": "1"})
    desk.initialize()
    assert desk.record("t", "rec") == Record("rec", "s", {"p": "1"})


#: Files that cannot be applied, which of them the message has to name, and part of the message.
BROKEN = {
    "newline inside": ({"defaults/rec/type": "s", "defaults/rec/p": "a\nb\n"}, "defaults/rec/p", "a newline"),
    "bar in the name": ({"defaults/rec/type": "s", "defaults/rec/a|b": "1"}, "defaults/rec/a|b", "cannot contain"),
    "odd key": ({"defaults/a=b/type": "s"}, "defaults/a=b", "contain '='"),
}


@pytest.mark.parametrize(("files", "place", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_what_cannot_be_applied(desk: Desk, files: dict[str, str], place: str, message: str) -> None:
    """A file that cannot be applied is left out and named; everything else is stored."""
    contrib(desk, {"defaults/Good/type": "s", **files})
    (fault,) = desk.initialized().faults
    assert message in str(fault)
    assert place in str(fault)
    assert desk.record("t", "Good") == Record("Good", "s", {})


def test_with_strict_nothing_is_changed(desk: Desk) -> None:
    """With Strict of esmith a file that cannot be applied is an error, and nothing is stored."""
    desk.put("configuration", "esmith", "service", {"Strict": "enabled"})
    contrib(desk, {"defaults/Good/type": "s", "defaults/rec/type": "s", "defaults/rec/p": "a\nb\n"})
    with pytest.raises(SchemaError, match="a newline") as caught:
        desk.initialize()
    assert "Strict of esmith is enabled" in caught.value.hint
    assert desk.record("t", "Good") is None


def test_a_directory_for_a_property(desk: Desk) -> None:
    """A directory where a property's file belongs is a fault that names it."""
    contrib(desk, {"defaults/rec/type": "s", "defaults/rec/sub/p": "1"})
    (fault,) = desk.initialized().faults
    assert "is a directory" in fault.message
    assert fault.place.endswith("t/defaults/rec/sub")


def test_a_file_that_is_not_utf8(desk: Desk) -> None:
    """A value in another encoding is a fault that names its file."""
    contrib(desk, {"defaults/rec/type": "s"})
    path = desk.file("t/defaults/rec/p", "")
    path.write_bytes(b"\xe9")
    (fault,) = desk.initialized().faults
    assert (fault.message, fault.place) == ("is not UTF-8", str(path))


def test_a_dangling_link(desk: Desk) -> None:
    """A link that leads nowhere is a fault that names it."""
    contrib(desk, {"defaults/rec/type": "s"})
    path = desk.path / "etc/e-smith/db/t/defaults/rec/p"
    path.symlink_to("nowhere")
    (fault,) = desk.initialized().faults
    assert (fault.message, fault.place) == ("cannot be read: No such file or directory", str(path))


def test_a_broken_contrib_stops_no_event(root: Root) -> None:
    """console-save names a contrib's broken default, stores everything else, and exits with 11."""
    root.write("/etc/e-smith/db/configuration/defaults/contrib/type", "service\n")
    root.write("/etc/e-smith/db/configuration/defaults/contrib/good", "1\n")
    path = root.write("/etc/e-smith/db/configuration/defaults/contrib/p", "a\nb\n")
    answer = root.signal("console-save", code=ExitCode.PARTIAL)
    assert str(path) in answer.err
    assert root.config("show", "contrib").out == "contrib=service\n    good=1\n"
