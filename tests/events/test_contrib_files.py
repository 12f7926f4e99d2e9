"""Files of a contrib that are wrong, of each kind: none stops the mail."""

from __future__ import annotations

import os

import pytest

from tests.commands import Root

BASE = "/etc/e-smith"
EVENT = f"{BASE}/events/email-update"
OWN = {f"{BASE}/templates/etc/own.conf/10text": "x\n", f"{EVENT}/templates2expand/etc/own.conf": ""}
METADATA = f"{BASE}/templates/etc/own.conf/template.toml"

#: The files, "-> target" for links, and what the message names.
CASES = {
    "declaration of an action": (
        {f"{BASE}/events/actions/own": "#!/bin/sh\n", f"{BASE}/events/actions/own.toml": "makes = 5\n"},
        "own.toml: makes must be",
    ),
    "definition of a service": (
        {f"{BASE}/services/own/service.toml": "[broken", f"{EVENT}/services2adjust/own": "-> restart"},
        "own/service.toml: cannot be read",
    ),
    "definition of a service that a file names": (
        {f"{BASE}/services/own/service.toml": "[broken", **OWN, METADATA: 'services = ["own"]\n'},
        "own/service.toml: cannot be read",
    ),
    "service action": ({f"{EVENT}/services2adjust/own": "-> frobnicate"}, "no service action 'frobnicate'"),
    "service action in metadata": ({**OWN, METADATA: 'services = { own = "frobnicate" }\n'}, "'frobnicate'"),
    "check": (
        {f"{BASE}/checks/own.py": "def broken(:\n", **OWN, METADATA: 'check = { own = "own" }\n'},
        "its check failed",
    ),
    "check that is not there": ({**OWN, METADATA: 'check = { own = "own" }\n'}, "no check 'own'"),
    "service actions that are not UTF-8": ({f"{EVENT}/services2adjust/own": "rest\udce9art\n"}, "no service action"),
    "output of the databases": (
        {**OWN, METADATA: 'output = "/home/e-smith/db/data.mdb"\n'},
        "a file of e-smith itself",
    ),
    "output of the state": ({**OWN, METADATA: 'output = "/var/lib/e-smith/shipped"\n'}, "a file of e-smith itself"),
    "output of a command": ({**OWN, METADATA: 'output = "/sbin/e-smith/db"\n'}, "a file of e-smith itself"),
    "output with a NUL": ({**OWN, METADATA: 'output = "/etc/a\\u0000b"\n'}, "output must be an absolute path"),
    "link with a NUL": (
        {**OWN, METADATA: 'kind = "symlink"\n', f"{BASE}/templates/etc/own.conf/20nul": "{{ '\\0' }}"},
        "gives no path for the symbolic link",
    ),
    "link without a text": (
        {
            **OWN,
            METADATA: 'kind = "symlink"\n',
            f"{BASE}/templates/etc/own.conf/10text": " \n",
            f"{BASE}/templates/etc/own.conf/template-begin": "",
        },
        "gives no path for the symbolic link",
    ),
    "link with the comment of a file": (
        {**OWN, METADATA: 'kind = "symlink"\n'},
        "has to be one line; an empty template-begin leaves out the comment",
    ),
    "link that is too long": (
        {**OWN, METADATA: 'kind = "symlink"\n', f"{BASE}/templates/etc/own.conf/20long": "a" * 5000},
        "gives no path for the symbolic link",
    ),
    "output of a shipped template": (
        {
            f"{BASE}/templates/var/qmail/control/aaa/10text": "x\n",
            f"{BASE}/templates/var/qmail/control/aaa/template.toml": 'output = "/var/qmail/control/rcpthosts"\n',
        },
        "makes /var/qmail/control/rcpthosts, which a shipped template makes",
    ),
    "file that is the directory of another": (
        {
            **OWN,
            f"{BASE}/templates/etc/x/10text": "x\n",
            f"{BASE}/templates/etc/x/template.toml": 'output = "/etc/own.conf/y"\n',
            f"{EVENT}/templates2expand/etc/x": "",
        },
        "/etc/own.conf would be a file and the directory of files",
    ),
    "relative output": ({**OWN, METADATA: 'output = "../x"\n'}, "output must be an absolute path"),
    "link to itself": (
        {f"{BASE}/templates/etc/own.conf": "-> own.conf", f"{EVENT}/templates2expand/etc/own.conf": ""},
        "there is no template for /etc/own.conf",
    ),
    "directory in the place of the file": ({**OWN, "/etc/own.conf/inner": ""}, "own.conf: is a directory"),
    "file in the place of a directory": (
        {
            f"{BASE}/templates/etc/own.d/own.conf": "x\n",
            f"{EVENT}/templates2expand/etc/own.d/own.conf": "",
            "/etc/own.d": "a file\n",
        },
        "own.d is in the way",
    ),
}


def _install(root: Root, files: dict[str, str]) -> None:
    for path, text in files.items():
        if text.startswith("-> "):
            root.file(path).parent.mkdir(parents=True, exist_ok=True)
            root.file(path).symlink_to(text.removeprefix("-> "))
        else:
            root.write(path, "", mode=0o755 if "/actions/" in path else 0o644)
            root.file(path).write_bytes(text.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(("files", "message"), CASES.values(), ids=CASES.keys())
def test_it_stops_only_itself(office: Root, files: dict[str, str], message: str) -> None:
    """The file is named, the settings of the mail are installed, and the exit code is 11; once it is gone, 0."""
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled", "RBLList", "lists.example.org")
    _install(office, files)
    answer = office.signal("email-update", code=11)
    assert message in answer.err
    assert "everything else was done" in answer.err.splitlines()[-1]
    assert "lists.example.org" in office.read("/var/service/qpsmtpd/config/dnsbl_zones")
    for path in files:
        office.file(path).unlink()
    office.signal("email-update")


@pytest.mark.parametrize("name", ["declaration of an action", "definition of a service", "check", "service action"])
def test_strict_stops(office: Root, name: str) -> None:
    """With Strict of esmith the same stops the event before any file is touched."""
    office.config("setprop", "esmith", "Strict", "enabled")
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled", "RBLList", "lists.example.org")
    _install(office, CASES[name][0])
    assert office.signal("email-update", code=None).code not in (0, 11)
    assert "lists.example.org" not in office.read("/var/service/qpsmtpd/config/dnsbl_zones")


@pytest.mark.parametrize("path", ["configuration/own.toml", "own/@own.toml", "own/own.toml"])
def test_a_broken_schema_file_is_left_out(office: Root, path: str) -> None:
    """Everything else is brought up to date, also its neighbours, and the event that does it ends with 11."""
    office.write(f"{BASE}/db/{path}", "[broken")
    office.write(f"{BASE}/db/own/other.toml", 'type = "service"\n')
    answer = office.signal("console-save", code=11)
    assert f"db/{path}: cannot be read" in answer.err
    assert office.db("own", "gettype", "other").out == "service\n"


def test_a_broken_shipped_schema_file_stops(office: Root) -> None:
    """What is ours has to be right: the event stops, and nothing is stored."""
    office.write(f"{BASE}/db/own/other.toml", 'type = "service"\n')
    office.write(f"{BASE}/db/configuration/clamav.toml", "[broken")
    office.signal("console-save", code=7)
    assert office.db("own", "gettype", "other", code=None).code == 1


def test_links_to_a_directory_above_end_there(office: Root) -> None:
    """Markers behind links are found, and a link to the directory that it is in is not followed without end."""
    markers = office.file(f"{EVENT}/templates2expand")
    (markers / "again").symlink_to(".")
    elsewhere = office.file("/elsewhere")
    elsewhere.mkdir()
    (elsewhere / "own.conf").write_text("")
    (markers / "etc").mkdir(exist_ok=True)
    (markers / "etc/own.d").symlink_to(elsewhere)
    office.write(f"{BASE}/templates/etc/own.d/own.conf", "x\n")
    office.signal("email-update")
    assert office.read("/etc/own.d/own.conf") == "x\n"


@pytest.mark.parametrize("place", ["migrate/30x", "defaults/own/type"])
def test_a_pipe_in_a_database_waits_for_nobody(office: Root, place: str) -> None:
    """It is left out, and named."""
    path = office.file(f"{BASE}/db/configuration/{place}")
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    assert f"{place}: cannot be read" in office.esmith("initialize-databases", code=11).err


def test_a_file_below_one_of_ours_is_left(root: Root) -> None:
    """Before the first event neither is there: the shipped file is made, the contrib's is left."""
    _install(root, {**OWN, METADATA: 'output = "/etc/clamd.conf/own"\n'})
    answer = root.signal("email-update", code=11)
    assert "/etc/clamd.conf would be a file and the directory of files" in answer.err
    assert "left as it is: /etc/clamd.conf/own" in answer.err
    assert "MaxFileSize" in root.read("/etc/clamd.conf")
