"""Turns into a shell on a machine of its own: the host's files with a prepared root mounted over them, copy on write.

Run as ``unshare -m -u -n -i -p --fork --kill-child python machine.py PREPARED WORK``. What is mounted here exists in
this process's mount namespace only, every write goes to memory, and the host's processes, network and name are out of
reach. Standard library only.
"""

from __future__ import annotations

import os
import subprocess
import sys

#: Looked at and changed by what is played, so each of these mounts gets an upper layer of its own.
CHANGED = ("/", "/etc", "/home", "/root", "/usr", "/var")
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
#: Filesystems that do not hold files.
_KERNEL = ("/proc", "/sys", "/dev", "/run")


def run(*words: str) -> None:
    """Run a program.

    :raises SystemExit: when it fails, with what it printed.
    """
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"cannot {words[0]}: {done.stderr.strip()}")


def mount(*words: str) -> None:
    """Run mount(8), as :func:`run`."""
    run("mount", *words)


def mount_points() -> list[str]:
    """Return the mount points of this namespace but those of kernel filesystems, outermost first."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        found = {line.split()[4].encode().decode("unicode_escape") for line in file}
    return sorted(p for p in found if not any(p == kernel or p.startswith(f"{kernel}/") for kernel in _KERNEL))


def mount_over(prepared: str, upper: str) -> None:
    """Copy a prepared root into an upper layer; where the host has a link to a directory, into that directory."""
    os.makedirs(upper)
    run("cp", "-a", f"{prepared}/.", upper)
    _follow_links(upper, "")


def _follow_links(upper: str, above: str) -> None:
    """Move what is below a directory of an upper layer to where the host has it.

    :param above: the directory, a real one on the host; "" for the root.
    """
    for directory, names, _ in os.walk(upper + above):
        for name in tuple(names):
            place = os.path.join(directory, name)
            inside = place.removeprefix(upper)
            if os.path.islink(inside) and os.path.isdir(inside) and not os.path.islink(place):
                names.remove(name)
                real = os.path.realpath(inside)
                _move(place, upper + real)
                _follow_links(upper, real)


def _move(source: str, target: str) -> None:
    """Move a directory to a place where there may be one."""
    if not os.path.isdir(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(source, target)
        return
    for name in os.listdir(source):
        one = os.path.join(source, name)
        if os.path.isdir(one) and not os.path.islink(one):
            _move(one, os.path.join(target, name))
        else:
            os.replace(one, os.path.join(target, name))
    os.rmdir(source)


def own_devices(directory: str) -> None:
    """Make a /dev of its own: the page's script ContaLearn.sh writes a file there (``/dev/nul``)."""
    # Where everybody may write, the kernel lets nobody but its owner open a device by ">".
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", directory)
    for name in DEVICES:
        with open(f"{directory}/{name}", "w", encoding="utf-8"):
            mount("--bind", f"/dev/{name}", f"{directory}/{name}")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{directory}/{name}")
    os.symlink("/proc/self/fd", f"{directory}/fd")
    os.makedirs(f"{directory}/shm")


def build(prepared: str, work: str) -> None:
    """Build the machine, and make its root directory this process's.

    :param prepared: the root folder that is mounted over the host's files.
    :param work: a folder of the host that is at the same path in the machine.
    """
    merged = os.path.join(work, "machine")
    layers = os.path.join(work, "layers")
    os.makedirs(merged)
    os.makedirs(layers)
    mount("--make-rprivate", "/")
    points = mount_points()
    # The upper layer may not lie inside the lower one, so it is in memory; nothing of it is left behind either.
    mount("-t", "tmpfs", "tmpfs", layers)
    mount_over(prepared, os.path.join(layers, "prepared"))
    if os.geteuid() == 0:
        merge(points, layers, merged)
    else:
        merge_as_user(layers, merged)
    mount("--rbind", "/sys", merged + "/sys")
    own_devices(merged + "/dev")
    mount("-t", "proc", "proc", merged + "/proc")
    os.makedirs(merged + work, exist_ok=True)
    mount("--bind", work, merged + work)
    os.chroot(merged)


def merge(points: list[str], layers: str, merged: str) -> None:
    """Mount everything the host has, what is changed with a layer over it."""
    for number, point in enumerate(points):
        if point in CHANGED:
            mount_overlay(point, layers, f"work{number}", merged)
        elif os.path.isdir(point):
            mount("--rbind", point, merged + point)


def merge_as_user(layers: str, merged: str) -> None:
    """Do the same in a namespace of an ordinary user, who can mount nothing over a directory with mount points in it.

    The kernel keeps such mounts locked to what they hide. So each directory of the root is merged by itself.
    """
    mount("-t", "tmpfs", "tmpfs", merged)
    prepared = os.path.join(layers, "prepared")
    for directory, _, _ in os.walk(prepared):
        host = directory.removeprefix(prepared)
        if os.path.isdir(host) and not os.access(host, os.R_OK | os.X_OK):
            # What is below cannot be looked at, and would be for each name that is looked up here.
            os.setxattr(directory, "user.overlay.opaque", b"y")
    for number, name in enumerate(sorted({*os.listdir("/"), *os.listdir(prepared)})):
        point, target = f"/{name}", f"{merged}/{name}"
        if os.path.islink(point):
            os.symlink(os.readlink(point), target)
            continue
        if os.path.isfile(point):
            continue
        os.makedirs(target)
        if point in _KERNEL and point != "/run":
            continue
        if not os.path.exists(point):
            mount("--bind", f"{prepared}/{name}", target)
        elif os.path.exists(f"{prepared}/{name}"):
            mount_overlay(point, layers, f"work{number}", merged, ",userxattr")
        elif os.access(point, os.R_OK):
            mount("--rbind", point, target)


def mount_overlay(point: str, layers: str, spare: str, merged: str, options: str = "") -> None:
    """Mount a directory of the host, with the prepared files over it."""
    upper = os.path.join(layers, "prepared", point.strip("/"))
    os.makedirs(upper, exist_ok=True)
    os.makedirs(os.path.join(layers, spare))
    where = f"lowerdir={point},upperdir={upper},workdir={os.path.join(layers, spare)}{options}"
    mount("-t", "overlay", "overlay", "-o", where, merged + point)


def main() -> None:
    """Build the machine and become its shell."""
    prepared, work = sys.argv[1:]
    build(prepared, work)
    os.chdir(os.path.join(work, "desk"))
    os.execvp("bash", ["bash", "--noprofile", "--norc"])


if __name__ == "__main__":
    main()
