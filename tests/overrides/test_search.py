"""What each override does, and which of them are of no use."""

from __future__ import annotations

import os

import pytest

from esmith.errors import UntrustedError
from esmith.layout import Layout
from esmith.overrides import find
from tests.commands import Root
from tests.overrides.kit import CUSTOM, all_files, found, record, ship_older, states


def test_nothing_is_there(root: Root) -> None:
    """The README of templates-custom is no override; a root without custom layers has none either."""
    assert found(root) == {}
    assert root.esmith("overrides").out == "there are no overrides\n"
    assert find(Layout(str(root.file("/var")))) == []


def test_what_each_does(root: Root) -> None:
    """A fragment of the name of a shipped one replaces it, another adds, an empty one or a link to nothing masks."""
    root.custom("/etc/clamd.conf/MaxFiles", "MaxFiles 3000\n")
    root.custom("/etc/clamd.conf/50mine", "Mine 1\nMore 2\n")
    root.custom("/etc/clamd.conf/LogTime", "")
    root.file(f"{CUSTOM}/etc/clamd.conf/LogVerbose").symlink_to("/dev/null")
    ones = found(root)
    assert {name: (one.state, one.does, one.added, one.removed) for name, one in ones.items()} == {
        "/etc/clamd.conf/50mine": ("adds", "adds", 2, 0),
        "/etc/clamd.conf/LogTime": ("masks", "masks", 0, 1),
        "/etc/clamd.conf/LogVerbose": ("masks", "masks", 0, 1),
        "/etc/clamd.conf/MaxFiles": ("replaces", "replaces", 1, 1),
    }
    assert ones["/etc/clamd.conf/MaxFiles"].shipped_path == "/etc/e-smith/templates/etc/clamd.conf/MaxFiles"
    assert ones["/etc/clamd.conf/50mine"].shipped_path == ""


def test_a_single_file_is_for_the_whole_directory(root: Root) -> None:
    """A single file in the place of a directory of fragments replaces the text of all of them."""
    root.custom("/etc/clamd.conf", "all of it\n")
    (one,) = found(root).values()
    shipped = root.file("/etc/e-smith/templates/etc/clamd.conf")
    assert (one.state, one.added) == ("replaces", 1)
    assert one.shipped is not None and (shipped / "MaxFiles").read_bytes() in one.shipped


def test_directories_in_the_place_of_a_single_file(root: Root) -> None:
    """A fragment in the place of a shipped single file replaces that one."""
    ship_older(root, "templates/etc/single", "one\n")
    root.custom("/etc/single/10part", "part\n")
    assert found(root)["/etc/single/10part"].shipped == b"one\n"


def test_the_begin_of_a_directory_above(root: Root) -> None:
    """An empty template-begin masks the shipped one of a directory above."""
    root.custom("/etc/clamd.conf/template-begin", "")
    (one,) = found(root).values()
    assert (one.state, one.shipped_path.endswith("/template-begin")) == ("masks", True)


@pytest.mark.parametrize("name", ["MaxFiles~", ".MaxFiles.swp", "MaxFiles.orig", "#MaxFiles#", "MaxFiles.dpkg-old"])
def test_a_backup_name_is_dead(root: Root, name: str) -> None:
    """What an editor or a package left does not count."""
    root.custom(f"/etc/clamd.conf/{name}", "x\n")
    (one,) = found(root).values()
    assert one.state == "dead" and "do not count" in one.reason


def test_what_nothing_reads_is_dead(root: Root) -> None:
    """A file is dead in a directory too deep, of a template that nothing has, and of a service that there is not."""
    root.custom("/etc/clamd.conf/MaxFiles/MaxFiles", "x\n")
    root.custom("/etc/nothing.conf/10x", "x\n")
    root.custom("/etc/nothing.conf/template.toml", 'mode = "0600"\n')
    root.write("/etc/e-smith/services-custom/nothing/run.d", "x\n")
    reasons = {name: one.reason for name, one in found(root).items() if one.state == "dead"}
    assert reasons == {
        "/etc/clamd.conf/MaxFiles/MaxFiles": "a directory too deep: the fragments of /etc/clamd.conf are right in it",
        "/etc/nothing.conf/10x": "no event and no shipped template reads /etc/nothing.conf/10x",
        "/etc/nothing.conf/template.toml": "no event and no shipped template reads /etc/nothing.conf",
        "services-custom/nothing/run.d": "there is no service nothing: no run script and no service.toml",
    }


def test_what_something_reads_is_not_dead(root: Root) -> None:
    """Not dead are a template that an event names, what a link leads to, and what is for all templates below."""
    root.custom("/etc/own.conf/10x", "x\n")
    root.write("/etc/e-smith/events/own-update/templates2expand/etc/own.conf", "")
    root.custom("/source/10x", "x\n")
    root.file(f"{CUSTOM}/etc/own.conf/20link").symlink_to(f"{CUSTOM}/source/10x")
    root.custom("/etc/mail/template-end", "# end\n")
    root.custom("/var/template.toml", 'mode = "0600"\n')
    root.write("/etc/e-smith/services-custom/clamd/run", "#!/bin/sh\n")
    assert "dead" not in states(root).values()
    assert found(root)["/etc/own.conf/20link"].text == b"x\n"


def test_what_cannot_be_read_hides_no_other(root: Root) -> None:
    """Dead are a pipe and a file in the place of a directory of templates; a link that leads nowhere stops its file."""
    root.custom("/etc/clamd.conf/MaxFiles", "MaxFiles 3000\n")
    root.file(f"{CUSTOM}/etc/clamd.conf/Debug").symlink_to("/no/such/file")
    os.mkfifo(root.file(f"{CUSTOM}/etc/clamd.conf/LogTime"))
    root.custom("/etc/mail", "x\n")
    reasons = {name: one.reason for name, one in found(root).items() if one.state == "dead"}
    assert reasons == {
        "/etc/clamd.conf/LogTime": "is not a regular file",
        "/etc/mail": "no event and no shipped template reads /etc/mail",
    }
    link = found(root)["/etc/clamd.conf/Debug"]
    assert (link.state, link.reason.partition(",")[0]) == ("replaces", "is a link that leads nowhere")
    record(root)
    assert set(states(root)) == {"/etc/clamd.conf/MaxFiles", "/etc/clamd.conf/Debug", *reasons}


def test_what_is_no_different_is_needless(root: Root) -> None:
    """Needless are a copy of the shipped one, keys that are the same there, and what masks nothing."""
    root.custom("/etc/clamd.conf/MaxFiles", root.read("/etc/e-smith/templates/etc/clamd.conf/MaxFiles"))
    root.custom("/etc/clamd.conf/NoSuch", "")
    ship_older(root, "templates/etc/t/template.toml", 'mode = "0640"\nowner = "root"\n')
    ship_older(root, "templates/etc/t/10x", "x\n")
    root.custom("/etc/t/template.toml", 'mode = "0640" # as shipped\n')
    assert set(states(root).values()) == {"needless"}
    root.custom("/etc/t/template.toml", "")
    assert states(root)["/etc/t/template.toml"] == "needless"
    root.custom("/etc/t/template.toml", 'mode = "0644"\n')
    assert states(root)["/etc/t/template.toml"] == "replaces"


def test_a_shipped_file_that_was_edited(root: Root) -> None:
    """A shipped file that was edited in its place is listed: the next init replaces it. It is found by its template."""
    assert states(root) == {}
    root.write("/etc/e-smith/templates/etc/clamd.conf/MaxFiles", "MaxFiles 9\n")
    root.write("/etc/e-smith/events/email-update/services2adjust/LIST", "x\n")
    ones = found(root)
    assert {name: one.state for name, one in ones.items()} == {
        "events/email-update/services2adjust/LIST": "edited",
        "templates/etc/clamd.conf/MaxFiles": "edited",
    }
    one = ones["templates/etc/clamd.conf/MaxFiles"]
    assert (one.added, one.removed) == (1, 1)
    assert one.reason.endswith("move it to /etc/e-smith/templates-custom/etc/clamd.conf/MaxFiles")
    assert root.esmith("overrides", "/etc/clamd.conf").out.splitlines()[-1] == "1 override: edited 1"


def test_the_diff_of_a_shipped_file_that_was_edited(root: Root) -> None:
    """What is listed as edited can be shown, by its own path and by its template; what was there is named."""
    path = "/etc/e-smith/templates/etc/clamd.conf/MaxFiles"
    root.write(path, "MaxFiles 9\n")
    for named in (path, str(root.file(path)), "/etc/clamd.conf"):
        lines = root.esmith("overrides", "diff", named).out.splitlines()
        assert lines[:2] == ["--- as it was installed", f"+++ {path}"] and lines[-1] == "+MaxFiles 9", named
    # Beside an override each is found by its own path.
    mine = root.custom("/etc/clamd.conf/MaxFiles", "MaxFiles 8\n")
    assert root.esmith("overrides", "diff", str(mine)).out.splitlines()[-1] == "+MaxFiles 8"
    assert root.esmith("overrides", "diff", path).out.splitlines()[-1] == "+MaxFiles 9"


def test_looking_writes_nothing(root: Root) -> None:
    """The list and the diffs leave every file as it is."""
    root.custom("/etc/clamd.conf/MaxFiles", "MaxFiles 3000\n")
    before = all_files(root)
    root.esmith("overrides")
    root.esmith("overrides", "diff", "--base", "/etc/clamd.conf/MaxFiles")
    assert all_files(root) == before


def test_what_others_may_write_is_refused(root: Root) -> None:
    """A fragment that others may write is not read."""
    os.chmod(root.custom("/etc/clamd.conf/MaxFiles", "x\n"), 0o666)
    with pytest.raises(UntrustedError):
        find(Layout(str(root.path)))
