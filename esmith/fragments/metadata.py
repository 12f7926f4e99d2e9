"""``template.toml``: what is said of a template besides its text (DESIGN section 6, "Metadata")."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from esmith.errors import TemplateError
from esmith.fragments.tree import Template, TemplateTree
from esmith.names import nearest

if TYPE_CHECKING:
    from esmith.fragments.original import OriginalMetadata

ENGINES = ("text", "jinja2", "perl")
FILTERS = (NO_BLANK_LINES := "no-blank-lines",)
KINDS = ("file", "symlink")


#: Checks that need no program; what each looks at is in docs/fragments.md, "A check".
OWN_CHECKS = ("qpsmtpd", "qmail-control", "qmail-users", "dot-qmail")


@dataclass(frozen=True)
class Check:
    """How a generated file is checked before it is installed: by a program, or by a check of the engine's own.

    :param command: program and arguments; ``{file}`` is the new file, ``{dir}`` its directory. Empty without a program.
    :param package: the Debian package that has the program.
    :param own: one of :data:`OWN_CHECKS`; "" for a program.
    :param off: why the file is not checked although something said so; "" when it is.
    :param fails_on: a pattern of what it prints when it refuses the file, for programs whose exit status is 0 then.
    :param reads: patterns of the generated files it reads besides its own; None for those of the same directory when
        it is a program, and for none when it is one of the engine's own.
    :param beside: patterns of files of the machine that have to stand beside the file.
    :param environment: variables the program gets.
    :param timeout: seconds after which the check has failed.
    """

    command: tuple[str, ...] = ()
    package: str = ""
    own: str = ""
    off: str = ""
    fails_on: str = ""
    reads: tuple[str, ...] | None = None
    beside: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    timeout: float = 60.0


@dataclass(frozen=True)
class Metadata:
    """What is said of a template.

    :param mode: permissions in octal, e.g. ``0644``; may be Jinja2.
    :param owner: user that owns the output; may be Jinja2.
    :param group: group of the output; may be Jinja2.
    :param kind: ``file``, or ``symlink`` when the text is the target of a symbolic link.
    :param services: services that read the output, each with the action a change needs ("" for the event's own).
        None when nothing is said.
    :param foreach: ``database:type,type`` of the records an output is made for each; "" for one output.
    :param outputs: Jinja2 that gives the keys of the outputs, one a line; "" for one output.
    :param filters: what is done to the whole text, by names of :data:`FILTERS`.
    :param delete_when: a Jinja2 expression; when it holds, the output is removed.
    :param skip_when: a Jinja2 expression; when it holds, the output is left as it is.
    :param output: the output's path, when it is not the template's own.
    :param engine: the engine of every fragment; "" for a guess by their text.
    :param fragment_engines: the engine of single fragments.
    :param check: how the output is checked before it is installed; None for not at all.
    :param suspect_lines: patterns of lines that belong elsewhere, each with the advice to give.
    :param said: the keys that are set, each with the file that sets it.
    :param variables: variables for the fragments (MORE_DATA of ``templates.metadata``).
    :param line_filter: FILTER of ``templates.metadata`` is called for each line.
    :param by_perl: what ``templates.metadata`` says was told by perl, which may look at anything.
    :param notes: what ``templates.metadata`` says in vain, as messages.
    """

    mode: str = "0644"
    owner: str = "root"
    group: str = "root"
    kind: str = "file"
    services: dict[str, str] | None = None
    foreach: str = ""
    outputs: str = ""
    filters: tuple[str, ...] = ()
    delete_when: str = ""
    skip_when: str = ""
    output: str = ""
    engine: str = ""
    fragment_engines: dict[str, str] = field(default_factory=dict)
    suspect_lines: dict[str, str] = field(default_factory=dict)
    check: Check | None = None
    said: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    line_filter: bool = False
    by_perl: bool = False
    notes: tuple[str, ...] = ()


_KEYS = {
    "mode": str,
    "owner": str,
    "group": str,
    "services": (list, dict),
    "foreach": str,
    "outputs": str,
    "filter": list,
    "delete-when": str,
    "skip-when": str,
    "suspect-lines": dict,
    "check": dict,
    "kind": str,
    "output": str,
    "engine": (str, dict),
}


class MetadataFiles:
    """The metadata files of one tree; each is read once.

    :param tree: where they are looked up.
    :param original: what ``templates.metadata`` says.
    """

    def __init__(self, tree: TemplateTree, original: OriginalMetadata) -> None:
        self._tree = tree
        self.original = original
        self._read: dict[str, dict[str, Any]] = {}

    def find(self, path: str) -> Template:
        """Return a template by its path; its fragments may be those of another (TEMPLATE_PATH).

        :raises TemplateError: when there is no such template.
        """
        return self.original.find(self._tree, path) or self._tree.find(path)

    def of(self, template: Template) -> Metadata:
        """Return what is said of a template, in its own directory or a parent's: key by key, the nearest wins.

        A ``[files.NAME]`` table in the directory that holds the template speaks of that template alone, and so does the
        file in a directory of its path, also where a single file takes the place of that directory's fragments. What
        ``templates.metadata`` says goes before all that is shipped or inherited, and after what an administrator says
        of this one template in ``templates-custom``.

        :raises TemplateError: when a file is broken or says something unknown.
        """
        told = self._told(template.path)
        if template.source:
            told = [one for one in told if one[2]]
            others = self._told(template.source)
            told += [({**data, "output": ""}, file, False) for data, file, _ in others]
        original, sources = self._original(template.path)
        place = sum(1 for _ in itertools.takewhile(lambda one: one[2] and self._tree.is_custom(one[1]), told))
        merged: dict[str, Any] = {}
        said: dict[str, str] = {}
        levels = [(data, dict.fromkeys(data, file)) for data, file, _ in told]
        for data, files in [*levels[:place], (original, sources), *levels[place:]]:
            for key, value in data.items():
                if key not in merged and key != "files":
                    merged[key] = value
                    said[key] = files[key]
        return self._metadata(template.path, merged, said)

    def _told(self, path: str) -> list[tuple[dict[str, Any], str, bool]]:
        """Return what each ``template.toml`` says of a template, with the file, and whether of this template alone.

        What is said of it alone comes first; of that, what an administrator says.
        """
        holder, _, name = path.rpartition("/")
        alone, inherited = [], []
        for directory, file in self._tree.metadata_files(path):
            if file not in self._read:
                self._read[file] = _read(file)
            data = self._read[file]
            if directory == path:
                alone.append((data, file, True))
                continue
            own = data.get("files", {}).get(name, {}) if directory == (holder or "/") else {}
            if own:
                alone.append((own, file, True))
            inherited.append((data, file, False))
        return [*sorted(alone, key=lambda one: not self._tree.is_custom(one[1])), *inherited]

    def _original(self, path: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what ``templates.metadata`` says, in the words of ``template.toml``, and the files that say it."""
        found = self.original
        expressions = found.said(path).expressions
        if not expressions:
            return {}, {}
        deleted = found.value(path, "DELETE")
        words = {
            "mode": ("PERMS", found.mode(path)),
            "owner": ("UID", found.name(path, "UID")),
            "group": ("GID", found.name(path, "GID")),
            "output": ("OUTPUT_FILENAME", found.output(path)),
            "delete-when": ("DELETE", "true" if deleted not in (None, "", "0") else None),
            "skip-when": ("OUTPUT_TYPE", "true" if found.value(path, "OUTPUT_TYPE") == "string" else None),
        }
        values = {key: value for key, (_, value) in words.items() if value is not None}
        anywhere = next(iter(expressions.values()))
        return values, {key: expressions.get(words[key][0], anywhere).path for key in values}

    def _metadata(self, path: str, merged: dict[str, Any], said: dict[str, str]) -> Metadata:
        metadata = _metadata(merged, said)
        original = self.original.said(path)
        if not original.expressions and not original.notes:
            return metadata
        for name, expression in original.expressions.items():
            said[name] = expression.path
        more = (self.original.value(path, "MORE_DATA") or "").split("\0")
        return replace(
            metadata,
            variables=dict(zip(more[::2], more[1::2], strict=False)),
            line_filter="FILTER" in original.expressions,
            by_perl=self.original.needs_perl(path),
            notes=tuple(original.notes),
        )


_CHECK_KEYS: dict[str, type | tuple[type, ...]] = {
    "command": list,
    "package": str,
    "own": str,
    "off": str,
    "fails-on": str,
    "reads": list,
    "beside": list,
    "environment": dict,
    "timeout": (int, float),
}


def _read(file: str) -> dict[str, Any]:
    try:
        with open(file, "rb") as stream:
            data = tomllib.load(stream)
    except (OSError, ValueError) as error:
        raise TemplateError(f"cannot be read: {error}", place=file, hint="correct the file") from error
    _check(file, {key: value for key, value in data.items() if key != "files"})
    files = data.get("files", {})
    for table in files.values() if isinstance(files, dict) else [files]:
        if not isinstance(table, dict) or not isinstance(files, dict):
            raise TemplateError("files holds one table for each file", place=file, hint="write [files.NAME]")
        _check(file, table)
    return data


def _check(file: str, data: dict[str, Any]) -> None:
    for key, value in data.items():
        if key not in _KEYS:
            close = nearest(key, _KEYS)
            hint = f"did you mean {close!r}?" if close else f"known are {', '.join(_KEYS)}"
            raise TemplateError(f"unknown key {key!r}", place=file, hint=hint)
        if not isinstance(value, _KEYS[key]):  # type: ignore[arg-type]
            raise TemplateError(f"{key} has the wrong kind of value: {value!r}", place=file)
    engine = data.get("engine", "text")
    for word in engine.values() if isinstance(engine, dict) else [engine]:
        _check_word(file, "engine", word, ENGINES)
    services = data.get("services", [])
    _check_texts(file, "services", services.values() if isinstance(services, dict) else services)
    _check_texts(file, "suspect-lines", data.get("suspect-lines", {}).values())
    for pattern in data.get("suspect-lines", {}):
        _check_pattern(file, "suspect-lines", pattern)
    _check_check(file, data.get("check"))
    _check_word(file, "kind", data.get("kind", "file"), KINDS)
    for word in data.get("filter", []):
        _check_word(file, "filter", word, FILTERS)


def _check_texts(file: str, key: str, values: Iterable[Any]) -> None:
    for value in values:
        if not isinstance(value, str):
            raise TemplateError(f"{key} holds {value!r}, which is no text", place=file, hint="put it in quotes")


def _check_check(file: str, check: dict[str, Any] | None) -> None:
    if check is None:
        return
    for key, value in check.items():
        if key not in _CHECK_KEYS or not isinstance(value, _CHECK_KEYS[key]):
            known = ", ".join(_CHECK_KEYS)
            raise TemplateError(f"check: {key} = {value!r} is wrong", place=file, hint=f"it holds {known}")
    _check_texts(file, "check: command", check.get("command", []))
    _check_texts(file, "check: reads", check.get("reads", []))
    _check_texts(file, "check: beside", check.get("beside", []))
    _check_texts(file, "check: environment", check.get("environment", {}).values())
    if sum(key in check for key in ("command", "own", "off")) != 1:
        raise TemplateError("check needs a command (a list), or own, or off", place=file)
    if "command" in check and not (check["command"] and check.get("package")):
        raise TemplateError("check: a command is a list and needs its package", place=file)
    if "own" in check:
        _check_word(file, "check: own", check["own"], OWN_CHECKS)
    if check.get("off") == "":
        raise TemplateError("check: off needs the reason", place=file)
    _check_pattern(file, "check: fails-on", check.get("fails-on", ""))


def _check_pattern(file: str, key: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise TemplateError(f"{key} {pattern!r}: {error}", place=file) from error


def _check_word(file: str, key: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise TemplateError(f"unknown {key} {word!r}", place=file, hint=f"known are {', '.join(known)}")


def _checking(data: dict[str, Any] | None) -> Check | None:
    if data is None:
        return None
    return Check(
        command=tuple(data.get("command", ())),
        package=data.get("package", ""),
        own=data.get("own", ""),
        off=data.get("off", ""),
        fails_on=data.get("fails-on", ""),
        reads=tuple(data["reads"]) if "reads" in data else None,
        beside=tuple(data.get("beside", ())),
        environment=data.get("environment", {}),
        timeout=data.get("timeout", Check.timeout),
    )


def _metadata(merged: dict[str, Any], said: dict[str, str]) -> Metadata:
    services = merged.get("services")
    engine = merged.get("engine", "")
    return Metadata(
        mode=merged.get("mode", "0644"),
        owner=merged.get("owner", "root"),
        group=merged.get("group", "root"),
        kind=merged.get("kind", "file"),
        services=dict.fromkeys(services, "") if isinstance(services, list) else services,
        foreach=merged.get("foreach", ""),
        outputs=merged.get("outputs", ""),
        filters=tuple(merged.get("filter", ())),
        delete_when=merged.get("delete-when", ""),
        skip_when=merged.get("skip-when", ""),
        output=merged.get("output", ""),
        engine=engine if isinstance(engine, str) else "",
        fragment_engines=engine if isinstance(engine, dict) else {},
        suspect_lines=merged.get("suspect-lines", {}),
        check=_checking(merged.get("check")),
        said=said,
    )
