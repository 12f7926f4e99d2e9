"""Signatures for the virus scanner: the official ones, or a test signature until they can be had.

clamd does not start without any, and qpsmtpd puts off all mail while clamd is not there.
"""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress

from esmith.directories import make_directory, open_file
from esmith.errors import InstallError
from esmith.layout import Layout
from esmith.plan.host import trouble
from esmith.setup.machine.programs import ProgramError, Programs

#: The file that says where signatures are, and who owns them (freshclam.conf(5)).
_FRESHCLAM = "/etc/freshclam.conf"
#: The official sets: as they were loaded, and as they were updated since.
_OFFICIAL = re.compile(r"(main|daily)\.c[vl]d")
#: The test signatures: of the file by which scanners are tested (EICAR), by digest and length, and by a part of it.
_TEST = {
    "e-smith-test.hdb": b"44d88612fea8a8f36de82e1278abb02f:68:Test.EICAR\n",
    "e-smith-test.ndb": b"Test.EICAR.Body:0:*:" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE".hex().encode() + b"\n",
}
#: The official sets have some hundred megabytes.
LOAD_SECONDS = 1800.0
LOAD = ("freshclam", f"--config-file={_FRESHCLAM}", "--stdout")


def official_signatures(layout: Layout) -> list[str]:
    """Return the files of official signatures that are there."""
    directory = _setting(layout, "DatabaseDirectory")
    return [name for name in _names(layout, directory) if _OFFICIAL.fullmatch(name)]


def load_signatures(layout: Layout, programs: Programs) -> str:
    """Load the official signatures, or write test signatures where they cannot be had.

    :return: what somebody has to know of that, "" for nothing.
    :raises InstallError: when the test signatures cannot be written.
    """
    directory = _setting(layout, "DatabaseDirectory")
    owner = _setting(layout, "DatabaseOwner")
    if not directory:
        raise InstallError(
            "it does not say where signatures are", place=_FRESHCLAM, hint="signal the event: signal-event email-update"
        )
    place = layout.under(directory)
    _make_place(place, owner)
    try:
        if reason := _unknown_mirror(layout):
            raise ProgramError(reason)
        programs.run(LOAD, within=LOAD_SECONDS)
    except ProgramError as error:
        if official_signatures(layout):
            return ""
        write_tests(place)
        reason = next((line for line in reversed(error.message.splitlines()) if line.strip()), "")
        return (
            f"freshclam has loaded nothing ({reason.strip()}): only a test virus is found until it does, "
            "and the service freshclam tries again by itself"
        )
    remove_tests(layout)
    return ""


def remove_tests(layout: Layout) -> None:
    """Remove the test signatures."""
    directory = _setting(layout, "DatabaseDirectory")
    for name in _TEST.keys() & set(_names(layout, directory)):
        with suppress(FileNotFoundError):
            os.unlink(layout.under(f"{directory}/{name}"))


def _unknown_mirror(layout: Layout) -> str:
    """Return why no mirror can be reached, "" when one may be; freshclam would try again for half a minute."""
    mirrors = _settings(layout, "DatabaseMirror") + _settings(layout, "PrivateMirror")
    if not mirrors or _setting(layout, "HTTPProxyServer"):
        return ""
    for mirror in mirrors:
        host = mirror.partition("://")[2].partition("/")[0].rpartition("@")[2] or mirror
        try:
            socket.getaddrinfo(host.partition(":")[0], None)
        except OSError as error:
            reason = f"{mirror}: {error.strerror}"
        else:
            return ""
    return reason


def _make_place(place: str, owner: str) -> None:
    """Make the directory of the signatures, as the run script of clamd does."""
    import pwd

    try:
        make_directory(place)
        account = pwd.getpwnam(owner)
        os.chown(place, account.pw_uid, account.pw_gid, follow_symlinks=False)
    except KeyError:
        raise InstallError(f"there is no unix account {owner}", place=_FRESHCLAM, hint="make it: esmith init") from None
    except OSError as error:
        raise trouble(place, error) from error


def write_tests(place: str) -> None:
    """Write the test signatures.

    :param place: the directory of the signatures, as a path of this disk.
    :raises InstallError: when that is not possible.
    """
    for name, content in _TEST.items():
        path = os.path.join(place, name)
        try:
            # The directory is the scanner's own: a link that stands there is not followed.
            with suppress(FileNotFoundError):
                os.unlink(path)
            with os.fdopen(open_file(path, os.O_WRONLY | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb") as file:
                file.write(content)
        except OSError as error:
            # clamd does not start with a part of one.
            with suppress(OSError):
                os.unlink(path)
            raise trouble(path, error) from error


def _names(layout: Layout, directory: str) -> list[str]:
    try:
        return sorted(os.listdir(layout.under(directory))) if directory else []
    except OSError:
        return []


def _setting(layout: Layout, name: str) -> str:
    """Return what a line of freshclam's file says, "" where there is none."""
    return next(iter(_settings(layout, name)), "")


def _settings(layout: Layout, name: str) -> list[str]:
    """Return what each of the lines of freshclam's file says that may be repeated."""
    try:
        with open(layout.under(_FRESHCLAM), encoding="utf-8", errors="replace") as file:
            words = [line.split(None, 1) for line in file]
    except OSError:
        return []
    return [word[1].strip() for word in words if len(word) == 2 and word[0] == name]
