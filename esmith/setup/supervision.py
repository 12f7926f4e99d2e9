"""Service directories for runit or daemontools, whose run scripts start the daemons on the generated files.

Laid out as on SME Server: ``/var/service/NAME`` is the service directory, and ``NAME`` in the folder that the
supervisor scans (``/service``) is a link to it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping

from esmith.errors import InstallError, UsageError
from esmith.layout import Layout
from esmith.plan.host import Host
from esmith.setup.laid import Manifest, content_of, lay_file
from esmith.setup.shipped import shipped_directory

#: What a supervisor's logger is called in ``services/log``.
SUPERVISORS = ("runit", "daemontools")
#: The services, each with the record whose status says whether it is started; "" for always, None for never.
SERVICES = {
    "clamd": "clamd",
    "dovecot": "dovecot",
    "esmith-watch": "",
    # Cron collects the mail.
    "fetchmail": None,
    "freshclam": "freshclam",
    "php-fpm": "php-fpm",
    "qmail": "qmail",
    "qpsmtpd": "qpsmtpd",
    "spamd": "spamd",
    "sqpsmtpd": "sqpsmtpd",
}
_DIRECTORIES = "/var/service"
#: Written only where this is installed.
_NEEDED = {"qmail": "/var/qmail/bin/qmail-start"}


def lay_service_directories(
    layout: Layout, host: Host, supervisor: str, folder: str, statuses: Mapping[str, str | None]
) -> list[str]:
    """Write the service directories, and link them into the folder that the supervisor scans.

    The links come last, so that nothing is started from a directory that is not complete. A script that was edited by
    hand, or that somebody else wrote, is kept aside. Of services that were written before, none is removed.

    :param supervisor: one of :data:`SUPERVISORS`.
    :param folder: the folder, as a path of the configured system.
    :param statuses: the property ``status`` of each record that is named in :data:`SERVICES`.
    :return: notes for the administrator.
    :raises UsageError: when the folder is no absolute path.
    :raises InstallError: when something cannot be written, or what is in the folder under a service's name is no link
        to its directory; nothing was written then.
    """
    if not folder.startswith("/"):
        raise UsageError(f"{folder!r} is no absolute path", hint="name the folder that the supervisor scans: /service")
    names = [name for name in SERVICES if os.path.exists(layout.under(_NEEDED.get(name, "/")))]
    links = {name: link for name in names if (link := _link(layout, folder, name))}
    notes = _lay_scripts(layout, host, supervisor, names)
    for name in names:
        record = SERVICES[name]
        started = record is not None and (not record or statuses.get(record) == "enabled")
        _lay_down(host, layout.under(f"{_DIRECTORIES}/{name}/down"), started=started)
    for name, link in links.items():
        if not os.path.islink(link):
            host.install(host.stage_link(link, os.fsencode(layout.under(f"{_DIRECTORIES}/{name}")), None))
    host.sync({os.path.dirname(link) for link in links.values()})
    return notes


def _link(layout: Layout, folder: str, name: str) -> str:
    """Return where the link of a service belongs, "" when its directory itself is in the folder.

    :raises InstallError: when something else is there.
    """
    directory, link = layout.under(f"{_DIRECTORIES}/{name}"), layout.under(f"{folder}/{name}")
    if os.path.realpath(layout.under(folder)) == os.path.realpath(layout.under(_DIRECTORIES)):
        return ""
    if os.path.lexists(link) and os.path.realpath(link) != os.path.realpath(directory):
        raise InstallError(
            f"it is there already, and does not lead to {layout.inside(directory)}",
            place=link,
            hint="move it away if the service is to be started with the generated files, or name another folder",
        )
    return link


def _lay_scripts(layout: Layout, host: Host, supervisor: str, names: list[str]) -> list[str]:
    source = os.path.join(shipped_directory(), "services")
    begin = _shipped(source, "begin").replace(b"\nroot=\n", b"\nroot=" + _root_word(layout) + b"\n")
    run, log = begin + _shipped(source, "run"), begin + _shipped(source, "log/begin")
    wanted = {}
    for name in names:
        wanted[f"{name}/run"] = run + _shipped(source, f"{name}/run")
        wanted[f"{name}/log/run"] = log + _shipped(source, f"log/{supervisor}")
    manifest = Manifest(os.path.join(layout.state, "service-directories"))
    notes = []
    for name, content in wanted.items():
        target = layout.under(f"{_DIRECTORIES}/{name}")
        old = content_of(target)
        if old != content:
            keep = old is not None and not manifest.is_ours(name, old)
            notes.append(lay_file(layout, host, target, content, keep=keep))
            host.sync({os.path.dirname(target)})
    manifest.replace(host, wanted)
    return list(filter(None, notes))


def _root_word(layout: Layout) -> bytes:
    """Return the root as a word of the shell, empty for the machine itself."""
    return b"" if layout.is_machine else os.fsencode(shlex.quote(layout.root))


def _lay_down(host: Host, file: str, *, started: bool) -> None:
    """Say whether a service starts when its supervisor does (runsv(8), supervise(8))."""
    if os.path.exists(file) != started:
        return
    if started:
        host.remove(file)
    else:
        host.install(host.stage(file, b"", 0o644, None))
    host.sync({os.path.dirname(file)})


def _shipped(source: str, name: str) -> bytes:
    content = content_of(os.path.join(source, name))
    if content is None:
        raise InstallError("a shipped file is missing", place=os.path.join(source, name), hint="install e-smith again")
    return content
