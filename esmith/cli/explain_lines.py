"""What ``esmith explain`` and ``config describe`` print for people."""

from __future__ import annotations

from typing import Any

from esmith.names import counted
from esmith.printable import printable_message, shell_word

_LAYERS = {"custom": "yours", "shipped": "shipped", "contrib": "of a contrib"}
#: How many events are named.
_SHOWN_EVENTS = 5
_NO_SETTING = "    no setting decides on it"
_NOTHING_HERE = "    its block reads no setting"
_COPY = "a fragment of this name in templates-custom takes its place"
#: How many settings of a fragment are shown before the rest is counted.
_SHOWN = 12
#: How many fragments that read something of a record are shown of each template.
_SHOWN_FRAGMENTS = 3


def file_lines(data: dict[str, Any]) -> list[str]:
    """Return the lines about a file, or about one line of it."""
    lines = [f"{data['path']}: {data['state']}"]
    if data["made_beside"]:
        lines.append(f"  made by a fragment of {data['made_beside']}, from the template {data['template']}")
    elif data["template"] != data["path"]:
        lines.append(f"  made by the template {data['template']}")
    if data["condition"] is not None:
        lines += _condition_lines(data["condition"])
    elif "line" in data:
        lines += _line_lines(data)
    else:
        lines += [f"  {data['whole']}"] if data["whole"] else []
        for fragment in data["fragments"]:
            lines += _fragment_lines(fragment)
    for skipped in data["skipped"]:
        advice = f"; {skipped['advice']}" if skipped["advice"] else ""
        lines.append(f"  not used: {skipped['path']}: {skipped['reason']}{advice}")
    if "line" not in data and data["condition"] is None:
        lines.append(f"  to see why one line is there: esmith explain {shell_word(data['path'])}:LINE")
    lines += _services_of_file(data["services"])
    lines.append(f"  written by {_events(data['events'])}")
    return lines


def _condition_lines(condition: dict[str, Any]) -> list[str]:
    lines = [f"  {condition['key']} in {condition['path']} decides that, with"] if condition["path"] else []
    return [*lines, *(f"    {line}" for line in _settings(condition["settings"], with_changes=True))]


def _services_of_file(services: list[dict[str, str]] | None) -> list[str]:
    if services is None:
        return ["  no template.toml says which services read it, so each event adjusts its own services"]
    if not services:
        return ["  no service has to be adjusted when it changes"]
    named = ", ".join(f"{one['name']} ({one['action'] or 'as the event says'})" for one in services)
    return [f"  read by the service {named}" if len(services) == 1 else f"  read by the services {named}"]


def _events(events: list[str]) -> str:
    if not events:
        return "no event; expand-template writes it"
    if len(events) == 1:
        return f"the event {events[0]}"
    # Those for changed settings first: the others are about a user, a domain ...
    shown = sorted(events, key=lambda name: not name.endswith(("-update", "console-save")))[:_SHOWN_EVENTS]
    more = len(events) - len(shown)
    return f"the events {', '.join(sorted(shown))}" + (f" and {more} more" if more else "")


def _line_lines(data: dict[str, Any]) -> list[str]:
    text = "(holds a secret, so it is not shown)" if data["text"] is None else data["text"]
    lines = [f"  line {data['line']}: {text}"]
    if data["unknown"]:
        return [*lines, f"  {data['unknown']}"]
    for maker in data["makers"]:
        lines += _fragment_lines(maker, of_line=True)
    return lines


def _fragment_lines(fragment: dict[str, Any], *, of_line: bool = False) -> list[str]:
    layer = _LAYERS[fragment["layer"]]
    if fragment["replaces"]:
        layer += f", in the place of {fragment['replaces']}"
    place = fragment["path"]
    if of_line:
        where = _line_words(fragment["lines"]) if fragment["lines"] else "one of its lines"
        place = f"made by {place}, {where}"
    elif fragment["left_out"]:
        layer += ", leaves this fragment out"
    elif fragment["lines"] is not None:
        place = f"{_line_words(fragment['lines']) or 'no line'}: {place}"
    lines = [f"  {place} ({layer})"]
    if of_line and fragment["templates"]:
        lines.append(f"    with the text of {', '.join(fragment['templates'])}")
    lines += [f"    {line}" for line in _settings(fragment["settings"], with_changes=True)]
    if of_line:
        lines += [f"    and the list of records: {name}" for name in fragment["lists"]]
        lines += [f"    and the file {path}" for path in fragment["files"]]
        earlier = fragment["earlier"]
        if not (fragment["settings"] or fragment["lists"] or fragment["files"]):
            nothing = _NOTHING_HERE if earlier else _NO_SETTING
            lines.append(nothing if fragment["layer"] == "custom" else f"{nothing}; {_COPY}")
        if earlier:
            lines.append("    perhaps also what the fragment read earlier, and may have kept in a variable:")
            lines += [f"      {line}" for line in _settings(earlier["settings"], with_changes=True)]
            lines += [f"      the list of records: {name}" for name in earlier["lists"]]
            lines += [f"      the file {path}" for path in earlier["files"]]
    return lines


def _line_words(ranges: list[list[int]]) -> str:
    if not ranges:
        return ""
    words = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ranges)
    return f"line {words}" if len(ranges) == 1 and ranges[0][0] == ranges[0][1] else f"lines {words}"


def _settings(settings: list[dict[str, Any]], *, with_changes: bool) -> list[str]:
    lines = []
    for one in settings[:_SHOWN]:
        lines.append(f"{_name(one)} = {_value(one)}")
        if with_changes and one.get("changed"):
            lines.append(f"  {_changed(one['changed'])}")
    more = len(settings) - _SHOWN
    return [*lines, f"and {more} more settings (--json shows all)"] if more > 0 else lines


def _name(setting: dict[str, Any]) -> str:
    return " ".join(filter(None, (setting["database"], setting["key"], setting["property"])))


def _value(setting: dict[str, Any]) -> str:
    stored = "(not set)" if setting["value"] is None else setting["value"] or "(empty)"
    return f"{stored}, read as {setting['reads_as'] or '(empty)'}" if "reads_as" in setting else stored


def _changed(revision: dict[str, Any]) -> str:
    who = f"{revision['user']} (sudo by {revision['sudo_user']})" if revision["sudo_user"] else revision["user"]
    return f"from revision {revision['revision']}, {revision['time']}, by {who}: {revision['command']}"


def named_lines(data: dict[str, Any]) -> list[str]:
    """Return the lines about a setting, a record or a service."""
    lines = setting_lines(data["record"])
    if "if" in data:
        lines += _if_lines(data["if"])
    lines += service_lines(data["service"], after=bool(data["record"]))
    return [*lines, *(f"also of this name: {other}" for other in data["others"])]


def _if_lines(data: dict[str, Any]) -> list[str]:
    lines = ["", f"if it were {data['value'] or '(empty)'}:", *(f"  {hint}" for hint in data["hints"])]
    lines += [f"  {fault['place']}: {fault['reason']}" for fault in data["faults"]]
    changed = [one for one in data["files"] if not one["anyway"]]
    for one in changed:
        lines += [f"  {line}" for line in one["diff"]]
        if one["left"]:
            lines.append(f"  {one['path']} would be left as it is: {one['left']}")
        if one["verdict"] is not None:
            verdict = one["verdict"]
            reason = f": {verdict['reason']}" if verdict["reason"] else ""
            lines.append(f"  check by {verdict['by']}: {verdict['outcome']}{reason}")
    if data["same"]:
        return [*lines, "  it has this value already"]
    if not changed:
        lines.append("  no file would change")
    lines += [f"  the service {name} would get: {' '.join(words)}" for name, words in data["services"].items()]
    others = [one["path"] for one in data["files"] if one["anyway"]]
    lines += [f"  {path} changes anyway, with the settings that are saved" for path in others]
    lines += [f"  {text}" for text in data["warnings"]]
    if not data["sound"]:
        text = f"an event would stop: {data['refused']}" if data["refused"] else "an event would stop"
        lines += [f"  {line}" for line in printable_message(text).split("\n")]
    return lines


def setting_lines(data: dict[str, Any] | None) -> list[str]:
    """Return the lines about a setting or a record; none for None."""
    if data is None:
        return []
    record = f"{data['database']} {data['key']}"
    lines = []
    if data["property"] is None:
        type = f", a record of type {data['type']}" if data["type"] else "" if data["stored"] else ": not stored"
        lines.append(f"record {record}{type}")
        lines += [f"  {data['help']}"] if data["help"] else []
    for one in data["settings"]:
        lines += _one_setting(one, short=data["property"] is None)
    if data["runs"]:
        lines.append(f"  its status starts and stops the service {', '.join(data['runs'])}, at every event")
    if "read_by" not in data:
        return lines
    lines += _read_lines(data)
    return lines


def _one_setting(one: dict[str, Any], *, short: bool) -> list[str]:
    if short and one["property"]:
        lines = [f"  {one['property']} = {_value(one)}"]
    else:
        lines = [f"{'  ' if short else ''}{_name(one)} = {_value(one)}"]
    about = [one["help"]] if one["help"] else []
    if one["known"]:
        about.append(f"takes: {one['allowed']}")
    elif not one["help"]:
        about.append("no schema file knows it: any value is taken")
    if one["default"] is not None and not (short and one["default"] == one["value"]):
        about.append(f"default: {one['default'] or '(empty)'}")
    elif short and one["default"] is not None:
        about.append("this is the default")
    if one["unset"] is not None and "reads_as" not in one:
        about.append(f"read as {one['unset'] or '(empty)'} while it is not set")
    if one["forced"] is not None:
        about.append(f"always set to {one['forced']} by the events that reconfigure")
    if one["value"] is not None and "changed" in one:
        about.append(_changed(one["changed"]) if one["changed"] else "it is older than the journal")
    if "origin" in one:
        about += _origin(one["origin"])
    about += [f'wiki page "Email", line {block["line"]}: {block["about"]}' for block in one["page"]]
    return [*lines, *(f"{'    ' if short else '  '}{line}" for line in about)]


def _origin(origin: dict[str, Any]) -> list[str]:
    """Return the lines that say which layer of a fleet a value comes from; only a member has them."""
    from esmith.fleet.surface.origins import hidden_words, origin_words

    return [*([f"from {origin_words(origin)}"] if origin["layer"] else []), *hidden_words(origin)]


def _read_lines(data: dict[str, Any]) -> list[str]:
    lines = []
    for reader in data["read_by"]:
        files = ", ".join(reader["files"])
        more = reader["count"] - len(reader["files"])
        lines.append(f"  decides on {files}" + (f" and {more} more of this template" if more else ""))
        if data["property"] is None and reader["properties"]:
            lines.append(f"    by {', '.join(reader['properties'])}")
        own_first = sorted(reader["fragments"], key=lambda fragment: str(fragment["layer"]) == "shipped")
        shown = own_first[: _SHOWN_FRAGMENTS if data["property"] is None else None]
        lines += [f"    read in {fragment['path']} ({_LAYERS[fragment['layer']]})" for fragment in shown]
        if len(shown) < len(reader["fragments"]):
            others = counted(len(reader["fragments"]) - len(shown), "other fragment")
            lines.append(f"    and in {others} of {reader['template']}")
        services = reader["services"] or {}
        if not reader["fragments"] and reader["properties"]:
            lines.append(f"    read by the template.toml of {reader['template']}")
        lines += [f"    the service {name} gets: {word or 'what the event says'}" for name, word in services.items()]
    if not data["read_by"] and not data["runs"]:
        lines.append("  no file is made from it; an action of an event or a program may read it when it runs")
    elif data["applied_by"]:
        lines.append(f"  to make a change take effect: {data['applied_by']}")
    elif data["read_by"]:
        lines.append("  no one event writes all of these files")
    lines += [f"  not known for {path}: {fault}" for path, fault in data["not_known"].items()]
    return lines


def service_lines(data: dict[str, Any] | None, *, after: bool = False) -> list[str]:
    """Return the lines about a service; none for None.

    :param after: whether lines about the record of this name stand before them.
    """
    if data is None:
        return []
    lines = [""] if after else []
    where = f", with {data['supervisor']}" if data["supervisor"] else ""
    lines.append(f"service {data['name']}: wanted {data['wanted']}, is {data['state']}{where}")
    if not data["has_record"]:
        lines.append(f"  it has no record {data['record']} in the configuration database, so nothing is done to it")
    elif data["record"] != data["name"]:
        lines.append(f"  its record is configuration {data['record']}")
    lines += [f"  its program is {data['program']}"] if data["program"] else []
    lines += [f"  pending: {' '.join(data['pending'])}"] if data["pending"] else []
    for one in data["files"]:
        more = one["count"] - len(one["files"])
        files = ", ".join(one["files"]) + (f" and {more} more" if more else "") or one["template"]
        lines.append(f"  reads {files}: {one['action'] or 'what the event says'} when it changes")
    if not data["files"]:
        lines.append("  no template says that it reads its file")
    for actions in dict.fromkeys(map(tuple, data["events"].values())):
        named = [event for event, words in data["events"].items() if tuple(words) == actions]
        lines.append(f"  named by {_events(named)}: {' '.join(actions)}")
    if data["expanding"]:
        lines.append(f"  its files are written by {_events(data['expanding'])}")
    if data["settings"]:
        lines.append(f"  {counted(len(data['settings']), 'setting')} decide on its files:")
        lines += [f"    {name}" for name in data["settings"][:_SHOWN]]
        more = len(data["settings"]) - _SHOWN
        lines += [f"    and {more} more (--json shows all)"] if more > 0 else []
    lines += [f"  not known for {path}: {fault}" for path, fault in data["not_known"].items()]
    return lines
