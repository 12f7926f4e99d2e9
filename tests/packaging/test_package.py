"""The Debian package as it is built: what is in it, and that it works without this checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import HOME

VERSION = "9.8.7-1"
needs_dpkg = pytest.mark.program("dpkg-deb", "dpkg")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a package that was built from this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    script = str(HOME / "packaging/debian/build.py")
    words = [sys.executable, script, "--version", VERSION, "--output", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the package installs, and its control files in ``DEBIAN``."""
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(folder)], check=True, timeout=300)
    return folder


def test_a_version_that_no_package_can_have(tmp_path: Path) -> None:
    """One that Debian does not accept is refused at once, in a line that says so."""
    words = [sys.executable, str(HOME / "packaging/debian/build.py"), "--version", "next", "--output", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("'next' is no version of a Debian package; it begins with a digit, as 1.2-1\n")
    assert not list(tmp_path.iterdir())


def _field(package: Path, name: str) -> str:
    return subprocess.run(
        ["dpkg-deb", "--field", str(package), name], check=True, capture_output=True, text=True
    ).stdout.strip()


@needs_dpkg
def test_the_package_says_what_it_is(package: Path) -> None:
    """The package has the version that was asked for, and is for the Python that it was built with."""
    major, minor = sys.version_info[:2]
    assert _field(package, "Package") == "esmith"
    assert _field(package, "Version") == VERSION
    assert f"python3 (>= {major}.{minor}), python3 (<< {major}.{minor + 1})" in _field(package, "Depends")


@needs_dpkg
def test_dpkg_has_nothing_to_ask(package: Path, unpacked: Path) -> None:
    """There are no conffiles and nothing below /etc: what belongs there is written by esmith init."""
    assert not (unpacked / "DEBIAN/conffiles").exists()
    assert _field(package, "Conffiles") == ""
    assert sorted(path.name for path in unpacked.iterdir()) == ["DEBIAN", "usr"]


@needs_dpkg
def test_all_belongs_to_root_and_nobody_else_may_write(package: Path) -> None:
    """Each file belongs to root, and only root may write it, whoever built the package and with whatever umask."""
    words = ["dpkg-deb", "--contents", str(package)]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) > 500
    assert [line for line in lines if line.split()[1] != "root/root"] == []
    modes = {line[:10] for line in lines}
    assert modes == {"drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x", "lrwxrwxrwx"}


@needs_dpkg
def test_the_package_works_by_itself(unpacked: Path, tmp_path: Path) -> None:
    """What the package installs makes a root and writes its files, with nothing of this checkout or its environment."""
    library = unpacked / "usr/lib/esmith"
    text = (unpacked / "usr/sbin/esmith").read_text()
    command = tmp_path / "esmith"
    command.write_text(text.replace("/usr/lib/esmith", str(library)))
    root = tmp_path / "root"
    init = [
        os.path.realpath(sys.executable),
        "-ISXutf8",
        str(command),
        "init",
        "--root",
        str(root),
        "--domain",
        "example.org",
    ]
    done = subprocess.run(init, capture_output=True, text=True, timeout=300, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        [str(root / "sbin/e-smith/config"), "--root", str(root), "get", "DomainName"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    assert shown.stdout == "example.org\n"
    search = re.search(r"sys\.path \+= (.*)", (root / "sbin/e-smith/db").read_text())
    assert search is not None
    assert search[1] == repr([str(library)])


@needs_dpkg
def test_every_shipped_file_is_in_the_package(unpacked: Path) -> None:
    """The shipped trees of the package are those of the repository."""
    shipped = unpacked / "usr/lib/esmith/esmith/_shipped"
    for tree in ("templates", "templates-default", "events", "db", "services", "checks", "plugins", "commands"):
        source = HOME / tree
        wanted = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
        there = {path.relative_to(shipped / tree) for path in (shipped / tree).rglob("*") if path.is_file()}
        assert there == {path for path in wanted if "__pycache__" not in path.parts}
        actions = [path for path in wanted if (source / path).stat().st_mode & 0o100]
        assert [path for path in actions if not (shipped / tree / path).stat().st_mode & 0o100] == []


@needs_dpkg
@pytest.mark.parametrize("name", ["postinst", "prerm", "postrm"])
def test_the_scripts_are_scripts_of_the_shell(unpacked: Path, name: str) -> None:
    """Each script of the package is one that sh can read, stops at its first failure, and may be run."""
    script = unpacked / "DEBIAN" / name
    assert script.stat().st_mode & 0o777 == 0o755
    assert script.read_text().startswith("#!/bin/sh\n")
    assert "\nset -e\n" in script.read_text()
    subprocess.run(["sh", "-n", str(script)], check=True)
