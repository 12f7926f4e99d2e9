"""The scripts that take the places of a root's commands where a shell of a test runs them (tests/forks.py).

Such a script starts Python without the engine, sends what it was started with to a server (tests/fork_server.py), and
ends as the command ended that the server forked. It becomes the real script where a server cannot know how that would
start: with another locale, as another user, or in a directory that is gone.
"""

from __future__ import annotations

import os

_TEXT = """\
{first}
import _socket
import marshal
import os
import sys

REAL, ADDRESS, START, USER = {real!r}, {address!r}, {start!r}, {user!r}
NAMES = ("LC_", "LANG", "LOCPATH", "LD_", "MALLOC_", "GLIBC_", "PYTHON")


def ask(connection):
    umask = os.umask(0)
    os.umask(umask)
    request = {{"argv": sys.argv, "script": REAL, "env": dict(os.environ), "cwd": os.getcwd(), "umask": umask}}
    data = marshal.dumps(request)
    folder, name = os.path.split(ADDRESS)
    # A longer path than that of a socket can be.
    place = os.open(folder, os.O_PATH)
    connection.connect("/proc/self/fd/%d/%s" % (place, name))
    streams = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
    length = len(data).to_bytes(4, sys.byteorder)
    connection.sendmsg([length], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, streams)])
    return data


def number(connection):
    data = connection.recv(4, _socket.MSG_WAITALL)
    if len(data) < 4:
        sys.exit("the server of the commands is gone")
    return int.from_bytes(data, sys.byteorder)


def main():
    start = {{name: value for name, value in os.environ.items() if name.startswith(NAMES)}}
    if start != START or [os.getuid(), os.geteuid(), os.getgid()] != USER:
        os.execv(REAL, sys.argv)
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        data = ask(connection)
    except OSError:
        os.execv(REAL, sys.argv)
    while data:
        data = data[connection.send(data):]
    number(connection)
    code = os.waitstatus_to_exitcode(number(connection))
    if code < 0:
        import signal

        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
"""


def text_of(first: str, real: str, address: str, start: dict[str, str]) -> str:
    """Return the text of a client.

    :param first: the first line of the real script.
    :param real: the path of the real script.
    :param address: where the server listens.
    :param start: the variables that the start of a process depends on, as the server was started with them.
    """
    user = [os.getuid(), os.geteuid(), os.getgid()]
    return _TEXT.format(first=first, real=real, address=address, start=start, user=user)
