"""The process that runs check programs; nothing of one outlives its check, and nothing of all of them this process.

It is started as ``python -m esmith.checks.process`` by :mod:`esmith.checks.views`, reads what to do from
stdin as JSON and writes what came of it to stdout as JSON. With ``tree`` it first enters a mount namespace of its own,
where the machine is read-only (mount_setattr(2)), and new files stand at their places in overlays whose upper layers
are in memory. /tmp is one as well: programs write there whatever TMPDIR says, such as doveconf of dovecot 2.4. Such a
namespace is gone with its last process, so a kill leaves nothing mounted. Standard library only.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import errno
import json
import os
import resource
import selectors
import signal
import struct
import subprocess
import sys
import time

from esmith.processes import all_children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: A program that prints more has gone wrong.
OUTPUT_LIMIT = 1_000_000
_FILE_LIMIT = 64_000_000
_READ_SIZE = 65_536
#: What programs write to, whatever they are asked for: they find it as it is, and what they write goes to memory.
_SCRATCH = "/tmp"

# linux/sched.h, linux/mount.h, linux/prctl.h; system call 442 is the same on every architecture.
_CLONE_NEWNS = 0x0002_0000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_SYS_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Do what stdin says."""
    task = json.load(sys.stdin)
    _end_with(task["parent"])
    if task["tree"] is not None:
        try:
            _enter(task["tree"])
        except OSError as error:
            json.dump({"refused": error.strerror or str(error)}, sys.stdout)
            return
    os.makedirs(task["home"], mode=0o700, exist_ok=True)
    ended = []
    for program in task["programs"]:
        for report in task["reports"]:
            # Whoever reads it may be gone.
            with contextlib.suppress(OSError):
                os.write(report, b".")
        ended.append(_run(program, task["home"]))
    json.dump({"ended": ended}, sys.stdout)


def _end_with(parent: int) -> None:
    """See that this process ends when its parent does, and becomes the parent of what programs leave running."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def _run(program: dict[str, Any], home: str) -> dict[str, Any]:
    """Run one program and return its status, what it printed, and why it was ended."""
    try:
        process = subprocess.Popen(
            program["argv"],
            cwd=program["cwd"],
            env={**program["environment"], "HOME": home, "TMPDIR": home},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_limit,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return {"status": 1, "out": "", "err": "", "why": f"cannot be run: {error}"}
    try:
        out, err, why = _listen(process, time.monotonic() + program["timeout"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        _end_children()
    return {"status": status, "out": out, "err": err, "why": why}


def _limit() -> None:
    """Set, in a program's process, that it ends with this one, dumps no core and writes no huge file."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_LIMIT, _FILE_LIMIT))


def _listen(process: subprocess.Popen[bytes], deadline: float) -> tuple[str, str, str]:
    """Return what a program prints until it ends, and why it has to be ended: "timeout", "output" or ""."""
    assert process.stdout is not None
    assert process.stderr is not None
    kept = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    ended = os.pidfd_open(process.pid)
    why = ""
    try:
        with selectors.DefaultSelector() as selector:
            for descriptor in (*kept, ended):
                selector.register(descriptor, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select(max(0.0, deadline - time.monotonic()))}
                if ready == {ended}:
                    break
                if not ready or time.monotonic() > deadline:
                    why = "timeout"
                    break
                for descriptor in ready - {ended}:
                    chunk = os.read(descriptor, _READ_SIZE)
                    kept[descriptor] += chunk
                    if not chunk:
                        selector.unregister(descriptor)
                if sum(map(len, kept.values())) > OUTPUT_LIMIT:
                    why = "output"
                    break
    finally:
        os.close(ended)
    out, err = (text[:OUTPUT_LIMIT].decode("utf-8", "backslashreplace") for text in kept.values())
    return out, err, why


def _end_children() -> None:
    """Kill what a program left running, also what left its session: it has become a child of this process."""
    while True:
        for child in all_children().get(os.getpid(), []):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _enter(tree: dict[str, Any]) -> None:
    """Enter a mount namespace in which new files stand at their places.

    :raises OSError: when this machine does not allow it.
    """
    _checked(_libc.unshare(_CLONE_NEWNS))
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    points = _mount_points()
    read_only = ctypes.create_string_buffer(struct.pack("QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0), 32)
    _checked(_libc.syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, b"/", _AT_RECURSIVE, read_only, ctypes.c_size_t(32)))
    scratch = [_SCRATCH] if os.path.isdir(_SCRATCH) else []
    places = sorted({os.path.realpath(place) for place in (*tree["places"], *scratch)})
    lower = {place: os.open(place, os.O_PATH) for place in places}
    inner = {
        point: os.open(point, os.O_PATH)
        for point in points
        if point not in places
        and any(point.startswith(f"{place.rstrip('/')}/") for place in places)
        and os.path.exists(point)
    }
    _mount("tmpfs", tree["memory"], "tmpfs", data="mode=0700")
    memory = os.open(tree["memory"], os.O_PATH)
    for number, place in enumerate(places):
        _install_over(place, lower[place], f"/proc/self/fd/{memory}/{number}")
    for point, handle in inner.items():
        _mount(f"/proc/self/fd/{handle}", point, "", _MS_BIND)
    for file in tree["files"]:
        _put(file)
    for source, link in tree["links"]:
        if not os.path.lexists(link):
            os.symlink(source, link)


def _install_over(place: str, lower: int, memory: str) -> None:
    status = os.stat(place)
    handles = {"lowerdir": lower}
    os.mkdir(memory)
    for layer in ("upperdir", "workdir"):
        os.mkdir(f"{memory}/{layer}")
        # The upper layer gives the directory its attributes.
        os.chown(f"{memory}/{layer}", status.st_uid, status.st_gid)
        os.chmod(f"{memory}/{layer}", status.st_mode & 0o7777)
        handles[layer] = os.open(f"{memory}/{layer}", os.O_PATH)
    # By descriptor, so no sign in a path has a meaning among the options.
    options = ",".join(f"{name}=/proc/self/fd/{handle}" for name, handle in handles.items())
    _mount("overlay", place, "overlay", data=options)


def _put(file: dict[str, Any]) -> None:
    path = file["path"]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    if file["kind"] == "symlink":
        os.symlink(base64.b64decode(file["content"]), os.fsencode(path))
    elif file["kind"] == "file":
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(descriptor, "wb") as stream:
            if file["owner"] is not None:
                os.fchown(descriptor, *file["owner"])
            os.fchmod(descriptor, file["mode"])
            stream.write(base64.b64decode(file["content"]))


def _mount_points() -> list[str]:
    """Return where something is mounted, the outer ones first (proc(5), mountinfo: octal escapes)."""
    with open("/proc/self/mountinfo", "rb") as stream:
        fields = [line.split()[4] for line in stream]
    return [os.fsdecode(field.decode("unicode_escape").encode("latin-1")) for field in fields]


def _mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    words = [os.fsencode(word) for word in (source, target, kind)]
    _checked(_libc.mount(*words, ctypes.c_ulong(flags), os.fsencode(data)))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno() or errno.EPERM
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main()
