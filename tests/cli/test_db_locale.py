"""The same bytes in every locale."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.commands import Root
from tests.programs import is_installed
from tests.store.stores import bare_root

TEXT = "é日🦑ß"

#: Locales that are made for the tests, with their character sets.
CHARSETS = {"en_US.ISO-8859-1": "ISO-8859-1", "ja_JP.EUC-JP": "EUC-JP"}


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Return environments by name; a latin-1 locale is made where the system can."""
    found = {
        "C": {"LC_ALL": "C", "LANG": ""},
        "POSIX": {"LC_ALL": "POSIX", "LANG": ""},
        "C.UTF-8": {"LC_ALL": "C.UTF-8", "LANG": ""},
        "unknown": {"LC_ALL": "xx_XX.KOI8-R", "LANG": "xx_XX"},
    }
    directory = tmp_path_factory.mktemp("locales")
    for name, charset in CHARSETS.items():
        if is_installed("localedef"):
            # Exit code 1 means warnings; what counts is whether the locale is there.
            subprocess.run(
                ["localedef", "-i", name.partition(".")[0], "-f", charset, str(directory / name)],
                capture_output=True,
                check=False,
            )
        if (directory / name / "LC_CTYPE").exists():
            found[name] = {"LOCPATH": str(directory), "LC_ALL": name, "LANG": ""}
    return found


NAMES = [
    *("C", "POSIX", "C.UTF-8", "unknown"),
    *(
        pytest.param(name, marks=pytest.mark.program("localedef", f"/usr/share/i18n/charmaps/{charset}.gz"))
        for name, charset in CHARSETS.items()
    ),
]


@pytest.fixture(params=NAMES)
def env(request: pytest.FixtureRequest, locales: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the environment of a locale."""
    return locales[request.param]


def check(root: Root, env: dict[str, str]) -> None:
    """Write and read text of several scripts in one locale, and read it in another."""
    root.run("config", "set", TEXT, TEXT, TEXT, TEXT, env=env)
    root.run("config", "setprop", TEXT, "p", TEXT, env=env)
    plain = {"LC_ALL": "C.UTF-8"}
    for words, out in (
        (["get", TEXT], f"{TEXT}|p|{TEXT}|{TEXT}|{TEXT}\n"),
        (["getprop", TEXT, TEXT], f"{TEXT}\n"),
        (["printprop", TEXT], f"p={TEXT}\n{TEXT}={TEXT}\n"),
    ):
        for where in (env, plain):
            answer = root.run("config", *words, env=where)
            assert (answer.out, answer.err) == (out, "")
    assert root.run("config", "show", env=env) == root.run("config", "show", env=plain)
    assert root.run("config", "--json", "show", env=env) == root.run("config", "--json", "show", env=plain)


def test_without_schema(tmp_path: Path, env: dict[str, str]) -> None:
    """Keys, types, properties and values of any script are written and read as the same bytes."""
    check(bare_root(tmp_path / "root"), env)


def test_with_schema(root: Root, env: dict[str, str]) -> None:
    """The schema files, which are looked for by key and type, do not get in the way of any script."""
    check(root, env)
    assert TEXT in root.run("esmith", "history", "--limit", "2", env=env).out


def test_messages(root: Root, env: dict[str, str]) -> None:
    """A refusal shows the value in UTF-8 whatever the locale."""
    answer = root.run("config", "setprop", "qpsmtpd", "DNSBL", TEXT, code=3, env=env)
    assert f"'{TEXT}' is not one of enabled, disabled" in answer.err


def test_order(tmp_path: Path, env: dict[str, str]) -> None:
    """Keys are listed in byte order in every locale."""
    root = bare_root(tmp_path / "root")
    for key in ("b", "B", "a", "é", "_"):
        root.run("db", "t", "set", key, "v", env=env)
    assert root.run("db", "t", "keys", env=env).out == "B\n_\na\nb\né\n"
