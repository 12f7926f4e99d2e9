"""Whether services that are up are of use: what ``[useful]`` of ``service.toml`` asks, and whose run script waits.

A run script that cannot start its daemon says why and waits a minute (``unable`` in ``services/run``). Its supervisor
then calls it up, which every service is asked about without any question of its own.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from esmith.errors import ServiceError
from esmith.expressions import expression
from esmith.fields import dataclass
from esmith.layout import Layout
from esmith.processes import rights_of
from esmith.services.logs import last_lines, shown
from esmith.services.program import run_program
from esmith.services.question import READ, Question, Reading
from esmith.services.waiting import is_waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.services.model import ServiceStatus
    from esmith.services.service import Service

#: The name under which it is reported.
WAITS = "waits"
_AT_ONCE = 8
_FILE_BYTES = 4 * 1024 * 1024
_LOG_LINES = 1000
#: What was logged before that has nothing to do with how a daemon answers now.
_RECENT_SECONDS = 600
#: What is shown of a log where no question is about it: the reason of a run script is its last line.
_REASON = expression(r"cannot run, and tries again in a minute: (.+)")


@dataclass(frozen=True)
class Useless:
    """Why a service that is up is of no use.

    :param question: the name of the question; :data:`WAITS` for a run script that waits.
    :param means: what is so, for people.
    :param complaint: what was found.
    :param cure: the commands that help.
    :param log: the last lines of its log, where it was the daemon that answered.
    """

    question: str
    means: str
    complaint: str
    cure: tuple[str, ...] = ()
    log: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A service to ask.

    :param service: what it is.
    :param status: what its supervisor says about it.
    :param supervisor: the name of the supervisor.
    """

    service: Service
    status: ServiceStatus
    supervisor: str


def find_useless(layout: Layout, services: Sequence[Asked]) -> dict[str, list[Useless]]:
    """Ask services all their questions, several at a time, and return what is wrong.

    What this user may not ask is not asked.

    :param layout: the root that paths are taken under.
    """
    from concurrent.futures import ThreadPoolExecutor

    questions = [(asked, question) for asked in services for question in _questions(asked)]
    found: dict[str, list[Useless]] = {}
    for asked in services:
        if (waits := waiting_for(layout, asked)) is not None:
            found[asked.service.name] = [waits]
    questions = [(asked, question) for asked, question in questions if asked.service.name not in found]
    if not questions:
        return found
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = pool.map(lambda pair: complaint_of(layout, *pair), questions)
        for (asked, question), complaint in zip(questions, answers, strict=True):
            if complaint:
                log = _logged(layout, asked) if question.dialogue or question.command else ()
                useless = Useless(question.name, question.means, complaint, question.cure, log)
                found.setdefault(asked.service.name, []).append(useless)
    return found


def _logged(layout: Layout, asked: Asked) -> tuple[str, ...]:
    since = time.time() - min(asked.status.seconds, _RECENT_SECONDS)
    return tuple(last_lines(layout, asked.service, asked.supervisor, since=since))


def complaint_of(layout: Layout, asked: Asked, question: Question) -> str:
    """Ask one question, and return what is wrong; "" when nothing is, or this user may not ask.

    :param layout: the root that paths are taken under.
    """
    try:
        read = _read(layout, question.read) if question.read else ""
        for kind, ask in _KINDS.items():
            if getattr(question, kind) and (text := ask(layout, asked, question, read)):
                return text
    except PermissionError:
        return ""
    except ServiceError as error:
        return f"{error.message}; {error.hint}" if error.hint else error.message
    except OSError as error:
        return f"{error.filename or asked.service.name}: {error.strerror or error}"
    return ""


def ports_of(layout: Layout, service: Service, *, encrypted: bool = False) -> set[int]:
    """Return the TCP ports at which a service is to answer, as its files say; none of a file that is not there yet.

    :param layout: the root that paths are taken under.
    :param encrypted: only those that are encrypted from the first byte.
    """
    found = set[int]() if encrypted else {service.probe.port}
    for question in service.useful:
        if encrypted and not question.encrypted:
            continue
        with suppress(ServiceError, OSError):
            port = _filled(question.port, layout, _read(layout, question.read) if question.read else "")
            found.add(int(port) if port.isdecimal() else 0)
    return found - {0}


def files_of(layout: Layout, question: Question) -> list[str] | None:
    """Return the files that are there of those a question asks for (``exists``), as paths of this disk.

    :param layout: the root that paths are taken under.
    :return: None when this user may not look into a directory.
    :raises ServiceError: when a value that the paths have cannot be read.
    """
    import glob

    read = _read(layout, question.read) if question.read else ""
    patterns = [layout.under(_filled(pattern, layout, read)) for pattern in question.exists]
    for directory in map(os.path.dirname, patterns):
        if os.path.isdir(directory) and not os.access(directory, os.R_OK | os.X_OK):
            return None
    return sorted({path for pattern in patterns for path in glob.glob(pattern)})


def _questions(asked: Asked) -> tuple[Question, ...]:
    """Return what can be asked: of a service that something else starts, only what needs no process."""
    if asked.status.running:
        return asked.service.useful
    return tuple(question for question in asked.service.useful if question.file or question.exists)


def waiting_for(layout: Layout, asked: Asked) -> Useless | None:
    """Return that a service waits because its run script could not start the daemon; None when it does not."""
    if not is_waiting(asked.status):
        return None
    since = time.time() - asked.status.seconds
    lines = last_lines(layout, asked.service, asked.supervisor, since=since)
    reasons = [match[1] for line in lines if (match := _REASON.search(line))]
    why = reasons[-1] if reasons else "its log says why"
    # What needs no daemon knows the cure better than the script.
    for question in asked.service.useful:
        if (question.file or question.exists) and complaint_of(layout, asked, question):
            return Useless(WAITS, question.means, why, question.cure)
    return Useless(WAITS, "its run script waits, and its daemon does not run", why)


def _filled(text: str, layout: Layout, read: str) -> str:
    return text.replace(READ, read).replace("{root}", "" if layout.is_machine else layout.root)


def _read(layout: Layout, reading: Reading) -> str:
    """Return a value of a generated file.

    :raises ServiceError: when it has none, and there is no other value.
    """
    match = re.search(reading.value, "\n".join(_lines(layout.under(reading.file))), re.MULTILINE)
    if match or reading.otherwise:
        return str(match[1]) if match else reading.otherwise
    raise ServiceError(f"{reading.file} has nothing that matches {reading.value}")


def _lines(path: str) -> list[str]:
    """Return the lines of a file; none when it is not there.

    :raises PermissionError: when it may not be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return []
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return []
        return file.read(_FILE_BYTES).decode("utf-8", "replace").splitlines()


def _talk(layout: Layout, _asked: Asked, question: Question, read: str) -> str:
    from esmith.services.dialogue import Peer

    port, path = _filled(question.port, layout, read), _filled(question.socket, layout, read)
    if port and not port.isdecimal():
        raise ServiceError(f"{port!r} is no port")
    if port == "0":
        return ""
    where = f"port {port}" if port else path
    try:
        address = int(port) if port else layout.under(path)
        peer = Peer(address, encrypted=question.encrypted, seconds=question.within)
    except PermissionError:
        raise
    except OSError as error:
        return f"{where}: {error.strerror or error}"
    try:
        complaint = peer.complaint(question.dialogue)
    finally:
        peer.close()
    return f"{where}: {complaint}" if complaint else ""


def _run(layout: Layout, asked: Asked, question: Question, read: str) -> str:
    argv = [_filled(word, layout, read) for word in question.command]
    place = f"service {asked.service.name}"
    code, printed = run_program(argv, package=question.package, timeout=question.within, place=place)
    return "" if code == 0 else f"{argv[0]}: {shown(printed) or f'exit code {code}'}"


def _look(layout: Layout, _asked: Asked, question: Question, read: str) -> str:
    path = _filled(question.file, layout, read)
    lines = _lines(layout.under(path))
    if question.has and not any(re.search(question.has, line) for line in lines):
        return f"{path} has no line that matches {question.has}"
    if question.lacks and any(re.search(question.lacks, line) for line in lines):
        return f"{path} has a line that matches {question.lacks}"
    return ""


def _find(layout: Layout, _asked: Asked, question: Question, read: str) -> str:
    import glob

    patterns = [_filled(pattern, layout, read) for pattern in question.exists]
    for pattern in patterns:
        directory = layout.under(os.path.dirname(pattern))
        if os.path.isdir(directory) and not os.access(directory, os.R_OK | os.X_OK):
            return ""
        if glob.glob(layout.under(pattern)):
            return ""
    return f"there is no {' and no '.join(patterns)}"


def _use(layout: Layout, asked: Asked, question: Question, read: str) -> str:
    import glob

    if asked.status.pid is None:
        return ""
    user, groups = _account(layout, asked.service) or rights_of(asked.status.pid)
    for pattern in question.usable:
        for path in sorted(glob.glob(layout.under(_filled(pattern, layout, read)))):
            if not _may_use(path, user, groups):
                return f"{layout.inside(path)} may not be read and written by the user with the number {user}"
    return ""


def _account(layout: Layout, service: Service) -> tuple[int, frozenset[int]] | None:
    """Return the user that a service becomes, and all its groups; None where that is who started it."""
    import pwd

    if not layout.is_machine or service.account is None:
        return None
    for name in (service.account.name, *service.account.others):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, frozenset(os.getgrouplist(name, user.pw_gid))
    return None


def _may_use(path: str, user: int, groups: frozenset[int]) -> bool:
    """Return whether a user may read and write a file, by its mode and those of the directories above it."""
    if user == 0:
        return True
    while (above := os.path.dirname(path)) != path:
        if not _may(os.stat(path), user, groups, 6 if not os.path.isdir(path) else 1):
            return False
        path = above
    return True


def _may(status: os.stat_result, user: int, groups: frozenset[int], wanted: int) -> bool:
    shift = 6 if status.st_uid == user else 3 if status.st_gid in groups else 0
    return (status.st_mode >> shift) & wanted == wanted


def _read_log(layout: Layout, asked: Asked, question: Question, _read_value: str) -> str:
    since = time.time() - asked.status.seconds
    for line in reversed(last_lines(layout, asked.service, asked.supervisor, since=since, limit=_LOG_LINES)):
        if question.log_until and re.search(question.log_until, line):
            return ""
        if re.search(question.log, line):
            return f"its log has: {line}"
    return ""


_Ask = Callable[[Layout, Asked, Question, str], str]
_KINDS: dict[str, _Ask] = {
    "file": _look,
    "exists": _find,
    "usable": _use,
    "log": _read_log,
    "command": _run,
    "dialogue": _talk,
}
