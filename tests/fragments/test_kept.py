"""Texts of templates inside others are kept for other outputs, and no result differs because of it."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.errors import TemplateError
from esmith.fragments.expansion import Expansion
from esmith.fragments.kept import KeptTexts
from esmith.fragments.rendering import Rendering
from tests.examples import examples
from tests.fragments.kit import Trees

#: What is in a random template besides other templates.
_PIECES = st.sampled_from(
    [
        "{{ a | default('no a') }}",
        "{{ b | default('no b') }}",
        "{{ a is defined }}{{ c is defined }}",
        "{{ a | default(0) | int }}{{ a is string }}",
        "{{ record.Uid or 'none' }}",
        "{{ DomainName }}",
        "{{ nothing | default('') }}",
        "{{ db.accounts[a].type or '' }}",
        "{{ db.accounts.tom.Uid }}",
        "{{ records('accounts:user') | map(attribute='key') | join(' ') }}",
        "{% for name, value in db.accounts.sales | properties %}{{ name }}={{ value }}{% endfor %}",
        "{{ exists('/etc/here') }}",
        "{{ glob('/etc/h*') | join }}",
        "{{ passwd('root').home | default('') }}",
        "{% set _ = warn('careful with ' ~ (b or 'none')) %}",
        "{% set _ = warn('careful') if a %}",
        "{% if b == 'x' %}{{ c | length }}{% endif %}",
        "{% set _ = c.append('1') if c is sequence and c is not string %}{{ c | length }}",
        "{% if d is defined %}{% set d.seen = d.seen ~ 'x' %}{{ d.seen }}{% endif %}",
        "plain",
    ]
)
#: Texts, numbers and settings that differ in little, and what may be changed.
_VALUES = {
    "a": ["''", "'x'", "'tom'", "'1'", "1", "true", "none", "1.0", "b", "qpsmtpd.LogLevel", "DomainName", "nothing"],
    "b": ["'x'", "'tom'", "1", "true", "a", "qpsmtpd.DNSBL"],
    "c": ["'ll'", "['l']", "c"],
    "d": ["namespace(seen='')"],
}
_ARGUMENT = st.sampled_from([(name, value) for name, values in _VALUES.items() for value in values])
_ARGUMENTS = st.lists(_ARGUMENT, max_size=2, unique_by=lambda pair: pair[0])


@st.composite
def _templates(draw: st.DrawFn) -> list[str]:
    """Return the texts of templates of which each puts in only later ones."""
    count = draw(st.integers(2, 5))
    texts = []
    for number in range(count):
        parts = draw(st.lists(_PIECES, max_size=3))
        for _ in range(draw(st.integers(0, 3)) if number < count - 1 else 0):
            other = draw(st.integers(number + 1, count - 1))
            words = "".join(f", {name}={value}" for name, value in draw(_ARGUMENTS))
            parts.insert(draw(st.integers(0, len(parts))), f"{{{{ template('/inner/{other}'{words}) }}}}")
        texts.append("|".join(parts) + "\n")
    return texts


def _forgetting() -> AbstractContextManager[Any]:
    """Every text has to be expanded again."""
    return mock.patch.object(KeptTexts, "find", return_value=None)


def _all(trees: Trees) -> list[Any]:
    """Return what all outputs are, or the first mistake."""
    found: list[Any] = []
    with trees.renderer() as renderer:
        for path in ("/etc/one", "/etc/two", "/etc/users/{key}"):
            try:
                found += [_facts(rendering) for rendering in renderer.render(path)]
            except TemplateError as error:
                found.append(str(error))
    return found


def _facts(rendering: Rendering) -> Any:
    # Of what is read the order matters to nobody.
    return rendering.path, rendering.content, rendering.reads, rendering.warnings, rendering.engines


@settings(deadline=None, max_examples=examples(150))
@given(texts=_templates())
def test_nothing_shows_that_texts_are_kept(texts: list[str]) -> None:
    """With and without kept texts, all outputs have the same text, dependencies, warnings and engines."""
    with tempfile.TemporaryDirectory() as folder:
        trees = Trees(Path(folder))
        trees.file("/etc/here").touch()
        trees.standard("/template.toml", 'engine = "jinja2"\n')
        for path in ("/etc/one", "/etc/two", "/etc/users/{key}"):
            trees.standard(f"{path}/10a", texts[0] + "{{ template('/inner/1', a='x', b='tom', c=['l']) }}")
        trees.standard("/etc/users/{key}/template.toml", 'foreach = "accounts:user"\n')
        for number, text in enumerate(texts):
            trees.standard(f"/inner/{number}", text)
        with _forgetting():
            expected = _all(trees)
        assert _all(trees) == expected


@pytest.fixture
def expanded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates inside others that were expanded, in order."""
    found: list[str] = []
    original = Expansion._other_template

    def noted(self: Expansion, path: str, *rest: Any) -> bytes:
        found.append(path)
        return original(self, path, *rest)

    monkeypatch.setattr(Expansion, "_other_template", noted)
    return found


def _inner(trees: Trees, text: str, *calls: str) -> str:
    """Return what calls of a template with a text give, one after the other."""
    trees.standard("/inner", text)
    return trees.expand("".join(f"{{{{ template('/inner'{words}) }}}}," for words in calls)).rstrip("\n")


def test_the_same_question_is_answered_once(trees: Trees, expanded: list[str]) -> None:
    """A template with the same variables is expanded once for all outputs, and each depends on what it read."""
    trees.standard("/inner", "{{ db.accounts[name].Uid }}{% set _ = warn('careful') %}")
    trees.standard("/etc/users/{key}/10a", "{{ template('/inner', name='tom', unused=record.key) }}")
    trees.standard("/etc/users/{key}/template.toml", 'foreach = "accounts:user"\n')
    with trees.renderer() as renderer:
        outputs = list(renderer.render("/etc/users/{key}"))
    assert expanded == ["/inner"]
    assert len(outputs) == 2
    for rendering in outputs:
        assert rendering.content == b"5001"
        assert rendering.reads.props["accounts", "tom", "Uid"] == "5001"
        assert rendering.reads.templates == {"/inner"}
        assert rendering.warnings == ["careful"]
        assert [fragment.name for fragment, _ in rendering.engines] == ["10a", "inner"]


@pytest.mark.parametrize(
    ("text", "calls", "gives"),
    [
        ("{{ a }}", (", a=1", ", a=true", ", a='1'"), "1,True,1,"),
        ("{{ a is string }}", (", a=1", ", a='1'"), "False,True,"),
        ("{{ a is defined }}", (", a=none", ""), "True,False,"),
        ("{{ DomainName }}", (", DomainName='x'", ""), "x,example.com,"),
        ("{% set _ = a.append(1) %}{{ a | length }}", (", a=[]", ", a=[1]"), "1,2,"),
    ],
)
def test_other_variables_are_another_question(trees: Trees, text: str, calls: tuple[str, ...], gives: str) -> None:
    """Values of other types, variables that are not given, and lists, which may change, are different questions."""
    assert _inner(trees, text, *calls) == gives


def test_a_setting_knows_its_default(trees: Trees) -> None:
    """Two settings of the same text differ: each has a default of its own, for a number that is none."""
    table = '{ type = "integer", default = "%s" }'
    trees.place("db", "/configuration/qpsmtpd.toml").write_text(
        f'type = "service"\n[properties]\nMaxLoad = {table % 7}\nLogLevel = {table % 8}\n'
    )
    trees.snapshot.contents["configuration"]["qpsmtpd"] = ("service", {"MaxLoad": "many", "LogLevel": "many"})
    calls = (", a=qpsmtpd.MaxLoad", ", a=qpsmtpd.LogLevel", ", a='many'")
    assert _inner(trees, "{{ a | int }}", *calls) == "7,8,0,"


def test_a_variable_of_the_template_around_it(trees: Trees) -> None:
    """A template also sees the variables of the one around it: another value is another question."""
    trees.standard("/middle", "{{ template('/inner', b=1) }}")
    trees.standard("/inner", "{{ a }}")
    assert trees.expand("{{ template('/middle', a='x') }}{{ template('/middle', a='y') }}") == "xy"


def test_chance_is_asked_each_time(trees: Trees, expanded: list[str]) -> None:
    """What chance gives is not kept, nor what stands around it."""
    trees.standard("/middle", "{{ template('/inner') }}")
    _inner(trees, "{{ [1, 2] | random }}", "", "")
    trees.expand("{{ template('/middle') }}{{ template('/middle') }}")
    _inner(trees, "{{ lipsum(1) | length }}", "", "")
    assert expanded == ["/inner"] * 2 + ["/middle", "/inner"] * 2 + ["/inner"] * 2


@pytest.mark.program("Text::Template")
def test_perl_is_run_each_time(trees: Trees, expanded: list[str]) -> None:
    """Perl may do anything, so its text is not kept, nor what stands around it."""
    trees.standard("/middle", "{{ template('/inner') }}")
    trees.standard("/inner", "{ my $one = 1; $one }\n")
    assert trees.expand("{{ template('/middle') }}{{ template('/middle') }}") == "1\n1\n"
    assert expanded == ["/middle", "/inner"] * 2


def test_a_question_is_for_one_renderer(trees: Trees) -> None:
    """What is asked for a new plan sees the databases as they are then."""
    assert _inner(trees, "{{ DomainName }}", "") == "example.com,"
    trees.snapshot.contents["configuration"]["DomainName"] = ("other.test", {})
    assert _inner(trees, "{{ DomainName }}", "") == "other.test,"
