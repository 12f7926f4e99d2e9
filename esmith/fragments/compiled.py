"""Compiled Jinja2 fragments, kept in a directory of the root so that only a fragment with another text is compiled.

A file is named by the digest of all that the code depends on: text and path of the fragment, Python, Jinja2, and how
the engine has them compiled. It holds a checksum and the code. It is run only when nobody but the user who runs the
command could have written it: the directory is that user's and closed to all others, and so is the file. Whatever is
not so, or is damaged, counts as not there. Nothing is lost with the directory but time.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys

from esmith.digests import blake2b
from esmith.directories import make_directory
from esmith.temporary import temporary_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    from esmith.layout import Layout

#: Another number for another form of the files, or another way of compiling.
_FORMAT = "1"
_DIGEST_BYTES = 16
#: More files than this are not kept: those of fragments that are gone are among them.
_MOST = 4000
#: What was compiled in this process and is not kept yet, by the file that is to hold it.
_new: dict[str, bytes] = {}


class CompiledFragments:
    """The compiled fragments of a root.

    :param layout: the root.
    """

    def __init__(self, layout: Layout) -> None:
        self._directory = layout.compiled
        self._is_ours: bool | None = None
        self._compiler: str | None = None

    def find(self, text: str, path: str) -> CodeType | None:
        """Return the code of a fragment, None when it is not kept.

        :param text: the fragment.
        :param path: its path, which messages name.
        """
        if self._is_ours is None:
            self._is_ours = _is_private(self._directory)
        if not self._is_ours:
            return None
        place = self._place(text, path)
        return _read(place) if place else None

    def note(self, text: str, path: str, code: CodeType) -> None:
        """Note the code of a fragment for :func:`keep_compiled`."""
        place = self._place(text, path)
        if place:
            _new[place] = marshal.dumps(code)

    def _place(self, text: str, path: str) -> str:
        """Return the file for a fragment, "" where it is not known what compiles it."""
        if self._compiler is None:
            self._compiler = _compiler()
        if not self._compiler:
            return ""
        parts = "\0".join((_FORMAT, sys.version, self._compiler, path, text))
        return os.path.join(self._directory, _digest(parts.encode("utf-8", "surrogatepass")))


def keep_compiled(layout: Layout) -> None:
    """Keep what was compiled in this process; where that cannot be, the next command compiles it again.

    :param layout: the root.
    """
    directory = layout.compiled
    own = {place: code for place, code in _new.items() if os.path.dirname(place) == directory}
    if not own:
        return
    for place in own:
        del _new[place]
    try:
        make_directory(directory, 0o700)
        if _is_private(directory):
            _make_room(directory, len(own))
            for place, code in own.items():
                _write(directory, place, code)
    except OSError:
        return


def _write(directory: str, place: str, code: bytes) -> None:
    temporary = os.path.join(directory, temporary_name())
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            os.write(descriptor, _digest(code).encode() + code)
        finally:
            os.close(descriptor)
        # Not made durable: what a crash leaves of it has another checksum.
        os.rename(temporary, place)
    except OSError:
        os.unlink(temporary)
        raise


def _read(place: str) -> CodeType | None:
    """Return the code that a file holds, None where it is not to be run."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return None
        data = os.read(descriptor, status.st_size + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    code = data[2 * _DIGEST_BYTES :]
    if data[: 2 * _DIGEST_BYTES] != _digest(code).encode():
        return None
    try:
        made = marshal.loads(code)
    except (ValueError, TypeError, EOFError):
        return None
    return made if type(made) is type(_read.__code__) else None


def _make_room(directory: str, count: int) -> None:
    """Remove all files where there would be too many: which of them are of use shows the next event."""
    names = os.listdir(directory)
    if len(names) + count > _MOST:
        for name in names:
            os.unlink(os.path.join(directory, name))


def _is_private(directory: str) -> bool:
    """Return whether a directory is closed to everybody but the user who runs this."""
    try:
        status = os.lstat(directory)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _compiler() -> str:
    """Return what stands for Jinja2 and for what the engine tells it, "" when they cannot be found."""
    here = os.path.dirname(os.path.abspath(__file__))
    files = [os.path.join(here, name) for name in ("jinja.py", "helpers.py", "compiled.py")]
    for directory in sys.path:
        package = os.path.join(directory, "jinja2")
        if os.path.isfile(os.path.join(package, "__init__.py")):
            files += [os.path.join(package, name) for name in ("__init__.py", "compiler.py", "filters.py")]
            break
    else:
        return ""
    try:
        looks = [os.stat(file) for file in files]
    except OSError:
        return ""
    return " ".join(f"{one.st_dev} {one.st_ino} {one.st_size} {one.st_mtime_ns}" for one in looks)


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()
