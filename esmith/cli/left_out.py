"""The last line of a command that left something out, with the files at fault and the packages that installed them."""

from __future__ import annotations

from esmith.cli.output import warn
from esmith.errors import EsmithError, ExitCode
from esmith.layout import Layout
from esmith.names import counted, without_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: How many files a message names.
_SHOWN = 3


def warn_of_left(files: int, actions: int = 0, *, because: str = "", done: bool = True) -> int:
    """Say as the last line that something was left out, and return the exit code.

    :param files: how many files were left as they were.
    :param actions: how many actions were done in part.
    :param because: a clause that names what is at fault; "" for none.
    :param done: whether the rest was done; else it was only tried.
    """
    found = []
    if files:
        found.append(
            f"{counted(files, 'file')} {'' if done else 'would be '}left as {'it is' if files == 1 else 'they are'}"
        )
    if actions:
        found.append(f"{counted(actions, 'action')} done in part")
    if not found:
        return ExitCode.OK
    warn(", ".join(found) + because + ("; everything else was done" if done else ""))
    return ExitCode.PARTIAL


def warn_of_faults(faults: Sequence[EsmithError], layout: Layout) -> int:
    """Show what files of contribs were left out of the databases for, and return the exit code."""
    if not faults:
        return ExitCode.OK
    for fault in faults:
        warn(str(fault))
    files = dict.fromkeys(without_line(fault.place) for fault in faults)
    warn(f"{counted(len(files), 'file')} left out{because_of(list(files), layout)}; everything else was done")
    return ExitCode.PARTIAL


def because_of(files: Sequence[str], layout: Layout) -> str:
    """Return a clause that names files and their packages, e.g. ``, because of /etc/e-smith/... (package x)``.

    :param files: paths of this disk.
    :return: "" when there are none.
    """
    if not files:
        return ""
    from esmith.services.packages import packages_of

    packages = packages_of(files) if layout.is_machine else {}
    names = [
        layout.inside(file) + (f" (package {packages[file]})" if file in packages else "") for file in files[:_SHOWN]
    ]
    more = len(files) - _SHOWN
    names += [f"{more} more"] if more > 0 else []
    return f", because of {' and '.join([', '.join(names[:-1]), names[-1]] if len(names) > 1 else names)}"
