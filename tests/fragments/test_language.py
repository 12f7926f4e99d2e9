"""Which language a fragment is in, by its place and its text, and what it then gives."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import pytest

from esmith.errors import TemplateError
from esmith.fragments.choice import Choice
from esmith.fragments.engine import choose_engine
from esmith.fragments.kept_choices import KeptChoices
from esmith.fragments.language import Languages, chosen_engine, read_fragment
from esmith.fragments.perl.engine import PATH
from esmith.fragments.shipped import Shipped
from esmith.fragments.tree import Fragment, Template, TemplateTree
from tests.fragments import languages, lookalikes
from tests.fragments.kit import CONFIGURATION, Trees
from tests.programs import path_of

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
#: What the other fragments of a directory are.
NEIGHBOURS = {
    "alone": [],
    "text": ["plain\n", "more\n"],
    "Perl": ["{ $DomainName }\n"],
    "mixed": ["{ $DomainName }\n", "{{ DomainName }}\n", "plain\n"],
    "Jinja2": ["{{ DomainName }}\n"],
}
#: The layer, whether the directory is shipped, the neighbours, and whether the original's language is meant.
PLACES = {
    "custom, beside shipped": ("templates-custom", True, "alone", False),
    "custom, beside shipped and text": ("templates-custom", True, "text", False),
    "custom, beside shipped and Perl": ("templates-custom", True, "Perl", True),
    "of a package, beside shipped": ("templates", True, "alone", True),
    "of a package, beside shipped and Perl": ("templates", True, "Perl", True),
    "of a package, alone": ("templates", False, "alone", True),
    "of a package, only text": ("templates", False, "text", True),
    "of a package, only Perl": ("templates", False, "Perl", True),
    "of a package, mixed": ("templates", False, "mixed", True),
    "custom, not shipped": ("templates-custom", False, "alone", True),
    "custom, not shipped, mixed": ("templates-custom", False, "mixed", True),
    "custom, not shipped, Jinja2": ("templates-custom", False, "Jinja2", False),
}


def _named(kind: str, *tables: dict[str, str]) -> dict[str, str]:
    return {f"{kind}: {name}": text for name, text in itertools.chain(*(table.items() for table in tables))}


_MIXED = {name: text for name, text in lookalikes.UNCLEAR.items() if name in ("both", "perl first")}
_COMMENTS = {name: text for name, text in lookalikes.JINJA.items() if name in ("comment", "beside shell")}
_PERL_COMMENT = {name: text for name, text in lookalikes.JINJA.items() if name == "perl in a comment"}
_DOLLARS = {name: text for name, text in lookalikes.JINJA.items() if name == "dollars in texts"}
_HALF = {name: text for name, text in lookalikes.UNCLEAR.items() if name.endswith("or a mistake")}
_LIKE_JINJA = {
    name: text
    for name, text in lookalikes.JINJA.items()
    if name not in _COMMENTS.keys() | _PERL_COMMENT.keys() | _DOLLARS.keys()
}
_BRACES = {name: text for name, text in lookalikes.TEXT.items() if "{" in text or "}" in text}
_WITHOUT = {name: text for name, text in lookalikes.TEXT.items() if name not in _BRACES}
#: The language of each snippet: where a brace may be plain text, and where the original's language is meant.
SNIPPETS = {
    **dict.fromkeys(_named("Perl", languages.PERL, lookalikes.PERL).items(), ("perl", "perl")),
    **dict.fromkeys(_named("escaped", languages.ESCAPED).items(), ("perl", "perl")),
    **dict.fromkeys(_named("hidden", languages.HIDDEN, _BRACES).items(), ("text", "perl")),
    **dict.fromkeys(_named("mixed", languages.MIXED, _MIXED).items(), ("", "")),
    **dict.fromkeys(_named("half", _HALF).items(), ("", "perl")),
    **dict.fromkeys(_named("Jinja2", languages.JINJA, _LIKE_JINJA).items(), ("jinja2", "jinja2")),
    **dict.fromkeys(_named("dollars", _DOLLARS).items(), ("jinja2", "")),
    **dict.fromkeys(_named("comment", languages.COMMENTS, _COMMENTS, _PERL_COMMENT).items(), ("jinja2", "perl")),
    **dict.fromkeys(_named("plain", languages.PLAIN, _WITHOUT).items(), ("text", "text")),
}
#: What these use is there in e-smith and not with Text::Template alone, or its caller has it.
_OF_ESMITH = ("esmith::", "$DB", "$accounts", "$confref", "= @_")


def _choice(trees: Trees, layer: str, neighbours: str, text: str) -> Choice:
    """Return the choice for a fragment ``/t/50x`` of a layer, with fragments of the same layer beside it."""
    write = trees.custom if layer == "templates-custom" else trees.standard
    write("/t/50x", text)
    for number, other in enumerate(NEIGHBOURS[neighbours]):
        write(f"/t/6{number}y", other)
    template = TemplateTree(trees.layout).find("/t")
    (fragment,) = (one for one in template.fragments if one.name == "50x")
    metadata = trees.renderer().metadata.of(template)
    return chosen_engine(fragment, text.encode(), template, metadata, Shipped(trees.layout), KeptChoices(trees.layout))


def test_there_are_enough() -> None:
    """The table has more than two hundred snippets, each of its own."""
    assert len(SNIPPETS) > 290
    assert len({text for _, text in SNIPPETS}) >= 290


@pytest.mark.parametrize("place", PLACES)
def test_the_language_of_each_snippet(tmp_path: Path, place: str) -> None:
    """In each place each snippet is in the language the table says; the reason is a part of a sentence."""
    layer, in_shipped, neighbours, original = PLACES[place]
    trees = Trees(tmp_path)
    trees.ships("/t/10a" if in_shipped else "/other/10a")
    trees.standard("/t/10a" if in_shipped else "/other/10a", "{{ DomainName }}\n")
    wrong = {}
    for (name, text), languages_of in SNIPPETS.items():
        choice = _choice(trees, layer, neighbours, text)
        assert choice.reason.startswith("has ")
        assert choice.line <= text.count("\n") + 1
        expected = languages_of[original]
        if choice.engine != expected:
            wrong[name] = (choice.engine, choice.reason, expected)
    assert wrong == {}


def test_without_the_list_braces_may_be_text(trees: Trees) -> None:
    """In a root without the list of shipped files nobody knows what is shipped: only the text decides."""
    wrong = {}
    for (name, text), (beside_shipped, _) in SNIPPETS.items():
        choice = _choice(trees, "templates", "alone", text)
        if choice.engine != beside_shipped:
            wrong[name] = (choice.engine, choice.reason)
    assert wrong == {}


@pytest.mark.program("Text::Template")
def test_a_shipped_fragment_is_never_perl(trees: Trees) -> None:
    """A shipped fragment with braces stays text, whatever packages and the administrator put beside it."""
    text = "f() {\n    echo done\n}\n"
    trees.ships("/t/10a")
    trees.standard("/t/10a", text)
    trees.standard("/t/50x", "{ $DomainName }\n")
    trees.custom("/t/60y", "{ $SystemName }\n")
    chosen = {fragment.name: choice.engine for fragment, choice in trees.render("/t").engines}
    assert (chosen["10a"], chosen["50x"], chosen["60y"]) == ("text", "perl", "perl")
    assert trees.text("/t").startswith(text)


def test_every_shipped_fragment_is_jinja2_or_text() -> None:
    """No shipped fragment is taken for Perl or for something unclear."""
    folder = ROOT / "templates"
    texts = {path: path.read_text() for path in folder.rglob("*") if path.is_file() and path.name != "template.toml"}
    assert len(texts) > 200
    assert [str(path) for path, text in texts.items() if choose_engine(text).engine not in ("jinja2", "text")] == []


@pytest.mark.program("Text::Template")
def test_braces_that_went_away_are_shown(trees: Trees) -> None:
    """A word in braces, which Perl prints without them, is a warning; a function is none, nor what is meant."""
    trees.ships("/other/10a")
    trees.standard("/t/template-begin")
    place = trees.standard("/t/10a", "x\nLogFormat %{Referer}i { twice } { 'Referer' }\n")
    trees.standard("/t/05a", "{ sub twice { 'two' } '' }")
    rendering = trees.render("/t")
    assert rendering.content == b"x\nLogFormat %Refereri two Referer\n"
    advice = "write \\{Referer\\} for braces"
    assert rendering.warnings == [f"{place}:2: {{Referer}} is Perl, which gives the word alone; {advice}"]
    trees.standard("/t/template.toml", 'engine = "perl"\n')
    assert trees.render("/t").warnings == []


def test_without_perl_the_error_shows_the_way_out(trees: Trees) -> None:
    """Where perl is not installed, a fragment that was taken for Perl shows why, and how to say that it is text."""
    trees.ships("/other/10a")
    trees.perl_path = "/nonexistent"
    error = trees.mistake("a { b }\n")
    assert "install" in error.hint
    assert 'engine = { "10a" = "text" }' in error.hint


@pytest.mark.program("Text::Template")
def test_jinja_beside_a_template_of_a_package(trees: Trees) -> None:
    """Beside a package's fragments in Perl an administrator's brace is Perl, also when he has one in Jinja2."""
    trees.ships("/other/10a")
    trees.standard("/t/template-begin")
    trees.standard("/t/10a", "{ $SystemName }\n")
    trees.custom("/t/20b", "{{ DomainName }}\n")
    trees.custom("/t/30c", "a { b }\n")
    assert trees.text("/t") == "mail\nexample.com\na b\n"


@pytest.mark.program("Text::Template")
def test_a_single_file_is_in_its_own_place(trees: Trees) -> None:
    """A single file has a place of its own: shipped files beside it do not count, and one that it replaces does."""
    text = "a { b }\n"
    trees.ships("/control/databytes")
    trees.standard("/control/databytes", "{{ DomainName }}\n")
    trees.custom("/control/databytes", text)
    trees.custom("/control/other", text)
    assert trees.text("/control/databytes") == text
    assert trees.text("/control/other") == "a b\n"


@pytest.mark.parametrize("perl", [*languages.PERL, *languages.ESCAPED])
def test_no_jinja_leaves_perl_in_the_file(perl: str) -> None:
    """A fragment with Jinja2 and Perl is never taken for Jinja2 where the original's language is meant."""
    text = (languages.PERL | languages.ESCAPED)[perl]
    for jinja in languages.JINJA.values():
        if jinja.count("{%") == jinja.count("%}") and "raw" not in jinja:
            assert choose_engine(f"{jinja}{text}", place="somewhere").engine != "jinja2", jinja
            assert choose_engine(f"{text}{jinja}", place="somewhere").engine != "jinja2", jinja


def test_no_text_has_a_block() -> None:
    """Where the original's language is meant, text has no brace: Text::Template would give the same bytes."""
    texts = [text for (_, text) in SNIPPETS] + [f"{a}{b}" for (_, a), (_, b) in itertools.pairwise(SNIPPETS)]
    chosen = [text for text in texts if choose_engine(text, place="somewhere").engine == "text"]
    assert len(chosen) > 10
    assert [text for text in chosen if "{" in text or "}" in text] == []


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes | None, bytes | None, str]]:
    """What Text::Template alone, and what e-smith, gives for each snippet in Perl; None for an error."""
    folder = tmp_path_factory.mktemp("language")
    trees, alone, records = Trees(folder / "root"), folder / "alone", folder / "records"
    alone.mkdir()
    trees.ships("/other/10a")
    names: dict[str, str] = {}
    for (name, text), (_, original) in SNIPPETS.items():
        if original == "perl" and not any(word in text for word in _OF_ESMITH):
            number = f"{len(names):03}"
            names[number] = name
            (alone / number).write_text(text)
            trees.standard(f"/{number}", text)
    lines = [
        "\0".join([key, type, *(word for pair in props.items() for word in pair)])
        for key, (type, props) in CONFIGURATION.items()
    ]
    records.write_text("".join(f"{line}\n" for line in lines))
    words = [path_of("perl"), str(HERE / "text_template.pl"), str(alone), str(records)]
    done = subprocess.run(
        words, capture_output=True, text=True, env={"PATH": PATH, "HOME": "/", "LC_ALL": "C"}, check=True
    )
    found: dict[str, tuple[bytes | None, bytes | None, str]] = {}
    with trees.renderer() as renderer:
        for line in done.stdout.splitlines():
            number, verdict, *data = line.split(" ")
            expected = bytes.fromhex(data[0] if data else "") if verdict == "ok" else None
            try:
                (rendering,) = renderer.render(f"/{number}")
                found[names[number]] = expected, rendering.content, ""
            except TemplateError as error:
                found[names[number]] = expected, None, f"{error.place}: {error.message}"
    assert len(found) == len(names)
    return found


def _comparable(data: bytes | None) -> bytes | None:
    """Return what a fragment gave without addresses of memory."""
    return data if data is None else re.sub(rb"\(0x[0-9a-f]+\)", b"", data)


@pytest.mark.program("Text::Template")
def test_the_bytes_are_those_of_text_template(given: dict[str, tuple[bytes | None, bytes | None, str]]) -> None:
    """What is taken for Perl gives the bytes that Text::Template gives, and an error where that fails."""
    assert len(given) > 150
    different = {name: one for name, one in given.items() if _comparable(one[0]) != _comparable(one[1])}
    assert different == {}
    assert sum(1 for expected, _, _ in given.values() if expected is not None) > 100
    assert sum(1 for expected, _, _ in given.values() if expected is None) > 20


def test_the_others_are_read_once(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the language of each fragment depends on those beside it, these are read once for all of them."""
    count = 30
    reads: list[str] = []
    known: dict[int, tuple[Template, Languages]] = {}

    def note(fragment: Fragment, output: str) -> bytes:
        reads.append(fragment.path)
        return read_fragment(fragment, output)

    monkeypatch.setattr("esmith.fragments.language.read_fragment", note)
    trees.ships("/other/10a")
    for number in range(count):
        trees.custom(f"/t/{number:02}x", f"v {{ {number} }}\n")
    template = TemplateTree(trees.layout).find("/t")
    metadata = trees.renderer().metadata.of(template)
    shipped, choices = Shipped(trees.layout), KeptChoices(trees.layout)
    for fragment in template.fragments:
        data = read_fragment(fragment, "/t")
        assert chosen_engine(fragment, data, template, metadata, shipped, choices, known).engine in ("perl", "text")
    assert len(reads) <= count + 2
