"""Random stored values: whatever is stored, a form shows it, and saving something else leaves it."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmith.panels.change import FormError
from esmith.panels.field import Field
from esmith.panels.form import show_form
from esmith.panels.mapping import MappingField
from esmith.panels.property import PropertyField
from esmith.store.overlay import Overlay
from tests.examples import examples
from tests.panels.kit import Desk, cells

_MAIL = "configuration/email"
#: What is stored by hand, by an old version or by force: words of the schema, nearly these, and anything.
_STORED = st.one_of(
    st.none(),
    st.sampled_from(["", "enabled", "disabled", "public", "private", "localhost", "yes", "SSL", "0", "Enabled", "<b>"]),
    st.text(st.characters(min_codepoint=32, exclude_categories=("C", "Z")), max_size=12),
)
_FEW = settings(deadline=None, max_examples=examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
_MANY = settings(deadline=None, max_examples=examples(500), suppress_health_check=[HealthCheck.function_scoped_fixture])


def _store(overlay: Overlay, field: Field, values: list[str | None]) -> None:
    """Store values for the settings of a field; None deletes."""
    for setting, value in zip(field.settings(), values, strict=False):
        cell = setting.cell(None)
        if value is None:
            overlay.delete_prop(*cell)
        elif not cell[2]:
            overlay.set_type(*cell[:2], value)
        elif overlay.type_of(*cell[:2]) is not None:
            overlay.set_prop(*cell, value)


def _check_others_stay(desk: Desk, data: st.DataObject) -> None:
    panel = desk.panel(_MAIL)
    fields = [field for field in panel.fields() if isinstance(field, MappingField | PropertyField)]
    field = data.draw(st.sampled_from(fields))
    overlay = desk.overlay()
    _store(overlay, field, data.draw(st.lists(_STORED, min_size=7, max_size=7)))
    before = {cell: overlay.prop(*cell) for cell in (setting.cell(None) for setting in field.settings())}
    shown = desk.fields(panel, overlay)
    assert json.dumps(show_form(panel, desk.schema, overlay)) != ""
    one = shown[field.name]
    stored = [value for value in before.values() if value is not None]
    if one["widget"] == "choice":
        # Exactly one of: a choice, what is stored as it is, not set.
        assert (one["value"] is not None) + (one["custom"] is not None) + (not stored) == 1 or (
            not stored and one["value"] is not None
        )
        assert one["value"] is None or one["value"] in [choice["value"] for choice in one["choices"]]
    other = data.draw(
        st.sampled_from([name for name in shown if name not in ("", field.name) and _is_text(shown[name])])
    )
    try:
        desk.change(panel, overlay, None, {other: "7"})
    except FormError as error:
        assert list(error.fields) == [other]
    assert {cell: overlay.prop(*cell) for cell in before} == before


def _is_text(shown: dict[str, object]) -> bool:
    return shown["widget"] in ("text", "number", "secret")


@_FEW
@given(data=st.data())
def test_saving_something_else_leaves_any_stored_values(desk: Desk, data: st.DataObject) -> None:
    """Any stored values are shown: as a choice, as custom, or as not set; saving another field leaves them."""
    _check_others_stay(desk, data)


@pytest.mark.long
@_MANY
@given(data=st.data())
def test_saving_something_else_leaves_any_stored_values_long(desk: Desk, data: st.DataObject) -> None:
    """The same, with more values."""
    _check_others_stay(desk, data)


@_FEW
@given(
    white=st.lists(st.text(st.characters(exclude_categories=["C"]), max_size=8), max_size=5),
    stored=st.dictionaries(st.sampled_from(["a", "b", "c", "@x"]), st.sampled_from(["White", "Black"])),
)
def test_a_list_of_entries_keeps_the_others(desk: Desk, white: list[str], stored: dict[str, str]) -> None:
    """Whatever entries are sent, those of the other colour stay; a list is taken whole or refused whole."""
    panel = desk.panel("configuration/wbl")
    name = next(field.name for field in panel.fields() if getattr(field, "value", "") == "White" and _is_global(field))
    overlay = desk.overlay(*(("spamassassin", "wbl.global", entry, colour) for entry, colour in stored.items()))
    black = {entry for entry, colour in stored.items() if colour == "Black"}
    before = cells(overlay.changes)
    try:
        desk.change(panel, overlay, None, {name: white})
    except FormError:
        assert cells(overlay.changes) == before
    record = overlay.record("spamassassin", "wbl.global")
    assert record is not None
    assert {entry for entry, colour in record.props.items() if colour == "Black"} == black


def _is_global(field: Field) -> bool:
    return getattr(field, "key", "") == "wbl.global"
