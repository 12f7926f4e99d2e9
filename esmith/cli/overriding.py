"""``esmith overrides edit``, ``merge`` and ``accept``: each shows what would become of the files before it saves."""

from __future__ import annotations

import os
from contextlib import suppress

import click

from esmith.cli.output import print_report, warn
from esmith.errors import CheckError, EsmithError, ExitCode, UsageError
from esmith.events.session import Session
from esmith.layout import Layout
from esmith.overrides.drafts import EDITED, MERGED, Draft, drafts_of, find_drafts, held
from esmith.overrides.editor import edit_file
from esmith.overrides.merge import has_marks, merge
from esmith.overrides.model import Override
from esmith.overrides.named import below_configuration, known_near, name_of
from esmith.overrides.places import CONFIGURATION, counts
from esmith.overrides.saving import accept, require_plain, save
from esmith.overrides.search import Search
from esmith.overrides.trial import try_text
from esmith.plan.diff import unified
from esmith.printable import printable, shell_word
from esmith.setup.bases import Base
from esmith.store import open_store

_SAVE, _AGAIN, _LEAVE = "save", "edit", "leave"
#: What people answer as well; that leaves it.
_MEANT = {"y": _SAVE, "yes": _SAVE, "n": _LEAVE, "no": _LEAVE}


def carry_out(layout: Layout, action: str, operands: tuple[str, ...], *, says_yes: bool, may_ask: bool) -> int:
    """Carry out one of the actions, and return the exit code.

    :param operands: the paths that follow it.
    :param says_yes: whether it is saved without a question.
    :param may_ask: whether somebody is at the terminal.
    """
    if action == "discard":
        return _discard(layout, operands[0])
    store = open_store(layout, write=True)
    try:
        session = Session(layout, store, warn)
        search = Search(layout)
        named = _name_to_edit(layout, search, operands) if action == "edit" else name_of(layout, search, operands[0])
        with held(layout, named, make=action != "accept"):
            if action == "edit":
                return _edit(_Work(session, search, named, EDITED, says_yes, may_ask))
            if action == "merge":
                return _merge(_Work(session, search, named, MERGED, says_yes, may_ask))
            return _accept(session, search, named)
    finally:
        store.close()


class _Work:
    """One override that is edited or merged.

    :param session: the run; its store is opened for writing.
    :param name: the path of the override below ``/etc/e-smith``.
    :param kind: which of the drafts it has.
    """

    def __init__(self, session: Session, search: Search, name: str, kind: str, says_yes: bool, may_ask: bool) -> None:
        self.session, self.says_yes, self.may_ask = session, says_yes, may_ask
        self.one: Override = search.one(name)
        self.version = search.bases.version
        self.readers = search.readers
        self.is_there = os.path.lexists(search.places.disk_path(name))
        self.draft = Draft(session.layout, kind, name)
        require_plain(session.layout, name)

    @property
    def now(self) -> Base:
        """The base of what is made from the shipped text as it is now."""
        return Base(self.one.shipped, version=self.version)

    def save(self, text: bytes, base: Base) -> int:
        """Save a text; what was begun from the one before is of no use any more."""
        try:
            save(self.session, self.one.name, text, base, expected=self.one.text if self.is_there else None)
        except EsmithError as error:
            with suppress(EsmithError):
                # Of a merge that asked nothing there is none yet.
                self.write_draft(text)
                error.add(f"what you wrote is kept as a draft: {self.draft.path}")
            raise
        self.draft.remove()
        print_report([f"{self.one.path} is saved", *_remove_drafts(self.session.layout, self.one.name)])
        return ExitCode.OK

    def write_draft(self, text: bytes) -> None:
        """Keep a text as the draft."""
        self.draft.write(text, self.one, is_there=self.is_there)

    def begun(self) -> bytes | None:
        """Return the draft that is gone on with, None for none.

        :raises UsageError: when it was begun from other texts: saved, it would undo what came into them since.
        """
        text = self.draft.read()
        if text is None:
            return None
        if why := self.draft.why_old(self.one, is_there=self.is_there):
            path = shell_word(self.one.path)
            hint = f"take from it what you need, and throw it away: esmith overrides discard {path}"
            raise UsageError(why, place=self.draft.path, hint=hint)
        warn(f"goes on with the draft {self.draft.path}")
        return text

    def kept_lines(self) -> list[str]:
        """Return lines that say where the draft is, how to go on with it and how to get rid of it."""
        path = printable(shell_word(self.one.path))
        return [
            f"what you wrote is kept as a draft: {printable(self.draft.path)}",
            f"to go on with it: esmith overrides {shell_word(self.draft.kind)} {path}",
            f"to throw it away: esmith overrides discard {path}",
        ]

    def edited(self, fresh: bytes | None = None) -> bytes:
        """Have the draft edited, and return what it holds then.

        :param fresh: what it holds where it was begun just now; as long as it does nobody needs it.
        :raises UsageError: when it is gone: an empty text would mask what is shipped.
        """
        try:
            edit_file(self.draft.path, at_terminal=self.may_ask)
        except UsageError as error:
            if fresh is not None and self.draft.read() == fresh:
                self.draft.remove()
                error.add("nothing was changed")
            else:
                error.hint = "\n  ".join([*filter(None, [error.hint]), *self.kept_lines()])
            raise
        text = self.draft.read()
        if text is None:
            raise UsageError("the draft is gone", place=self.draft.path, hint="nothing was written; run it again")
        return text


def _name_to_edit(layout: Layout, search: Search, operands: tuple[str, ...]) -> str:
    """Return what is to be edited, as a path below ``/etc/e-smith``.

    :raises UsageError: when nothing would read it.
    """
    if len(operands) == 2 and ("/" in operands[1] or operands[1] in ("", ".", "..")):
        raise UsageError(
            f"{operands[1]!r} cannot be the name of a fragment", hint="esmith overrides edit /etc/clamd.conf MaxFiles"
        )
    name = below_configuration(layout, "/".join(operands) if len(operands) == 2 else operands[0])
    if name in search.names:
        return name
    if not counts(name):
        raise UsageError(f"{operands[-1]!r} is the name of a backup file, and is ignored", hint="choose another")
    if os.path.isdir(search.places.disk_path(search.places.shipped_path(name) or name)) and len(operands) == 1:
        raise UsageError(
            f"{operands[0]} has several fragments",
            hint=f"name one of them: esmith overrides edit {shell_word(operands[0])} FRAGMENT",
        )
    if why := search.readers.why_dead(name):
        hint = "name the template by the path of the file it makes, and then the fragment"
        if near := search.readers.service_near(name):
            hint = f"did you mean: esmith overrides edit {shell_word(near)}"
        elif near := search.readers.template_near(name):
            fragment = shell_word(os.path.basename(name)) if len(operands) == 2 else "FRAGMENT"
            hint = f"did you mean this template: esmith overrides edit {shell_word(near)} {fragment}"
        raise UsageError(why, hint=hint)
    return name


def _edit(work: _Work) -> int:
    one = work.one
    is_same_file = one.shipped is not None and os.path.basename(one.shipped_path) == os.path.basename(one.path)
    begin = one.text if work.is_there else one.shipped or b"" if is_same_file else b""
    is_fresh = work.begun() is None
    if is_fresh:
        work.write_draft(begin)
    base = one.base if work.is_there else work.now
    while True:
        text = work.edited(begin if is_fresh else None)
        if text == begin:
            work.draft.remove()
            print_report(["nothing was changed"])
            return ExitCode.OK
        answer = _judge(work, text)
        if answer == _SAVE:
            return work.save(text, base)
        if answer == _LEAVE:
            print_report(["it is not saved", *work.kept_lines()], cures=True)
            return ExitCode.FAILED


def _merge(work: _Work) -> int:
    one = work.one
    if one.shipped is None and one.base.text is None:
        raise UsageError(
            "nothing is shipped in its place, so there is nothing to merge",
            place=one.path,
            hint="it stays as it is",
        )
    if one.shipped is None:
        raise UsageError(
            "is not shipped any more, so there is nothing to merge", place=one.path, hint=_accept_hint(one)
        )
    if not one.text:
        raise UsageError("masks the shipped text, so there is nothing to merge", place=one.path, hint=_accept_hint(one))
    text = work.begun()
    if text is None:
        if one.base.text is None:
            raise UsageError("was not made from a shipped text that is known", place=one.path, hint=_accept_hint(one))
        if one.base.text == one.shipped:
            print_report([f"{one.path}: the shipped text has not changed since it was made"])
            return ExitCode.OK
        merged = merge(one.base.text, one.shipped, one.text)
        text = merged.text
        if merged.conflicts:
            work.write_draft(text)
    while True:
        if has_marks(text):
            hint = f"merge them there, and run it again: esmith overrides merge {shell_word(one.path)}"
            trouble = UsageError(
                "has places that both changed, between <<<<<<< and >>>>>>>", place=work.draft.path, hint=hint
            )
            trouble.exit_code = ExitCode.FAILED
            answer = _ask_again(work, trouble)
        else:
            print_report(unified(one.path, one.text, text))
            answer = _judge(work, text)
        if answer == _SAVE:
            return work.save(text, work.now)
        work.write_draft(text)
        if answer == _LEAVE:
            print_report(["it is not saved", *work.kept_lines()], cures=True)
            return ExitCode.FAILED
        text = work.edited()


def _accept(session: Session, search: Search, name: str) -> int:
    one = search.one(name)
    accept(session, name, Base(one.shipped, version=search.bases.version))
    print_report([f"{one.path} stays as it is", *_remove_drafts(session.layout, name)])
    return ExitCode.OK


def _discard(layout: Layout, path: str) -> int:
    """Throw away the drafts of an override, which may be one that was never saved."""
    name = below_configuration(layout, path)
    with held(layout, name, make=False):
        lines = _remove_drafts(layout, name)
    if not lines:
        drafts = [other for _, other in find_drafts(layout)]
        close = known_near(name, drafts) or (drafts[0] if len(drafts) == 1 else "")
        hint = (
            f"did you mean {printable(f'{CONFIGURATION}/{close}')}?"
            if close
            else "esmith overrides lists those that there are"
        )
        raise UsageError(f"there is no draft of {path}", hint=hint)
    print_report(lines)
    return ExitCode.OK


def _remove_drafts(layout: Layout, name: str) -> list[str]:
    """Remove the drafts of an override, and return lines that say which."""
    return [f"the draft {draft.path} is thrown away" for draft in drafts_of(layout, name) if draft.remove()]


def _accept_hint(one: Override) -> str:
    return f"to leave yours as it is: esmith overrides accept {shell_word(one.path)}"


def _judge(work: _Work, text: bytes) -> str:
    """Show what would become of the files, and return what is to be done then."""
    one = work.one
    trial = try_text(work.session.layout, work.session.store, one.name, text, work.draft.path)
    notes = ["it is empty, so it leaves out what is shipped"] if one.shipped and not text else _about_new(work)
    print_report([*notes, *trial.lines], cures=True)
    if trial.fault is not None:
        work.write_draft(text)
        trial.fault.hint = "\n  ".join([*filter(None, [trial.fault.hint]), "nothing was saved", *work.kept_lines()])
        return _ask_again(work, trial.fault)
    if trial.event:
        print_report([f"to have it take effect once it is saved: signal-event {shell_word(trial.event)}"], cures=True)
    if not work.may_ask or work.says_yes:
        return _SAVE
    return _asked("Save it", [_SAVE, _AGAIN, _LEAVE], _SAVE)


def _about_new(work: _Work) -> list[str]:
    """Return a warning about a fragment whose name is a new one: it may be a slip."""
    one = work.one
    is_new = not work.is_there and os.path.basename(one.shipped_path) != os.path.basename(one.path)
    near = work.readers.fragment_near(one.name) if is_new else ""
    if not near:
        return []
    template = shell_word("/" + os.path.dirname(one.name).partition("/")[2])
    lines = [
        f"{os.path.basename(one.path)} is a new fragment, which adds to the others",
        f"did you mean {near}: esmith overrides edit {template} {shell_word(near)}",
    ]
    return [printable(line) for line in lines]


def _ask_again(work: _Work, fault: EsmithError) -> str:
    """Show what is wrong, and ask whether to edit it again.

    :raises EsmithError: the fault, when nobody can be asked.
    """
    if not work.may_ask:
        raise fault
    message = f"the check refuses it: {fault}" if isinstance(fault, CheckError) else str(fault)
    warn(message)
    return _asked("What now", [_AGAIN, _LEAVE], _AGAIN)


def _asked(question: str, answers: list[str], default: str) -> str:
    """Ask at the terminal; the first letter is enough."""

    def meant(text: str) -> str:
        word = text.strip().lower()
        word = _MEANT.get(word, word)
        found = [answer for answer in answers if word and answer.startswith(word)]
        if len(found) != 1:
            raise click.UsageError(f"answer {' or '.join(answers)}")
        return found[0]

    answer: str = click.prompt(
        f"{question} ({', '.join(answers)}; {_LEAVE} keeps a draft)", default=default, value_proc=meant, err=True
    )
    return answer
