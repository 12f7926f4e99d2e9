"""Following a job: its lines come as they are written; what is not a file of a job holds nobody up."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.manager import wire
from esmith.manager.helper import jobs
from esmith.manager.helper.login import set_password
from esmith.manager.helper.settling import list_jobs, running_jobs
from esmith.manager.helper.verbs.changes import job_verb
from tests.manager.helper.kit import VERBS, Asking, with_helper

_ID = "20261130-190000-000-%012x"


def _folder(layout: Layout) -> Path:
    folder = Path(layout.manager, "jobs")
    folder.mkdir(mode=0o700)
    return folder


def _end(number: int) -> str:
    return json.dumps({"kind": "end", "n": number, "time": 1.0, "text": "done", "state": "done"}) + "\n"


def test_what_is_not_a_file_of_a_job(layout: Layout, tmp_path: Path) -> None:
    """A pipe, a directory or a link in the place of a job is none: nobody waits for it."""
    folder = _folder(layout)
    os.mkfifo(folder / f"{_ID % 1}.jsonl")
    (folder / f"{_ID % 2}.jsonl").mkdir()
    (tmp_path / "elsewhere").write_text(_end(1))
    (folder / f"{_ID % 3}.jsonl").symlink_to(tmp_path / "elsewhere")
    assert not list_jobs(layout, 10) and not running_jobs(layout)
    assert not any(jobs.exists(layout, _ID % number) for number in (1, 2, 3))

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        for number in (1, 2, 3):
            assert await asking.refusal("follow", {"job": _ID % number}) == wire.NOT_FOUND

    with_helper(layout, talk)
    jobs.JobFile.begin(layout, {}).close()


def test_foreign_files_displace_no_job(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """When old jobs are forgotten, files with other names do not count, and stay."""
    folder = _folder(layout)
    monkeypatch.setattr(jobs, "KEPT", 3)
    for number in range(6):
        (folder / f"{_ID % number}.jsonl").write_text(_end(1))
        (folder / f"z{number}.jsonl").write_text(_end(1))
    os.mkfifo(folder / "00000000-000000-000-000000000000.jsonl")
    jobs.JobFile.begin(layout, {}).close()
    assert len(jobs.job_ids(layout)) == 4
    assert len([*folder.glob("z*")]) == 6


def test_lines_of_others_end_nothing(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines without a number, and what is no line, are left out; the others come, in order."""
    lines = ["[1]", "{", '{"kind": "say", "n": "x"}', '{"kind": "say"}', "[" * 5000]
    lines.append(json.dumps({"kind": "say", "n": 1, "time": 1.0, "text": "hello"}))
    (_folder(layout) / f"{_ID % 1}.jsonl").write_text("\n".join([*lines, _end(2)]))
    monkeypatch.setitem(VERBS, "job", job_verb)

    async def talk(asking: Asking) -> None:
        await asking.log_in()
        request = {"verb": "follow", "session": asking.session, "arguments": {"job": _ID % 1}}
        answers = [json.loads(line) for line in (await asking.raw(wire.line_of(request))).splitlines()]
        assert [one["line"]["n"] for one in answers[:-1]] == [1, 2]

    with_helper(layout, talk)


def test_who_may_not_log_in_any_more_follows_nothing(layout: Layout) -> None:
    """With another password set, the old session neither follows a job nor learns which sessions there are."""
    (_folder(layout) / f"{_ID % 1}.jsonl").write_text(_end(1))

    async def talk(asking: Asking) -> None:
        for verb, arguments in (("follow", {"job": _ID % 1}), ("sessions", {})):
            set_password(layout, "the password before")
            assert (await asking.log_in("the password before"))["ok"]
            set_password(layout, "another password")
            assert await asking.refusal(verb, arguments) == wire.SESSION

    with_helper(layout, talk)
