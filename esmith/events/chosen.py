"""The events and templates that a preview looks at; what is broken among them is listed."""

from __future__ import annotations

from contextlib import suppress

from esmith.errors import EsmithError
from esmith.events.asked import check_service_actions
from esmith.events.contribs import drop_unknown_actions
from esmith.events.definition import Event, event_names, load_event
from esmith.fields import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from esmith.fragments.render import Renderer


@dataclass(frozen=True)
class Fault:
    """Something that is broken.

    :param subject: the path of the template, or the name of the event.
    :param error: what is wrong.
    :param stops: whether an event with it would stop, and change no file.
    """

    subject: str
    error: EsmithError
    stops: bool


class Chosen:
    """The events and templates that are looked at.

    :param renderer: where templates are found.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._layout = renderer.layout
        self.templates: list[str] = []
        #: The names of the events that have a template, by its path.
        self.names: dict[str, list[str]] = {}
        self.faults: list[Fault] = []
        #: What all events that were named do to services.
        self.event = Event("", "")

    def add(self, events: Sequence[str] | None, templates: Sequence[str] | None, *, others: bool = True) -> None:
        """Add those that were asked for.

        :param others: whether the other events are looked at for their names; events that were named are always.
        """
        for path in templates or ():
            self._renderer.find(path)
            self.templates.append(path)
        wanted = dict.fromkeys(events or ())
        known = event_names(self._layout)
        for name in [*wanted, *(other for other in known if others and other not in wanted)]:
            try:
                event = load_event(self._layout, name, self._renderer.tree)
                if name in wanted:
                    drop_unknown_actions(event, self._layout)
                    check_service_actions(event)
            except EsmithError as error:
                if name in wanted and name not in known:
                    raise
                if name in wanted or (events is None and templates is None):
                    self.faults.append(Fault(name, error, name in wanted))
                continue
            self._note(event)
            if name in wanted:
                for service, actions in event.services.items():
                    self.event.services.setdefault(service, []).extend(actions)
            if name in wanted or (events is None and templates is None):
                self.templates += event.templates

    def _note(self, event: Event) -> None:
        for path in event.templates:
            # One that is broken is reported where it is expanded.
            with suppress(EsmithError):
                names = self.names.setdefault(self._renderer.find(path)[0].path, [])
                if event.name not in names:
                    names.append(event.name)
