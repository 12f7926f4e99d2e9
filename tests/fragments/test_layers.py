"""Which fragments a template consists of: layers, order, masks, and what does not count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esmith.plan.plan import make_plan
from tests.fragments.kit import Trees

#: In the order in which the original puts them (docs/original.md#fragments).
IN_ORDER = [".hidden", "10-b", "10.b", "100", "10a", "20", "20B", "20a", "9z", "Z", "_x", "a", "é"]


@pytest.mark.parametrize("shift", [0, 1, 2], ids=["standard", "custom", "alternating"])
def test_fragments_stand_in_byte_order_of_their_names(trees: Trees, shift: int) -> None:
    """Fragments stand in byte order of their names, hidden ones too, whichever layer each comes from."""
    trees.standard("/etc/t/template-begin", "begin\n")
    trees.standard("/etc/t/template-end", "end\n")
    for place, name in enumerate(reversed(IN_ORDER)):
        layer = {0: trees.standard, 1: trees.custom}[shift if shift < 2 else place % 2]
        layer(f"/etc/t/{name}", f"{name}\n")
    assert trees.text("/etc/t").split() == ["begin", *IN_ORDER, "end"]


def test_nothing_stands_between_fragments(trees: Trees) -> None:
    """Fragments are joined as they are: nothing is put between them, no blank is lost."""
    trees.standard("/etc/t/template-begin", "")
    for name, text in (("a", "a"), ("b", " b\t"), ("c", "c\n\n")):
        trees.standard(f"/etc/t/{name}", text)
    assert trees.text("/etc/t") == "a b\tc\n\n"


def test_nearest_layer_wins_per_name(trees: Trees) -> None:
    """A custom fragment replaces the standard one of its name and stands beside the others."""
    trees.standard("/etc/t/template-begin", "")
    trees.standard("/etc/t/10a", "10 standard\n")
    trees.standard("/etc/t/30c", "30 standard\n")
    trees.custom("/etc/t/10a", "10 custom\n")
    trees.custom("/etc/t/20b", "20 custom\n")
    assert trees.text("/etc/t") == "10 custom\n20 custom\n30 standard\n"
    layers = [os.path.basename(fragment.layer) for fragment in trees.render("/etc/t").template.fragments]
    assert layers == ["templates", "templates-custom", "templates-custom", "templates"]


def test_custom_alone_suffices(trees: Trees) -> None:
    """A template may exist in templates-custom only, as a directory or as a file."""
    trees.custom("/etc/t/10a", "own\n")
    trees.custom("/etc/one", "one\n")
    assert (trees.text("/etc/t"), trees.text("/etc/one")) == ("own\n", "one\n")


def test_custom_file_over_directory_is_the_whole_output(trees: Trees) -> None:
    """A custom file in place of a standard directory gives exactly its text, without header and without fragments."""
    trees.standard("/template-begin", "banner\n")
    trees.standard("/etc/t/10a", "standard\n")
    trees.standard("/etc/t/template-end", "end\n")
    trees.custom("/etc/t", "exactly this\n")
    assert trees.text("/etc/t") == "exactly this\n"


def test_custom_file_over_file(trees: Trees) -> None:
    """A custom file replaces a standard file."""
    trees.standard("/etc/one", "standard\n")
    trees.custom("/etc/one", "custom\n")
    assert trees.text("/etc/one") == "custom\n"


def test_custom_directory_over_file(trees: Trees) -> None:
    """A custom directory in place of a standard file gives the fragments, with header, and nothing of the file."""
    trees.standard("/template-begin", "banner\n")
    trees.standard("/etc/one", "standard\n")
    trees.custom("/etc/one/10a", "custom\n")
    assert trees.text("/etc/one") == "banner\ncustom\n"


def test_empty_custom_directory_changes_nothing(trees: Trees) -> None:
    """A custom directory without fragments leaves the standard template, file or directory, as it is."""
    trees.standard("/etc/t/10a", "fragment\n")
    trees.standard("/etc/one", "file\n")
    for path in ("/etc/t", "/etc/one"):
        trees.place("templates-custom", path).mkdir()
    assert (trees.text("/etc/t"), trees.text("/etc/one")) == ("fragment\n", "file\n")


def test_single_file_has_no_header(trees: Trees) -> None:
    """The text of a single file is the whole output, whatever banners the parents have."""
    trees.standard("/template-begin", "banner\n")
    trees.standard("/etc/template-end", "end\n")
    trees.standard("/etc/one", "{{ DomainName }}\n")
    assert trees.text("/etc/one") == "example.com\n"


@pytest.mark.parametrize("kind", ["zero-length", "null link", "link to a null link"])
def test_masks(trees: Trees, tmp_path: Path, kind: str) -> None:
    """A custom fragment of zero length, or a link to /dev/null, takes the standard fragment of its name away."""
    trees.standard("/etc/t/10a", "10\n")
    trees.standard("/etc/t/20b", "20\n")
    place = trees.place("templates-custom", "/etc/t/10a")
    if kind == "zero-length":
        place.write_text("")
    elif kind == "null link":
        place.symlink_to("/dev/null")
    else:
        (tmp_path / "null").symlink_to("/dev/null")
        place.symlink_to(tmp_path / "null")
    assert trees.text("/etc/t") == "20\n"


def test_symlinked_fragment_and_directory(trees: Trees, tmp_path: Path) -> None:
    """A fragment may be a link to a file anywhere, and a template a link to a directory."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/10a").write_text("linked {{ SystemName }}\n")
    trees.place("templates", "/etc/dir").symlink_to(tmp_path / "elsewhere")
    trees.standard("/etc/t/20b", "own\n")
    trees.place("templates-custom", "/etc/t/10a").symlink_to(tmp_path / "elsewhere/10a")
    trees.place("templates-custom", "/etc/t/30c").symlink_to("20b-there")
    trees.custom("/etc/t/20b-there", "there\n")
    assert trees.text("/etc/dir") == "linked mail\n"
    assert trees.text("/etc/t") == "linked mail\nown\nthere\nthere\n"


def _dangling(place: Path) -> None:
    place.symlink_to("nowhere")


def _loop(place: Path) -> None:
    place.symlink_to(place.name)


def _fifo(place: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize("make", [_dangling, _loop], ids=["dangling link", "loop"])
@pytest.mark.parametrize("name", ["10a", "20b", "template-begin", "template-end"])
def test_a_link_that_leads_nowhere_is_an_error(trees: Trees, make: object, name: str) -> None:
    """The file would lack what the link is for: also where another layer or a parent has a fragment of that name."""
    assert callable(make)
    for path in ("/etc/t/10a", "/etc/t/30c", "/template-begin", "/template-end"):
        trees.standard(path, "10\n")
    place = trees.place("templates-custom", f"/etc/t/{name}")
    make(place)
    error = trees.error("/etc/t")
    assert error.place == str(place)
    assert "is a link that leads nowhere" in error.message
    assert "(for /etc/t)" in error.message
    trees.standard("/etc/other/10a", "other\n")
    assert trees.text("/etc/other") == "10\nother\n10\n"


def test_what_is_not_a_file_is_reported(trees: Trees) -> None:
    """A FIFO among fragments is skipped, does not hide the standard fragment, and is reported."""
    trees.standard("/etc/t/10a", "10\n")
    place = trees.place("templates-custom", "/etc/t/10a")
    _fifo(place)
    plan = make_plan(trees.layout, trees.snapshot, ["/etc/t"])
    assert plan.outputs[0].rendering.content == b"10\n"
    (warning,) = plan.warnings
    assert str(place) in warning
    assert "no regular file" in warning


@pytest.mark.parametrize(
    "name",
    [
        "10a~",
        ".10a.swp",
        "10a.orig",
        "10a.rpmsave",
        "10a.rpmnew",
        "10a.rpmorig",
        "10a.dpkg-old",
        "10a.dpkg-dist",
        ".10a.swo",
        ".10a.swx",
        ".#10a",
        "#10a#",
    ],
)
def test_leftovers_are_skipped(trees: Trees, name: str) -> None:
    """What an editor or a package manager left beside a fragment is not a fragment, and nobody is warned of it."""
    trees.standard("/etc/t/10a", "10\n")
    trees.standard(f"/etc/t/{name}", "leftover\n")
    trees.custom(f"/etc/t/{name}", "leftover\n")
    assert trees.text("/etc/t") == "10\n"
    plan = make_plan(trees.layout, trees.snapshot, ["/etc/t"])
    assert plan.warnings == []
    assert len(plan.outputs[0].rendering.template.skipped) == 2


@pytest.mark.parametrize("name", ["10a.bak", "10a.tmp", "10a.SWP", "10a.rpm", "dpkg-old"])
def test_other_names_are_fragments(trees: Trees, name: str) -> None:
    """Names that only resemble leftovers are fragments, as they are in the original."""
    trees.standard(f"/etc/t/{name}", "counts\n")
    assert trees.text("/etc/t") == "counts\n"


def test_subdirectories_are_skipped(trees: Trees) -> None:
    """A directory among fragments, or a link to one, adds nothing; it may be a template of its own."""
    trees.standard("/etc/t/10a", "10\n")
    trees.standard("/etc/t/20sub/10b", "sub\n")
    trees.place("templates", "/etc/t/30link").symlink_to("20sub")
    assert trees.text("/etc/t") == "10\n"
    assert trees.text("/etc/t/20sub") == "sub\n"


def test_a_fragment_put_one_directory_too_deep_is_reported(trees: Trees) -> None:
    """A file in a directory among fragments is not used, which is reported; an empty directory is nothing to report."""
    trees.standard("/etc/t/10a", "10\n")
    trees.place("templates-custom", "/etc/t/20empty").mkdir()
    trees.custom("/etc/t/30deep/10b", "deep\n")
    (warning,) = make_plan(trees.layout, trees.snapshot, ["/etc/t"]).warnings
    assert "30deep" in warning
    assert "10b" in warning


@pytest.mark.parametrize(
    ("shipped", "own", "is_reported"),
    [
        ("10a", "10a/10a", True),
        ("10a", "10a/20b", True),
        ("10a", "20b/20b", True),
        ("20sub/10b", "20sub/20sub", True),
        ("20sub/10b", "20sub/10b", False),
        ("20sub/10b", "20sub/30c", False),
    ],
    ids=[
        "below a shipped fragment of its name",
        "below a shipped fragment",
        "below none",
        "of the name of a sub-template",
        "instead of a sub-template's",
        "beside a sub-template's",
    ],
)
def test_a_fragment_below_a_shipped_one(trees: Trees, shipped: str, own: str, is_reported: bool) -> None:
    """A fragment saved below the name of a shipped one is reported; one of a shipped sub-template is in its place."""
    trees.standard("/etc/t/50z", "z\n")
    trees.standard(f"/etc/t/{shipped}", "shipped\n")
    trees.custom(f"/etc/t/{own}", "own\n")
    warnings = make_plan(trees.layout, trees.snapshot, ["/etc/t"]).warnings
    name = own.partition("/")[2]
    assert [f"its file {name} is not used; move it up" in warning for warning in warnings] == [True] * is_reported


def test_a_directory_of_directories_is_no_template(trees: Trees) -> None:
    """A directory that holds directories and metadata only is not a template."""
    trees.standard("/template-begin", "banner\n")
    trees.standard("/etc/template.toml", 'mode = "0600"\n')
    trees.standard("/etc/t/template.toml", 'mode = "0600"\n')
    trees.standard("/etc/t/sub/10a", "10\n")
    for path in ("/etc", "/etc/t", "/"):
        assert "there is no template" in str(trees.error(path))


def test_a_missing_template_names_the_nearest(trees: Trees) -> None:
    """The error for a template that does not exist names the nearest one beside it."""
    trees.standard("/var/qmail/control/queuelifetime", "604800\n")
    error = trees.error("/var/qmail/control/queuelifetimes")
    assert error.message == "there is no template for /var/qmail/control/queuelifetimes"
    assert error.hint == "did you mean /var/qmail/control/queuelifetime?"


@pytest.mark.parametrize("path", ["etc/t", "/etc/t/", "//etc//t", "/etc/x/../t"])
def test_a_path_is_taken_absolute_and_clean(trees: Trees, path: str) -> None:
    """A template's path may be written in any way that leads to it."""
    trees.standard("/etc/t/10a", "10\n")
    assert trees.render(path).path == "/etc/t"


def test_globs_look_at_the_standard_layer_only(trees: Trees) -> None:
    """A pattern gives templates of the standard layer, in byte order: no directories of links, headers, leftovers."""
    for name in ("b/10a", "a/10a", "c", "c~", "template-begin", "template.toml", "empty/template.toml", "sub/deep/x"):
        trees.standard(f"/etc/{name}", "")
    trees.custom("/etc/plugins/10a", "")
    tree = trees.renderer().tree
    assert tree.matching("/etc/*") == ["/etc/a", "/etc/b", "/etc/c"]
    assert tree.matching("/*/sub/de?p/*") == ["/etc/sub/deep/x"]
    assert tree.matching("/etc/[ab]") == ["/etc/a", "/etc/b"]
    assert tree.matching("/etc/x*") == []
