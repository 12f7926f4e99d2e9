"""The steps that take e-smith away, in their order."""

from __future__ import annotations

import os

from esmith.layout import Layout
from esmith.services.find import FOLDERS
from esmith.setup.machine.links import FOLDER, command_links, remove_links
from esmith.setup.machine.programs import Programs
from esmith.setup.machine.removal import (
    generated_files,
    remove_generated,
    remove_product,
    remove_service_directories,
    remove_service_links,
    service_directories,
)
from esmith.setup.machine.steps import Step
from esmith.setup.machine.stop import end_supervisors, stop_services
from esmith.setup.shipped import installed_product_files
from esmith.store import open_store, store_files


def removal_steps(layout: Layout, programs: Programs) -> list[Step]:
    """Return the steps.

    :param layout: the root.
    :param programs: shows what becomes of a step.
    """
    note = programs.progress.note

    def generated() -> list[str]:
        there = any(os.path.exists(file) for file in store_files(layout))
        return generated_files(open_store(layout)) if there else []

    def stop() -> None:
        note(f"stopped: {', '.join(stop_services(layout)) or 'none ran'}")
        names = service_directories(layout)
        remove_service_links(layout, FOLDERS)
        end_supervisors(layout, names)
        remove_service_directories(layout)

    def remove_files() -> None:
        for line in remove_generated(layout, open_store(layout, write=True)):
            note(line)

    def remove_shipped() -> None:
        for line in remove_product(layout):
            note(line)

    def links() -> list[str]:
        return [link for link, target in command_links(layout).items() if os.path.realpath(link) == target]

    return [
        Step("stop the services", lambda: service_directories(layout) or ["none has a service directory"], stop),
        Step(
            "generated files",
            lambda: [f"{len(generated())} files are removed, or what Debian had there is restored"],
            remove_files,
            lambda: "" if generated() else "there are none",
        ),
        Step(f"links in {FOLDER}", links, lambda: remove_links(layout), lambda: "" if links() else "there are none"),
        Step(
            "shipped files",
            lambda: [f"{len(installed_product_files(layout))} files are removed"],
            remove_shipped,
            lambda: "" if installed_product_files(layout) else "there are none",
        ),
    ]
