"""What the watcher reports and does, with a clock turned by hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from esmith.events.definition import event_names
from esmith.events.lock import EventLock
from esmith.layout import Layout
from esmith.watch.source import Kind, Notice
from esmith.watch.watcher import LONGEST_SECONDS, RETRY_SECONDS
from tests.watch.kit import Post

CUSTOM = "/etc/e-smith/templates-custom"


def test_a_good_fragment_gives_the_diff(post: Post) -> None:
    """A saved fragment is answered by what the next event would change; no file is touched."""
    post.source.at(1, post.save("/etc/a/20b", "two\n"))
    (report,) = post.watch()
    assert report.splitlines() == [
        f"saved {CUSTOM}/etc/a/20b",
        "  --- /etc/a",
        "  +++ /etc/a",
        "  @@ -1 +1,2 @@",
        "   one",
        "  +two",
    ]
    assert post.output("/etc/a").read_text() == "one\n"


def test_a_broken_fragment_gives_the_error(post: Post) -> None:
    """A broken fragment is answered by the error, with file and line; the good one after it by its diff."""
    post.source.at(1, post.save("/etc/a/20b", "x\n{{ nosuch.thing }}\n"))
    post.source.at(9, post.save("/etc/a/20b", "two\n"))
    broken, good = post.watch()
    assert f"{CUSTOM}/etc/a/20b:2: configuration has no record 'nosuch'" in broken
    assert "+two" in good


def test_at_rest_it_waits_without_end(post: Post) -> None:
    """When nothing is due it waits without a timeout, so it uses no time of the processor."""
    post.source.at(1, post.save("/etc/a/20b", "two\n"))
    post.watch()
    assert post.source.timeouts[0] is None
    assert post.source.timeouts[-1] is None


def test_saves_in_a_row_give_one_report(post: Post) -> None:
    """A thousand saves within a second give one report, of the last state."""
    for number in range(1000):
        post.source.at(1 + number / 1000, post.save("/etc/a/20b", f"{number}\n"))
    (report,) = post.watch()
    assert "+999" in report


def test_saves_without_end_are_reported_in_between(post: Post) -> None:
    """Where saves never pause a report still comes now and then."""
    for number in range(100):
        post.source.at(1 + number / 10, post.save("/etc/a/20b", f"{number}\n"))
    reports = post.watch()
    assert 2 <= len(reports) <= 10 / LONGEST_SECONDS + 1
    assert "+99" in reports[-1]


def test_a_half_written_fragment_is_waited_for(post: Post) -> None:
    """A file that is still open for writing is not looked at until it is closed; later that is reported once."""

    def begin_writing() -> list[Notice]:
        place = str(post.trees.custom("/etc/a/20b", "{{ half"))
        post.source.opened.add(place)
        return [Notice(Kind.WRITING, place)]

    post.source.at(1, begin_writing)
    post.source.at(30, post.save("/etc/a/20b", "whole\n"))
    waiting, report = post.watch("try")[:2]
    assert waiting == f"{CUSTOM}/etc/a/20b is still open for writing; waiting for its end"
    assert "+whole" in report
    assert post.output("/etc/a").read_text() == "one\nwhole\n"


def test_a_half_written_fragment_in_a_new_directory_is_waited_for(post: Post) -> None:
    """What is written in a directory that is just being made is waited for, though its beginning was not reported."""

    def begin() -> list[Notice]:
        place = post.trees.custom("/etc/new/20b", "{{ half")
        post.source.opened.add(str(place))
        return [Notice(Kind.DONE, str(place.parent))]

    post.source.at(1, begin)
    post.source.at(30, post.save("/etc/new/20b", "whole\n"))
    waiting, report = post.watch()[:2]
    assert waiting == f"{CUSTOM}/etc/new/20b is still open for writing; waiting for its end"
    assert "+whole" in report


def test_a_time_that_is_set_is_not_waited_for(post: Post) -> None:
    """A write that nobody closes, as rsync's setting of a time is reported, is looked at when the file is not open."""

    def set_time() -> list[Notice]:
        place = str(post.trees.custom("/etc/a/20b", "two\n"))
        return [Notice(Kind.WRITING, place)]

    post.source.at(1, set_time)
    (report,) = post.watch()
    assert "+two" in report


@pytest.mark.parametrize("name", ["4913", ".20b.swp", "20b~", ".#20b", "#20b#"])
def test_what_editors_leave_is_not_reported(post: Post, name: str) -> None:
    """Swap files, probes, backups and locks of editors are not reported, also while they are open for writing."""

    def edit() -> list[Notice]:
        place = post.trees.custom(f"/etc/a/{name}", "{{ rubbish")
        if name == "4913":
            place.unlink()
            return [Notice(Kind.DONE, str(place))]
        return [Notice(Kind.WRITING, str(place))]

    post.source.at(1, edit)
    assert post.watch() == []
    assert post.source.timeouts[-1] is None


def test_lost_events_make_no_difference(post: Post) -> None:
    """When the queue overflows everything is compared, and what was not reported is found."""

    def overflow() -> list[Notice]:
        post.trees.custom("/etc/a/20b", "two\n")
        post.trees.custom("/etc/a/30c", "three\n")
        return [Notice(Kind.LOST)]

    post.source.at(1, overflow)
    (report,) = post.watch()
    assert report.startswith(f"saved {CUSTOM}/etc/a/20b, {CUSTOM}/etc/a/30c\n")
    assert "+two" in report and "+three" in report


def test_a_lost_close_does_not_block(post: Post) -> None:
    """A file whose closing was lost in an overflow is still looked at."""
    post.source.at(1, lambda: [Notice(Kind.WRITING, str(post.trees.custom("/etc/a/20b", "two\n")))])
    post.source.at(1.1, lambda: [Notice(Kind.LOST)])
    (report,) = post.watch()
    assert "+two" in report


def test_a_directory_removed_and_made_again(post: Post) -> None:
    """templates-custom may be removed and made again; each is reported, and what comes later too."""
    custom = Path(post.layout.layer("templates-custom"))
    post.trees.custom("/etc/a/20b", "two\n")
    post.signal()
    post.source.at(1, post.happens(lambda: shutil.rmtree(custom), custom))
    post.source.at(9, post.save("/etc/a/30c", "three\n"))
    gone, again = post.watch()
    assert gone.startswith(f"removed {CUSTOM}/etc/a/20b\n") and "-two" in gone
    assert again.startswith(f"saved {CUSTOM}/etc/a/30c\n") and "+three" in again
    assert str(custom / "etc/a") in post.source.wanted


def test_an_edited_output_is_reported_once(post: Post) -> None:
    """A generated file that is edited is reported once for each edit, and when it is removed."""
    output = post.output("/etc/a")
    post.source.at(1, post.happens(lambda: output.write_text("mine\n"), output))
    post.source.at(9, post.happens(lambda: None, output))
    post.source.at(19, post.happens(lambda: output.write_text("mine again\n"), output))
    post.source.at(29, post.happens(output.unlink, output))
    assert post.watch() == [
        "/etc/a: edited by hand; the next event replaces it",
        "/etc/a: edited by hand; the next event replaces it",
        "/etc/a: removed; the next event makes it again",
    ]
    assert "a" in (post.source.wanted[str(output.parent)] or ())


def test_what_the_engine_writes_is_not_reported(post: Post) -> None:
    """While an event runs its writing is not an edit by hand; what is one is reported when the event has ended."""
    output = post.output("/etc/a")
    lock = EventLock(post.layout, "event test", timeout=5, say=post.notes.append)

    def event_writes() -> None:
        lock.__enter__()
        output.write_text("new\n")

    post.source.at(1, post.happens(event_writes, output))
    post.source.at(5, post.happens(lambda: output.write_text("one\n"), output))
    post.source.at(9, post.happens(lambda: lock.__exit__(None, None, None), post.layout.event_lock))
    assert post.watch() == []


def test_a_lock_left_by_a_killed_event_does_not_block(post: Post) -> None:
    """The words in the lock's file count only as long as somebody holds the lock."""
    Path(post.layout.event_lock).write_text("word\nevent gone (process 1)\n")
    post.source.at(1, post.save("/etc/a/20b", "two\n"))
    assert len(post.watch()) == 1


def test_apply_signals_the_event(post: Post) -> None:
    """With an event to apply, a good fragment is shown and then takes effect."""
    post.source.at(1, post.save("/etc/a/20b", "two\n"))
    shown, done = post.watch("try")
    assert "+two" in shown
    assert done == "event try done, 1 file changed"
    assert post.output("/etc/a").read_text() == "one\ntwo\n"


def test_apply_leaves_everything_when_a_fragment_is_broken(post: Post) -> None:
    """With an event to apply, a broken fragment changes nothing, and the report says so."""
    post.source.at(1, post.save("/etc/a/20b", "{{ half"))
    (report,) = post.watch("try")
    assert "20b:1" in report
    assert report.endswith("\n  event try is not signalled")
    assert post.output("/etc/a").read_text() == "one\n"


def test_an_event_that_fails_is_reported(post: Post) -> None:
    """An event that fails after a good fragment is reported, and the old file is there again."""
    post.event("/etc/a\n", actions={"S10fail": "exit 3"})
    post.source.at(1, post.save("/etc/a/20b", "two\n"))
    _, failed = post.watch("try")
    assert failed.startswith("event try failed\n") and "failed with exit status 3" in failed
    assert post.output("/etc/a").read_text() == "one\n"


def test_nothing_is_applied_without_a_save(post: Post) -> None:
    """A change of the databases or of an output signals no event."""
    output = post.output("/etc/a")
    post.source.at(1, post.happens(lambda: output.write_text("mine\n"), output))
    post.source.at(9, post.happens(lambda: post.set("configuration", "x", "y"), post.layout.database))
    post.watch("try")
    assert output.read_text() == "mine\n"


def test_what_cannot_be_watched_is_looked_at_each_minute(post: Post) -> None:
    """Where the limit of watches is reached that is reported once, and changes are still found."""
    post.source.cannot = ["/etc cannot be watched"]

    def save_unnoticed() -> list[Notice]:
        post.trees.custom("/etc/a/20b", "two\n")
        return []

    post.source.at(201, save_unnoticed)
    reports = post.watch()
    assert reports[0] == "/etc cannot be watched"
    assert len(reports) == 2 and "+two" in reports[1]
    assert set(post.source.timeouts) == {RETRY_SECONDS}


@pytest.mark.plain_user("root reads every directory")
def test_an_unreadable_directory_is_reported(post: Post) -> None:
    """A directory that cannot be read is named once; its fragments do not count as removed."""
    place = post.trees.custom("/etc/a/20b", "two\n").parent
    post.source.at(1, post.happens(lambda: place.chmod(0), place))
    post.source.at(70, post.happens(lambda: place.chmod(0o755), place))
    assert post.watch() == [f"{CUSTOM}/etc/a cannot be read: Permission denied"]


def test_what_others_may_write_is_named(post: Post) -> None:
    """A saved fragment that others may write is not expanded: it is named with the cure; afterwards it is shown."""

    def save_openly() -> list[Notice]:
        notices = post.save("/etc/a/20b", "two\n")()
        os.chmod(notices[0].path, 0o666)
        return notices

    post.source.at(1, save_openly)
    place = post.path / f"{CUSTOM}/etc/a/20b".lstrip("/")
    post.source.at(70, post.happens(lambda: place.chmod(0o644), place))
    trouble, report = post.watch()
    assert "20b: may be written by everybody" in trouble
    assert f"chmod go-w {CUSTOM}/etc/a/20b" in trouble
    assert "+two" in report


def test_what_vanishes_while_it_is_read(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that vanishes between being found and being read is named; the save is reported at the next look."""
    real = event_names

    def vanish(_layout: Layout) -> list[str]:
        monkeypatch.setattr("esmith.events.affected.event_names", real)
        raise FileNotFoundError(2, "No such file or directory", f"{post.path}/gone")

    def save() -> list[Notice]:
        monkeypatch.setattr("esmith.events.affected.event_names", vanish)
        return post.save("/etc/a/20b", "two\n")()

    post.source.at(1, save)
    trouble, report = post.watch()
    assert trouble == "/gone: No such file or directory"
    assert "+two" in report


def test_a_link_is_followed(post: Post) -> None:
    """A fragment that is a link to a file elsewhere is reported when that file is saved."""
    elsewhere = post.path / "srv/shared"
    elsewhere.parent.mkdir()
    elsewhere.write_text("two\n")
    post.trees.custom("/etc/a/20b").unlink()
    (Path(post.layout.layer("templates-custom")) / "etc/a/20b").symlink_to(elsewhere)
    post.source.at(1, post.happens(lambda: elsewhere.write_text("three\n"), elsewhere))
    (report,) = post.watch()
    assert report.startswith(f"saved {CUSTOM}/etc/a/20b\n") and "+three" in report
    assert post.source.wanted[str(elsewhere.parent)] == frozenset({"shared"})


def test_secrets_stay_hidden(post: Post) -> None:
    """The diff of a file that holds a secret is not shown."""
    schema = Path(post.layout.schema) / "configuration/box.toml"
    schema.parent.mkdir(parents=True)
    schema.write_text('[properties.Password]\ntype = "secret"\n')
    post.set("configuration", "box", "service", Password="tru5tno1")
    post.source.at(1, post.save("/etc/a/20b", "{{ box.Password }}\n"))
    (report,) = post.watch()
    assert "holds a secret" in report and "tru5tno1" not in report
