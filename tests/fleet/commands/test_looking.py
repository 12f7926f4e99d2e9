"""``esmith fleet status``, ``history`` and ``groups``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from esmith.fleet.admin.waking import wake
from esmith.fleet.agent.places import STATUS
from tests.cli.test_json_shapes import _tables, faults
from tests.fleet.cluster import wait_for
from tests.fleet.commands.kit import Server, Town
from tests.fleet.etcd_certificates import make_files

pytestmark = pytest.mark.program("etcd")
#: Where nothing answers.
_NOBODY = "https://127.0.0.1:1"


def _status(server: Server) -> tuple[int, dict[str, Any]]:
    answer = server.fleet("status", "--json", code=None)
    return answer.code, json.loads(answer.out)


def _knows_both(server: Server) -> bool:
    wake(server.layout)
    return len(json.loads((Path(server.layout.fleet) / STATUS).read_text())["hosts"]) == 2


def _found(data: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["subject"], one["message"]) for one in data["findings"]]


def test_status(town: Town) -> None:
    """With all agents running all is well; what is wrong is named with its cure, also while etcd is away."""
    one = town.found()
    two = town.join(one, "two", "mx")
    code, data = _status(one)
    assert (code, data["hosts"][1]["groups"]) == (13, ["mx"])
    assert ("two", "has not reported yet") in _found(data)
    for server in (one, two):
        server.start_agent()
    wait_for(lambda: _status(one)[0] == 0, "all to be well")
    shown = one.fleet("status").out
    assert f"fleet {town.name}, this server is one; fleet revision 4" in shown
    assert shown.endswith("\nall is well\n")
    code, data = _status(two)
    assert faults(_tables()["esmith fleet status"], data) == []
    assert [host["revision"] for host in data["hosts"]] == [4, 4]
    assert len({host["digest"] for host in data["hosts"]}) == 1
    assert data["etcd"][0]["leader"]
    wait_for(lambda: _knows_both(one), "the file to name both")
    one.set("Endpoints", _NOBODY, key="fleet")
    code, data = _status(one)
    assert (code, data["reachable"], data["revision"]) == (13, False, None)
    assert [host["revision"] for host in data["hosts"]] == [4, 4]
    assert any(subject == _NOBODY and "refused" in message for subject, message in _found(data))
    assert "esmith fleet leave --here" in one.fleet("leave", "--yes", code=6).err
    one.config("--local", "setprop", "qpsmtpd", "DNSBL", "enabled")
    assert ("one", "1 setting set for it alone while etcd was away") in _found(_status(one)[1])
    one.end_agent()
    shown = one.fleet("status", code=13).out
    assert "etcd cannot be asked: as far as this server knows" in shown
    assert "one: the agent of the fleet is not there" in shown
    assert "\n  start it: esmith fleet agent\n" in shown


def test_a_certificate_that_ends(town: Town) -> None:
    """The certificate that a server shows etcd is named before it ends, with what renews it."""
    one = town.found()
    one.path_of("host.pem").write_bytes(_certificate(town, days=10.5))
    shown = one.fleet("status", code=13).out
    assert "one: its certificate for etcd ends in 10 days\n" in shown
    assert "on the first server: esmith fleet certificates --out DIR --client one\n" in shown
    one.path_of("host.pem").write_bytes(_certificate(town, days=-1))
    assert "one: its certificate for etcd has ended\n" in one.fleet("status", code=13).out


def _certificate(town: Town, days: float) -> bytes:
    return make_files(town.folder / f"days{days}", days=days, of=town.cluster.files).client.read_bytes()


def test_what_others_report_is_data(town: Town) -> None:
    """What a server reports, nonsense and control characters, is shown printable, and stops nothing."""
    one = town.found()
    two = town.join(one, "two")
    with two.own().connect() as etcd:
        for value in (b"\xff", b"[]", b'{"revision": "x", "digest": {}, "time": [1]}', b"9" * 5000):
            etcd.put(f"/esm/{town.name}/s/two", value)
            assert ("two", "has not reported yet") in _found(_status(one)[1])
        wrong = {
            "revision": 4,
            "time": 1,
            "digest": "x",
            "program": "9.9\x1b[2J",
            "stopped": "row 5\n\x1b[31m",
            "error": "",
        }
        etcd.put(f"/esm/{town.name}/s/two", json.dumps(wrong))
    answer = one.fleet("status", code=13)
    assert "\x1b" not in answer.out
    assert "two: applies no more changes: row 5\\n\\x1b[31m" in answer.out
    assert "two: has not reported since 1970" in answer.out
    assert "on two: esmith fleet resync --dry-run" in answer.out


def test_history(town: Town) -> None:
    """The history has the newest rows first, with who, where and which command, and hides secrets."""
    one = town.found()
    one.start_agent()
    one.config("setprop", "qpsmtpd", "DNSBL", "enabled")
    one.fleet("groups", "--set", "mx")
    rows = json.loads(one.fleet("history", "-n", "2", "--json").out)
    assert faults(_tables()["esmith fleet history"], rows) == []
    found = [(row["revision"], row["kind"], row["about"], row["changes"]) for row in rows]
    assert found == [(4, "groups", "mx", 0), (3, "changes", "", 1)]
    assert rows[1]["command"].endswith("config setprop qpsmtpd DNSBL enabled")
    shown = one.fleet("history").out
    assert "4  " in shown.splitlines()[0]
    assert shown.splitlines()[0].endswith("  groups: mx")
    assert "join" in shown.splitlines()[-2]


def test_history_blames_nobody_for_what_he_did_not_write(town: Town) -> None:
    """A row that was written again, or does not fit, is shown as such: not with the host and the words it gives."""
    one = town.found()
    for value in ("enabled", "disabled"):
        one.fleet("groups", "--set", value)

    def kinds() -> list[str]:
        rows = json.loads(one.fleet("history", "-n", "3", "--json").out)
        assert all(not row["host"] for row in rows if row["kind"].startswith("damaged"))
        return [row["kind"] for row in rows]

    with one.own().connect() as etcd:
        prefix = f"/esm/{town.name}"
        rows = [page.rows for page in etcd.prefix(f"{prefix}/j/")][0]
        raws = [row.value for row in rows]
        assert kinds() == ["groups", "groups", "changes"]
        changed = raws[2].replace(b"enabled", b"forgery")
        assert changed != raws[2]
        etcd.put(f"{prefix}/j/000000000003", changed)
        found = kinds()
        assert "signature" in found[1] or "another row than" in found[1]
        etcd.put(f"{prefix}/j/000000000003", raws[2])
        etcd.put(f"{prefix}/j/000000000005", raws[3])
        etcd.put(f"{prefix}/head", f"5 {'0' * 64}")
        assert kinds() == ["damaged: it has the number 4, and is at the place of row 5", "groups", "groups"]


def test_groups(town: Town) -> None:
    """A server changes its own groups, and gets what these have; all servers are listed."""
    one = town.found()
    two = town.join(one, "two")
    for server in (one, two):
        server.start_agent()
    one.fleet("groups", "--set", "mx")
    one.wait_for(5)
    one.set("DNSBL", "enabled", "group:mx")
    assert two.fleet("groups", "--set", "mx,north").out.startswith("two is in the groups mx, north from fleet revision")
    two.wait_for(7)
    assert (two.get("qpsmtpd", "DNSBL"), two.faults()) == ("enabled", [])
    data = json.loads(two.fleet("groups", "--json").out)
    assert faults(_tables()["esmith fleet groups"], data) == []
    assert two.fleet("groups", "two").out == "two  mx, north\n"
    assert "no server 'x'" in two.fleet("groups", "x", code=2).err
    assert "named twice" in two.fleet("groups", "--set", "mx,mx", code=2).err
    assert "cannot be the name of a group" in two.fleet("groups", "--set", "M X", code=2).err


def test_in_no_fleet(town: Town) -> None:
    """On a server in no fleet each command says so, with how to join one."""
    alone = town.server("alone")
    for words in (
        ("status",),
        ("history",),
        ("groups",),
        ("leave", "--yes"),
        ("push",),
        ("drop",),
        ("resync", "--yes"),
    ):
        assert "this server is in no fleet\n  how to" in alone.fleet(*words, code=2).err, words
    assert "in no fleet" in alone.fleet("signal", "x", code=2).err
    assert "in no fleet" in alone.fleet("invite", "x", code=2).err
