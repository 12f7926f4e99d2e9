"""``esmith watch`` as it is: a process, the real inotify, editors and tools that save in their own ways."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from esmith.events.confirm import UnconfirmedChange, set_unconfirmed
from esmith.layout import Layout
from esmith.store import open_store
from esmith.store.model import Author
from tests.commands import Root
from tests.events.kit import damage_all
from tests.watch.kit import Process

Watch = Callable[..., Process]
CLAMD = "/etc/e-smith/templates-custom/etc/clamd.conf"


def _write(root: Root, text: str = "MaxThreads 3\n") -> Path:
    """Write a custom fragment of clamd.conf."""
    return root.custom("/etc/clamd.conf/20own", text)


def test_fragments_good_broken_and_half(office: Root, watch: Watch) -> None:
    """A good fragment gives its diff, a broken one file and line, a half-written one nothing before it is closed."""
    process = watch()
    place = _write(office)
    assert any("saved" in line for line in process.until("+MaxThreads 3"))
    place.write_text("a\n{% if %}\n")
    process.until(f"{CLAMD}/20own:2: ")
    with place.open("w") as file:
        file.write("{{ half")
        file.flush()
        process.until("20own is still open for writing")
        file.seek(0)
        file.write("MaxThreads 4\n")
        file.truncate()
    assert not any("20own:1" in line for line in process.until("+MaxThreads 4"))


def test_a_thousand_saves(office: Root, watch: Watch) -> None:
    """A thousand saves give few reports, and the last one shows the last state."""
    process = watch()
    place = _write(office)
    for number in range(1, 1001):
        place.write_text(f"MaxThreads {number}\n")
    process.until("+MaxThreads 1000")
    assert process.seen("saved") <= 20


def _move(place: Path) -> None:
    new = place.with_name("new-file")
    new.write_text("MaxThreads 5\n")
    new.rename(place)


def _vim(place: Path) -> None:
    probe = place.with_name("4913")
    probe.touch()
    probe.unlink()
    swap = place.with_name(".20own.swp")
    swap.write_text("swap")
    place.rename(place.with_name("20own~"))
    place.write_text("MaxThreads 5\n")
    place.with_name("20own~").unlink()
    swap.unlink()


def _emacs(place: Path) -> None:
    lock = place.with_name(".#20own")
    lock.symlink_to("root@mail.1:1")
    place.with_name("#20own#").write_text("half {{")
    place.write_text("MaxThreads 5\n")
    place.with_name("#20own#").unlink()
    lock.unlink()


def _sed(place: Path) -> None:
    subprocess.run(["sed", "-i", "s/3/5/", str(place)], check=True)


def _tar(place: Path) -> None:
    archive = place.parents[4] / "new.tar"
    place.write_text("MaxThreads 5\n")
    subprocess.run(["tar", "-cf", str(archive), "-C", str(place.parents[2]), "etc"], check=True)
    shutil.rmtree(place.parents[1])
    subprocess.run(["tar", "-xf", str(archive), "-C", str(place.parents[2])], check=True)


@pytest.mark.parametrize("save", [_move, _vim, _emacs, _sed, _tar])
def test_ways_to_save(office: Root, watch: Watch, save: Callable[[Path], None]) -> None:
    """Renames, swap files, locks, sed and tar all give the one report of what is there afterwards."""
    place = _write(office, "MaxThreads 3\n")
    process = watch()
    save(place)
    lines = process.until("+MaxThreads 5")
    assert not any("Traceback" in line or "half" in line for line in lines)
    assert not any(name in line for line in lines for name in ("4913", ".swp", ".#", "#20own#", "20own~"))


def test_a_checkout_of_a_whole_tree(office: Root, watch: Watch) -> None:
    """A new templates-custom in place of the old one gives a report of all that differs."""
    custom = office.file("/etc/e-smith/templates-custom")
    _write(office)
    office.custom("/etc/mail/spamassassin/local.cf/20scores", "score A 1\n")
    process = watch()
    new = custom.with_name("new")
    shutil.copytree(custom, new)
    (new / "etc/clamd.conf/20own").write_text("MaxThreads 6\n")
    (new / "etc/mail/spamassassin/local.cf/20scores").write_text("score B 2\n")
    shutil.rmtree(custom)
    new.rename(custom)
    process.until("+MaxThreads 6")
    process.until("+score B 2")
    _write(office, "MaxThreads 7\n")
    process.until("+MaxThreads 7")


def test_a_new_template_of_ones_own(office: Root, watch: Watch) -> None:
    """A new directory below templates-custom that no event names is shown, with how it can be expanded."""
    process = watch()
    office.custom("/etc/rsyncd.conf/10global", "max connections = 4\n")
    process.until("+max connections = 4")
    process.until("no event expands /etc/rsyncd.conf; 'expand-template /etc/rsyncd.conf' does")


def test_an_edited_output(office: Root, watch: Watch) -> None:
    """An output edited by hand is reported once; the event that replaces it is not reported as an edit."""
    process = watch()
    with office.file("/etc/clamd.conf").open("a") as file:
        file.write("MaxThreads 99\n")
    process.until("/etc/clamd.conf: edited by hand")
    office.signal("clamav-update")
    office.config("setprop", "clamav", "MaxFiles", "77")
    office.signal("clamav-update")
    _write(office)
    process.until("+MaxThreads 3")
    assert process.seen("edited by hand") == 1
    assert process.seen("removed") == 0


def test_apply(office: Root, watch: Watch) -> None:
    """With --apply a good fragment takes effect and a broken one changes nothing."""
    process = watch("--apply", "clamav-update")
    place = _write(office, "{{ half")
    process.until("event clamav-update is not signalled")
    assert "half" not in office.read("/etc/clamd.conf")
    place.write_text("MaxThreads 3\n")
    process.until("event clamav-update done")
    assert "MaxThreads 3\n" in office.read("/etc/clamd.conf")
    assert office.esmith("generations").out.splitlines()[0].split("  ")[3] == "signal-event clamav-update"


def test_restored_databases(office: Root, watch: Watch) -> None:
    """The databases may be moved away and restored; what is saved in between is reported afterwards."""
    process = watch()
    databases = office.file("/home/e-smith/db")
    databases.rename(databases.with_name("away"))
    _write(office)
    process.until("there are no databases under")
    backup = databases.with_name("backup")
    shutil.copytree(databases.with_name("away"), backup)
    backup.rename(databases)
    process.until("+MaxThreads 3")


def test_a_deadline_set_by_another_command(office: Root, watch: Watch) -> None:
    """A deadline that another process writes into the databases is noticed and carried out."""
    office.config("setprop", "clamav", "MaxFiles", "55")
    process = watch()
    office.signal("clamav-update")
    number = int(office.esmith("generations").out.split()[1])
    store = open_store(Layout(str(office.path)), write=True)
    with store.transaction(Author("tester", "", ["test"])) as transaction:
        set_unconfirmed(transaction, UnconfirmedChange("signal-event clamav-update", time.time() + 1, number, None, 0))
    store.close()
    process.until("signal-event clamav-update was not confirmed in time")
    assert "MaxFiles 55\n" not in office.read("/etc/clamd.conf")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(watch: Watch, number: int) -> None:
    """SIGTERM and SIGINT end it with exit code 0 and without a message."""
    process = watch()
    assert process.end(number) == (0, "")


def test_errors_before_it_begins(office: Root) -> None:
    """An event that does not exist, or a root without databases, is an error at once."""
    assert "did you mean 'email-update'?" in office.esmith("watch", "--apply", "email-updat", code=2).err
    shutil.rmtree(office.file("/home/e-smith/db"))
    assert "there are no databases" in office.esmith("watch", code=6).err


def test_reports_of_hostile_names(office: Root, watch: Watch) -> None:
    """A name with control characters is shown with their codes, and its newline begins no report."""
    process = watch()
    office.custom("/etc/clamd.conf/20\x1b[2J\u202e\n2026-01-01 00:00:00 all is well", "{% if %}\n")
    lines = process.until("Expected an expression")
    assert any("20\\x1b[2J\\u202e" in line for line in lines)
    assert [line for line in lines if not line.isprintable() or line.startswith("2026-01-01")] == []


def test_damaged_rows(office: Root, watch: Watch) -> None:
    """A watcher starts with damaged rows of the engine's own tables, and does its work."""
    damage_all(office)
    process = watch()
    _write(office)
    process.until("+MaxThreads 3")
