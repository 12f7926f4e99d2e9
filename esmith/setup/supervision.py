"""Service directories and units, whose run scripts start the daemons on the generated files.

As on SME Server: ``/var/service/NAME`` is the service directory, and ``NAME`` in the folder that the
supervisor scans (``/service``) is a link to it. A unit of systemd runs the same script. What is written
there comes from the services of the root (:mod:`esmith.services.definition`).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

from esmith.errors import InstallError, ServiceError, UsageError
from esmith.layout import Layout
from esmith.plan.host import Host
from esmith.services.boot import WRITTEN
from esmith.services.definition import Services, piece, service_names
from esmith.services.directory import ServiceDirectory
from esmith.services.find import is_of_stand_in
from esmith.services.service import Program, Service
from esmith.services.units import LOGS_UNIT, restart_unit
from esmith.setup.folders import join_folders, require_unsupervised, unlink_services
from esmith.setup.product_files import Manifest, content_of, install_product_file
from esmith.setup.trees import shipped_directory
from esmith.setup.units import boot_units, install_units, logs_unit, required_piece, service_unit

#: The supervisors that scan service directories; each has a ``log.NAME`` in the directory of services.
SCANNING = ("runit", "daemontools")
#: All for which something can be written.
SUPERVISORS = (*SCANNING, "systemd")
_DIRECTORIES = "/var/service"
#: The folder that is named where none is.
DEFAULT_FOLDER = "/service"


def known_services(layout: Layout) -> list[str]:
    """Return the names of the services that are shipped or have a directory under a root, sorted."""
    shipped = os.path.join(shipped_directory(), "services")
    return service_names(shipped, layout.services, layout.services_custom)


def install_service_directories(
    layout: Layout, host: Host, supervisor: str, folder: str, statuses: Mapping[str, str | None]
) -> list[str]:
    """Write the service directories, and link them into the folder that the supervisor scans.

    The links come last, so that nothing is started from a directory that is not complete. A script that was edited by
    hand, or that somebody else wrote, is kept as a backup copy. Of services that were written before, none is removed.

    :param supervisor: one of :data:`SCANNING`.
    :param folder: the folder, as a path of the configured system.
    :param statuses: the property ``status`` of each record of the configuration database.
    :return: notes for the administrator.
    :raises UsageError: when the folder is not an absolute path.
    :raises ServiceError: when a file that defines a service is broken.
    :raises InstallError: when something cannot be written, or what is in the folder under a service's name does not
        lead to its directory; nothing was written then.
    """
    if not folder.startswith("/"):
        raise UsageError(f"{folder!r} is no absolute path", hint="name the folder that the supervisor scans: /service")
    services = wanted_services(layout)
    host_links = join_folders(layout, host, folder)
    links = {link: service.name for service in services if (link := _link(layout, folder, service.name))}
    down = {service.name: layout.under(f"{_DIRECTORIES}/{service.name}/down") for service in services}
    started = [service.name for service in services if is_started(service, statuses)]
    # Before the scripts: where these directories are scanned themselves, a run script alone is started.
    for name in down.keys() - started:
        _make_down_file(host, down[name])
    notes = _install_scripts(layout, host, supervisor, services)
    for name in started:
        _remove_down_file(host, down[name])
    notes += host_links
    for link, name in {**_links_of_stand_ins(layout, folder, services), **links}.items():
        directory = layout.under(f"{_DIRECTORIES}/{name}")
        if os.path.realpath(link) != os.path.realpath(directory):
            host.install(host.stage_link(link, os.fsencode(directory), None))
    host.sync({os.path.dirname(link) for link in links})
    return notes


def install_service_units(layout: Layout, host: Host, statuses: Mapping[str, str | None]) -> list[str]:
    """Write the run scripts, and units of systemd that start them.

    :param statuses: the property ``status`` of each record of the configuration database.
    :return: notes for the administrator.
    :raises ServiceError: when a file that defines a service is broken.
    :raises InstallError: when something cannot be written, or another supervisor runs one of the services.
    """
    services = wanted_services(layout)
    require_unsupervised(layout, [service.name for service in services])
    notes = _install_scripts(layout, host, "systemd", services)
    unlink_services(layout, host, [service.name for service in services])
    units = {f"{service.unit}.service": service_unit(layout, service) for service in services}
    disabled = {f"{service.unit}.service" for service in services if not is_started(service, statuses)}
    units |= boot_units(layout, "systemd", "") | {LOGS_UNIT: logs_unit(layout, services)}
    notes += install_units(layout, host, units, disabled)
    try:
        # Each time: its program may be a new one, and it reads settings when it starts. No line is lost.
        restart_unit(layout, LOGS_UNIT)
    except ServiceError as error:
        # The services do without: their logs are in the journal.
        notes.append(str(error))
    return notes


def install_boot_units(layout: Layout, host: Host, supervisor: str, folder: str) -> list[str]:
    """Write the units that start the supervisor of service directories, and what belongs to boot.

    Only where systemd is installed under the root.

    :param supervisor: one of :data:`SCANNING`.
    :param folder: the folder, as a path of the configured system.
    :return: notes for the administrator.
    :raises InstallError: when something cannot be written.
    """
    there = any(os.path.exists(layout.under(path)) for path in ("/lib/systemd/systemd", "/usr/lib/systemd/systemd"))
    return install_units(layout, host, boot_units(layout, supervisor, folder) if there else {}, set())


def wanted_services(layout: Layout) -> list[Service]:
    """Return the services that are started by us: each has a run script, and the program that is required.

    :raises ServiceError: when a file that defines a service is broken.
    """
    defined = Services(layout)
    return [service for service in map(defined.of, defined.names()) if _is_wanted(layout, service)]


def _is_wanted(layout: Layout, service: Service) -> bool:
    """Return whether a service gets a service directory: it has a run script, and the program that is required."""
    if not piece(layout, f"{service.name}/run"):
        return False
    return not service.program.required or service.program.is_installed(layout)


def _link(layout: Layout, folder: str, name: str) -> str:
    """Return where the link of a service belongs, "" when its directory itself is in the folder.

    :raises InstallError: when something else is there.
    """
    directory, link = layout.under(f"{_DIRECTORIES}/{name}"), layout.under(f"{folder}/{name}")
    if _is_of_directories(layout, folder):
        return ""
    leads_elsewhere = os.path.lexists(link) and os.path.realpath(link) != os.path.realpath(directory)
    if leads_elsewhere and not is_of_stand_in(layout, link, name):
        raise InstallError(
            f"it is there already, and does not lead to {layout.inside(directory)}",
            place=link,
            hint="move it away if the service is to be started with the generated files, or name another folder",
        )
    return link


def _links_of_stand_ins(layout: Layout, folder: str, services: list[Service]) -> dict[str, str]:
    """Return links under the names of services that are not there, each with the service that stands in for it.

    runsvdir and svscan know a service by the inode of its directory, and start no second supervisor for such a link.
    """
    names = {service.name for service in services}
    found: dict[str, str] = {}
    for service in services:
        other = service.stands_in_for
        is_there = other in names or ServiceDirectory(layout.under(f"{_DIRECTORIES}/{other}")).exists
        link = layout.under(f"{folder}/{other}")
        if other and not (is_there or os.path.lexists(link) or _is_of_directories(layout, folder)):
            found[link] = service.name
    return found


def _is_of_directories(layout: Layout, folder: str) -> bool:
    """Return whether the folder that is scanned has the service directories themselves, and no links to them."""
    return os.path.realpath(layout.under(folder)) == os.path.realpath(layout.under(_DIRECTORIES))


def _install_scripts(layout: Layout, host: Host, supervisor: str, services: list[Service]) -> list[str]:
    begin = required_piece(layout, "begin").replace(b"\nroot=\n", b"\nroot=" + _root_word(layout) + b"\n")
    run, log = begin + required_piece(layout, "run"), begin + required_piece(layout, "log.begin")
    wanted = {}
    for service in services:
        name = service.name
        wanted[f"{name}/run"] = run + _needs(service) + piece(layout, f"{name}/run")
        if supervisor in SCANNING:
            wanted[f"{name}/log/run"] = log + (
                piece(layout, f"{name}/log") or required_piece(layout, f"log.{supervisor}")
            )
    manifest = Manifest(os.path.join(layout.state, WRITTEN))
    notes = []
    for script, content in wanted.items():
        target = layout.under(f"{_DIRECTORIES}/{script}")
        old = content_of(target)
        if old != content:
            reason = "" if old is None else manifest.reason_to_keep(script, old)
            notes.append(install_product_file(layout, host, target, content, reason=reason))
            host.sync({os.path.dirname(target)})
    manifest.replace(host, wanted)
    return list(filter(None, notes))


def _needs(service: Service) -> bytes:
    """Return the lines of a run script that see to what ``service.toml`` says the service needs."""
    lines = []
    if service.program.name:
        lines.append(_needs_program(service.program))
    lines += [f"needs_file {_below(file)} {shlex.quote(event)}" for file, event in service.files.items()]
    own = '"$user"' if service.account else "root"
    if service.account is not None:
        names = [service.account.name, *service.account.others]
        missing = shlex.quote(f"there is no user {' or '.join(names)}")
        is_needed = any(not directory.owner for directory in service.directories)
        lines.append(f"user=$(own_account {shlex.join(names)})" + (f" || unable {missing}" if is_needed else ""))
    for directory in service.directories:
        owner = shlex.quote(directory.owner) if directory.owner else own
        group = f":{shlex.quote(directory.group)}" if directory.group else ""
        lines.append(f"needs_directory {_below(directory.path)} {owner}{group} {directory.mode}")
    return "".join(f"{line}\n" for line in lines).encode()


def _needs_program(program: Program) -> str:
    if program.python:
        return f"needs_python {_below(program.name)} {shlex.quote(program.python)}"
    return f"needs {_below(program.name)} {shlex.quote(program.package)}"


def _below(path: str) -> str:
    """Return a path of the configured system as a word of the shell; the name of a program stays as it is."""
    return f'"$root"{shlex.quote(path)}' if path.startswith("/") else shlex.quote(path)


def _root_word(layout: Layout) -> bytes:
    """Return the root as a word of the shell, empty for the machine itself."""
    return b"" if layout.is_machine else os.fsencode(shlex.quote(layout.root))


def is_started(service: Service, statuses: Mapping[str, str | None]) -> bool:
    """Return whether a service starts when its supervisor does.

    :param statuses: the property ``status`` of each record of the configuration database.
    """
    return service.start == "always" or (service.start == "status" and statuses.get(service.record) == "enabled")


def _make_down_file(host: Host, file: str) -> None:
    """Keep a service from starting when its supervisor does (runsv(8), supervise(8))."""
    if not os.path.exists(file):
        host.install(host.stage(file, b"", 0o644, None))
        host.sync({os.path.dirname(file)})


def _remove_down_file(host: Host, file: str) -> None:
    if os.path.exists(file):
        host.remove(file)
        host.sync({os.path.dirname(file)})
