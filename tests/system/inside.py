"""The first process of a machine of its own: builds it, and does in it what the tests ask for.

Run as ``unshare ... python -IS inside.py PREPARED WORK DESCRIPTOR``; the descriptor is a socket on which each request
and each answer is one packet. It hands out sockets, which belong to the machine's network wherever they are used, and
runs programs. When the tests close their end, the machine ends with all its processes. Standard library only.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from tests.page import machine

_SET_FLAGS, _SET_ADDRESS, _SET_NETMASK = 0x8914, 0x8916, 0x891C
_UP = 1


def bring_up(addresses: list[str]) -> None:
    """Bring up the loopback interface and give it more networks: all their addresses are this machine's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
        for number, address in enumerate(addresses):
            for request, value in ((_SET_ADDRESS, address), (_SET_NETMASK, "255.255.255.0")):
                words = (f"lo:{number}".encode(), socket.AF_INET, 0, socket.inet_aton(value))
                fcntl.ioctl(sock, request, struct.pack("16sHH4s8x", *words))


def open_socket(request: dict[str, Any]) -> socket.socket:
    """Return a socket, bound or connected as the request says."""
    sock = socket.socket(socket.AF_INET, getattr(socket, request["kind"]))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if request.get("bind"):
            sock.bind(tuple(request["bind"]))
        if request.get("connect"):
            sock.settimeout(request["timeout"])
            sock.connect(tuple(request["connect"]))
        elif request["kind"] == "SOCK_STREAM":
            sock.listen()
    except OSError:
        sock.close()
        raise
    return sock


def run(request: dict[str, Any]) -> int:
    """Run a program to its end, its output in files, and return its exit code; or start one, and return its pid."""
    with open(request["in"], "rb") as given, open(request["out"], "wb") as out, open(request["err"], "wb") as err:
        process = subprocess.Popen(
            request["argv"],
            stdin=given,
            stdout=out,
            stderr=err,
            env=request["env"],
            cwd=request["cwd"],
            start_new_session=True,
        )
    if not request["wait"]:
        return process.pid
    try:
        return process.wait(request["timeout"])
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def serve(tests: socket.socket) -> None:
    """Carry out requests until the tests close their end."""
    while packet := tests.recv(65536):
        request = json.loads(packet)
        passed: list[socket.socket] = []
        answer: dict[str, Any] = {}
        try:
            if request["do"] == "socket":
                passed.append(open_socket(request))
            elif request["do"] == "run":
                answer["result"] = run(request)
            elif request["do"] == "kill":
                # -1: all but this process and its parent, the first of the machine.
                os.kill(request["pid"], request["signal"])
        except OSError as error:
            answer = {"errno": error.errno, "error": str(error)}
        socket.send_fds(tests, [json.dumps(answer).encode()], [sock.fileno() for sock in passed])
        for sock in passed:
            sock.close()
        reap()


def reap() -> None:
    """Take leave of the children that ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main() -> None:
    """Build the machine, start the process that serves, and be its init."""
    prepared, work, descriptor, *addresses = sys.argv[1:]
    machine.build(prepared, work)
    bring_up(addresses)
    for folder in ("/dev/shm", "/tmp", "/var/tmp"):
        os.chmod(folder, 0o1777)
    machine.mount("--bind", os.path.join(work, "queue"), "/var/spool/taken")
    machine.mount("--bind", os.path.join(work, "loadavg"), "/proc/loadavg")
    os.chdir("/")
    tests = socket.socket(fileno=int(descriptor))
    server = os.fork()
    if server == 0:
        serve(tests)
        os._exit(0)
    tests.close()
    while os.wait()[0] != server:
        pass


if __name__ == "__main__":
    main()
