"""Units of systemd: for each service, for what happens at boot, and for the daily jobs.

Their texts are pieces in the directory of services: ``systemd`` for every service, then ``NAME/systemd``, and whole
files like ``esmith-recover.service``. Enabling one makes the links that ``systemctl enable`` would (systemctl(1), the
section ``[Install]``), so it works also where no systemd runs yet.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.plan.host import Host
from esmith.services.definition import piece
from esmith.services.rivals import MASK
from esmith.services.service import Service
from esmith.services.units import LOGS_UNIT, MANIFEST, UNITS, reload_units, stop_unit
from esmith.setup.product_files import Manifest, back_up_replaced, content_of, install_product_file

#: What boot needs whatever the supervisor is.
_AT_BOOT = ("esmith-recover.service", "esmith-bootstrap.service")
_DAILY = ("esmith-daily.service", "esmith-daily.timer")
#: What starts the supervisor of service directories, with Debian's own unit that does so for ``/etc/service``.
_STARTERS = {
    "runit": ("esmith-runit.service", "runit.service"),
    "daemontools": ("esmith-daemontools.service", "daemontools-run.service"),
}
_DEBIAN_UNITS = ("/lib/systemd/system", "/usr/lib/systemd/system")
_WANTED_BY = re.compile(rb"^WantedBy=([a-z-]+\.target)$", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z0-9_./+@:-]*")


def service_unit(layout: Layout, service: Service) -> bytes:
    """Return the unit of a service.

    :raises InstallError: when a shipped piece is missing, or the root has a name that no unit can hold.
    :raises ServiceError: when a piece cannot be read.
    """
    seconds = service.ending.within if service.ending.until else service.ending.wait
    text = required_piece(layout, "systemd") + piece(layout, f"{service.name}/systemd")
    return _filled(layout, text, {b"@NAME@": service.name.encode(), b"@SECONDS@": b"%d" % max(1, seconds)})


def boot_units(layout: Layout, supervisor: str, folder: str) -> dict[str, bytes]:
    """Return the units of boot and of the daily jobs by their names.

    Where Debian's own unit scans the folder already, there is none of ours that does: one directory has one supervisor.

    :param supervisor: ``systemd``, or whose service directories are in the folder.
    :param folder: the folder, as a path of the configured system.
    """
    names = [*_AT_BOOT, *_DAILY]
    if supervisor in _STARTERS:
        own, debian = _STARTERS[supervisor]
        same = os.path.realpath(layout.under(folder)) == os.path.realpath(layout.under("/etc/service"))
        if not same or not has_debian_unit(layout, debian):
            names.append(own)
    word = _word(layout.under(folder)) if folder else b""
    return {name: _filled(layout, required_piece(layout, name), {b"@FOLDER@": word}) for name in names}


def logs_unit(layout: Layout, services: Sequence[Service]) -> bytes:
    """Return the unit that copies what services write from the journal to files.

    :param services: those that have units.
    :raises InstallError: when the shipped file is missing.
    """
    units = " ".join(f"{service.unit}.service" for service in services)
    names = " ".join(service.name for service in services)
    values = {b"@UNITS@": units.encode(), b"@SERVICES@": names.encode()}
    return _filled(layout, required_piece(layout, LOGS_UNIT), values)


def has_debian_unit(layout: Layout, name: str) -> bool:
    """Return whether a package brings a unit of that name."""
    return any(os.path.exists(layout.under(f"{directory}/{name}")) for directory in _DEBIAN_UNITS)


def install_units(layout: Layout, host: Host, units: dict[str, bytes], disabled: set[str]) -> list[str]:
    """Write units and enable them; what an earlier call wrote and is not among them is disabled and removed.

    :param units: the text of each, by its name.
    :param disabled: which of them do not start at boot.
    :return: notes for the administrator.
    :raises InstallError: when something cannot be written.
    """
    manifest = Manifest(layout.under(MANIFEST))
    notes, changed = [], False
    for name in sorted(manifest.digests.keys() - units.keys()):
        stop_unit(layout, name)
        notes.append(_remove(layout, host, manifest, name))
        changed = True
    for name, content in units.items():
        target = layout.under(f"{UNITS}/{name}")
        old = content_of(target) if not os.path.islink(target) else None
        if os.path.islink(target) and (leads_to := os.readlink(target)) != MASK:
            notes.append(f"{layout.inside(target)} was a link to {leads_to}, and is the unit of ours now")
        if old != content:
            reason = "" if old is None else manifest.reason_to_keep(name, old)
            notes.append(install_product_file(layout, host, target, content, reason=reason))
            changed = True
        changed |= _enable(host, layout, name, content, wanted=name not in disabled)
    host.sync({layout.under(UNITS)} if units else set())
    if units or manifest.digests:
        manifest.replace(host, units)
    if changed:
        reload_units(layout)
    return list(filter(None, notes))


def _enable(host: Host, layout: Layout, name: str, content: bytes, *, wanted: bool) -> bool:
    """Make the links that have a unit started at boot, or remove them; return whether that changed something."""
    changed = False
    for target in _WANTED_BY.findall(content):
        link = layout.under(f"{UNITS}/{os.fsdecode(target)}.wants/{name}")
        if wanted and not os.path.islink(link):
            host.install(host.stage_link(link, os.fsencode(f"{UNITS}/{name}"), None))
            changed = True
        elif not wanted and os.path.islink(link) and os.readlink(link) == f"{UNITS}/{name}":
            host.remove(link)
            changed = True
        host.sync({os.path.dirname(link)} if changed else set())
    return changed


def _remove(layout: Layout, host: Host, manifest: Manifest, name: str) -> str:
    """Remove a unit and its links; return a note about the backup copy of one that was edited, else ""."""
    target = layout.under(f"{UNITS}/{name}")
    content = None if os.path.islink(target) else content_of(target)
    reason = manifest.reason_to_keep(name, content) if content is not None else ""
    note = back_up_replaced(layout, host, target, reason) if reason else ""
    _enable(host, layout, name, content or b"", wanted=False)
    if os.path.lexists(target):
        host.remove(target)
        host.sync({os.path.dirname(target)})
    return note


def required_piece(layout: Layout, name: str) -> bytes:
    """Return a part of the scripts or units of services that has to be there.

    :param name: its path below the directory of the services.
    :raises InstallError: when it is missing.
    """
    content = piece(layout, name)
    if not content:
        place = os.path.join(layout.services, name)
        raise InstallError("a shipped file is missing", place=place, hint="restore it: esmith init")
    return content


def _filled(layout: Layout, text: bytes, values: dict[bytes, bytes]) -> bytes:
    root = b"" if layout.is_machine else _word(layout.root)
    for mark, value in {**values, b"@ROOT@": root}.items():
        text = text.replace(mark, value)
    return text


def _word(path: str) -> bytes:
    """Return a path as a unit may hold it anywhere.

    :raises InstallError: when it has characters that mean something there (systemd.syntax(7)).
    """
    if not _PLAIN.fullmatch(path):
        raise InstallError(
            "a unit of systemd cannot name this folder", place=path, hint="name one without blanks and signs"
        )
    return path.encode()
