"""Starting the processes: the helper, the web process, or both, which end together.

The web process gets its socket before it gives up the rights of root, and all it needs is loaded by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import importlib.util
import os
import pwd
import resource
import select
import signal
import socket
import sys
import termios
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

from esmith.errors import EsmithError, ServiceError, UsageError
from esmith.fields import dataclass
from esmith.signals import readable_signals

if TYPE_CHECKING:
    from esmith.layout import Layout

#: The unix account of the web process on the machine.
WEB_USER = "esmith-manager"
#: The port of a root folder; on the machine the setting ``smanager TCPPort`` counts.
FOLDER_PORT = 8982
MACHINE_PORT = 982
#: What the web process and the helper import, by their names as pip knows them.
_OF_WEB = {
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "jinja2": "jinja2",
}
_OF_HELPER = {True: {"pamela": "pamela"}, False: {"argon2": "argon2-cffi"}}
_LOCAL = ("127.0.0.1", "::1")
#: A process that ends within so many seconds of its start is not started again.
_TOO_SOON = 3.0
#: So many signals at once are read at once, the others next.
_MANY_SIGNALS = 64
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True)
class Web:
    """Where the web process answers.

    :param address: of this machine.
    :param port: 0 for any that is free.
    :param certificate: a file in PEM; "" for plain HTTP.
    :param key: the file with its key; "" when that is in the certificate's.
    """

    address: str = _LOCAL[0]
    port: int = 0
    certificate: str = ""
    key: str = ""

    def require(self) -> None:
        """Refuse what would send passwords in plain text over the network.

        :raises UsageError: when that is so, or only a key is given.
        """
        if self.key and not self.certificate:
            raise UsageError(
                "a key without a certificate is of no use", hint="name both: --certificate FILE --key FILE"
            )
        if not self.certificate and self.address not in _LOCAL:
            raise UsageError(
                f"without a certificate it answers on {' and '.join(_LOCAL)} only, and not on {self.address}",
                hint="others could read the password; name a certificate: --certificate FILE --key FILE",
            )

    def listen(self) -> socket.socket:
        """Return a socket that listens.

        :raises ServiceError: when it cannot.
        """
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        try:
            return socket.create_server((self.address, self.port), family=family, backlog=128)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is none"
            raise ServiceError(
                f"port {self.port} of {self.address} cannot be listened on: {reason}",
                place="server-manager",
                hint="name another one: --port NUMBER",
            ) from error

    def url(self, listener: socket.socket) -> str:
        """Return the address of the first page."""
        host, port = listener.getsockname()[:2]
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self.certificate else 'http'}://{host}:{port}/server-manager/"


def missing_packages(layout: Layout) -> list[str]:
    """Return the Python packages that the server-manager needs and that are not installed, as pip knows them."""
    needed = {**_OF_WEB, **_OF_HELPER[layout.is_machine]}
    return [name for module, name in needed.items() if importlib.util.find_spec(module) is None]


def web_user(layout: Layout, name: str) -> int:
    """Return the number of the user who may ask the helper.

    :param name: the account; "" for the usual one. In a root folder it is the user who runs this.
    :raises UsageError: when there is no such account, or it is root.
    """
    return os.geteuid() if not layout.is_machine else _account(name or WEB_USER).pw_uid


def _account(name: str) -> pwd.struct_passwd:
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise UsageError(
            f"there is no user {name}", hint="to make the accounts of the services: esmith accounts"
        ) from None
    if account.pw_uid == 0:
        raise UsageError(f"the user {name} is root, who is not to answer the network", hint="name another one")
    return account


def become(layout: Layout, name: str) -> None:
    """Give up the rights of root, where this is the machine; a plain user has none.

    :param name: the account; "" for the usual one.
    :raises UsageError: when there is no such account, or it is root.
    """
    if os.geteuid() == 0 and layout.is_machine:
        account = _account(name or WEB_USER)
        # What is encoded is loaded when it is needed; this account may not be able to read it.
        "localhost".encode("idna")
        _gain_nothing()
        _leave_terminal()
        os.setgroups([])
        os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
        os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)


def _leave_terminal() -> None:
    """Keep of the terminal that root has started this at only that it may be written to.

    Who has it as its terminal may type on it (TIOCSTI, ioctl_tty(2)), and who has it open may read what root types.
    """
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(nothing, 0)
    os.close(nothing)
    for stream in (1, 2):
        if os.isatty(stream):
            place = os.open(f"/proc/self/fd/{stream}", os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
            os.dup2(place, stream)
            os.close(place)
    try:
        os.setsid()
    except PermissionError:
        # It leads a group of processes; one that leads a session has nobody else at its terminal.
        if os.getsid(0) != os.getpid():
            with contextlib.suppress(OSError), open("/dev/tty", "rb", buffering=0) as terminal:
                fcntl.ioctl(terminal, termios.TIOCNOTTY)


def run_helper(layout: Layout, user: int, ready: Callable[[], None] = lambda: None) -> None:
    """Be the helper until TERM or INT comes.

    :param user: the number of the user who may ask.
    :param ready: called when it answers.
    :raises EsmithError: when it cannot begin.
    """
    from esmith.manager.helper.server import Server

    _leave_no_core()

    def begin() -> None:
        # What is there now is shared with the children, as long as nobody writes on its pages.
        gc.collect()
        gc.freeze()
        ready()

    asyncio.run(Server(layout, user).serve(begin))


def run_web(layout: Layout, web: Web, listener: socket.socket, user: str) -> None:
    """Be the web process until TERM or INT comes.

    :param listener: where it answers.
    :param user: the account that it becomes, where root starts it on the machine.
    """
    from esmith.manager.web import serve

    _leave_no_core()
    serve(
        listener,
        layout.manager_socket,
        certificate=web.certificate,
        key=web.key,
        begin=lambda: become(layout, user),
    )


class Both:
    """The helper and the web process, as children of this one, until TERM or INT comes.

    :param layout: the root.
    :param web: where the web process answers.
    :param say: prints what happens, a line each.
    """

    def __init__(self, layout: Layout, web: Web, say: Callable[[str], None]) -> None:
        self._layout = layout
        self._web = web
        self._say = say
        self._user = web_user(layout, "")
        self._listener = web.listen()
        self._works = {"helper": self._be_helper, "web": self._be_web}
        #: The processes that run, by what they are, each with the time of its start.
        self._running: dict[str, tuple[int, float]] = {}
        self._is_ending = False

    def run(self) -> int:
        """Run them, and return the exit code. One that ends is started again, unless it had only begun."""
        signals = readable_signals(signal.SIGCHLD)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        for name in self._works:
            if not self._is_ending and not self._start(name):
                self._stop()
                return 1
        self._say(f"the server-manager answers at {self._web.url(self._listener)}")
        code = 0
        while self._running:
            process, _ = os.waitpid(-1, os.WNOHANG)
            if not process:
                select.select([signals], [], [])
                os.read(signals, _MANY_SIGNALS)
                continue
            name = next((name for name, (number, _) in self._running.items() if number == process), "")
            if not name:
                continue
            _, started = self._running.pop(name)
            if self._is_ending:
                continue
            self._say(f"the process {name} of the server-manager has ended")
            if time.monotonic() - started < _TOO_SOON or not self._start(name):
                code = 1
                self._stop()
        return code

    def _end(self, _number: int, _frame: object) -> None:
        self._stop()

    def _stop(self) -> None:
        self._is_ending = True
        for process, _ in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)

    def _start(self, name: str) -> bool:
        """Start one of them, and wait until it has begun; return whether it has."""
        begun, begins = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(begun)
            self._be_child(name, begins)
        os.close(begins)
        self._running[name] = (process, time.monotonic())
        if self._is_ending:
            # A signal that came before it stood there did not reach it.
            self._stop()
        has_begun = bool(os.read(begun, 1))
        os.close(begun)
        return has_begun

    def _be_child(self, name: str, begins: int) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            code = self._works[name](begins)
        except EsmithError as error:
            # It is about what the administrator did, as a second helper of the same root.
            print(f"esmith: {error}", file=sys.stderr, flush=True)
        finally:
            if code and sys.exc_info()[0] is not None:
                traceback.print_exc()
            sys.stdout.flush()
            os._exit(code)

    def _be_helper(self, begins: int) -> int:
        _end_with_parent()
        self._listener.close()
        run_helper(self._layout, self._user, lambda: _report(begins))
        return 0

    def _be_web(self, begins: int) -> int:
        from esmith.manager.web import serve

        _leave_no_core()

        def begin() -> None:
            become(self._layout, "")
            _end_with_parent()
            _report(begins)

        serve(
            self._listener,
            self._layout.manager_socket,
            certificate=self._web.certificate,
            key=self._web.key,
            begin=begin,
        )
        return 0


def _leave_no_core() -> None:
    """Have a crash of this process leave no core file: passwords that somebody typed are in its memory."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _report(pipe: int) -> None:
    os.write(pipe, b"!")
    os.close(pipe)


def _end_with_parent() -> None:
    """Have the kernel end this process when the one that started it ends, however that is (prctl(2))."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _gain_nothing() -> None:
    """Have no program that this process or a child starts give it rights: setuid counts no more (prctl(2))."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
