"""Which files of the custom layers are read: what is called dead is what no expansion reads."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.fragments.tree import METADATA, NoTemplateError, TemplateTree
from esmith.layout import Layout
from esmith.overrides import find
from tests.commands import Root
from tests.examples import examples
from tests.overrides.kit import CUSTOM, found

#: The templates that an event names; one of them has the name of a backup file.
LISTED = ("/etc/a.conf", "/etc/b.conf", "/etc/deep/c.conf", "/etc/odd.orig")
SHIPPED = "/etc/shipped.conf"
_BASES = ("10foo", "foo", "template-begin", "template-end", METADATA)
_ENDS = (
    *("", "~", ".swp", ".swo", ".bak", ".orig", ".rej", ".old", ".save", ".rpmsave", ".rpmnew", ".rpmorig"),
    *(".dpkg-old", ".dpkg-new", ".dpkg-dist", ".ucf-old", ".ucf-dist", ".1", "\n\x1b[2J"),
)
_NAMES = st.one_of(
    st.builds(str.__add__, st.sampled_from(_BASES), st.sampled_from(_ENDS)),
    st.sampled_from(("#10foo#", ".#10foo", ".10foo.swp", ".hidden", ".esmith-x.1", "#x", "~10foo")),
)
_DIRECTORIES = st.sampled_from((*LISTED, SHIPPED, "/etc", "/etc/nothing.conf", "/etc/a.conf/deep", "/etc/a.conf~", ""))
_KINDS = st.sampled_from(("text", "empty", "masks", "nowhere", "fifo", "link", "to directory"))


def _put(path: Path, kind: str, root: str = "") -> None:
    """Put something at a path, unless something is there or a file is in the way."""
    if os.path.lexists(path) or any(os.path.lexists(above) and not above.is_dir() for above in path.parents):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind in ("text", "empty"):
        path.write_text("text\n" if kind == "text" else "")
    else:
        targets = {
            "masks": "/dev/null",
            "nowhere": "/no/such/file",
            "link": f"{root}/srv/file",
            "to directory": f"{root}/srv/folder",
        }
        path.symlink_to(targets[kind])


def _arrange(layout: Layout, files: list[tuple[str, str, str]]) -> None:
    """Make an event, two shipped templates, what links lead to, and files in templates-custom."""
    listed = Path(layout.events, "x-update/templates2expand/LIST")
    listed.parent.mkdir(parents=True)
    listed.write_text("".join(f"{path}\n" for path in LISTED))
    for template in (SHIPPED, LISTED[0]):
        _put(Path(layout.layer("templates") + template, "10foo"), "text")
    _put(Path(layout.root, "srv/file"), "text")
    Path(layout.root, "srv/folder").mkdir()
    for directory, name, kind in files:
        _put(Path(f"{layout.layer('templates-custom')}{directory}/{name}"), kind, layout.root)


def _read(layout: Layout) -> set[str]:
    """Return the files of templates-custom that some expansion reads, or stumbles over: a link that leads nowhere."""
    tree, layer, read = TemplateTree(layout), layout.layer("templates-custom"), set()
    for template in (*LISTED, SHIPPED):
        read |= {path for _, path in tree.metadata_files(template)}
        try:
            fragments = tree.find(template).fragments
        except NoTemplateError:
            continue
        for one in fragments:
            # A fragment is known by the directory that it was found in: its path may be that of what a link leads to.
            above = template
            while not os.path.lexists(f"{layer}{above}/{one.name}") and above != "/":
                above = os.path.dirname(above)
            place = layer + (template if os.path.basename(template) == one.name else f"{above.rstrip('/')}/{one.name}")
            read |= {place} if one.layer == layer else set()
    return read


@settings(max_examples=examples(15), deadline=None)
@given(st.lists(st.tuples(_DIRECTORIES, _NAMES, _KINDS), min_size=1, max_size=12))
def test_dead_is_what_no_expansion_reads(files: list[tuple[str, str, str]]) -> None:
    """Of whatever kind and name: a file is called dead when no expansion reads it, and only then."""
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(folder)
        _arrange(layout, files)
        ones = {layout.under(one.path): one for one in find(layout)}
        # One that leaves out what is left out anyway is in no one's way.
        idle = {path for path, one in ones.items() if os.path.islink(path) and one.text == b"" and one.state == "dead"}
        alive = {path for path, one in ones.items() if one.state != "dead"}
        assert alive == {path for path in _read(layout) if path not in idle}


#: Names of fragments beside the shipped MaxFiles, and of what the list calls each a copy; None for none.
COPIES = {
    "MaxFiles.bak": " of MaxFiles",
    "MaxFiles.rej": " of MaxFiles",
    "MaxFiles.ucf-old": " of MaxFiles",
    "MaxFiles-old": " of MaxFiles",
    "MaxFiles.2": " of MaxFiles",
    "MaxFiles (copy)": " of MaxFiles",
    "10mine.BAK": "",
    "MaxFiles-2": None,
    "20mine-old": None,
    "20mine.2": None,
    "30mine": None,
}


def test_a_copy_that_counts_is_named(root: Root) -> None:
    """A fragment with the name of a copy counts, and the list says so; also of what it is one, where that is there."""
    for name in COPIES:
        root.custom(f"/etc/clamd.conf/{name}", "MaxFiles 5\n")
    ones = {os.path.basename(one.name): one for one in found(root).values()}
    for name, what in COPIES.items():
        expected = f"looks like a copy{what} that was left behind, and it counts" if what is not None else ""
        one = ones[name]
        assert (one.state, one.reason.partition(":")[0], one.is_copy) == ("adds", expected, what is not None), name


def test_a_copy_is_shown(root: Root) -> None:
    """The list ends with a line about copies that count; the file is made with both indeed."""
    root.custom("/etc/clamd.conf/MaxFiles.bak", "MaxFiles 1500\n")
    out = root.esmith("overrides").out
    assert out.splitlines()[-1] == "1 file may be a copy that counts: remove it, or give it another name"
    template = TemplateTree(Layout(str(root.path))).find("/etc/clamd.conf")
    assert {"MaxFiles", "MaxFiles.bak"} <= {one.name for one in template.fragments}


def test_the_files_of_a_service_that_are_read(root: Root) -> None:
    """Of a service run, log, systemd and service.toml are read, and what a script names; all else there is dead."""
    base = "/etc/e-smith/services-custom"
    root.write(f"{base}/clamd/run", "# as run and run.bak.1 have it\nexec ./helper.sh\n")
    for name in ("clamd/log", "clamd/systemd", "clamd/helper.sh", "clamd/run.bak", "clamd/service.toml.rej"):
        root.write(f"{base}/{name}", "x\n")
    for name in ("begin", "log.other", "new/run", "clamd.orig/run", "not a name/run"):
        root.write(f"{base}/{name}", "x\n")
    dead = {name for name, one in found(root).items() if one.state == "dead"}
    names = ("clamd/run.bak", "clamd/service.toml.rej", "log.other", "clamd.orig/run", "not a name/run")
    assert dead == {f"services-custom/{name}" for name in names}


def test_a_link_in_the_place_of_a_template(root: Root) -> None:
    """A link to a directory of fragments is not dead: what is in there counts. One beside fragments is left out."""
    root.write("/srv/mine/10x", "x\n")
    for name in ("clamd.conf", "freshclam.conf/more"):
        root.file(f"{CUSTOM}/etc/{name}").parent.mkdir(parents=True, exist_ok=True)
        root.file(f"{CUSTOM}/etc/{name}").symlink_to(root.file("/srv/mine"))
    ones = found(root)
    assert (ones["/etc/clamd.conf"].state, ones["/etc/freshclam.conf/more"].state) == ("replaces", "dead")
    assert "what is in there counts" in ones["/etc/clamd.conf"].reason
