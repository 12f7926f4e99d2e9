"""Requests as a web process would send them that somebody has taken over: every verb, with arguments of any kind."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from esmith.manager.helper.server import all_verbs

#: The arguments of each verb that has some; others are refused at once, which a few tries show.
ARGUMENTS = {
    "apply": ("operation", "confirm"),
    "database": ("database", "query", "page", "size"),
    "generation": ("number",),
    "health": ("doctor",),
    "history": ("before", "query", "size", "changes"),
    "job": ("job", "after"),
    "panel": ("panel",),
    "preview": ("operation", "checks"),
    "record": ("panel", "key"),
    "records": ("panel", "query", "page", "size", "sort"),
    "search": ("query",),
    "setting": ("database", "key", "type"),
    "suggest": ("panel", "key", "field", "query"),
}
NAMES = sorted({name for names in ARGUMENTS.values() for name in names})
#: What names something, or leads elsewhere.
WORDS = (
    *(
        "",
        "configuration/email",
        "collaboration/users",
        "configuration",
        "accounts",
        "qpsmtpd",
        "admin",
        "tom",
        "status",
    ),
    *("../../etc/shadow", "/etc/passwd", "a/../b", "{{ 7 * 7 }}", "<script>", "x\r\ny: z", "\u202e", "%2e%2e%2f", "-x"),
    *("configuration smanager Admins", "email-update", "reboot", "$(id)", "0", "1e9", "ü" * 300),
)

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(WORDS),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from((*NAMES, *WORDS)), inner, max_size=3),
    max_leaves=6,
)
_text = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_count = st.integers(-1, 60)
_plausible: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("query", "sort", "field", "job", "key", "type", "action", "service", "event"), _text),
    **dict.fromkeys(("page", "size", "after", "before", "number", "changes", "generation", "revision"), _count),
    **{name: st.booleans() for name in ("checks", "doctor", "delete", "files_only")},
    "panel": st.sampled_from(WORDS[1:3]) | _text,
    "database": st.sampled_from(("configuration", "accounts", "domains")) | _text,
    "confirm": st.none() | st.integers(-1, 10**6),
    "password": _text,
    "arguments": st.lists(_text, max_size=2),
    "values": st.dictionaries(
        st.sampled_from(("pop3-access", "MaxLoad", "FirstName", "status", "", "blocked")) | _text,
        st.none() | _text | st.lists(_text, max_size=2) | _values,
        max_size=3,
    ),
}
#: What operations of each kind have.
OPERATIONS = {
    "form": ("panel", "values", "revision"),
    "create": ("panel", "key", "values", "revision"),
    "modify": ("panel", "key", "values", "revision"),
    "delete": ("panel", "key", "revision"),
    "action": ("panel", "key", "action", "password"),
    "setting": ("database", "key", "type", "values", "delete", "revision"),
    "undo": ("revision",),
    "rollback": ("generation", "files_only"),
    "service": ("service", "action"),
    "event": ("event", "arguments"),
    "exec": ("command",),
}


def _mostly(usual: st.SearchStrategy[Any], rare: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return values of one strategy, and one time in ten of another."""
    return st.integers(0, 9).flatmap(lambda number: usual if number else rare)


def _mixed(names: tuple[str, ...]) -> dict[str, st.SearchStrategy[Any]]:
    """Return values of some names: mostly of the kind that belongs there, now and then of any."""
    found = {name: _plausible.get(name, _values) for name in names}
    return {name: _mostly(own, _values) for name, own in found.items()}


_operations = st.sampled_from(sorted(OPERATIONS)).flatmap(
    lambda kind: st.fixed_dictionaries({"kind": st.just(kind), **_mixed(OPERATIONS[kind])})
)
_plausible["operation"] = _operations


def arguments_of(verb: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return arguments of a verb: those it has, with values of any kind, and now and then others."""
    own = st.fixed_dictionaries(_mixed(ARGUMENTS.get(verb, ())))
    return st.one_of(*[own] * 7, st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, _values)))


def requests() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """Return a verb and its arguments."""
    return st.sampled_from(sorted(all_verbs())).flatmap(lambda verb: st.tuples(st.just(verb), arguments_of(verb)))
