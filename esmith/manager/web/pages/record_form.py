"""The form of one record: of a list, or of every setting. The form of a new one begins with its key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from esmith.manager.web.forms import Touched, sections_shown
from esmith.manager.web.posted import Posted
from esmith.manager.web.previewing import number_of

#: The name of the field with the key of a new record; no property has such a name.
_KEY_FIELD = "new record"
#: How the helper names that field when it refuses the key.
_KEY = "key"


def _key_section(key_field: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first section of the form of a new record: its key.

    :param key_field: the label and the help.
    """
    field = {"name": _KEY_FIELD, "widget": "text", "required": True, **key_field}
    return {"name": _KEY_FIELD, "heading": "", "help": "", "fields": [field]}


def _with_key_errors(errors: Mapping[str, str], sections: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return errors by field, where what is wrong with the key of a new record is at its field."""
    names = {field.get("name") for section in sections for field in section["fields"]}
    is_key = _KEY_FIELD in names and _KEY not in names
    return {_KEY_FIELD if is_key and name == _KEY else name: text for name, text in errors.items()}


def new_key(changed: Touched) -> str:
    """Take the key of a new record out of what was touched, and return it."""
    return (changed.values.pop(_KEY_FIELD, None) or "").strip()


def shown_form(
    record: Mapping[str, Any],
    key: str | None,
    values: Posted | None,
    errors: Mapping[str, str] | None,
    other: tuple[str, ...],
    *,
    asks_unset: bool = False,
) -> dict[str, Any]:
    """Return what a page shows of the form, and the status of its answer.

    :param record: as the helper describes it.
    :param key: None of a new record.
    :param values: what was typed, which is shown instead of what is stored.
    :param errors: what is wrong with which field.
    :param other: what is wrong besides.
    :param asks_unset: as of :func:`esmith.manager.web.forms.sections_shown`.
    """
    sections = record["sections"] if key is not None else [_key_section(record["key_field"]), *record["sections"]]
    found = _with_key_errors(errors or {}, sections)
    shown = sections_shown(sections, values, found, asks_unset=asks_unset)
    known = {field["name"] for section in shown for field in section["fields"]}
    other = (*other, *(f"{name}: {text}" for name, text in found.items() if name not in known))
    return {
        "status": 422 if errors or other else 200,
        "key": key,
        "sections": shown,
        "other_errors": other,
        "revision": number_of(values.get("revision")) if values else record["revision"],
    }
