"""The steps that take e-smith away, in their order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from esmith.layout import Layout
from esmith.services.find import FOLDERS
from esmith.setup.arrange import Arrangement, arrange_services
from esmith.setup.machine.leavings import leavings, remove_leavings
from esmith.setup.machine.links import our_links, remove_links
from esmith.setup.machine.programs import Programs
from esmith.setup.machine.removal import generated_files, remove_generated, remove_product
from esmith.setup.machine.service_files import (
    remove_folders,
    remove_service_directories,
    remove_service_links,
    service_directories,
)
from esmith.setup.machine.steps import Step
from esmith.setup.machine.stop import end_supervisors, stop_services
from esmith.setup.shipped import installed_product_files
from esmith.store import open_store, store_files

#: What keeps events away while files are removed.
Lock = Callable[[], AbstractContextManager[object]]


class Removal:
    """Takes e-smith away.

    :param layout: the root.
    :param programs: shows what becomes of a step.
    :param lock: gives what keeps events away.
    """

    def __init__(self, layout: Layout, programs: Programs, lock: Lock) -> None:
        self._layout = layout
        self._note = programs.progress.note
        self._lock = lock

    def steps(self) -> list[Step]:
        """Return the steps."""
        layout = self._layout
        return [
            Step("the services are stopped", lambda: service_directories(layout), self._stop),
            Step(
                "generated files",
                lambda: [f"{len(self._generated())} files are removed, or what Debian had there is restored"],
                self._remove_generated,
                lambda: "" if self._generated() else "there are none",
            ),
            Step(
                "what services wrote for themselves",
                lambda: [f"{len(leavings(layout))} files are removed, and directories where nothing else is"],
                lambda: self._note_all(remove_leavings(layout)),
            ),
            Step("units, and Debian's own services", lambda: ["esmith init --give-back"], self._give_back),
            Step(
                "links to commands",
                lambda: our_links(layout),
                lambda: remove_links(layout),
                lambda: "" if our_links(layout) else "there are none",
            ),
            Step(
                "shipped files",
                lambda: [f"{len(installed_product_files(layout))} files are removed"],
                self._remove_shipped,
                lambda: "" if installed_product_files(layout) else "there are none",
            ),
        ]

    def _stop(self) -> None:
        layout = self._layout
        self._note(f"stopped: {', '.join(stop_services(layout)) or 'none ran'}")
        remove_service_links(layout, FOLDERS)
        end_supervisors(layout, service_directories(layout))
        remove_service_directories(layout)
        remove_folders(layout)

    def _remove_generated(self) -> None:
        with self._lock():
            self._note_all(remove_generated(self._layout, open_store(self._layout, write=True)))

    def _give_back(self) -> None:
        with self._lock():
            self._note_all(arrange_services(self._layout, Arrangement(give_back=True), {}))

    def _remove_shipped(self) -> None:
        with self._lock():
            self._note_all(remove_product(self._layout))

    def _generated(self) -> list[str]:
        there = any(os.path.exists(file) for file in store_files(self._layout))
        return generated_files(open_store(self._layout)) if there else []

    def _note_all(self, lines: Iterable[str]) -> None:
        for line in "\n".join(lines).splitlines():
            self._note(line)
