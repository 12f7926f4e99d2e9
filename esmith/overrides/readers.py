"""What reads the files of the custom layers: which are left out, and which count whatever their name says."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property

from esmith.errors import EsmithError, TemplateError
from esmith.events.affected import TemplateUse
from esmith.events.definition import event_names, load_event
from esmith.fragments.tree import BEGIN, END, METADATA, TemplateTree
from esmith.layout import LAYERS
from esmith.names import is_leftover, nearest
from esmith.overrides.places import Places, counts, leads_to_nothing
from esmith.services.definition import SETTINGS, service_names
from esmith.services.model import is_service_name
from esmith.store.protocol import Snapshot

#: What is inherited by the templates below.
_OF_ALL_BELOW = (BEGIN, END, METADATA)
#: The files of a service that are read (docs/add-a-service.md), and those that make one.
_OF_SERVICE = ("run", "log", "systemd", SETTINGS)
_MAKES_SERVICE = ("run", SETTINGS)
_SCRIPTS = ("/run", "/log", "/begin", "/systemd")
_LEFT_BEHIND = "an editor or a package left it; files of such a name do not count"
#: Ends of names that people and programs give to copies; the files are fragments still.
_COPY = re.compile(
    r"(.+)\.(?:bak|backup|bkp|old|save|saved|rej|tmp|copy|disabled|off|ucf-(?:old|new|dist))", re.IGNORECASE
)
#: Those that say it only beside the file that they are a copy of.
_COPY_OF = re.compile(r"(.+?)(?:[._-](?:bak|old|new|org|copy|save|tmp|\d{4}-\d\d-\d\d)|\.\d+| ?\(.+\))", re.IGNORECASE)
#: What stands in the path of a template for a part of the names of the files it makes.
_KEY = r"\{[^/{}]*\}"


class Readers:
    """Says what reads the files of the custom layers of one root.

    :param places: the layers.
    :param names: the files there, as paths below ``/etc/e-smith``.
    :param snapshot: the databases, by which also templates are known that are only expanded inside others.
    """

    def __init__(self, places: Places, names: Sequence[str], snapshot: Snapshot | None) -> None:
        self._places = places
        self._layout = places.layout
        self._names = names
        self._snapshot = snapshot

    def why_dead(self, name: str) -> str:
        """Return why nothing reads a file, "" when something may.

        :param name: its path below ``/etc/e-smith``; it need not be there.
        """
        layer, _, inner = name.partition("/")
        path = self._places.disk_path(name)
        is_template = layer == LAYERS[0] and f"/{inner}" in self._templates
        # A template may have any name, where an event names it.
        if not counts(name) and not is_template:
            return _LEFT_BEHIND
        if os.path.islink(path) and os.path.isdir(path):
            return "" if self._is_of_templates(layer, f"/{inner}") else "is a link to a directory"
        is_metadata = layer == LAYERS[0] and os.path.basename(inner) == METADATA
        if leads_to_nothing(path) and is_metadata:
            return f"a link to /dev/null leaves out no {METADATA}"
        if os.path.lexists(path) and not (os.path.isfile(path) or leads_to_nothing(path)):
            is_read = layer == LAYERS[0] and not is_metadata
            if not os.path.islink(path):
                return "is not a regular file"
            # A fragment that is such a link makes an event fail; of a service it is passed over.
            if not is_read:
                return "is a link that leads nowhere"
        why = self._why_unread_service(inner) if layer != LAYERS[0] else self._why_unread(f"/{inner}")
        return _LEFT_BEHIND if why and any(map(is_leftover, inner.split("/"))) else why

    def why_broken(self, name: str) -> str:
        """Return why a file that is read cannot be, "" where it can."""
        path = self._places.disk_path(name)
        if os.path.islink(path) and os.path.isdir(path):
            return f"is a link to the directory {os.readlink(path)}: what is in there counts, and is not listed here"
        if os.path.islink(path) and not os.path.exists(path):
            return "is a link that leads nowhere, so the file it is for cannot be made"
        return ""

    def copy_of(self, name: str) -> str | None:
        """Return the file that a fragment seems to be a copy of, "" when its name does not say which; None for none.

        :param name: the path of a fragment below ``/etc/e-smith`` that is read, and in whose place nothing is shipped.
        """
        layer, _, inner = name.partition("/")
        above, base = os.path.split(inner)
        if layer != LAYERS[0] or f"/{inner}" in self._templates:
            return None
        for pattern in (_COPY, _COPY_OF):
            if found := pattern.fullmatch(base):
                beside = (f"{tree}/{above}/{found[1]}" for tree in LAYERS)
                if any(os.path.lexists(self._places.disk_path(one)) for one in beside):
                    return found[1]
        return "" if _COPY.fullmatch(base) else None

    def service_near(self, name: str) -> str:
        """Return the path of a file of the service that somebody may have meant, "" when none is close."""
        layer, _, inner = name.partition("/")
        service, _, rest = inner.partition("/")
        if layer == LAYERS[0]:
            return ""
        if service not in self._services:
            near = nearest(service, self._services)
            return f"{layer}/{near}/{rest}".rstrip("/") if near else ""
        near = nearest(rest, _OF_SERVICE)
        return f"{layer}/{service}/{near}" if near else ""

    def fragment_near(self, name: str) -> str:
        """Return the name of the shipped or own fragment that somebody may have meant by a new one, "" for none."""
        above, base = os.path.split(name.partition("/")[2])
        beside: set[str] = set()
        for tree in LAYERS if name.startswith(f"{LAYERS[0]}/") else ():
            with suppress(OSError):
                beside.update(entry.name for entry in os.scandir(self._places.disk_path(f"{tree}/{above}")))
        return nearest(base, sorted(one for one in beside if counts(one))) or ""

    @cached_property
    def _services(self) -> list[str]:
        return service_names(self._layout.services, self._layout.services_custom)

    def _why_unread_service(self, inner: str) -> str:
        service, _, rest = inner.partition("/")
        if self._places.shipped_path(f"services-custom/{inner}") or inner == SETTINGS:
            return ""
        if rest not in _OF_SERVICE and self._is_named(inner):
            return ""
        if not rest:
            return "no script of a service has a part of this name"
        if is_leftover(service) or not is_service_name(service):
            return f"{service!r} cannot be the name of a service"
        directories = [f"{layer}/{service}" for layer in ("services", "services-custom")]
        makes_it = rest in _MAKES_SERVICE
        if not makes_it and not any(
            os.path.isfile(self._places.disk_path(f"{one}/{name}")) for one in directories for name in _MAKES_SERVICE
        ):
            return f"there is no service {service}: no run script and no {SETTINGS}"
        return "" if rest in _OF_SERVICE else f"only {', '.join(_OF_SERVICE[:-1])} and {SETTINGS} of a service are read"

    def _is_named(self, inner: str) -> bool:
        """Return whether a script of the administrator names a file, which may be there for that alone."""
        word = re.compile(rb"(?<![\w.-])" + re.escape(os.fsencode(os.path.basename(inner))) + rb"(?![\w.-])")
        own = (name for name in self._names if name.startswith("services-custom/") and name.endswith(_SCRIPTS))
        for name in own:
            with suppress(TemplateError):
                if word.search(self._places.text_of(name) or b""):
                    return True
        return False

    def _is_of_templates(self, layer: str, path: str) -> bool:
        """Return whether a directory is that of a template, or above one."""
        return layer == LAYERS[0] and (
            self._is_shipped(path) or any(f"{template}/".startswith(f"{path}/") for template in self._templates)
        )

    def _why_unread(self, path: str) -> str:
        """Return why no template has a file of ``templates-custom``, "" when one has.

        :param path: its path below the layer.
        """
        place = self._places.disk_path(LAYERS[0] + path)
        # A link leads to what another one may lead to as well, and that says nothing of itself.
        if self._is_of_template(path) or (place if os.path.islink(place) else os.path.realpath(place)) in self._targets:
            return ""
        directory, name = os.path.split(path)
        outer = directory
        while (outer := os.path.dirname(outer)) != "/":
            if self._is_template(outer):
                return f"a directory too deep: the fragments of {outer} are right in it"
        return f"no event and no shipped template reads {path if name not in _OF_ALL_BELOW else directory}"

    def _is_of_template(self, path: str) -> bool:
        """Return whether some template has a file right at a path below the layer."""
        directory, name = os.path.split(path)
        if name not in _OF_ALL_BELOW:
            return path in self._templates or self._is_template(directory)
        place = directory.rstrip("/")
        return any(f"{one}/".startswith(f"{place}/") for one in self._templates) or self._is_shipped(place)

    def template_near(self, name: str) -> str:
        """Return the template that somebody may have meant by a fragment that nothing reads, "" when none is close.

        :param name: the path of the fragment below ``/etc/e-smith``.
        """
        layer, _, inner = name.partition("/")
        if layer != LAYERS[0]:
            return ""
        path = f"/{inner}"
        for one in (os.path.dirname(path), path):
            # One template makes the files of all users; of several the one that says most about the path.
            making = [template for template in self._templates if _makes(template, one)]
            if making:
                return max(making, key=lambda template: (len(re.sub(_KEY, "", template)), template))
        close = nearest(os.path.dirname(path), sorted(self._templates)) or nearest(path, sorted(self._templates))
        return close or ""

    def _is_template(self, directory: str) -> bool:
        return directory in self._templates or (directory != "/" and self._holds_fragments(directory))

    def _is_shipped(self, path: str) -> bool:
        return os.path.exists(self._layout.layer(LAYERS[1]) + path)

    def _holds_fragments(self, path: str) -> bool:
        """Return whether a shipped directory is a template: files that are templates of their own make none."""
        place = self._layout.layer(LAYERS[1]) + path
        return os.path.isdir(place) and any(
            entry.is_file() and entry.name not in _OF_ALL_BELOW and f"{path}/{entry.name}" not in self._templates
            for entry in os.scandir(place)
        )

    @cached_property
    def _templates(self) -> frozenset[str]:
        """The templates that events name, and that are expanded inside others or were expanded before."""
        if self._snapshot is not None:
            return frozenset(TemplateUse.of(self._layout, self._snapshot).all)
        tree = TemplateTree(self._layout)
        found: set[str] = set()
        for event in event_names(self._layout):
            try:
                found.update(load_event(self._layout, event, tree).templates)
            except EsmithError:
                continue
        return frozenset(found)

    @cached_property
    def _targets(self) -> frozenset[str]:
        """What fragments that are links lead to: it may be there for that alone (docs/page.md, block 69)."""
        found: set[str] = set()
        for name in self._names:
            link = self._places.disk_path(name)
            if name.startswith(f"{LAYERS[0]}/") and os.path.islink(link) and self._is_of_template(_below_layer(name)):
                target = os.readlink(link)
                for place in (os.path.join(os.path.dirname(link), target), self._layout.under(target)):
                    found |= {os.path.normpath(place), os.path.realpath(place)}
        return frozenset(found)


def _below_layer(name: str) -> str:
    return f"/{name.partition('/')[2]}"


def _makes(template: str, path: str) -> bool:
    """Return whether a template with a name to fill in makes the file of a path."""
    parts = re.split(_KEY, template)
    return len(parts) > 1 and re.fullmatch("[^/]+".join(map(re.escape, parts)), path) is not None
