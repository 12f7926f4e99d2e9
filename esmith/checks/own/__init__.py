"""Checks of the engine's own, for files whose programs have no check: they need no process."""

from __future__ import annotations

from collections.abc import Callable

from esmith.checks.own import dot_qmail, qmail_control, qmail_users, qpsmtpd
from esmith.checks.own.file import File, Findings

#: Finds the rule for a file, by its path; None when the check has none for it. The names are those of OWN_CHECKS.
FINDERS: dict[str, Callable[[str], Callable[[File], Findings] | None]] = {
    "qpsmtpd": qpsmtpd.rule_for,
    "qmail-control": qmail_control.rule_for,
    "qmail-users": qmail_users.rule_for,
    "dot-qmail": dot_qmail.rule_for,
}


def find(name: str, path: str) -> Callable[[File], Findings] | None:
    """Return the rule that a file has to follow, None when there is none for a file of this name.

    :param name: one of :data:`FINDERS`.
    """
    return FINDERS[name](path)


__all__ = ["FINDERS", "File", "Findings", "find"]
