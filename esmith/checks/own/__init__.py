"""Checks that need no program: rules in Python, files of ``/etc/e-smith/checks``, loaded when a template names them.

Such a file has a function ``rule_for``, which takes the path of a file and returns the rule for it: a function from a
:class:`File` to its :class:`Findings`; or None when it has no rule for a file of that name. ``one_line`` and ``pairs``
are for the rules of common forms. What is loaded runs as part of this program, so it has to be in the hands of its
owners alone, as an action has.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from esmith.checks.own.file import File, Findings
from esmith.errors import TemplateError
from esmith.layout import Layout

Rule = Callable[[File], Findings]


class Rules:
    """The checks of one root; each file is loaded once.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._finders: dict[str, Callable[[str], Rule | None]] = {}

    def find(self, name: str, path: str) -> Rule | None:
        """Return the rule that a file has to follow, None when there is none for a file of this name.

        :param name: the name of the check: ``qmail-users`` is in ``qmail_users.py``.
        :param path: the file, as the configured system knows it.
        :raises TemplateError: when there is no such check, or it cannot be loaded.
        :raises UntrustedError: when its file is not in the hands of its owners alone.
        """
        if name not in self._finders:
            self._finders[name] = self._load(self._layout.check(name))
        return self._finders[name](path)

    def _load(self, file: str) -> Callable[[str], Rule | None]:
        self._layout.trust.require(file)
        names: dict[str, Any] = {"__name__": os.path.basename(file).removesuffix(".py"), "__file__": file}
        try:
            with open(file, "rb") as opened:
                # Not imported: that would write compiled files into /etc.
                exec(compile(opened.read(), file, "exec"), names)
        except (OSError, SyntaxError, ImportError, ValueError) as error:
            raise TemplateError(
                f"cannot be loaded: {error}", place=file, hint="correct it, or remove the check"
            ) from error
        if not callable(names.get("rule_for")):
            raise TemplateError("has no function rule_for", place=file, hint="see docs/fragments.md, A check")
        finder: Callable[[str], Rule | None] = names["rule_for"]
        return finder


__all__ = ["File", "Findings", "Rule", "Rules"]
