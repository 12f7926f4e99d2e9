"""A service under the name of another one that is not there: ``sv t qmail`` behind Postfix."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from esmith.layout import Layout
from esmith.services.find import find_stand_in, find_supervisor
from tests.commands import Root

from .servers import Server, ServiceTree, eventually

_SETTINGS = "/etc/e-smith/services/postfix/service.toml"


def _stand_in(tree: ServiceTree) -> str:
    """Make a Postfix with the name of qmail as well, and return the link of that name."""
    tree.add("postfix")
    settings = Path(tree.root + _SETTINGS)
    settings.parent.mkdir(parents=True)
    settings.write_text('stands-in-for = "qmail"\n')
    link = f"{tree.folder}/qmail"
    os.symlink(f"{tree.root}/var/service/postfix", link)
    return link


def test_one_supervisor_for_two_names(server: Server, tree: ServiceTree) -> None:
    """A second name of a service directory starts no second supervisor, and what is sent there reaches the service."""
    link = _stand_in(tree)
    server.start()
    before = server.ready("postfix")
    tree.add("imap")
    # It has looked at the folder again then.
    server.ready("imap")
    assert server.supervisors() == 2
    subprocess.run([server.control, *(["t"] if server.control == "sv" else ["-t"]), link], check=True, timeout=60)
    eventually(lambda: server.ready("postfix") != before, "another process is ready")
    assert server.supervisors() == 2


def test_events_do_not_take_it_for_the_other(server: Server, tree: ServiceTree) -> None:
    """What an event does to qmail is not done to Postfix: under the name qmail no supervisor is found."""
    _stand_in(tree)
    server.start()
    server.ready("postfix")
    layout = Layout(tree.root)
    assert find_supervisor(layout, "qmail") is None
    assert find_supervisor(layout, "postfix") is not None
    assert find_stand_in(layout, "qmail") == "postfix"
    assert find_stand_in(layout, "postfix") == ""


def test_another_link_is_a_service(server: Server, tree: ServiceTree) -> None:
    """A link that somebody made to a directory with another name is a service of its name, as before."""
    tree.add("imap")
    os.symlink(f"{tree.root}/var/service/imap", f"{tree.folder}/mine")
    server.start()
    server.ready("imap")
    assert find_supervisor(Layout(tree.root), "mine") is not None


@pytest.mark.program("runsvdir", "sv")
def test_the_command_acts_on_the_queue_that_there_is(root: Root) -> None:
    """esmith control qmail restarts Postfix where there is no qmail, also without the link; it is listed once."""
    root.write("/usr/sbin/postfix", "#!/bin/sh\n", mode=0o755)
    root.esmith("init", "--services", "runit", "/service")
    for path in root.file("/service").iterdir():
        if path.name not in ("postfix", "qmail"):
            path.unlink()
    root.write("/var/service/postfix/run", "#!/bin/sh\nexec sleep 600\n", mode=0o755)
    shutil.rmtree(root.file("/var/service/postfix/log"))
    process = subprocess.Popen(["runsvdir", "-P", root.file("/service")], start_new_session=True)
    try:
        directory = Layout(str(root.path))
        eventually(lambda: _is_up(directory), "postfix is up")
        assert root.esmith("control", "qmail", "t").out.startswith("service postfix: is up")
        root.file("/service/qmail").unlink()
        assert root.esmith("control", "qmail", "status").out.startswith("service postfix: is up")
        listed = root.esmith("services").out
        assert listed.count("is up") == 1
        assert "service postfix: wanted" in listed
    finally:
        process.terminate()
        process.wait(60)
        subprocess.run(["sv", "exit", str(root.file("/var/service/postfix"))], check=False, timeout=60)


def _is_up(layout: Layout) -> bool:
    supervisor = find_supervisor(layout, "postfix")
    return supervisor is not None and supervisor.status("postfix").running
