"""A job is a process of its own, with a file that says what it does."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import time
from pathlib import Path

import pytest

from esmith.errors import UntrustedError
from esmith.manager.helper import carrying_out, jobs
from esmith.manager.helper.settling import running_jobs
from tests.events.kit import Scene
from tests.manager.verbs.kit import Desk, process_of

#: What an action sees of the job, which is its parent.
_LOOK = """\
root=$ESMITH_ROOT
env > $root/environment
ls -l /proc/$PPID/fd > $root/descriptors
cat /proc/$PPID/limits > $root/limits
cat /proc/$PPID/stat > $root/stat
umask > $root/umask
"""


def test_its_process(scene: Scene, far_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a session of its own, no streams, no file of who asked, few variables, and no limit of a verb."""
    scene.event("/etc/t\n", actions={"S30look": _LOOK})
    monkeypatch.setenv("LD_PRELOAD_OF_MINE", "x")
    monkeypatch.setenv("ESMITH_EVENT_LOCK", "0123")
    reading, writing = os.pipe()
    before = resource.getrlimit(resource.RLIMIT_CPU)
    try:
        os.set_inheritable(writing, True)
        resource.setrlimit(resource.RLIMIT_CPU, (10**6, before[1]))
        job = far_desk.apply(far_desk.setting("A", values={"value": "second"}))
        inode = f"[{os.fstat(writing).st_ino}]"
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, before)
        os.close(reading)
        os.close(writing)
    assert job["state"] == "done", job
    found = {name: (scene.path / name).read_text() for name in ("descriptors", "limits", "stat", "umask")}
    variables = dict(line.partition("=")[::2] for line in (scene.path / "environment").read_text().splitlines())
    assert not {"LD_PRELOAD_OF_MINE", "PYTEST_CURRENT_TEST", "HOME"} & variables.keys()
    assert variables["ESMITH_EVENT_LOCK"] != "0123"
    assert variables["SUDO_USER"] == f"admin, job {job['id'][-12:]}"
    assert inode not in found["descriptors"] and found["descriptors"].count("/dev/null") == 3
    cpu = next(line for line in found["limits"].splitlines() if line.startswith("Max cpu time"))
    assert "1000000" not in cpu
    fields = found["stat"].rpartition(")")[2].split()
    session, terminal = int(fields[3]), int(fields[4])
    assert session != os.getsid(0) and terminal == 0
    assert int(found["umask"], 8) == 0o022


def test_it_goes_on_without_who_asked(scene: Scene, far_desk: Desk) -> None:
    """The process that asked may be killed with all of its group: the job goes on, and is listed as running."""
    scene.event("/etc/t\n", actions={"S30wait": "until [ -e $ESMITH_ROOT/go ]; do sleep 0.01; done"})
    operation = far_desk.setting("A", values={"value": "second"})
    asking = os.fork()
    if asking == 0:
        try:
            os.setpgid(0, 0)
            far_desk.call("apply", operation=operation)
            os.kill(0, signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(asking, 0)[1]) == signal.SIGKILL
    (id,) = running_jobs(far_desk.layout)
    assert far_desk.call("job", job=id)["state"] == "running"
    (scene.path / "go").touch()
    assert far_desk.ended(id)["state"] == "done"
    assert running_jobs(far_desk.layout) == []
    assert far_desk.file("/etc/t").read_text() == "second\n"


def test_a_signal_ends_it_in_order(scene: Scene, far_desk: Desk) -> None:
    """When the machine is shut down the job restores files and settings, and says that a signal ended it."""
    scene.event("/etc/t\n", actions={"S30wait": "touch $ESMITH_ROOT/waits; sleep 60"})
    job = far_desk.call("apply", operation=far_desk.setting("A", values={"value": "second"}))
    while not (scene.path / "waits").exists():
        time.sleep(0.01)
    os.kill(process_of(far_desk, job["id"]), signal.SIGTERM)
    ended = far_desk.ended(job["id"])
    assert ended["state"] == "failed" and "signal" in ended["error"]["message"]
    assert (ended["error"]["settings_back"], ended["error"]["files_back"]) == (True, True)
    assert (far_desk.value("A", "value"), far_desk.file("/etc/t").read_text()) == ("first", "first\n")


def test_it_says_whom_it_waits_for(scene: Scene, far_desk: Desk) -> None:
    """A job that waits for another event says so, and goes on after it."""
    scene.event("/etc/t\n", actions={"S30wait": "until [ -e $ESMITH_ROOT/go ]; do sleep 0.01; done"})
    first = far_desk.call("apply", operation=far_desk.setting("A", values={"value": "second"}))
    while not process_of(far_desk, first["id"]):
        time.sleep(0.01)
    second = far_desk.call("apply", operation={"kind": "event", "event": "try", "arguments": []})
    texts: list[str] = []
    while not any("waiting for" in text for text in texts):
        found = far_desk.call("job", job=second["id"])
        texts = [line["text"] for line in found["lines"]]
        if found["state"] != "running":
            break
        # Whoever comes first: then the other one waits.
        texts += [line["text"] for line in far_desk.call("job", job=first["id"])["lines"]]
        time.sleep(0.01)
    (scene.path / "go").touch()
    assert any("waiting for event try" in text for text in texts), texts
    assert {far_desk.ended(one["id"])["state"] for one in (first, second)} == {"done"}


def test_its_file(desk: Desk) -> None:
    """The file and its directories are root's alone; only the lines that are not known yet come."""
    job = desk.apply(desk.setting("A", values={"value": "second"}))
    place = Path(jobs.job_path(desk.layout, job["id"]))
    assert [stat.S_IMODE(one.stat().st_mode) for one in (place, place.parent, place.parent.parent)] == [
        0o600,
        0o700,
        0o700,
    ]
    lines = desk.call("job", job=job["id"], after=2)["lines"]
    assert [line["n"] for line in lines] == list(range(3, len(job["lines"]) + 1))
    assert [line["kind"] for line in lines][-1] == "end"
    assert desk.call("jobs")["jobs"][0].keys() == job.keys() - {"lines"}


@pytest.mark.parametrize(
    ("what", "text"),
    [("S01check-argument", "step 1 of 1,200: check-argument"), ("templates:", "templates: 0 of 1,200")],
)
def test_its_progress(what: str, text: str) -> None:
    """A step is counted from 1 and named by what it does; what is counted of one step says how many are done."""
    assert carrying_out.progress(what, 0, 1200) == text


def test_old_jobs_are_forgotten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all jobs the newest ones are kept, and one without an end whatever its age."""
    monkeypatch.setattr(jobs, "KEPT", 3)
    folder = desk.path / "var/lib/e-smith/manager/jobs"
    ids = [desk.apply(desk.setting("A", values={"value": str(number)}))["id"] for number in range(5)]
    assert jobs.job_ids(desk.layout) == ids[::-1][:3]
    waiting = folder / f"{'20200101-000000-000-'}{'0' * 12}.jsonl"
    waiting.write_text(json.dumps({"kind": "begin"}) + "\n")
    last = desk.apply(desk.setting("A", values={"value": "x"}))["id"]
    assert jobs.job_ids(desk.layout) == [last, *ids[::-1][:2], waiting.name.removesuffix(".jsonl")]
    assert desk.refusal("job", job=ids[0]).kind == "not-found"


@pytest.mark.parametrize("name", ["manager", "manager/jobs"])
@pytest.mark.root("gives a directory to somebody else")
def test_a_directory_in_other_hands(desk: Desk, name: str) -> None:
    """Where somebody else may write among the jobs none is begun, and nothing is stored."""
    operation = desk.setting("A", values={"value": "second"})
    folder = desk.path / "var/lib/e-smith" / name
    folder.mkdir(parents=True)
    os.chown(folder, 12345, 12345)
    with pytest.raises(UntrustedError):
        desk.call("apply", operation=operation)
    assert desk.value("A", "value") == "first"


def test_a_file_that_was_dropped(desk: Desk) -> None:
    """Who closes the file of a job that does not begin after all, closes no file that was opened since."""
    file = jobs.JobFile.begin(desk.layout, {"title": "t"})
    number = file.descriptor
    file.drop()
    other = os.open(desk.layout.root, os.O_RDONLY)
    try:
        assert other == number
        file.close()
        os.fstat(other)
    finally:
        os.close(other)


@pytest.mark.parametrize(
    "id", ["", "x", "../../../etc/passwd", "20200101-000000-000-0123456789ab", "2" * 500, "a\nb", None, 7, {}]
)
def test_names_that_are_no_job(desk: Desk, id: object) -> None:
    """What is no id of a job is not looked for."""
    assert desk.refusal("job", job=id).kind in ("not-found", "bad-request")
    assert not jobs.exists(desk.layout, id)
