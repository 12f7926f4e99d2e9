"""What an event is: the directory ``events/NAME`` read and checked (docs/events.md#what-an-event-is-made-of)."""

from __future__ import annotations

import os

from esmith.errors import TemplateError, UsageError
from esmith.fields import dataclass, field
from esmith.names import is_leftover, is_pattern, leads_to_directory, leads_to_file, nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmith.fragments.tree import TemplateTree
    from esmith.layout import Layout

TEMPLATES = "templates2expand"
SERVICES = "services2adjust"
#: Says what an event is for, for people (docs/events.md#what-an-event-is-made-of).
ABOUT = "event.toml"
#: What a directory of either name may hold besides the markers: the same lines as the file form. The lists of shipped
#: events are there, so that what a contrib copies into the directory lies beside them, as does ``ln -s restart foo``.
LIST = "LIST"
#: The places in the order of an event where templates are expanded and services adjusted, as the original names them.
EXPAND_PLACE = "S05generic_template_expand"
ADJUST_PLACE = "S90adjust-services"


@dataclass
class Event:
    """One event.

    :param name: its name.
    :param directory: where it is on this disk.
    :param templates: paths of the templates to expand, globs resolved.
    :param services: services to adjust, each with its service actions.
    :param asked_in: where a service is asked for a service action: the link or the list, as a path of this disk.
    :param actions: names of the executables, in byte order.
    :param skipped: names of files that are no actions because they are not executable.
    :param dangling: those of them that are links which lead nowhere.
    """

    name: str
    directory: str
    templates: list[str] = field(default_factory=list)
    services: dict[str, list[str]] = field(default_factory=dict)
    asked_in: dict[tuple[str, str], str] = field(default_factory=dict)
    actions: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    dangling: list[str] = field(default_factory=list)

    @property
    def steps(self) -> list[str]:
        """The names of the steps in order: actions, the expansion and the adjustment.

        Services are adjusted in every event: they may read a file it changed, or have a pending action. A contrib's own
        action of that name is run instead when the event names no services.
        """
        expansion = [EXPAND_PLACE] if self.templates else []
        adjustment = [ADJUST_PLACE] if self.services or ADJUST_PLACE not in self.actions else []
        return sorted([*self.actions, *expansion, *adjustment], key=os.fsencode)


def load_event(layout: Layout, name: str, tree: TemplateTree) -> Event:
    """Read an event.

    :param tree: where globs of templates are looked up.
    :raises UsageError: when there is no such event.
    :raises TemplateError: when it names a template that does not exist, or is written wrongly.
    :raises UntrustedError: when its directory, an action or a list is not in the hands of its owners alone.
    """
    event = load_actions(layout, name)
    event.templates = list(_templates(os.path.join(event.directory, TEMPLATES), tree))
    for service, action, place in _services(os.path.join(event.directory, SERVICES)):
        event.services.setdefault(service, []).append(action)
        event.asked_in.setdefault((service, action), place)
    return event


def load_actions(layout: Layout, name: str) -> Event:
    """Read an event without its templates and services.

    :raises UsageError: when there is no such event.
    :raises TemplateError: when it cannot be read.
    :raises UntrustedError: when its directory or something in it is not in the hands of its owners alone.
    """
    directory = os.path.join(layout.events, name)
    if "/" in name or name.startswith(".") or name in ("", "actions") or not os.path.isdir(directory):
        known = event_names(layout)
        close = nearest(name, known)
        hint = f"did you mean {close!r}?" if close else f"the events are in {layout.events}: {', '.join(known)}"
        raise UsageError(f"there is no event {name!r}", hint=hint)
    if not os.access(directory, os.R_OK | os.X_OK):
        raise TemplateError("cannot be read: Permission denied", place=directory, hint="run it as root")
    layout.trust.require_trees(directory)
    event = Event(name, directory)
    for entry in sorted(os.scandir(directory), key=lambda entry: os.fsencode(entry.name)):
        if entry.name in (TEMPLATES, SERVICES, ABOUT) or is_leftover(entry.name) or leads_to_directory(entry):
            continue
        if entry.is_symlink() and not os.path.exists(entry.path):
            event.dangling.append(entry.name)
        executable = leads_to_file(entry) and os.access(entry.path, os.X_OK)
        (event.actions if executable else event.skipped).append(entry.name)
    return event


def event_names(layout: Layout) -> list[str]:
    """Return the names of the events of a root, sorted."""
    if not os.path.isdir(layout.events):
        return []
    return sorted(
        entry.name
        for entry in os.scandir(layout.events)
        if leads_to_directory(entry) and entry.name[0] != "." and entry.name != "actions"
    )


def _templates(place: str, tree: TemplateTree) -> Iterator[str]:
    """Yield the templates an event names, each once: the lines of a list, and the marker files of a directory."""
    if not os.path.isdir(place):
        yield from dict.fromkeys(_listed(place, tree))
        return
    listed = list(_listed(os.path.join(place, LIST), tree))
    yield from dict.fromkeys([*listed, *_markers(place)])


def _markers(place: str) -> Iterator[str]:
    for directory, names in sorted(_walk(place)):
        for name in sorted(names):
            path = os.path.join(directory, name)
            if not is_leftover(name) and os.path.isfile(path) and path != os.path.join(place, LIST):
                yield path.removeprefix(place)


def _walk(place: str, *above: tuple[int, int]) -> Iterator[tuple[str, list[str]]]:
    """Yield the directories below one, also behind links, with their files; a link to a directory above it ends there.

    :param above: device and inode of each directory above.
    """
    try:
        status, entries = os.stat(place), list(os.scandir(place))
    except OSError:
        return
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        return
    yield place, [entry.name for entry in entries if not leads_to_directory(entry)]
    for entry in filter(leads_to_directory, entries):
        yield from _walk(entry.path, *above, identity)


def _listed(place: str, tree: TemplateTree) -> Iterator[str]:
    for number, line in _lines(place):
        if not line.startswith("/"):
            raise TemplateError(f"{line!r} is not an absolute path", place=f"{place}:{number}")
        if not is_pattern(line):
            yield line
            continue
        found = tree.matching(line)
        if not found:
            raise TemplateError(
                f"{line} matches no template", place=f"{place}:{number}", hint="correct or remove the line"
            )
        yield from found


def _services(place: str) -> Iterator[tuple[str, str, str]]:
    """Yield services with an action and where it stands: in lines of a list; in a directory in links and files."""
    if not os.path.isdir(place):
        yield from _listed_services(place)
        return
    yield from _listed_services(os.path.join(place, LIST))
    for entry in sorted(os.scandir(place), key=lambda entry: entry.name):
        if is_leftover(entry.name) or entry.name == LIST:
            continue
        if entry.is_symlink():
            yield entry.name, os.readlink(entry.path), entry.path
        elif leads_to_file(entry):
            for action in [line.split()[0] for _, line in _lines(entry.path)] or ["start"]:
                yield entry.name, action, entry.path


def _listed_services(place: str) -> Iterator[tuple[str, str, str]]:
    for _, line in _lines(place):
        service, *actions = line.split()
        for action in actions or ["start"]:
            yield service, action, place


def _lines(place: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, without comments and blank lines; none when there is no file."""
    try:
        # What is no UTF-8 names nothing that exists, and is reported as that.
        with open(place, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise TemplateError(f"cannot be read: {error.strerror}", place=place) from error
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith("#"):
            yield number, text
