"""Which fragments a line of an output comes from."""

from __future__ import annotations

import pytest

from tests.fragments.kit import Trees


def _origins(trees: Trees) -> list[str]:
    rendering = trees.render("/t")
    lines = rendering.content.decode().splitlines()
    found = [rendering.fragments_at(number) for number in range(1, len(lines) + 2)]
    assert found.pop() == []
    return [f"{line}: {' '.join(one.name for one in origin)}" for line, origin in zip(lines, found, strict=True)]


@pytest.mark.parametrize("metadata", ["", 'filter = ["no-blank-lines"]\n'], ids=["all lines", "no blank lines"])
def test_a_line_comes_from_its_fragment(trees: Trees, metadata: str) -> None:
    """Each line has the fragment it stands in as its source, also behind blank lines that are filtered out."""
    trees.standard("/t/template-begin", "head\n")
    trees.standard("/t/10a", "a\n\nb\n")
    trees.standard("/t/20empty", "")
    trees.standard("/t/30c", "{{ DomainName }}\n")
    trees.standard("/t/template.toml", metadata)
    blank = [] if metadata else [": 10a"]
    assert _origins(trees) == ["head: template-begin", "a: 10a", *blank, "b: 10a", "example.com: 30c"]


def test_a_line_that_goes_on_comes_from_several(trees: Trees) -> None:
    """Of a fragment that does not end its last line the next one's first line is a part."""
    trees.standard("/t/template-begin")
    trees.standard("/t/10a", "a\nb")
    trees.standard("/t/20empty", "")
    trees.standard("/t/30c", "c")
    trees.standard("/t/40d", "d\ne\n")
    assert _origins(trees) == ["a: 10a", "bcd: 10a 30c 40d", "e: 40d"]


def test_an_administrator_is_shown_a_line_that_goes_on(trees: Trees) -> None:
    """A custom fragment without a newline at its end is a warning, unless nothing follows; shipped ones may do so."""
    trees.standard("/t/template-begin")
    trees.standard("/t/10a", "a")
    mine = trees.custom("/t/20b", "b")
    trees.standard("/t/30c", "c\n")
    last = trees.custom("/t/40d", "d")
    assert trees.render("/t").warnings == [f"{mine} does not end its last line, so that 30c goes on in it"]
    last.unlink()
    mine.write_text("b\n")
    assert trees.render("/t").warnings == []
