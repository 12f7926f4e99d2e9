"""The forms of settings: what the fields of the helper look like in a page, and what was touched when they come back.

What a field of the name ``NAME`` posts:

- ``kind.NAME``: its widget; behind it ``+`` where the empty value is one of its own, ``?`` where a check box says which
  of the two an empty text means;
- ``was.NAME``: what was shown, written as ``v.NAME`` is, of check boxes those that were on. A field is touched when it
  differs;
- ``v.NAME`` of a choice: ``=VALUE``; nothing for "not set"; ``!`` for what is stored and fits no choice; ``?`` for
  nothing chosen yet. Of check boxes: ``=VALUE`` each. Of lines: the lines. Of a text or a number: the text itself,
  while its ``was.NAME`` is ``=TEXT``, or nothing for "not set";
- ``unset.NAME``: a check box that says "not set", where an empty text could mean either; of a secret: remove it;
- ``secret.NAME``: a new secret; nothing leaves the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from esmith.manager.web.posted import Posted

#: More choices than this are a list that folds; fewer are all seen at once.
_MOST_RADIOS = 5

_EMPTY: dict[str, Any] = {"label": "", "help": "", "value": None, "custom": None, "unset": None, "choices": []}
_EMPTY |= {"min": None, "max": None, "may_be_empty": False, "required": False, "suggest": False, "is_set": False}
_EMPTY |= {"shown_if": None, "settings": [], "generated": []}

#: Chosen is what is stored, which fits no choice.
KEPT = "!"
#: Nothing is chosen yet.
NOTHING = "?"


@dataclass
class Touched:
    """What was touched in a form.

    :param values: from the name of a field to its new value; None for "not set".
    :param secrets: the same of new secrets, apart so that no page gets them.
    """

    values: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


def touched(posted: Posted) -> Touched:
    """Return what was touched."""
    found = Touched()
    for name, kind in posted.starting("kind."):
        widget = kind.rstrip("+?")
        if widget == "secret":
            if secret := posted.get(f"secret.{name}"):
                found.secrets[name] = secret
            elif f"unset.{name}" in posted:
                found.values[name] = None
            continue
        is_touched, value = _READERS.get(widget, _no_field)(posted, name, kind[len(widget) :])
        if is_touched:
            found.values[name] = value
    return found


def _no_field(_posted: Posted, _name: str, _empty: str) -> tuple[bool, Any]:
    return False, None


def _read_choice(posted: Posted, name: str, _empty: str) -> tuple[bool, Any]:
    was = posted.get(f"was.{name}")
    chosen = posted.get(f"v.{name}", was)
    return chosen != was and chosen not in (KEPT, NOTHING), _value_of(chosen)


def _read_text(posted: Posted, name: str, empty: str) -> tuple[bool, Any]:
    was = _value_of(posted.get(f"was.{name}"))
    text = posted.get(f"v.{name}")
    # A browser leaves the line ends out of a text in one line (HTML, "strip newlines").
    shown = (was or "").replace("\n", "")
    is_unset = f"unset.{name}" in posted
    if text == shown and (empty != "?" or text or (was and not is_unset)):
        return False, None
    value = text if text or (empty and not is_unset) else None
    return value != was, value


def _read_lines(posted: Posted, name: str, _empty: str) -> tuple[bool, Any]:
    lines = entries(posted.get(f"v.{name}"))
    return lines != entries(posted.get(f"was.{name}")), lines


def _read_checks(posted: Posted, name: str, _empty: str) -> tuple[bool, Any]:
    checked, was = posted.all(f"v.{name}"), posted.all(f"was.{name}")
    return set(checked) != set(was), [value[1:] for value in checked if value.startswith("=")]


_READERS = {
    "choice": _read_choice,
    "text": _read_text,
    "number": _read_text,
    "lines": _read_lines,
    "checks": _read_checks,
}


def entries(text: str) -> list[str]:
    """Return the entries of a text area, one a line."""
    return [line.strip() for line in text.split("\n") if line.strip()]


def _value_of(encoded: str) -> str | None:
    return encoded[1:] if encoded.startswith("=") else None


def _encoded(value: str | None) -> str:
    # A browser makes one kind of all line ends.
    return "" if value is None else "=" + value.replace("\r\n", "\n").replace("\r", "\n")


def sections_shown(
    sections: Iterable[Mapping[str, Any]],
    posted: Posted | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    asks_unset: bool = False,
) -> list[dict[str, Any]]:
    """Return sections with their fields as the template ``form.html`` shows them.

    :param sections: as the helper describes them.
    :param posted: what is shown instead of what is stored; for fields that it does not have, what is stored is shown.
    :param errors: what is wrong with which field.
    :param asks_unset: whether each text that may be empty has a check box for "not set"; else only one that is empty.
    """
    rows = [{"name": "", "heading": "", "help": "", **section} for section in sections]
    fields = {row["name"]: _EMPTY | row for section in rows for row in section.get("fields", ()) if "name" in row}
    shown = []
    for section in rows:
        known = [_EMPTY | {"name": ""} | row for row in section.get("fields", ())]
        views = [_view(row, fields, posted, (errors or {}).get(row["name"], ""), asks_unset) for row in known]
        shown.append({**section, "fields": views})
    return shown


def _view(
    row: dict[str, Any], fields: Mapping[str, dict[str, Any]], posted: Posted | None, error: str, asks_unset: bool
) -> dict[str, Any]:
    name, widget = row["name"], row.get("widget", "text")
    stored = _shown_value(row, widget)
    shown = {"now": stored, "was": stored, "unset_on": row["value"] is None, "error": error}
    if posted is not None and f"kind.{name}" in posted:
        if widget == "checks":
            shown |= {"now": posted.all(f"v.{name}"), "was": posted.all(f"was.{name}")}
        else:
            was = posted.get(f"was.{name}")
            now = posted.get(f"v.{name}", was if widget == "choice" else "")
            shown |= {"now": now if widget in ("choice", "lines") else f"={now}", "was": was}
        shown["unset_on"] = f"unset.{name}" in posted
    if widget in ("text", "number"):
        shown["text"] = _value_of(shown["now"]) or ""
        may_be_unset = row["unset"] is not None or row["value"] is None
        shown["has_unset"] = row["may_be_empty"] and may_be_unset and (asks_unset or row["value"] == "")
    if widget in ("choice", "checks"):
        shown["options"] = _options(row, widget, [*shown["was"], *shown["now"]] if widget == "checks" else [])
        shown["is_list"] = len(shown["options"]) > _MOST_RADIOS
    shown["kind"] = widget + ("?" if shown.get("has_unset") else "+" if row["may_be_empty"] else "")
    shown["shown_if"] = _condition(row["shown_if"], fields)
    if row["help"].rstrip(".") == row["label"]:
        shown["help"] = ""
    return row | shown


def _shown_value(row: dict[str, Any], widget: str) -> Any:
    value = row["value"]
    if widget == "lines":
        return "\n".join(map(str, value or ()))
    if widget == "checks":
        return [_encoded(str(one)) for one in value or ()]
    if widget == "choice" and value is None:
        return KEPT if row["custom"] is not None else "" if row["unset"] is not None else NOTHING
    return _encoded(None if value is None else str(value))


def _options(row: dict[str, Any], widget: str, checked: list[str]) -> list[dict[str, Any]]:
    options = [{"help": "", **choice, "encoded": _encoded(choice["value"])} for choice in row["choices"]]
    known = {option["encoded"] for option in options}
    if widget == "checks":
        # What is on and not offered any more stays on, unless somebody takes it off.
        lost = [value for value in dict.fromkeys(checked) if value not in known]
        return options + [{"label": value[1:], "help": "", "encoded": value} for value in lost]
    if row["value"] is not None and _encoded(str(row["value"])) not in known:
        options.append({"label": str(row["value"]), "help": "", "encoded": _encoded(str(row["value"]))})
    return options


def _condition(condition: Any, fields: Mapping[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Return which posted values of which field of this form show a field."""
    if not isinstance(condition, Mapping) or condition.get("field") not in fields:
        return None
    other = fields[condition["field"]]
    values = [str(value) for value in condition.get("values", ())]
    effective = {choice["value"] for choice in other["choices"] if choice["label"] == other["unset"]} | {other["unset"]}
    encoded = [_encoded(value) for value in values] + [KEPT, NOTHING]
    return {"field": condition["field"], "values": encoded + ([""] if effective & set(values) else [])}


@dataclass
class Labels:
    """What a setting and its values are called.

    :param label: of the field that writes it.
    :param values: from a value to the label of its choice, where the field writes this setting alone.
    """

    label: str
    values: dict[str, str] = field(default_factory=dict)


def labels_of(sections: Iterable[Mapping[str, Any]]) -> dict[str, Labels]:
    """Return the labels by the setting that each field writes: ``configuration spamassassin TagLevel``."""
    found: dict[str, Labels] = {}
    for section in sections:
        for row in section.get("fields", ()):
            written = row.get("settings") or ()
            choices = row.get("choices") or () if len(written) == 1 and row.get("widget") == "choice" else ()
            values = {choice["value"]: choice["label"] for choice in choices}
            for setting in written:
                found.setdefault(setting, Labels(row.get("label") or row.get("name", ""), values))
    return found
