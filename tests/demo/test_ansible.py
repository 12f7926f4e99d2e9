"""The playbook of docs/ansible.md: it makes the settings so once, and changes nothing the second time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import TIMEOUT_SECONDS, Root
from tests.documents import HOME, blocks
from tests.programs import path_of

FOLDER = HOME / "demo/ansible"


@pytest.mark.parametrize(("language", "name"), [("yaml", "playbook.yml"), ("toml", "site.toml")])
def test_the_document_shows_the_files(language: str, name: str) -> None:
    """What the document shows is what is in demo/ansible."""
    shown = [block.text for block in blocks(language) if block.document.name == "ansible.md"]
    assert [text.strip() for text in shown] == [(FOLDER / name).read_text().strip()]


def _play(
    root: Root, home: Path, folder: Path, *options: str, python: str = sys.executable
) -> tuple[dict[str, int], str]:
    """Play the playbook on this machine for a root folder, and return how many tasks ended how, and the output.

    :param python: what runs the modules of Ansible; on a server it is that of Debian.
    """
    variables = {
        "ansible_become": "false",
        "ansible_connection": "local",
        "ansible_python_interpreter": python,
        "config": str(root.path / "sbin/e-smith/config"),
    }
    program = path_of("ansible-playbook")
    words = [program, "-i", "localhost,", *options, str(folder / "playbook.yml")]
    for name, value in variables.items():
        words += ["-e", f"{name}={value}"]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ESMITH_ROOT": str(root.path),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(
        words, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS, cwd=home
    )
    counts = re.findall(r"(\w+)=(\d+)", done.stdout.partition("PLAY RECAP")[2])
    assert counts, _version(program) + done.stdout + done.stderr
    return {name: int(count) for name, count in counts}, done.stdout


def _version(program: str) -> str:
    """Return which Ansible it is: that of Debian or that of pip, whichever comes first."""
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)
    return f"played with {program}: {done.stdout.splitlines()[0]}\n"


@pytest.mark.program("ansible-playbook")
def test_the_playbook(office: Root, tmp_path: Path) -> None:
    """Played twice it changes settings and files the first time, and nothing the second."""
    counts, shown = _play(office, tmp_path, FOLDER, str(FOLDER / "playbook.yml"))
    assert (counts["ok"], counts["changed"], counts["failed"]) == (2, 1, 0)
    assert shown.index("changed: [localhost]") < shown.index("ok: [localhost]")
    assert office.config("getprop", "qpsmtpd", "DNSBL").out == "enabled\n"
    assert "MaxFileSize 25M" in office.lines("/etc/clamd.conf")


@pytest.mark.long
@pytest.mark.program("ansible-playbook")
def test_a_check_and_a_wrong_file(office: Root, tmp_path: Path) -> None:
    """--check changes nothing and shows that something would change; a wrong setting makes the task fail."""
    revision = office.esmith("history", "--limit", "1").out
    assert _play(office, tmp_path, FOLDER, "--check", python="/usr/bin/python3")[0]["changed"] == 1
    assert office.esmith("history", "--limit", "1").out == revision
    wrong = Path(shutil.copytree(FOLDER, tmp_path / "wrong"))
    (wrong / "site.toml").write_text('[configuration.qpsmtpd]\nDNSBL = "maybe"\n')
    counts, shown = _play(office, tmp_path, wrong)
    assert counts["failed"] == 1 and "-:2: configuration qpsmtpd DNSBL" in shown
    assert office.esmith("history", "--limit", "1").out == revision
    # Shown by "pytest -rP".
    print(_version(path_of("ansible-playbook")))
