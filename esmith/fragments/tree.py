"""Finding templates: which fragments, from which layer, in which order (docs/fragments.md#layers)."""

from __future__ import annotations

import os
import stat

from esmith.errors import TemplateError
from esmith.fields import dataclass, field
from esmith.layout import LAYERS, Layout
from esmith.names import fits, is_leftover, is_pattern, leads_to_directory, leads_to_file, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN = "template-begin"
END = "template-end"
METADATA = "template.toml"
#: What a template of a contrib links to as its ``template-begin`` or ``template-end``.
DEFAULTS = "/etc/e-smith/templates-default"
#: Stands in a template's path for the key of the record an output is made for.
KEY = "{key}"
_SPECIAL = frozenset((BEGIN, END, METADATA))


class NoTemplateError(TemplateError):
    """There is no such template. Any other TemplateError says that the template is broken."""


@dataclass(frozen=True)
class Fragment:
    """One file that is part of a template.

    :param name: its name, which orders it.
    :param path: where it is on this disk.
    :param layer: the directory of the layer it comes from.
    :param masked: it is there only to leave out the fragment of that name in a farther layer.
    """

    name: str
    path: str
    layer: str
    masked: bool = False


@dataclass(frozen=True)
class Skipped:
    """Something in a fragment directory that is no fragment.

    :param path: where it is on this disk.
    :param reason: why it is none.
    :param advice: what to do about it; "" when it is harmless.
    """

    path: str
    reason: str
    advice: str = ""


@dataclass
class Template:
    """The fragments of one template, in order.

    :param path: the template's path: its output's absolute path, unless the metadata says otherwise.
    :param skipped: what its directories hold besides fragments.
    :param source: the path its fragments are at, when that is another one (TEMPLATE_PATH in ``templates.metadata``).
    """

    path: str
    fragments: list[Fragment]
    skipped: list[Skipped] = field(default_factory=list)
    source: str = ""


class TemplateTree:
    """The templates of one root, as they are at one moment: what it looked for once it does not look for again.

    :param layout: the root.
    :param layers: the directories to look in, the nearest first; default: the layers of the layout.
    :raises UntrustedError: when anything in them is not in the hands of its owners alone.
    """

    def __init__(self, layout: Layout, layers: tuple[str, ...] = ()) -> None:
        self.layout = layout
        self._layers = layers or tuple(layout.layer(name) for name in LAYERS)
        #: The directories in which it looks.
        self.trees = (*self._layers, layout.under(DEFAULTS))
        layout.trust.require_trees(*self.trees)
        self._loaded: dict[str, Template | None] = {}
        self._outer: dict[tuple[str, str], Fragment | None] = {}
        self._metadata_files: dict[str, list[tuple[str, str]]] = {}
        self._names: dict[str, frozenset[str] | None] = {}

    def find(self, path: str) -> Template:
        """Return the template of an output.

        :param path: the output's absolute path, or the path of a ``foreach`` template, with ``{key}`` in it.
        :raises NoTemplateError: when there is no such template.
        """
        path = os.path.normpath("/" + path.lstrip("/"))
        template = self._load(path)
        if template is None:
            raise NoTemplateError(f"there is no template for {path}", hint=self._hint(path))
        return template

    def find_for_key(self, path: str) -> tuple[Template, str | None]:
        """Return the template of an output and, when it is made by a ``foreach`` template, the record's key.

        :raises NoTemplateError: when there is no such template.
        """
        path = os.path.normpath("/" + path.lstrip("/"))
        if self._load(path) is None:
            parts = path.split("/")
            for place, name in enumerate(parts):
                for pattern, key in self._key_names("/".join(parts[:place]), name):
                    template = self._load("/".join([*parts[:place], pattern, *parts[place + 1 :]]))
                    if template is not None:
                        return template, key
        return self.find(path), None

    def matching(self, pattern: str) -> list[str]:
        """Return the paths of the templates in the ``templates`` layer that match a pattern, in byte order.

        Only that layer is looked at: the wiki page makes a custom directory as a mere source of links
        (docs/page.md, block 69), and that must not become an output.

        :param pattern: an absolute path; ``*``, ``?`` and ``[...]`` match within one name.
        """
        paths = [""]
        parts = pattern.strip("/").split("/")
        for place, part in enumerate(parts):
            last = place == len(parts) - 1
            paths = [f"{path}/{name}" for path in paths for name in self._names_matching(path, part, last=last)]
        return sorted(paths)

    def is_shipped(self, path: str) -> bool:
        """Return whether the ``templates`` layer has a template of this path."""
        return os.path.exists(self._layers[-1] + path)

    def begin_or_end(self, path: str, name: str) -> Fragment | None:
        """Return the ``template-begin`` or ``template-end`` of a directory: its own, else the nearest parent's.

        :param path: the template's path.
        :param name: ``template-begin`` or ``template-end``.
        """
        if (path, name) not in self._outer:
            own = self._own_begin_or_end(path, name)
            if own is None:
                at_top = path in ("/", "")
                own = self._default_begin(name) if at_top else self.begin_or_end(os.path.dirname(path), name)
            self._outer[path, name] = own
        return self._outer[path, name]

    def _own_begin_or_end(self, directory: str, name: str) -> Fragment | None:
        for layer in self._layers:
            candidate = layer + os.path.join(directory, name)
            if not self._may_hold(candidate):
                continue
            if os.path.isfile(candidate) or _is_null_link(candidate) or _leads_nowhere(candidate):
                return Fragment(name, self._aim(candidate), layer, masked=_is_null_link(candidate))
        return None

    def _default_begin(self, name: str) -> Fragment | None:
        """Return the comment that the original puts before what comes from other directories than the layers."""
        directory = self.layout.under(DEFAULTS)
        place = os.path.join(directory, BEGIN)
        return Fragment(name, place, directory) if name == BEGIN and os.path.isfile(place) else None

    def _aim(self, path: str) -> str:
        """Return the file to read for a fragment: where an absolute link leads below the root, if that is a folder.

        :raises UntrustedError: when that is not in the hands of its owners alone.
        """
        root = self.layout.root
        if root == "/" or not os.path.islink(path):
            return path
        target = os.readlink(path)
        if not os.path.isabs(target) or target.startswith(f"{root}/") or _is_null_link(path):
            return path
        inside = self.layout.under(target)
        if not os.path.isfile(inside):
            return path
        self.layout.trust.require(inside)
        return inside

    def metadata_files(self, path: str) -> list[tuple[str, str]]:
        """Return the ``template.toml`` files that are for a template, each after its directory, the nearest first.

        :param path: the template's path.
        """
        if path not in self._metadata_files:
            files = [f"{layer}{path.rstrip('/')}/{METADATA}" for layer in self._layers]
            outer = [] if path in ("/", "") else self.metadata_files(os.path.dirname(path))
            own = [(path, file) for file in files if self._may_hold(file) and os.path.isfile(file)]
            self._metadata_files[path] = [*own, *outer]
        return self._metadata_files[path]

    def is_custom(self, path: str) -> bool:
        """Return whether a file, as a path of this disk, is in a nearer layer than the shipped one."""
        return any(path.startswith(f"{layer}/") for layer in self._layers[:-1])

    def _may_hold(self, path: str) -> bool:
        """Return whether something may be at a path of this disk. Each directory is listed once, if it can be."""
        directory, _, name = path.rpartition("/")
        if directory not in self._names:
            try:
                self._names[directory] = frozenset(os.listdir(directory))
            except (FileNotFoundError, NotADirectoryError):
                self._names[directory] = frozenset()
            except OSError:
                self._names[directory] = None
        names = self._names[directory]
        return names is None or name in names

    def _load(self, path: str) -> Template | None:
        if path not in self._loaded:
            special = os.path.basename(path) in _SPECIAL or path == "/"
            self._loaded[path] = None if special else self._collected(path)
        return self._loaded[path]

    def _collected(self, path: str) -> Template | None:
        found: dict[str, Fragment] = {}
        skipped: list[Skipped] = []
        for layer in self._layers:
            place = layer + path
            if not self._may_hold(place):
                continue
            if os.path.isfile(place):
                # Behind a directory of a nearer layer a single file counts no more (docs/fragments.md#single-files).
                if not found:
                    return Template(path, [Fragment(os.path.basename(path), place, layer)])
                break
            if os.path.isdir(place):
                self._collect(place, layer, found, skipped, shipped=self._layers[-1] + path)
        if not found:
            return None
        for name in (BEGIN, END):
            outer = self.begin_or_end(os.path.dirname(path), name) if name not in found else None
            if outer is not None:
                found[name] = outer
        return Template(path, sorted(found.values(), key=_order), skipped=skipped)

    def _collect(
        self, directory: str, layer: str, found: dict[str, Fragment], skipped: list[Skipped], *, shipped: str
    ) -> None:
        for entry in sorted(_entries(directory), key=lambda entry: entry.name):
            if entry.name == METADATA or entry.name in found:
                continue
            found_skipped = _skipped(entry, shipped)
            is_link = entry.is_symlink()
            if is_link and _is_null_link(entry.path):
                found[entry.name] = Fragment(entry.name, entry.path, layer, masked=True)
            elif found_skipped:
                skipped.append(found_skipped)
            else:
                # Also a link that leads nowhere: without that fragment the file would not be what it should be.
                found[entry.name] = Fragment(entry.name, self._aim(entry.path) if is_link else entry.path, layer)

    def _key_names(self, path: str, name: str) -> Iterator[tuple[str, str]]:
        """Yield the names with ``{key}`` in them beside a path that a name may be made from, and the key then."""
        for layer in self._layers:
            directory = f"{layer}{path}"
            if not self._may_hold(directory):
                continue
            for pattern in sorted(entry.name for entry in _entries(directory)) if os.path.isdir(directory) else []:
                before, mark, after = pattern.partition(KEY)
                if mark and len(name) > len(before + after) and name.startswith(before) and name.endswith(after):
                    yield pattern, name[len(before) : len(name) - len(after)]

    def _names_matching(self, path: str, part: str, *, last: bool) -> Iterator[str]:
        directory = self._layers[-1] + path
        has_marks = is_pattern(part)
        if not (has_marks or self._may_hold(f"{directory}/{part}")) or not os.path.isdir(directory):
            return
        for entry in _entries(directory):
            if not fits(entry.name, part) or entry.name in _SPECIAL or is_leftover(entry.name):
                continue
            if (
                not last
                and leads_to_directory(entry)
                or last
                and (leads_to_file(entry) or _holds_fragments(entry.path))
            ):
                yield entry.name

    def _hint(self, path: str) -> str:
        siblings = [os.path.basename(found) for found in self.matching(os.path.dirname(path) + "/*")]
        close = nearest(os.path.basename(path), siblings)
        if close:
            return f"did you mean {os.path.join(os.path.dirname(path), close)}?"
        return "check the path: it is the absolute path of the file to be generated"


def _order(fragment: Fragment) -> tuple[int, bytes]:
    place = {BEGIN: 0, END: 2}.get(fragment.name, 1)
    return place, os.fsencode(fragment.name)


def _skipped(entry: os.DirEntry[str], shipped: str) -> Skipped | None:
    if is_leftover(entry.name):
        return Skipped(entry.path, "left by an editor or a package")
    if entry.is_file(follow_symlinks=False) or (entry.is_symlink() and not os.path.exists(entry.path)):
        return None
    try:
        mode = os.stat(entry.path).st_mode
    except OSError as error:
        return Skipped(entry.path, f"cannot be read: {error.strerror}", "remove it")
    if stat.S_ISDIR(mode):
        return Skipped(entry.path, "is a directory", _directory_advice(entry, shipped))
    return None if stat.S_ISREG(mode) else Skipped(entry.path, "is no regular file", "remove it")


def _directory_advice(entry: os.DirEntry[str], shipped: str) -> str:
    """Say so when a fragment seems to be saved one directory too deep (docs/page.md, block 13).

    Sub-templates are directories too, but shipped, and none holds a file of its own name.
    """
    files = sorted(inner.name for inner in _entries(entry.path) if leads_to_file(inner))
    misplaced = entry.name in files or not os.path.isdir(os.path.join(shipped, entry.name))
    return f"its file {files[0]} is not used; move it up one directory" if files and misplaced else ""


def _is_null_link(path: str) -> bool:
    return os.path.islink(path) and os.path.realpath(path) == os.devnull


def _leads_nowhere(path: str) -> bool:
    return os.path.islink(path) and not os.path.exists(path)


def _holds_fragments(directory: str) -> bool:
    if not os.path.isdir(directory):
        return False
    return any(
        leads_to_file(entry) and entry.name not in _SPECIAL and not is_leftover(entry.name)
        for entry in _entries(directory)
    )


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(directory))
    except OSError as error:
        raise TemplateError(
            f"cannot be read: {error.strerror}", place=directory, hint="correct its permissions, or run it as root"
        ) from error
