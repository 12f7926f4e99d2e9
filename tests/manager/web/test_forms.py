"""Forms: what comes back untouched changes nothing, and what was touched comes back as it was typed."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.manager.web.forms import sections_shown, touched
from esmith.manager.web.posted import Posted
from esmith.manager.web.rendering import _environment
from tests.examples import examples
from tests.manager.fake_helper import FaultError, choice, field, panel
from tests.manager.web.conftest import MakeBrowser
from tests.manager.web.page_forms import Form, Reader

_TEXT = st.text(max_size=12) | st.sampled_from(("", "=", "!", "?", " a ", "a\nb", "a\r\nb", "\r", "<b>", "\n\na", '"'))
_MAYBE = st.none() | _TEXT
_TEMPLATE = '{% from "form.html" import fields %}<form action="here">{% for s in sections %}{{ fields(s) }}{% endfor %}'


@st.composite
def fields(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Fields of all widgets, with any values."""
    more: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
        {"unset": _MAYBE, "may_be_empty": st.booleans(), "required": st.booleans()}
    )
    found: list[dict[str, Any]] = [
        field("text", value=draw(_MAYBE), **draw(more)),
        field("number", "number", value=draw(_MAYBE), **draw(more)),
        field("lines", "lines", value=draw(st.none() | st.lists(_TEXT, max_size=3))),
        field("secret", "secret", is_set=draw(st.booleans()), required=draw(st.booleans())),
    ]
    offered = draw(st.lists(_TEXT, unique=True, max_size=8))
    for widget in ("choice", "checks"):
        rows = [{"value": value, "label": value, "help": ""} for value in offered]
        value = draw(st.none() | st.lists(_TEXT, max_size=3) if widget == "checks" else _MAYBE)
        if widget == "choice" and value not in offered:
            value = None
        custom = draw(_MAYBE) if value is None and widget == "choice" else None
        found.append(field(widget, widget, value=value, choices=rows, custom=custom, unset=draw(_MAYBE)))
    return found


def _form(rows: list[dict[str, Any]], posted: Posted | None = None, asks_unset: bool = True) -> Form:
    sections = sections_shown([{"name": "s", "fields": rows}], posted, asks_unset=asks_unset)
    text = _environment().from_string(_TEMPLATE).render(sections=sections)
    return Reader(text.encode("utf-8", "replace").decode() + "</form>").form("here")


def _sent(pairs: list[tuple[str, str]]) -> Posted:
    return Posted([(name, value.replace("\r\n", "\n").replace("\r", "\n")) for name, value in pairs])


@given(rows=fields(), asks_unset=st.booleans())
@settings(max_examples=examples(40), deadline=None)
def test_untouched_is_untouched(rows: list[dict[str, Any]], asks_unset: bool) -> None:
    """A form that is sent as it was shown touches nothing, whatever is stored."""
    found = touched(_sent(_form(rows, asks_unset=asks_unset).pairs))
    assert (found.values, found.secrets) == ({}, {})


@given(rows=fields())
@settings(max_examples=examples(40), deadline=None)
def test_shown_again_is_the_same(rows: list[dict[str, Any]]) -> None:
    """A form that is shown again with what was typed posts the same again."""
    pairs = [pair for pair in _form(rows).pairs if not pair[0].startswith("secret.")]
    again = _form(rows, _sent(pairs))
    kept = [pair for pair in again.pairs if not pair[0].startswith("secret.")]
    assert sorted(_sent(kept).pairs) == sorted(_sent(pairs).pairs)


@given(stored=_MAYBE, typed=st.text(st.characters(exclude_characters="\r\n\x00", codec="utf-8"), max_size=12))
@settings(max_examples=examples(40), deadline=None)
def test_a_typed_text_arrives(stored: str | None, typed: str) -> None:
    """A text that is typed arrives as typed; an emptied one is "not set" where the schema has no empty value."""
    found = touched(_sent(_form([field("a", value=stored)]).with_values(v__a=typed)))
    shown = None if stored is None else stored.replace("\r", "\n").replace("\n", "")
    if found.values:
        assert found.values == {"a": typed or None}
    else:
        assert typed == (shown or "").replace("\x00", "\ufffd")


def test_empty_and_not_set_differ() -> None:
    """Where the empty value is one of its own, a check box says which of the two is meant."""
    row = field("a", value="x", may_be_empty=True, unset="default")
    pairs = _form([row]).with_values(v__a="")
    assert touched(Posted(pairs)).values == {"a": ""}
    assert touched(Posted([*pairs, ("unset.a", "1")])).values == {"a": None}


def test_an_empty_text_is_asked_about_only_where_it_is_stored() -> None:
    """In the form of a panel only an empty text that is stored has a check box for "not set"; a new one is not sent."""
    for value, has_box in (("x", False), (None, False), ("", True)):
        form = _form([field("a", value=value, may_be_empty=True, unset="default")], asks_unset=False)
        assert ("unset.a" in form.kinds) == has_box
    form = _form([field("a", value=None, may_be_empty=True)], asks_unset=False)
    assert touched(Posted(form.pairs)).values == {}
    form = _form([field("a", value="x", may_be_empty=True)], asks_unset=False)
    assert touched(Posted(form.with_values(v__a=""))).values == {"a": ""}


def test_a_typed_text_wins_over_not_set() -> None:
    """Who types a text and leaves "not set" checked means the text."""
    row = field("a", value=None, may_be_empty=True, unset="default")
    assert touched(Posted(_form([row]).with_values(v__a="x"))).values == {"a": "x"}


def test_zero_is_a_value() -> None:
    """The text 0 is neither empty nor "not set"."""
    assert touched(Posted(_form([field("a", "number", value=None)]).with_values(v__a="0"))).values == {"a": "0"}


def test_a_choice_that_is_not_set_is_shown_as_such() -> None:
    """What is not set is a choice of its own, shown with what counts then, and can be chosen."""
    row = choice("a", None, "low", "medium", "high", unset="medium")
    assert ("v.a", "") in _form([row]).pairs
    assert touched(Posted(_form([row]).with_values(v__a="=high"))).values == {"a": "high"}
    row = choice("a", "high", "low", "medium", "high", unset="medium")
    assert touched(Posted(_form([row]).with_values(v__a=""))).values == {"a": None}


def test_custom_stays_until_a_choice_is_made() -> None:
    """What is stored and fits no choice is shown, is not sent, and goes only for a choice."""
    for count in (2, 9):
        row = choice("a", None, *[f"c{n}" for n in range(count)], custom="<own>")
        form = _form([row])
        assert ("v.a", "!") in form.pairs
        assert touched(Posted(form.with_values(v__a="=c1"))).values == {"a": "c1"}


def test_nothing_chosen_is_not_the_first_choice() -> None:
    """A list whose setting has no value, and cannot be without one, does not send its first choice."""
    assert touched(Posted(_form([choice("a", None, *"abcdefgh")]).pairs)).values == {}


def test_checks_that_are_not_offered_stay() -> None:
    """What is on and is not offered any more stays on when another one is checked."""
    row = field("a", "checks", value=["gone"], choices=[{"value": "new", "label": "New", "help": ""}])
    pairs = [*_form([row]).pairs, ("v.a", "=new")]
    assert sorted(touched(Posted(pairs)).values["a"]) == ["gone", "new"]
    assert touched(Posted([pair for pair in pairs if pair[0] != "v.a"])).values == {"a": []}


def test_lines_are_entries() -> None:
    """Of a text area each line is an entry, without blanks around it and without empty lines."""
    pairs = _form([field("a", "lines", value=["x"])]).with_values(v__a=" y \n\nz")
    assert touched(Posted(pairs)).values == {"a": ["y", "z"]}


def test_a_secret_is_unchanged_new_or_removed() -> None:
    """An empty secret is left as it is; a new one is apart from the other values; its check box removes it."""
    form = _form([field("a", "secret", is_set=True)])
    assert touched(Posted(form.pairs)) == touched(Posted([]))
    assert touched(Posted(form.with_values(secret__a="new"))).secrets == {"a": "new"}
    assert touched(Posted([*form.pairs, ("unset.a", "1")])).values == {"a": None}


def test_fields_of_a_condition_know_its_values() -> None:
    """A field that counts only with some value of another one says so, also when that counts unset."""
    other = choice("other", None, "enabled", "disabled", unset="enabled")
    row = field("a", shown_if={"field": "other", "values": ["enabled"]})
    shown = sections_shown([{"name": "s", "fields": [other, row]}])[0]["fields"][1]["shown_if"]
    assert shown["field"] == "other"
    assert {"=enabled", ""} <= set(shown["values"])


def test_errors_are_beside_their_fields(browse: MakeBrowser) -> None:
    """A refused value is explained beside its field and in a list that links to it; what was typed stays."""

    def refuse(_arguments: dict[str, Any]) -> Any:
        raise FaultError("refused", "A value is not allowed.", fields={"level": "99 is more than 20."})

    browser = browse({"panel": panel(field("level", "number", value="4", help="A level.")), "preview": refuse})
    form = Reader(browser.get("/panel/configuration/email").text).form("/preview")
    page = browser.post("/panel/configuration/email/preview", form.with_values(v__level="99"))
    elements = Reader(page.text).elements
    control = next(element for element in elements if element.attributes.get("name") == "v.level")
    assert page.status == 422
    assert control.attributes["value"] == "99"
    assert control.attributes["aria-invalid"] == "true"
    ids = (control.attributes["aria-describedby"] or "").split()
    assert {element.attributes.get("id") for element in elements} >= set(ids)
    assert any(element.attributes.get("href") == f"#{control.attributes['id']}" for element in elements)
    assert page.words.count("99 is more than 20.") == 2
