"""Which version installed the shipped files of a root, and whether that is the version which runs now."""

from __future__ import annotations

import os

from esmith import __version__
from esmith.digests import sha256
from esmith.disk import read_file
from esmith.layout import Layout
from esmith.setup.product_files import content_of
from esmith.setup.shipped import ProductFiles, shipped_digests
from esmith.setup.trees import mark_of_shipped, version_file
from esmith.shipped import shipped_list

#: What a root is taken for whose version was not noted yet.
_EARLIER = "an earlier version"


def add_version(layout: Layout, files: ProductFiles) -> None:
    """Have the file that names this version be replaced with the shipped files.

    :raises InstallError: when the shipped files cannot be read.
    """
    text = f"{__version__}\n{mark_of_shipped()}\n{_digest(shipped_digests())}\n".encode()
    if content_of(version_file(layout)) != text:
        files.new[version_file(layout)] = text, 0o644


def installed_version(layout: Layout) -> str:
    """Return the version that installed the shipped files of a root, "" where that is not known."""
    return (_lines(layout) or [""])[0]


def complaint_of_version(layout: Layout) -> str:
    """Return what to show an administrator whose shipped files are of another version than the program, "" for none.

    Of one version the files themselves are compared: a package that was only installed again has the same.

    :raises InstallError: when the shipped trees are missing.
    """
    if not os.path.exists(shipped_list(layout)):
        # The shipped files were taken away again, as by esmith remove.
        return ""
    lines = _lines(layout)
    version, _, digest = lines if len(lines) == 3 else ("", "", "")
    if version == __version__:
        if digest == _digest(shipped_digests()):
            return ""
        text = f"the shipped files in {layout.configuration} are of another build of version {version}"
    else:
        named = f"version {version}" if version else _EARLIER
        text = f"the shipped files in {layout.configuration} are of {named}, e-smith is {__version__}"
    return f"{text}\n  to bring them up to date: esmith init"


def _lines(layout: Layout) -> list[str]:
    path = version_file(layout)
    layout.trust.require(path)
    if not os.path.exists(path):
        return []
    try:
        return read_file(path).decode(errors="replace").splitlines()
    except OSError:
        return []


def _digest(digests: dict[str, str]) -> str:
    return sha256("".join(f"{name} {digest}\n" for name, digest in sorted(digests.items())).encode()).hexdigest()
