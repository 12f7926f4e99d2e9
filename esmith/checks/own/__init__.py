"""Checks that need no program: rules in Python, files of ``/etc/e-smith/checks``, loaded when a template names them.

Such a file has a function ``rule_for``, which takes the path of a file and returns the rule for it: a function from a
:class:`File` to its :class:`Findings`; or None when it has no rule for a file of that name. ``one_line`` and ``pairs``
are for the rules of common forms. What is loaded runs as part of this program, so it has to be in the hands of its
owners alone, as an action has. Whatever goes wrong in it is an error that names its line.
"""

from __future__ import annotations

import io
import marshal
import os
import sys

from esmith.checks.own.file import File, Findings
from esmith.contexts import contextmanager, suppress
from esmith.errors import EsmithError, TemplateError
from esmith.private import PrivateDirectory, digest_of, keep_later
from esmith.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, TracebackType
    from typing import Any

    from esmith.layout import Layout

    Rule = Callable[[File], Findings]

#: How long a check may take for one file, in seconds, as a check by a program may by default.
SECONDS = 60.0


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
        :raises TemplateError: when there is no such check, or it cannot be loaded, or fails; calling the rule raises it
            likewise.
        :raises UntrustedError: when its file is not in the hands of its owners alone.
        """
        place = self._layout.check(name)
        if name not in self._finders:
            self._finders[name] = self._load(place)
        guard = _Guard(place, f"while it checked {path}")
        with guard:
            rule = self._finders[name](path)

        def guarded(file: File) -> Findings:
            assert rule is not None
            with guard:
                found = rule(file)
                return Findings(found.reader, [(int(line), str(text)) for line, text in found.faults], found.unknown)

        return None if rule is None else guarded

    def _load(self, file: str) -> Callable[[str], Rule | None]:
        self._layout.trust.require(file)
        names: dict[str, Any] = {"__name__": os.path.basename(file).removesuffix(".py"), "__file__": file}
        try:
            with open(file, "rb") as opened:
                text = opened.read()
        except OSError as error:
            raise TemplateError(f"cannot be read: {error.strerror}", place=file, hint="correct it") from error
        with _Guard(file, "while it was loaded"):
            # Not imported: that would write compiled files into /etc.
            exec(self._code_of(file, text), names)
        if not callable(names.get("rule_for")):
            raise TemplateError(
                "has no function rule_for", place=file, hint="add one: it takes a path and returns the rule for it"
            )
        finder: Callable[[str], Rule | None] = names["rule_for"]
        return finder

    def _code_of(self, file: str, text: bytes) -> CodeType:
        """Return what a file is compiled to; the next command finds it in the private directory of the root."""
        name = digest_of(b"\0".join((sys.version.encode(), os.fsencode(file), text)))
        content = PrivateDirectory(self._layout.kept_code).read(name)
        if content is not None:
            kept: CodeType = marshal.loads(content)
            return kept
        code: CodeType = compile(text, file, "exec")
        keep_later(self._layout.kept_code, name, lambda: marshal.dumps(code))
        return code


class _Guard:
    """Makes an error of whatever a check raises, and ends it after :data:`SECONDS`. Its code may do anything.

    What it prints is discarded, because the output of a command has a form of its own (``--json``). The environment,
    the current directory and the umask are afterwards as they were before. The time is limited in the main thread only,
    where commands run: that is where Python handles signals.

    :param file: the file of the check.
    :param when: what it did, for the message.
    """

    def __init__(self, file: str, when: str) -> None:
        self._file = file
        self._when = when

    def __enter__(self) -> None:
        self._before: Any = None
        self._surroundings = _kept_surroundings()
        self._surroundings.__enter__()
        # When ^C comes while it begins, nothing is left in another state.
        has_begun = False
        try:
            # Python says so when this is another thread.
            with suppress(ValueError):
                self._before = signal.signal(signal.SIGALRM, _late)
                signal.setitimer(signal.ITIMER_REAL, SECONDS)
            has_begun = True
        finally:
            if not has_begun:
                self._surroundings.__exit__(None, None, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._before)
        self._surroundings.__exit__(None, None, None)
        # A file that cannot be read is no fault of the rule that reads it.
        if error is None or isinstance(error, EsmithError | OSError | KeyboardInterrupt):
            return
        from traceback import extract_tb

        lines = [frame.lineno for frame in extract_tb(trace) if frame.filename == self._file]
        if isinstance(error, SyntaxError):
            lines = [error.lineno]
        place = f"{self._file}:{lines[-1]}" if lines else self._file
        raise TemplateError(
            f"failed {self._when}: {type(error).__name__}: {error}",
            place=place,
            hint="correct it, or remove the check from template.toml",
        ) from error


@contextmanager
def _kept_surroundings() -> Iterator[None]:
    """Discard what is printed, and restore the environment, the umask and the current directory at the end."""
    # Its bytes, as nothing has to be decoded: an event does this for each file that has such a check.
    environment = dict(os.environb)
    umask = os.umask(0o077)
    os.umask(umask)
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    streams = sys.stdout, sys.stderr
    try:
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
        yield
    finally:
        sys.stdout, sys.stderr = streams
        if dict(os.environb) != environment:
            os.environb.clear()
            os.environb.update(environment)
        os.umask(umask)
        os.fchdir(here)
        os.close(here)


class LateError(Exception):
    """A check did not end in time."""


def _late(_number: int, _frame: object) -> None:
    raise LateError(f"it did not end within {SECONDS:g} s")


__all__ = ["File", "Findings", "Rules"]
