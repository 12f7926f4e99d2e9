"""Compiled fragments are kept and run without Jinja2 where that is possible; nothing shows it but the time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import jinja2
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from esmith.errors import TemplateError
from esmith.fragments import compiled, quick
from esmith.fragments.compiled import CompiledFragments
from esmith.fragments.records import DatabaseView, RecordView
from esmith.fragments.runner import Runner
from esmith.private import keep_all
from tests.examples import examples
from tests.fragments.kit import Trees

_VALUES = (
    *("qpsmtpd.LogLevel", "qpsmtpd.Bcc", "qpsmtpd.none", "DomainName", "empty", "nothing", "nothing.prop", "'A,b, c'"),
    *(
        "''",
        "'7.5'",
        "0",
        "3",
        "true",
        "none",
        "['b', 'A', 'b']",
        "[]",
        "[1, 'x']",
        "{'k': 'v'}",
        "ns.seen",
        "'x' if no",
    ),
    *("records('accounts:user')", "db.accounts", "db.accounts.tom", "db.accounts.sales | properties", "range(3)", "x"),
)
_FILTERS = (
    *(
        "int",
        "int(4)",
        "int(none)",
        "float",
        "default('d')",
        "default('d', true)",
        "d",
        "lower",
        "upper",
        "trim",
        "list",
    ),
    *(
        "trim('A')",
        "length",
        "count",
        "string",
        "replace('b', 'x')",
        "replace('b', 'x', 1)",
        "join",
        "join('-')",
        "max",
    ),
    *("min", "unique", "sort", "sort(reverse=true)", "sort(attribute='key')", "map('lower')", "map(attribute='key')"),
    *("map('int', 9)", "map(attribute='Uid', default='u')", "select", "reject", "select('equalto', 'b')", "entries"),
    *(
        "reject('in', ['A'])",
        "selectattr('Uid')",
        "selectattr('type', 'equalto', 'user')",
        "rejectattr('Uid', 'defined')",
    ),
    *(
        "unique(attribute='type')",
        "max(attribute='key')",
        "join(',', attribute='key')",
        "first",
        "tojson",
        "shell",
        "nosuch",
    ),
)
_TESTS = (
    "defined",
    "undefined",
    "none",
    "string",
    "in ['b', '6']",
    "equalto 'b'",
    "lt 4",
    "number",
    "sequence",
    "mapping",
)
_VALUE = st.builds(
    lambda value, filters: " | ".join([value, *filters]),
    st.sampled_from(_VALUES),
    st.lists(st.sampled_from(_FILTERS), max_size=3),
)
_PIECE = st.one_of(
    st.builds("{{{{ {} }}}}".format, _VALUE),
    st.builds("{{{{ 'yes' if {} is {} else 'no' }}}}".format, _VALUE, st.sampled_from(_TESTS)),
    st.builds("{{{{ 'yes' if {} }}}}".format, _VALUE),
    st.builds("{{{{ ({}) ~ ({}) }}}}".format, _VALUE, _VALUE),
    st.builds("{{{{ ({}) {} ({}) }}}}".format, _VALUE, st.sampled_from(["+", "==", "!=", "<", "in", "and"]), _VALUE),
    st.builds(
        "{{% for x in {} %}}{{{{ loop.index }}}}{{{{ x }}}}{{{{ loop.first }}}}{{% else %}}-{{% endfor %}}".format,
        _VALUE,
    ),
    st.builds("{{% for x in {} %}}{{{{ loop.last }}}}{{{{ x.key }}}}{{% endfor %}}".format, _VALUE),
    st.builds("{{% set ns.seen = {} %}}{{% set x = ns.seen %}}".format, _VALUE),
    st.builds("{{% set x %}}a{{{{ {} }}}}{{% endset %}}".format, _VALUE),
    st.builds(
        "{{% macro m(a, b='q') %}}{{{{ a }}}}{{{{ b | default('c') }}}}{{% endmacro %}}{{{{ m({}) }}}}".format, _VALUE
    ),
    st.builds("{{{{ template('/inner', y={}) }}}}".format, _VALUE),
    st.builds("{{% set _ = warn('w' ~ ({})) %}}".format, _VALUE),
    st.sampled_from(
        ["{{ m(1, 2, 3) }}", "{{ caller }}", "{{ lipsum }}", "{{ [1, 2] | random > 0 }}", "{{ 'a'.format }}"]
    ),
)


@contextmanager
def _root() -> Iterator[Trees]:
    with tempfile.TemporaryDirectory() as folder:
        trees = Trees(Path(folder))
        trees.standard("/template.toml", 'engine = "jinja2"\n')
        trees.standard("/t/template-begin")
        with ExitStack() as stack:
            for kind in (RecordView, DatabaseView):
                # Python's own says where an object is.
                stack.enter_context(mock.patch.object(kind, "__repr__", lambda one: type(one).__name__))
            yield trees


def _facts(trees: Trees) -> Any:
    """Return all that a template gives, or what is wrong with it."""
    try:
        made = trees.render("/t")
    except TemplateError as error:
        return str(error)
    return made.content, made.reads, made.warnings, made.engines


def _without_jinja() -> Any:
    """Fail where Jinja2 is needed."""
    return mock.patch.object(Runner, "engine", property(lambda _runner: pytest.fail("it was run by Jinja2")))


def _compare(pieces: list[str], inner: str) -> None:
    """Expand a fragment by Jinja2, and by what is kept of it."""
    with _root() as trees:
        trees.standard("/t/10a", "{% set ns = namespace(seen='') %}{% set no = false %}" + "|".join(pieces))
        trees.standard("/t/20b", "plain {{ DomainName }}\n")
        trees.standard("/inner/10a", "{{ y | default('no y') }}" + inner)
        expected = _facts(trees)
        # Jinja2 itself gives the same each time, but for chance and for where in memory something is.
        assume(" at 0x" not in repr(expected) and _facts(trees) == expected)
        keep_all(trees.layout.kept_code)
        assert _facts(trees) == expected


@settings(deadline=None, max_examples=examples(60))
@given(pieces=st.lists(_PIECE, min_size=1, max_size=4), inner=_PIECE)
def test_the_same_without_jinja(pieces: list[str], inner: str) -> None:
    """Text, reads, warnings and mistakes are the same when a fragment is compiled now, and when it was kept."""
    _compare(pieces, inner)


@pytest.mark.long
@settings(deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.filter_too_much])
@given(pieces=st.lists(_PIECE, min_size=1, max_size=4), inner=_PIECE)
def test_the_same_without_jinja_for_long(pieces: list[str], inner: str) -> None:
    """The same for many more fragments."""
    _compare(pieces, inner)


_USUAL = """\
{% set ns = namespace(seen=0) %}
{% macro line(name, value='none') %}{{ name }}={{ value | default('') }}
{% endmacro %}
{% for user in records('accounts:user') | sort(attribute='key') %}
{{ line(user.key, user.Uid) }}{% if loop.first %}{% set ns.seen = ns.seen + user.Uid | int %}{% endif %}
{% endfor %}
{{ qpsmtpd.LogLevel | int }} {{ qpsmtpd.none | default('-') }} {{ 'x' if nothing }}{{ ns.seen ~ DomainName.upper() }}
{{ ['b', 'a'] | map('upper') | join(',') }} {{ qpsmtpd['DNSBL'] }} {{ template('/inner') }}
"""


@pytest.fixture
def kept(trees: Trees) -> Callable[[], str]:
    """Return what expands a usual fragment that is kept."""
    trees.standard("/inner/10a", "{{ SystemName }}")
    trees.expand(_USUAL)
    keep_all(trees.layout.kept_code)
    return lambda: trees.text("/t")


def test_usual_fragments_need_no_jinja(kept: Callable[[], str]) -> None:
    """What most fragments are made of is run without Jinja2."""
    with _without_jinja():
        assert "tom=5001" in kept()


def _files(trees: Trees) -> list[Path]:
    return sorted(Path(trees.layout.kept_code).iterdir())


def _compiled(trees: Trees) -> list[Path]:
    """Return the files of compiled fragments, which a digest names; all else that is kept is named by its kind."""
    return [place for place in _files(trees) if "-" not in place.name]


@pytest.mark.parametrize("change", ["cut", "turned", "empty", "other", "writable", "link", "directory"])
def test_what_is_damaged_is_not_run(trees: Trees, kept: Callable[[], str], change: str) -> None:
    """A file that is not whole, is another's code, or that others could have written, counts as not there."""
    expected = kept()
    files = _files(trees)
    code = [place.read_bytes() for place in files]
    for number, place in enumerate(files):
        if change == "cut":
            place.write_bytes(code[number][:-1])
        elif change == "turned":
            place.write_bytes(code[number][:-1] + bytes([code[number][-1] ^ 1]))
        elif change == "empty":
            place.write_bytes(b"")
        elif change == "other":
            place.write_bytes(b"0" * 32 + code[number][32:])
        elif change == "writable":
            place.chmod(0o622)
        else:
            place.unlink()
            if change == "directory":
                place.mkdir()
            else:
                target = trees.file(f"/elsewhere/{number}")
                target.write_bytes(code[number])
                place.symlink_to(target)
    with mock.patch.object(quick.QuickEngine, "run", side_effect=AssertionError("it was run")):
        found = CompiledFragments(trees.layout).find(_USUAL, trees.fragment)
    assert found is None
    assert kept() == expected


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o770, 0o702])
def test_a_directory_open_to_others_counts_as_empty(trees: Trees, kept: Callable[[], str], mode: int) -> None:
    """What is in a directory that others may enter or write is not run, and nothing is written there."""
    directory, expected = Path(trees.layout.kept_code), kept()
    directory.chmod(mode)
    before = _files(trees)
    assert CompiledFragments(trees.layout).find(_USUAL, trees.fragment) is None
    trees.standard("/t/30c", "new {{ DomainName }}")
    assert kept() == expected + "new example.com"
    keep_all(trees.layout.kept_code)
    assert _files(trees) == before


def test_a_link_is_no_such_directory(trees: Trees, kept: Callable[[], str], tmp_path: Path) -> None:
    """A link to such a directory is not followed: who may write where it lies could have made it."""
    directory = Path(trees.layout.kept_code)
    directory.rename(tmp_path / "moved")
    directory.symlink_to(tmp_path / "moved")
    assert CompiledFragments(trees.layout).find(_USUAL, trees.fragment) is None
    assert "tom=5001" in kept()


@pytest.mark.root("only root can give a file to somebody else")
def test_the_files_of_others_are_not_run(trees: Trees, kept: Callable[[], str]) -> None:
    """What belongs to another user is not run by root."""
    kept()
    for place in _files(trees):
        os.chown(place, 65534, 65534)
    assert CompiledFragments(trees.layout).find(_USUAL, trees.fragment) is None
    os.chown(trees.layout.kept_code, 65534, 65534)
    assert CompiledFragments(trees.layout).find(_USUAL, trees.fragment) is None


def test_another_jinja_compiles_again(trees: Trees, kept: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that another version of Jinja2, of Python or of the engine made is not found."""
    kept()
    assert CompiledFragments(trees.layout).find(_USUAL, trees.fragment) is not None
    assert CompiledFragments(trees.layout).find(_USUAL, "/another/path") is None
    assert CompiledFragments(trees.layout).find(_USUAL + " ", trees.fragment) is None
    monkeypatch.setattr(compiled, "_compiler", lambda: "another")
    assert CompiledFragments(trees.layout).find(_USUAL, trees.fragment) is None


def test_a_variable_of_a_newer_jinja(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    """When Jinja2 has a variable of its own that is not known here, nothing is kept: it would be taken for a record."""
    trees.expand("{{ SystemName }}")
    keep_all(trees.layout.kept_code)
    before = _compiled(trees)
    assert before
    monkeypatch.delitem(quick.GLOBALS, "cycler")
    trees.expand("{{ DomainName }}")
    keep_all(trees.layout.kept_code)
    assert _compiled(trees) == before


def test_the_variables_of_jinja_are_known() -> None:
    """Each variable of Jinja2 itself is here, or known to be absent."""
    assert quick.GLOBALS.keys() >= jinja2.Environment().globals.keys()


def test_a_rehearsal_keeps_nothing(trees: Trees) -> None:
    """Expanding alone writes nothing; a command that changes files keeps what it compiled when it is done."""
    trees.expand(_USUAL.replace("{{ template('/inner') }}", ""))
    assert not os.path.exists(trees.layout.kept_code)
