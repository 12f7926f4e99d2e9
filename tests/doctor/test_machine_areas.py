"""The areas that are looked at only on the machine, with a root folder in its place."""

from __future__ import annotations

import json
import os
import time

import pytest

from esmith.doctor import clock, ports, programs, queue
from esmith.doctor.finding import Finding
from esmith.layout import Layout
from esmith.services.definition import Services
from esmith.services.service import Queue, Service
from tests.commands import Root
from tests.doctor.kit import NOW, bad, case_of, defined, examined, found_in, make_case, shown


def _queue(root: Root, mails: list[tuple[str, float]], monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """Return what is found of a queue that a program lists: its name, and the age of each mail in seconds."""
    lines = [json.dumps({"queue_name": name, "arrival_time": int(NOW - age)}) for name, age in mails]
    monkeypatch.setattr(queue, "which", lambda _name, _path: "/bin/mailq")
    monkeypatch.setattr(queue, "run_for_text", lambda *_args, **_named: (0, "\n".join(lines)))
    listing = Queue(list=("mailq",), package="x", arriving=("incoming",), cure=("mailq",))
    return bad(case_of(root, Service("post", "post", queue=listing)), "queue")


@pytest.mark.parametrize(
    ("mails", "expected"),
    [
        ([], []),
        ([("deferred", 3600.0), ("incoming", 60.0)], []),
        ([("deferred", 86_400.0 * 2)], ["warning: the oldest mail waits for 2.0 days"]),
        ([("incoming", 1000.0)], ["failing: 1 mail came in over a quarter of an hour ago, and is not taken up"]),
        ([("active", 10.0)] * 501, ["warning: 501 mails wait in the queue"]),
    ],
)
def test_a_queue_that_is_listed(
    root: Root, mails: list[tuple[str, float]], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that is long, old or does not move is found; that a mail waits for hours is nothing."""
    assert shown(_queue(root, mails, monkeypatch)) == expected


def test_a_list_that_is_not_understood(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program prints otherwise than it should is a finding, and no traceback."""
    monkeypatch.setattr(queue, "which", lambda _name, _path: "/bin/mailq")
    monkeypatch.setattr(queue, "run_for_text", lambda *_args, **_named: (0, '{"queue_name": "active"}'))
    found = bad(case_of(root, Service("post", "post", queue=Queue(list=("mailq",)))), "queue")
    assert shown(found)[0] == "warning: cannot look at the mail queue: KeyError: 'arrival_time'"


def test_a_queue_of_files(root: Root) -> None:
    """Where the files show the queue each mail is as old as its file, and one that is not taken up is found."""
    service = Services(Layout(str(root.path))).of("qmail")
    for path, age in (("mess/1/24", 90_000), ("mess/0/46", 60), ("todo/24", 90_000), ("todo/5/x", 10)):
        file = root.write(f"/var/qmail/queue/{path}", "x")
        os.utime(file, (NOW - age, NOW - age))
    os.utime(root.file("/var/qmail/queue/todo/5"), (NOW - 90_000, NOW - 90_000))
    assert found_in(case_of(root, service), "queue") == [
        "failing: 1 mail came in over a quarter of an hour ago, and is not taken up",
        "warning: the oldest mail waits for 1.0 days",
    ]


STATES: dict[str, dict[str, object]] = {
    "well": {"wanted": "up", "state": "up (pid 7) for 60 s"},
    "stopped": {"wanted": "up", "state": "down for 5 s"},
    "kept": {"wanted": "down", "state": "up (pid 8) for 60 s"},
    "off": {"wanted": "down", "state": "down for 60 s"},
    "bad": {
        "wanted": "up",
        "state": "up (pid 9) for 60 s",
        "useless": [{"question": "answers", "means": "no mail", "found": "port 25: x", "commands": ["do"], "log": []}],
    },
    "late": {
        "wanted": "up",
        "state": "up (pid 6) for 60 s",
        "pending": {"actions": ["restart"], "since": "yesterday", "command": "event x"},
    },
    "rival": {"wanted": "up", "state": "up (pid 5) for 1 s", "rivals": ["exim4.service is up"]},
    "held": {
        "wanted": "up",
        "state": "up (pid 4) for 1 s",
        "holders": [{"found": "port 25 is taken by x", "commands": ["kill 1"]}],
    },
}


def test_states_of_services(root: Root) -> None:
    """What esmith services shows is a finding each: down, up though disabled, of no use, pending."""
    found = bad(case_of(root, states=STATES), "services")
    assert shown(found) == [
        "failing: stopped is to be up, and is down for 5 s",
        "warning: kept is to be down, and is up (pid 8) for 60 s",
        "failing: bad is up, and of no use: no mail",
        "warning: late has a pending action since yesterday: restart",
    ]
    assert found[0].key == "failing stopped is not up"
    assert "esmith control stopped start" in found[0].cure


def test_services_that_nothing_supervises(root: Root) -> None:
    """Services without a supervisor are one finding: failing on the machine, skipped under a folder."""
    states = {name: {"wanted": "up", "state": "not supervised"} for name in ("clamd", "spamd")}
    (found,) = bad(make_case(root, machine=True, states=states), "services")
    assert (found.severity, found.what) == ("failing", "2 enabled services without a supervisor: clamd, spamd")
    assert found.cure == ("esmith setup",)
    assert shown(bad(make_case(root, states=states), "services")) == ["skipped: the services clamd, spamd"]


def test_ports(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port at which nobody listens though its service is up is failing; and so is who has a port of ours."""
    text = "[probe]\nport = {}\n"
    services = [defined(root, name, text.format(port)) for name, port in (("well", 25), ("late", 26), ("stopped", 27))]
    monkeypatch.setattr(ports, "listening_ports", lambda _ports: {25})
    found = found_in(case_of(root, *services, states=STATES), "ports")
    assert found[0] == "failing: nobody listens at port 26, where late is to answer"
    assert found[1] in ("failing: port 25 is taken by x", "skipped: who listens at our ports")


def test_rivals(root: Root) -> None:
    """A unit of a Debian package that wants the same is failing, with what takes it over."""
    found = [one for one in bad(case_of(root, states=STATES), "units") if "exim4" in one.what]
    assert [one.cure for one in found] == [("esmith init --take-over",)]


def test_space(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is nearly full, has few inodes, or is read-only is found; a small share of a large one is nothing."""

    def disk(blocks: int, left: int, files: int, free: int, flags: int = 0) -> list[str]:
        status = os.statvfs_result((4096, 4096, blocks, left, left, files, free, free, flags, 255))
        monkeypatch.setattr(os, "statvfs", lambda _path: status)
        # What lies on one disk is looked at once.
        return shown(bad(make_case(root), "disk"))[:2]

    gigabyte = 2**18
    assert disk(100 * gigabyte, 5 * gigabyte, 1000, 500) == []
    assert disk(10 * gigabyte, gigabyte // 2, 1000, 500) == [
        "warning: 512 MB (5%) left for the databases (/home/e-smith/db)"
    ]
    assert disk(10 * gigabyte, 10, 1000, 500)[0].startswith("failing: 0 MB (0%) left")
    assert disk(10 * gigabyte, 9 * gigabyte, 1000, 50) == [
        "warning: 5% of the inodes left for the databases (/home/e-smith/db)"
    ]
    assert disk(10 * gigabyte, 9 * gigabyte, 0, 0) == []
    assert disk(100, 90, 10, 9, os.ST_RDONLY)[0] == "failing: the disk of /home/e-smith/db (the databases) is read-only"


def test_the_clock(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that nothing sets is a warning; in a container, or where the kernel is not to be asked, it is skipped."""
    assert clock.kernel_state() in (True, False, None)
    monkeypatch.setattr(clock, "_CONTAINER", str(root.path / "none"))
    seen = []
    for state in (True, False, None):
        monkeypatch.setattr(clock, "kernel_state", lambda state=state: state)
        seen += found_in(make_case(root, machine=True), "clock")
    assert seen == ["warning: nothing sets the clock", "skipped: whether the clock is set right"]
    monkeypatch.setattr(clock, "_CONTAINER", str(root.path))
    assert found_in(make_case(root, machine=True), "clock") == ["skipped: whether the clock is set right"]


def test_a_clock_that_is_early(root: Root) -> None:
    """When a setting was changed later than now the clock is wrong, or was."""
    root.config("setprop", "qpsmtpd", "Bcc", "enabled")
    (_, found) = bad(make_case(root, now=time.time() - 86_400), "clock")
    assert found.key == "failing the clock is early"


def test_signatures(root: Root) -> None:
    """Signatures are well for three days, then a warning, then failing; those of the trial are none."""
    root.write("/etc/clamd.conf", "DatabaseDirectory /var/clamav\n")
    place = root.file("/var/clamav")
    place.mkdir(parents=True, exist_ok=True)

    def found(name: str, days: float, text: str = "x", *, also: str = "") -> list[str]:
        for old in place.iterdir():
            old.unlink()
        if also:
            (place / also).write_text("x")
        file = place / name
        file.write_text(text)
        os.utime(file, (NOW - days * 86_400, NOW - days * 86_400))
        return found_in(case_of(root, Services(Layout(str(root.path))).of("clamd")), "signatures")

    assert found("daily.cld", 2.9) == []
    assert found("daily.cvd", 4) == ["warning: the newest virus signatures are 4 days old"]
    assert found("daily.cvd", 20) == ["failing: the newest virus signatures are 20 days old"]
    assert found("e-smith-test.ndb", 0) == ["failing: there are only the test signatures of esmith setup"]
    assert found("daily.cld", 5, also="e-smith-test.ndb") == ["warning: the newest virus signatures are 5 days old"]
    built = time.strftime("%d %b %Y %H-%M +0000", time.gmtime(NOW - 6 * 86_400))
    assert found("daily.cld", 0, f"ClamAV-VDB:{built}:27000:1:90") == [
        "warning: the newest virus signatures are 6 days old"
    ]
    assert found("daily.cld", 0, "ClamAV-VDB:31 Feb 2026 00-00 +0000:1") == []
    assert found("readme", 0) == ["failing: there are no virus signatures"]


def test_what_starts_at_boot(root: Root) -> None:
    """A script that is missing or edited, and a service that starts otherwise than its status says, are found."""
    root.esmith("init", "--services", "runit", "/service")
    assert found_in(make_case(root), "units") == []
    root.file("/var/service/clamd/run").unlink()
    root.write("/var/service/spamd/run", "#!/bin/sh\n", mode=0o755)
    root.write("/var/service/dovecot/down", "")
    root.file("/service/freshclam").unlink()
    found = bad(make_case(root), "units")
    assert shown(found) == [
        "failing: /var/service/clamd/run is missing",
        "warning: /var/service/spamd/run was edited by hand",
        "failing: dovecot is not started at boot, and the status of dovecot is enabled",
        "failing: freshclam is not started at boot, and the status of freshclam is enabled",
    ]
    root.esmith("init", *found[0].cure[0].split()[2:])
    assert found_in(make_case(root), "units") == []


def test_the_cure_is_for_the_supervisor(root: Root) -> None:
    """Service directories of daemontools are written again for daemontools."""
    root.esmith("init", "--services", "daemontools", "/service")
    root.file("/var/service/clamd/run").unlink()
    (found,) = bad(make_case(root), "units")
    assert found.cure == ("esmith init --services daemontools /service",)


def test_units_of_systemd(root: Root) -> None:
    """The same holds for units of systemd."""
    root.esmith("init", "--services", "systemd")
    assert found_in(make_case(root), "units") == []
    units = root.file("/etc/systemd/system")
    (units / "multi-user.target.wants/dovecot.service").unlink()
    root.config("setprop", "spamd", "status", "disabled")
    assert found_in(make_case(root), "units") == [
        "failing: dovecot is not started at boot, and the status of dovecot is enabled",
        "warning: spamd is started at boot, and the status of spamd is disabled",
    ]


@pytest.mark.root
def test_a_file_of_a_user_is_no_leftover(root: Root) -> None:
    """A file of a user that has such a name is his own: no command that was killed left it."""
    os.chown(root.write("/home/e-smith/db/.esmith-1-1-x", "x"), 4711, -1)
    assert found_in(make_case(root), "leftovers") == []


def test_leftovers(root: Root) -> None:
    """Temporary files of dead processes, kept files that nothing knows, and rows set aside; what runs is left alone."""
    root.write("/home/e-smith/db/.esmith-999999-1-1", "x")
    root.write("/var/backups/e-smith/.esmith-999999-1-1.0123456789abcdef", "x")
    root.write("/var/lib/e-smith/generations/77/1", "x")
    root.write("/var/lib/e-smith/generations/other/1", "x")
    root.write("/var/lib/e-smith/set-aside/outputs.x", "x")
    found = bad(make_case(root), "leftovers")
    assert shown(found) == [
        "warning: 2 temporary files of commands that were killed: /home/e-smith/db/.esmith-999999-1-1, "
        "/var/backups/e-smith/.esmith-999999-1-1.0123456789abcdef",
        "warning: kept files of 1 generation that the databases do not know: 77",
        "warning: 1 damaged row of the databases in /var/lib/e-smith/set-aside",
    ]
    killed = ("home/e-smith/db/.esmith-999999-1-1", "var/backups/e-smith/.esmith-999999-1-1.0123456789abcdef")
    assert found[0].cure == (f"rm -rf {' '.join(f'{root.path}/{path}' for path in killed)}",)
    assert found[2].cure[1] == f"rm -r {root.path}/var/lib/e-smith/set-aside"
    root.esmith("recover")
    assert "kept files" not in " ".join(found_in(make_case(root), "leftovers"))


def test_untrusted_files(root: Root) -> None:
    """What others may write is one finding that names esmith status."""
    root.file("/etc/e-smith/templates/etc/crontab").chmod(0o777)
    (found,) = bad(make_case(root), "files")
    assert found.what == "1 file not in the hands of root alone: /etc/e-smith/templates/etc/crontab"
    assert found.cure == ("esmith status",)
    assert examined(make_case(root), "files").count("failing") == 1


def test_programs_that_are_missing(office: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that checks files which a running service reads is missed; perl without its module as well."""
    monkeypatch.setattr(programs, "which", lambda _name, _path: None)
    case = make_case(office, machine=True)
    found = found_in(case, "programs")
    assert "warning: perl is not installed" in found
    assert "warning: clamconf is not installed: /etc/clamd.conf, /etc/freshclam.conf are not checked" in found
    assert any(line.startswith("skipped: fetchmail is not installed") for line in found)
