"""Builds the Debian package: ``make deb``.

    python packaging/debian/build.py [--version VERSION] [--output FOLDER] [--source FOLDER]

The package holds the engine and the Python packages that it needs, in /usr/lib/esmith. Those of Debian 12 are too old
(lmdb 1.4, watchdog 2.2; docs/mail-server.md), so they are taken from the environment that runs this. Some have parts in
C, so a package is for the Python and the machine that it was built with.

Nothing is in /etc: what belongs there is written by "esmith init", which postinst calls. So there are no conffiles, and
dpkg has nothing to ask.
"""

from __future__ import annotations

import argparse
import email.utils
import gzip
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parent.parent.parent
SOURCE = HOME / "packaging/debian"
#: Where the engine is, and the commands that are found without /sbin/e-smith in PATH.
LIBRARY, COMMANDS = "usr/lib/esmith", "usr/sbin"
#: "esmith init" writes these; the package has links to them. It has "esmith" itself, which is needed before.
LINKED = ("config", "db", "expand-template", "qpsmtpd-print-dns", "signal-event")
SCRIPTS = ("postinst", "prerm", "postrm")
_ESMITH = f"""\
#!/usr/bin/python3 -ISXutf8
import sys

sys.path += ["/{LIBRARY}"]
from esmith.cli.start import esmith

esmith()
"""
#: The name at the beginning of a requirement (PEP 508).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: Letters of a version without an epoch, which has no place in the name of a file (deb-version(7)).
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+~-]*")
_EXTRA = re.compile(r"\bextra\s*==")
_MAINTAINER = "The e-smith project <root@localhost>"


def main(arguments: list[str]) -> int:
    """Build the package, and print its path."""
    parser = argparse.ArgumentParser(description="Build the Debian package.")
    parser.add_argument("--version", help="the version of the package; else that of the project, for this Debian")
    parser.add_argument("--output", type=Path, default=HOME / "dist", help="the folder the package is written to")
    parser.add_argument("--source", type=Path, default=HOME, help="the tree that is packed, e.g. of an older commit")
    options = parser.parse_args(arguments)
    source = options.source.resolve()
    project = _tables(source)["project"]
    version = options.version or f"{project['version']}-1{_suite()}"
    if not _VERSION.fullmatch(version):
        parser.error(f"{version!r} is no version of a Debian package; it begins with a digit, as 1.2-1")
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        stage = Path(work) / "stage"
        copy_engine(source, stage / LIBRARY)
        copy_dependencies(project, stage / LIBRARY)
        write_commands(stage / COMMANDS)
        copy_documents(source, stage / "usr/share/doc/esmith", version)
        overrides = stage / "usr/share/lintian/overrides"
        overrides.mkdir(parents=True)
        shutil.copyfile(SOURCE / "lintian-overrides", overrides / "esmith")
        write_control(stage, version)
        set_modes(stage)
        print(build(stage, options.output, version))
    return 0


def copy_engine(source: Path, library: Path) -> None:
    """Copy the engine and the shipped trees, as the wheel of ``pyproject.toml`` has them."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(source / "esmith", library / "esmith", ignore=ignored)
    trees: dict[str, str] = _tables(source)["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for tree, target in trees.items():
        # As in a wheel, a link becomes what it leads to.
        shutil.copytree(source / tree, library / target, ignore=ignored)


def copy_dependencies(project: dict[str, Any], library: Path) -> None:
    """Copy from this environment the packages of the engine, the proxy, ``esmith doctor`` and the server-manager.

    :raises SystemExit: when one is missing.
    """
    extras = project["optional-dependencies"]
    also = [line for extra in ("proxy", "dns", "manager") for line in extras.get(extra, [])]
    wanted = [_name(line) for line in [*project["dependencies"], *also]]
    missing = [name for name in wanted if _found(name) is None]
    if missing:
        sys.exit(f"{sys.executable} lacks {', '.join(missing)}; run: make deb")
    done: set[str] = set()
    while wanted:
        name = wanted.pop()
        distribution = _found(name)
        if name.lower() in done or distribution is None:
            continue
        done.add(name.lower())
        # What is not installed is for another system, as colorama for Windows.
        wanted += [_name(line) for line in distribution.requires or [] if not _EXTRA.search(line)]
        for file in distribution.files or []:
            if ".." in file.parts or "__pycache__" in file.parts or file.name == ".gitignore":
                continue
            target = library / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), target)


def write_commands(folder: Path) -> None:
    """Write ``esmith``, and the links to the commands that ``esmith init`` writes."""
    folder.mkdir(parents=True)
    command = folder / "esmith"
    command.write_text(_ESMITH)
    command.chmod(0o755)
    for name in LINKED:
        (folder / name).symlink_to(f"/sbin/e-smith/{name}")


def copy_documents(source: Path, folder: Path, version: str) -> None:
    """Copy the documents, and write the changelogs and the license as Debian wants them."""
    shutil.copytree(source / "docs", folder / "docs")
    shutil.copyfile(source / "README.md", folder / "README.md")
    shutil.copyfile(SOURCE / "copyright", folder / "copyright")
    _compress((source / "CHANGELOG.md").read_bytes(), folder / "changelog.gz")
    date = email.utils.formatdate(float(os.environ.get("SOURCE_DATE_EPOCH") or time.time()))
    lines = [
        f"esmith ({version}) unstable; urgency=medium",
        "  * What is new is in changelog.gz.",
        f" -- {_MAINTAINER}  {date}",
    ]
    _compress("\n\n".join([*lines, ""]).encode(), folder / "changelog.Debian.gz")


def _compress(content: bytes, file: Path) -> None:
    file.write_bytes(gzip.compress(content, mtime=0))


def write_control(stage: Path, version: str) -> None:
    """Write the control file and the scripts of the package."""
    size = sum(path.lstat().st_size for path in stage.rglob("*") if not path.is_dir())
    major, minor = sys.version_info[:2]
    text = (SOURCE / "control").read_text()
    control = stage / "DEBIAN"
    control.mkdir()
    filled = text.format(
        version=version,
        architecture=_output("dpkg", "--print-architecture"),
        maintainer=_MAINTAINER,
        size=size // 1024 + 1,
        python=f"{major}.{minor}",
        next_python=f"{major}.{minor + 1}",
    )
    (control / "control").write_text(filled)
    for name in SCRIPTS:
        shutil.copyfile(SOURCE / name, control / name)
        (control / name).chmod(0o755)


def set_modes(stage: Path) -> None:
    """Give everything the mode that it is to have, whatever the umask was."""
    for path in [stage, *stage.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) and _is_script(path) else 0o644)


def build(stage: Path, output: Path, version: str) -> Path:
    """Build the package of a staged tree, and return its path."""
    architecture = _output("dpkg", "--print-architecture")
    package = output / f"esmith_{version}_{architecture}.deb"
    # Whoever builds it, its files belong to root.
    words = ["dpkg-deb", "--build", "--root-owner-group", "-Zxz", str(stage), str(package)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return package


def _is_script(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _tables(source: Path) -> dict[str, Any]:
    return tomllib.loads((source / "pyproject.toml").read_text())


def _name(requirement: str) -> str:
    found = _NAME.match(requirement)
    assert found, requirement
    return found[0]


def _found(name: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _suite() -> str:
    """Return what tells the packages of two Debians apart: a part that sorts before the next revision."""
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_ID":
            number = value.strip('"')
            return f"~deb{number}"
    return ""


def _output(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
