"""What ``esmith status`` and ``esmith doctor`` find of a member of a fleet, each with its cure."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from esmith.doctor import fleet
from esmith.doctor.case import Case
from esmith.doctor.finding import Finding
from esmith.fleet.replica.member import TABLE
from esmith.layout import Layout
from esmith.status.fleet import fleet_data, fleet_findings
from tests.commands import Root
from tests.fleet.surface.kit import FakeAgent, make_certificate, receive, set_row
from tests.store.stores import opened


def report(root: Root, **status: Any) -> None:
    """Write the file of the agent."""
    path = root.path / "var/lib/e-smith/fleet/status.json"
    path.write_text(json.dumps(status))
    path.chmod(0o600)


def found(root: Root) -> list[tuple[str, str, str]]:
    """Return the findings about the fleet: kind, message, command."""
    with opened(root.path, write=False) as store, store.snapshot() as snapshot:
        return list(fleet_findings(fleet_data(Layout(str(root.path)), snapshot)))


def hosts(*digests: str, **more: Any) -> list[dict[str, Any]]:
    """Return what the agent has of the other servers, each with a digest of its settings at fleet revision 1."""
    return [
        {"host": name, "revision": 1, "digest": digest, **more}
        for name, digest in zip(("mail2", "office"), digests, strict=False)
    ]


def test_nothing_is_found_of_a_member_that_is_well(member: Root, agent: FakeAgent) -> None:
    """While the agent runs and all have the same, there is nothing to say."""
    report(member, revision=0, time=1, error="", stopped="", hosts=[])
    assert agent.commits == []
    assert found(member) == []


def test_the_agent_does_not_run(member: Root) -> None:
    """Without its agent a member hears nothing, whatever the file of before says; ``esmith status`` has it."""
    report(member, error="", stopped="")
    ((kind, message, command),) = found(member)
    assert (kind, command) == ("fleet", "esmith services")
    assert message.startswith("the agent does not run")
    data = json.loads(member.esmith("status", "--json", code=13).out)
    assert {"kind": kind, "message": message, "command": command} in data["findings"]
    assert data["fleet"]["name"] == "example"
    assert [one["host"] for one in data["fleet"]["hosts"]] == ["mail1", "mail2", "office"]


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        (
            {"error": {"message": "etcd is away", "hint": "look at a:2379"}},
            ("fleet", "shared settings cannot be changed now: etcd is away; look at a:2379", "esmith fleet status"),
        ),
        (
            {"stopped": {"message": "row 7 of mail2 does not fit", "hint": ""}},
            (
                "fleet",
                "nothing of the fleet is applied here any more: row 7 of mail2 does not fit",
                "esmith fleet status",
            ),
        ),
        (
            {"etcd": [{"endpoint": "b:2379", "troubles": [{"message": "no space", "hint": "compact"}]}]},
            ("fleet", "etcd at b:2379: no space; compact", "esmith fleet status"),
        ),
        (
            {"stopped": {"message": "runs on two machines", "hint": "there: leave\nhere: resync"}},
            (
                "fleet",
                "nothing of the fleet is applied here any more: runs on two machines; there: leave; here: resync",
                "esmith fleet status",
            ),
        ),
        (
            {"error": "one\nline\x1b[2J"},
            ("fleet", "shared settings cannot be changed now: one\\nline\\x1b[2J", "esmith fleet status"),
        ),
    ],
)
def test_what_the_agent_says(
    member: Root, agent: FakeAgent, status: dict[str, Any], wanted: tuple[str, str, str]
) -> None:
    """What the agent says is wrong is a finding, in one line, whatever stands in it."""
    report(member, **status)
    assert agent.commits == []
    assert found(member) == [wanted]


def test_stopped_in_the_store(member: Root, agent: FakeAgent) -> None:
    """Why rows are not applied any more is known without the agent's file, too."""
    set_row(member, "stopped", b"row 7 does not fit")
    assert agent.commits == []
    assert [one[1] for one in found(member)] == ["nothing of the fleet is applied here any more: row 7 does not fit"]


def test_another_digest(member: Root, agent: FakeAgent) -> None:
    """Who has other settings at the same revision is named, and those of another revision are not."""
    receive(member, [("fleet", "configuration", "qpsmtpd", "", "service")])
    with opened(member.path, write=False) as store, store.snapshot() as snapshot:
        own = str(snapshot.state(TABLE, "digest") or b"", "ascii")
    report(member, hosts=hosts(own, "f" * 64))
    ((kind, message, command),) = found(member)
    assert (kind, command) == ("fleet", "esmith fleet resync")
    assert message == "at fleet revision 1 the shared settings here are others than on office"
    report(member, hosts=[{**one, "revision": 2} for one in hosts("e" * 64, "f" * 64)])
    assert found(member) == []
    assert agent.commits == []


def test_overrides_that_are_to_be_pushed(member: Root, agent: FakeAgent) -> None:
    """What was set with --local is shown until it is pushed; what is of this host for good is not."""
    receive(member, [("fleet", "configuration", "qpsmtpd", prop, "1") for prop in ("MaxLoad", "LogLevel")])
    member.config("setprop", "--host", "qpsmtpd", "MaxLoad", "3")
    member.config("setprop", "--local", "qpsmtpd", "LogLevel", "4")
    assert agent.commits == []
    assert found(member) == [
        (
            "local",
            "1 setting changed with --local and not pushed (configuration qpsmtpd LogLevel)",
            "esmith fleet push",
        )
    ]


def test_changes_that_are_not_settled(member: Root, agent: FakeAgent) -> None:
    """A change in the outbox is one of which nobody knows yet whether it landed."""
    outbox = member.path / "var/lib/e-smith/fleet/outbox"
    outbox.mkdir(mode=0o700)
    (outbox / f"{'a' * 32}.json").write_text("{}")
    assert agent.commits == []
    assert [one[0] for one in found(member)] == ["unsettled"]


@pytest.mark.parametrize("text", ["[", "[]", '{"hosts": 3, "error": [], "stopped": 7, "etcd": {}}', "[" * 10_000])
def test_a_file_that_is_not_the_agents(member: Root, agent: FakeAgent, text: str) -> None:
    """What the agent cannot have written is not believed, and breaks nothing."""
    path = member.path / "var/lib/e-smith/fleet/status.json"
    path.write_text(text)
    assert agent.commits == []
    assert found(member) == []
    report(member, error="away")
    path.chmod(0o666)
    assert found(member) == []


def test_what_is_damaged_is_a_finding(member: Root) -> None:
    """A row of the fleet that cannot be read is a finding, and the rest of the status stays."""
    set_row(member, "member/mail1", b"{")
    assert found(member)[0][2] == "esmith fleet resync"


def case_of(root: Root, now: float | None = None) -> Case:
    """Return what the doctor looks at."""
    with opened(root.path, write=False) as store, store.snapshot() as snapshot:
        return Case(Layout(str(root.path)), snapshot, now=now)


def severities(findings: list[Finding]) -> list[str]:
    """Return the severities."""
    return [one.severity for one in findings]


@pytest.mark.program("openssl")
def test_the_end_of_the_certificate(member: Root) -> None:
    """A certificate that ends within 30 days is a warning, one that has ended is failing; the cure names the host."""
    end = make_certificate(member, "host.pem")
    days = 86_400
    assert severities(list(fleet.check_end(case_of(member, end - 40 * days)))) == ["ok", "skipped"]
    soon = list(fleet.check_end(case_of(member, end - 10 * days)))[0]
    assert soon.severity == "warning"
    assert soon.cure[-1] == "esmith fleet certificates --out /root/renewed --client mail1"
    assert severities(list(fleet.check_end(case_of(member, end + days))))[0] == "failing"


def test_modes_of_the_keys(member: Root) -> None:
    """Keys that others may read are failing, each with the command that cures it."""
    folder = member.path / "home/e-smith/fleet"
    folder.mkdir(mode=0o700)
    (folder / "host.key").touch(mode=0o600)
    assert severities(list(fleet.check_modes(case_of(member)))) == ["ok"]
    (folder / "host.key").chmod(0o640)
    (folder / "link").symlink_to("host.key")
    open_key, link = fleet.check_modes(case_of(member))
    assert open_key.cure == (f"chmod 600 {folder}/host.key",)
    assert (open_key.severity, link.severity) == ("failing", "failing")
    if os.geteuid() == 0:
        os.chown(folder, 12_345, -1)
        assert "belongs to somebody else" in next(iter(fleet.check_modes(case_of(member)))).what


def test_files_that_are_not_there(member: Root) -> None:
    """Each file that a member needs and does not have is failing, with what to do; with all of them nothing is."""
    folder = member.path / "home/e-smith/fleet"
    folder.mkdir(mode=0o700)
    for name in ("ca.pem", "host.pem", "host.key", "signing.key", "password"):
        (folder / name).touch(mode=0o600)
    assert severities(list(fleet.check_there(case_of(member)))) == ["ok"]
    (folder / "signing.key").unlink()
    (lost,) = fleet.check_there(case_of(member))
    assert (lost.severity, lost.what) == ("failing", "/home/e-smith/fleet/signing.key is not there")
    assert lost.cure[-1] == "esmith fleet leave --here"


def test_clocks(member: Root) -> None:
    """A server whose time is ahead of this one is a warning; what has another form is nothing."""
    report(member, hosts=[{"host": "mail2", "time": 1_000}, {"host": "office", "time": 5_000}, {"host": 3}, 4])
    assert [one.about for one in fleet.check_clocks(case_of(member, 1_000))] == ["the clock of office"]


def test_the_doctor_looks_at_a_fleet_only_where_one_is(member: Root, agent: FakeAgent) -> None:
    """The area is there for a member, and not for others (tests/doctor)."""
    data = json.loads(member.esmith("doctor", "--json", "fleet", code=None).out)
    assert agent.commits == []
    assert {one["area"] for one in data["findings"]} == {"fleet"}
