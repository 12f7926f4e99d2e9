"""``template-begin`` and ``template-end``: a directory's own, a parent's, or none."""

from __future__ import annotations

import pytest

from tests.fragments.kit import Trees


def test_own_begin_and_end_stand_first_and_last(trees: Trees) -> None:
    """A directory's template-begin is the first fragment and its template-end the last, whatever the others' names."""
    for name in (" ", "!", "template", "template-f", "zzz", "~a"):
        trees.standard(f"/etc/t/{name}", "x\n")
    trees.standard("/etc/t/template-begin", "{{ 'begin' }}\n")
    trees.standard("/etc/t/template-end", "end\n")
    lines = trees.text("/etc/t").split()
    assert (lines[0], lines[-1], len(lines)) == ("begin", "end", 8)


@pytest.mark.parametrize("name", ["template-begin", "template-end"])
@pytest.mark.parametrize(
    ("standard", "custom", "expected"),
    [
        ({"": "root"}, {}, "root"),
        ({"": "root", "/etc": "etc"}, {}, "etc"),
        ({"": "root", "/etc": "etc", "/etc/t": "own"}, {}, "own"),
        ({"": "root", "/etc": ""}, {}, None),
        ({"": "root", "/etc/t": ""}, {}, None),
        ({"": "root"}, {"/etc": "custom"}, "custom"),
        ({"/etc": "etc"}, {"": "custom"}, "etc"),
        ({"/etc": "etc"}, {"/etc": "custom"}, "custom"),
        ({"/etc/t": "own"}, {"/etc": "custom"}, "own"),
        ({"/etc/t": "own"}, {"/etc/t": ""}, None),
        ({"/etc/other": "other"}, {}, None),
        ({}, {}, None),
    ],
    ids=[
        "root's",
        "nearest parent's",
        "own",
        "parent's empty",
        "own empty",
        "custom parent's",
        "nearer directory before nearer layer",
        "custom before standard",
        "own before custom parent's",
        "own masked",
        "not a sibling's",
        "none",
    ],
)
def test_inherited(
    trees: Trees, name: str, standard: dict[str, str], custom: dict[str, str], expected: str | None
) -> None:
    """The header and the footer are the directory's own, else the nearest parent's; an empty one says there is none."""
    trees.standard("/etc/t/10a", "text\n")
    for layer, files in ((trees.standard, standard), (trees.custom, custom)):
        for directory, text in files.items():
            layer(f"{directory}/{name}", f"{text}\n" if text else "")
    parts = [f"{expected}\n"] if expected else []
    wanted = [*parts, "text\n"] if name == "template-begin" else ["text\n", *parts]
    assert trees.text("/etc/t") == "".join(wanted)


@pytest.mark.parametrize("place", ["/etc/t", "/etc"])
def test_a_null_link_takes_the_header_away(trees: Trees, place: str) -> None:
    """A template-begin that leads to /dev/null says that there is no header, here and below."""
    trees.standard("/template-begin", "banner\n")
    trees.standard("/etc/t/10a", "text\n")
    trees.place("templates-custom", f"{place}/template-begin").symlink_to("/dev/null")
    assert trees.text("/etc/t") == "text\n"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_template_without_a_header_has_the_comment(trees: Trees, is_there: bool) -> None:
    """Where no directory has a template-begin the file begins with that of templates-default; nothing is at its end."""
    trees.standard("/etc/t/10a", "text\n")
    trees.place("templates-default", "/template-end").write_text("never\n")
    if is_there:
        trees.place("templates-default", "/template-begin").write_text("comment\n")
    assert trees.text("/etc/t") == ("comment\ntext\n" if is_there else "text\n")


def test_headers_are_no_templates(trees: Trees) -> None:
    """template-begin, template-end and template.toml are never outputs themselves."""
    for name in ("template-begin", "template-end", "template.toml"):
        trees.standard(f"/etc/{name}", "")
        assert "there is no template" in str(trees.error(f"/etc/{name}"))


def test_an_inherited_header_is_expanded_for_its_output(trees: Trees) -> None:
    """A mistake in an inherited header is reported at the header's own path, with the output it was used for."""
    header = trees.standard("/template-begin", "# {{ nosuch }}\n")
    trees.standard("/etc/t/10a", "text\n")
    error = trees.error("/etc/t")
    assert error.place == f"{header}:1"
    assert "for /etc/t" in str(error)
