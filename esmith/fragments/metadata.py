"""``template.toml``: the metadata of a template, what it has besides its text (docs/fragments.md#templatetoml)."""

from __future__ import annotations

import itertools
import os

from esmith.errors import TemplateError
from esmith.expressions import expression
from esmith.fields import dataclass, field, replace
from esmith.fragments.file_check import Check
from esmith.names import nearest
from esmith.tables import NAME, SECONDS, TABLE, TEXT, TEXT_TABLE, TEXTS, TomlFile, Type, either, list_of, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from esmith.fragments.original import OriginalMetadata
    from esmith.fragments.tree import Template, TemplateTree
    from esmith.layout import Layout

ENGINES = ("text", "jinja2", "perl")
FILTERS = (NO_BLANK_LINES := "no-blank-lines",)
KINDS = ("file", "symlink")


@dataclass(frozen=True)
class Metadata:
    """The metadata of a template.

    :param mode: permissions in octal, e.g. ``0644``; may be Jinja2.
    :param owner: user that owns the output; may be Jinja2.
    :param group: group of the output; may be Jinja2.
    :param kind: ``file``, or ``symlink`` when the text is the target of a symbolic link.
    :param services: services that read the output, each with the action a change needs ("" for the event's own).
        None when no file says.
    :param foreach: ``database:type,type`` of the records an output is made for each; "" for one output.
    :param key: with ``foreach``, Jinja2 that gives what stands for ``{key}`` in the path of a record's output: nothing
        for a record that has none; "" for the record's key.
    :param outputs: Jinja2 that gives the keys of the outputs, one a line; "" for one output.
    :param filters: what is done to the whole text, by names of :data:`FILTERS`.
    :param delete_when: a Jinja2 expression; when it holds, the output is removed.
    :param unit: a name for outputs that are changed together or not at all, as those that one service reads are.
    :param skip_when: a Jinja2 expression; when it holds, the output is left as it is.
    :param output: the output's path, when it is not the template's own.
    :param engine: the engine of every fragment; "" when their places and texts decide.
    :param fragment_engines: the engine of single fragments.
    :param check: how the output is checked before it is installed; None for not at all.
    :param suspect_lines: patterns of lines that belong elsewhere, each with the advice to give.
    :param sources: the keys that are set, each with the file that sets it.
    :param variables: variables for the fragments (MORE_DATA of ``templates.metadata``).
    :param line_filter: FILTER of ``templates.metadata`` is called for each line.
    :param perl_variables: what Perl fragments find besides the records, by name with its sigil: an expression of Perl.
    :param perl_missing: names that the original's fragments set and nobody sets here: to read one is an error.
    :param by_perl: a value of ``templates.metadata`` was found by perl, which may look at anything.
    :param notes: lines of ``templates.metadata`` that are ignored, as messages.
    """

    mode: str = "0644"
    owner: str = "root"
    group: str = "root"
    kind: str = "file"
    services: dict[str, str] | None = None
    foreach: str = ""
    key: str = ""
    outputs: str = ""
    filters: tuple[str, ...] = ()
    delete_when: str = ""
    skip_when: str = ""
    unit: str = ""
    output: str = ""
    engine: str = ""
    fragment_engines: dict[str, str] = field(default_factory=dict)
    suspect_lines: dict[str, str] = field(default_factory=dict)
    check: Check | None = None
    sources: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    line_filter: bool = False
    perl_variables: dict[str, str] = field(default_factory=dict)
    perl_missing: tuple[str, ...] = ()
    by_perl: bool = False
    notes: tuple[str, ...] = ()


_ENGINE = one_of(*ENGINES)
_ENGINE_TABLE = Type(
    "a table of these",
    lambda value: TABLE.accepts(value) and all(map(_ENGINE.accepts, value.values())),
)
_PATH = Type(
    "an absolute path",
    lambda value: (
        isinstance(value, str) and value.startswith("/") and os.path.normpath(value) == value and "\0" not in value
    ),
)
_KEYS = {
    "mode": TEXT,
    "owner": TEXT,
    "group": TEXT,
    "services": either(TEXTS, TEXT_TABLE),
    "foreach": TEXT,
    "key": TEXT,
    "outputs": TEXT,
    "filter": list_of(*FILTERS),
    "delete-when": TEXT,
    "skip-when": TEXT,
    "unit": TEXT,
    "suspect-lines": TEXT_TABLE,
    "check": TABLE,
    "kind": one_of(*KINDS),
    "output": _PATH,
    "engine": either(_ENGINE, _ENGINE_TABLE),
    "perl-variables": TEXT_TABLE,
    "perl-missing": TEXTS,
}
_PERL_NAME = expression(r"(?a)[$@%&][A-Za-z_]\w*")
_CHECK_NAME = expression("[a-z0-9-]+")
_CHECK_KEYS = {
    "command": TEXTS,
    "package": TEXT,
    "also-called": TEXTS,
    "own": Type(
        "a name of letters, digits and -",
        lambda value: isinstance(value, str) and bool(_CHECK_NAME.fullmatch(value)),
    ),
    "off": NAME,
    "fails-on": TEXT,
    "reads": TEXTS,
    "beside": TEXTS,
    "environment": TEXT_TABLE,
    "timeout": SECONDS,
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
        self._merged: dict[tuple[str, str], Metadata] = {}

    def find(self, path: str) -> Template:
        """Return a template by its path; its fragments may be those of another (TEMPLATE_PATH).

        :raises TemplateError: when there is no such template.
        """
        return self.original.find(self._tree, path) or self._tree.find(path)

    def of(self, template: Template) -> Metadata:
        """Return the metadata of a template, set in its own directory or a parent's: key by key, the nearest wins.

        A ``[files.NAME]`` table in the directory that holds the template is for that template alone, and so is the
        file in a directory of its path, also where a single file takes the place of that directory's fragments. What
        ``templates.metadata`` has goes before all that is shipped or inherited, and after what an administrator set
        for this one template in ``templates-custom``.

        :raises TemplateError: when a file is broken or says something unknown.
        """
        place = template.path, template.source
        if place not in self._merged:
            self._merged[place] = self._of(template)
        return self._merged[place]

    def _of(self, template: Template) -> Metadata:
        levels = self._levels(template.path)
        if template.source:
            levels = [one for one in levels if one[2]]
            others = self._levels(template.source)
            levels += [({**data, "output": ""}, file, False) for data, file, _ in others]
        original, original_sources = self._original(template.path)
        place = sum(1 for _ in itertools.takewhile(lambda one: one[2] and self._tree.is_custom(one[1]), levels))
        merged: dict[str, Any] = {}
        sources: dict[str, str] = {}
        tables = [(_marked(data, alone), dict.fromkeys(data, file)) for data, file, alone in levels]
        for data, files in [*tables[:place], (original, original_sources), *tables[place:]]:
            for key, value in data.items():
                if key not in merged and key != "files":
                    merged[key] = value
                    sources[key] = files[key]
        return self._metadata(template.path, merged, sources)

    def _levels(self, path: str) -> list[tuple[dict[str, Any], str, bool]]:
        """Return what each ``template.toml`` sets for a template, with the file, and whether for this template alone.

        What is for it alone comes first; of that, what an administrator set.
        """
        holder, _, name = path.rpartition("/")
        alone, inherited = [], []
        for directory, file in self._tree.metadata_files(path):
            if file not in self._read:
                self._read[file] = _read(file, self._tree.layout)
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
        if not (expressions := found.entries(path).expressions):
            return {}, {}
        output = "OUTPUT_FILENAME" if found.value(path, "OUTPUT_FILENAME") else "OUTPUT_PREFIX"
        words = {
            "mode": ("PERMS", found.mode(path)),
            "owner": ("UID", found.name(path, "UID")),
            "group": ("GID", found.name(path, "GID")),
            "output": (output, found.output(path)),
            "delete-when": ("DELETE", "true" if found.value(path, "DELETE") not in (None, "", "0") else None),
            "skip-when": ("OUTPUT_TYPE", "true" if found.value(path, "OUTPUT_TYPE") == "string" else None),
        }
        values = {key: value for key, (_, value) in words.items() if value is not None}
        return values, {key: expressions[words[key][0]].path for key in values}

    def _metadata(self, path: str, merged: dict[str, Any], sources: dict[str, str]) -> Metadata:
        metadata = _metadata(merged, sources)
        original = self.original.entries(path)
        if not original.expressions and not original.notes:
            return metadata
        for name, one in original.expressions.items():
            sources[name] = one.path
        more = (self.original.value(path, "MORE_DATA") or "").split("\0")
        return replace(
            metadata,
            variables=dict(zip(more[::2], more[1::2], strict=False)),
            line_filter="FILTER" in original.expressions,
            by_perl=self.original.needs_perl(path),
            notes=tuple(original.notes),
        )


def _read(path: str, layout: Layout) -> dict[str, Any]:
    """Return what a ``template.toml`` says, checked.

    :param layout: the root, whose checks it may name.
    :raises TemplateError: when it cannot be read, or says something unknown.
    """
    try:
        file = TomlFile(path, TemplateError)
    except OSError as error:
        raise TemplateError(f"cannot be read: {error}", place=path, hint="run the command again") from error
    file.check(file.data, _KEYS | {"files": TABLE})
    _check_values(file, file.data, "", layout)
    for name, table in file.data.get("files", {}).items():
        file.check(table, _KEYS, f"files.{name}")
        _check_values(file, table, f"files.{name}", layout)
    return file.data


def _check_values(file: TomlFile, table: dict[str, Any], name: str, layout: Layout) -> None:
    """Check what the types of the keys leave open."""
    for pattern in table.get("suspect-lines", {}):
        _check_pattern(file, "suspect-lines", pattern)
    for variable in (*table.get("perl-variables", {}), *table.get("perl-missing", [])):
        if not _PERL_NAME.fullmatch(variable):
            raise file.error(f"{variable!r} is no name of Perl", hint="write it with its sign: '@domains', '&function'")
    check = table.get("check")
    if check is None:
        return
    name = f"{name}.check".lstrip(".")
    file.check(check, _CHECK_KEYS, name)
    if sum(key in check for key in ("command", "own", "off")) != 1:
        raise file.error(
            f"[{name}] needs one of command, own and off",
            hint='the first is the usual one: command = ["PROGRAM", "{file}"]',
        )
    if "own" in check and not os.path.exists(layout.check(check["own"])):
        raise file.error(f"[{name}] there is no check {check['own']!r}", hint=_hint_at_checks(check["own"], layout))
    if "command" in check and not (check["command"] and check.get("package")):
        raise file.error(f"[{name}] command needs the Debian package of its program", hint='add package = "..."')
    _check_pattern(file, f"[{name}] fails-on", check.get("fails-on", ""))


def _hint_at_checks(name: str, layout: Layout) -> str:
    if not os.path.isdir(layout.checks):
        return "install the shipped checks: esmith init"
    known = sorted(os.listdir(layout.checks))
    names = [other.removesuffix(".py").replace("_", "-") for other in known if other.endswith(".py")]
    close = nearest(name, names)
    return f"did you mean {close!r}?" if close else f"the checks are in {layout.checks}: {', '.join(names)}"


def _check_pattern(file: TomlFile, key: str, pattern: str) -> None:
    import re

    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise file.error(f"{key} {pattern!r} is not a regular expression: {error}", hint="see pydoc re") from error


def _marked(data: dict[str, Any], alone: bool) -> dict[str, Any]:
    """Return what a file says for a template, its check with the mark whether it is inherited."""
    return {**data, "check": {**data["check"], "inherited": not alone}} if "check" in data else data


def _checking(data: dict[str, Any] | None) -> Check | None:
    if data is None:
        return None
    return Check(
        command=tuple(data.get("command", ())),
        package=data.get("package", ""),
        also_called=tuple(data.get("also-called", ())),
        own=data.get("own", ""),
        off=data.get("off", ""),
        fails_on=data.get("fails-on", ""),
        reads=tuple(data["reads"]) if "reads" in data else None,
        beside=tuple(data.get("beside", ())),
        environment=data.get("environment", {}),
        timeout=data.get("timeout", Check.timeout),
        inherited=data["inherited"],
    )


def _metadata(merged: dict[str, Any], sources: dict[str, str]) -> Metadata:
    services = merged.get("services")
    engine = merged.get("engine", "")
    return Metadata(
        mode=merged.get("mode", "0644"),
        owner=merged.get("owner", "root"),
        group=merged.get("group", "root"),
        kind=merged.get("kind", "file"),
        services=dict.fromkeys(services, "") if isinstance(services, list) else services,
        foreach=merged.get("foreach", ""),
        key=merged.get("key", ""),
        outputs=merged.get("outputs", ""),
        filters=tuple(merged.get("filter", ())),
        delete_when=merged.get("delete-when", ""),
        skip_when=merged.get("skip-when", ""),
        unit=merged.get("unit", ""),
        output=merged.get("output", ""),
        engine=engine if isinstance(engine, str) else "",
        fragment_engines=engine if isinstance(engine, dict) else {},
        suspect_lines=merged.get("suspect-lines", {}),
        perl_variables=merged.get("perl-variables", {}),
        perl_missing=tuple(merged.get("perl-missing", ())),
        check=_checking(merged.get("check")),
        sources=sources,
    )
