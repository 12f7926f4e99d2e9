"""What killed commands left: temporary files, kept files that nothing refers to, and backup copies that grow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from esmith.doctor.case import Case
from esmith.doctor.finding import Checking, Finding, listed, ok, skipped, warning
from esmith.names import counted, is_temporary
from esmith.temporary import is_in_use

#: Backup copies of more than this are worth a look, in bytes.
_MANY_BYTES = 500 * 2**20
_RECOVER = "esmith recover"


def check_temporary(case: Case) -> Iterator[Finding]:
    """Look for temporary files of dead processes in the directories of generated files."""
    layout = case.layout
    above = {os.path.dirname(path) for path in case.outputs}
    above |= {layout.inside(layout.staged), layout.inside(layout.state), layout.inside(layout.database)}
    # The next backup into a folder removes what is left there, but there may be none.
    above |= {case.prop("esmith-backup", "Directory")} - {""} if case.trouble is None else set()
    found, closed = [], 0
    for directory in sorted(above):
        try:
            names = os.listdir(layout.under(directory))
        except PermissionError:
            closed += 1
            continue
        except (FileNotFoundError, NotADirectoryError):
            continue
        found += [
            f"{directory}/{name}"
            for name in names
            if is_temporary(name) and not is_in_use(name) and _is_ours(layout.under(f"{directory}/{name}"))
        ]
    if closed:
        yield skipped(f"temporary files in {counted(closed, 'directory').replace('ys', 'ies')}", "run it as root")
    if found:
        # Those that are recorded there are removed with what they are a record of.
        known = [path for path in found if os.path.dirname(path) == layout.inside(layout.staged)]
        places = [case.pasted(path) for path in found[:20] if path not in known]
        cures = [*([_RECOVER] if known else []), *([f"rm -rf {' '.join(places)}"] if places else [])]
        why = "they take space, and may hold passwords"
        what = f"{counted(len(found), 'temporary file')} of commands that were killed: {listed(found, 3)}"
        yield warning(what, why, *cures)
    elif not closed:
        yield ok(f"no temporary files in {len(above)} directories")


def _is_ours(path: str) -> bool:
    """Return whether a file is of root, or of who runs this: a user may name a file of his own so."""
    try:
        return os.lstat(path).st_uid in (0, os.geteuid())
    except OSError:
        return False


def check_kept(case: Case) -> Iterator[Finding]:
    """Look for kept files of generations that the databases do not know, and for rows that were set aside."""
    layout, known = case.layout, case.generations
    folder = os.path.join(layout.state, "generations")
    names = set(os.listdir(folder)) if os.path.isdir(folder) else set()
    unknown = sorted(name for name in names if name.isdecimal() and int(name) not in known)
    if unknown:
        why = "nothing can be restored from them; they take space"
        what = f"kept files of {counted(len(unknown), 'generation')} that the databases do not know: {listed(unknown)}"
        yield warning(what, why, _RECOVER)
    aside = layout.inside(layout.set_aside)
    rows = os.listdir(layout.set_aside) if os.path.isdir(layout.set_aside) else []
    if rows:
        why = "what they held is missing in the databases; files may be generated again"
        place = case.pasted(aside)
        cures = (f"less {place}/*", f"rm -r {place}")
        yield warning(f"{counted(len(rows), 'damaged row')} of the databases in {aside}", why, *cures)


def check_backups(case: Case) -> Iterator[Finding]:
    """Look how much the backup copies of replaced files take."""
    place = os.path.join(case.layout.state, "kept")
    count, size = _size(place)
    if size > _MANY_BYTES:
        shown = case.layout.inside(place)
        what = f"{counted(count, 'backup copy').replace('copys', 'copies')} in {shown} take {size // 2**20} MB"
        why = "each is of a file that was replaced once; what you do not miss can go"
        yield warning(what, why, f"du -ah {case.pasted(shown)} | sort -h | tail -n 20", about="backup copies are large")
    else:
        yield ok(f"backup copies of replaced files: {count}, {size // 1024} kB")


def _size(place: str) -> tuple[int, int]:
    count = size = 0
    for above, _, names in os.walk(place):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(above, name)).st_size
                count += 1
    return count, size


CHECKS: dict[str, Checking] = {
    "temporary files": check_temporary,
    "kept files": check_kept,
    "backup copies": check_backups,
}
