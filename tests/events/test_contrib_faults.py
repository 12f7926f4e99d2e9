"""A fault of a contrib leaves what belongs together as it is, and the rest of the event is done."""

from __future__ import annotations

import json

import pytest

from tests.commands import Root

TEMPLATES = "/etc/e-smith/templates"
CUSTOM = "/etc/e-smith/templates-custom"
EVENT = "/etc/e-smith/events/email-update"
#: A file that qpsmtpd reads, one that clamd does, and the setting each is made of.
QPSMTPD, CLAMD = "/var/service/qpsmtpd/config/dnsbl_zones", "/etc/clamd.conf"

#: A fragment of which no text can be made.
BROKEN = "{{ nosuch.nosuch() }}\n"


@pytest.fixture
def mail(office: Root) -> Root:
    """Return an office whose event ran, and settings of two units that wait for the next one."""
    office.signal("email-update")
    office.config("setprop", "qpsmtpd", "DNSBL", "enabled", "RBLList", "lists.example.org")
    office.config("setprop", "clamav", "MaxFiles", "777")
    return office


def _has_new_settings(root: Root, path: str) -> bool:
    return {QPSMTPD: "lists.example.org", CLAMD: "777"}[path] in root.file(path).read_text()


@pytest.mark.parametrize("name", ["90broken", "95link"])
def test_in_a_shipped_template_the_unit_is_left(mail: Root, name: str) -> None:
    """The file stays old, the rest is done, and the exit code is 11: for a wrong fragment, and a link to nothing."""
    if name == "95link":
        mail.file(f"{TEMPLATES}{CLAMD}/{name}").symlink_to("/nowhere")
    else:
        mail.write(f"{TEMPLATES}{CLAMD}/{name}", BROKEN)
    answer = mail.signal("email-update", code=11)
    assert f"{TEMPLATES}{CLAMD}/{name}" in answer.err
    assert f"left as it is: {CLAMD}" in answer.err
    because = f"1 file left as it is, because of {TEMPLATES}{CLAMD}/{name}; everything else was done"
    assert answer.err.splitlines()[-1] == f"signal-event: {because}"
    assert not _has_new_settings(mail, CLAMD)
    assert _has_new_settings(mail, QPSMTPD)


def test_once_it_is_corrected_the_unit_is_made(mail: Root) -> None:
    """The next event makes what was left, and the status lists it only until then."""
    fragment = mail.write(f"{TEMPLATES}{CLAMD}/90broken", BROKEN)
    mail.signal("email-update", code=11)
    assert CLAMD in json.loads(mail.esmith("status", "--json", code=None).out)["files"]["left"]
    fragment.unlink()
    mail.signal("email-update")
    assert _has_new_settings(mail, CLAMD)
    assert json.loads(mail.esmith("status", "--json", code=None).out)["files"]["left"] == {}


def test_who_gets_mail_is_one_unit(mail: Root) -> None:
    """Where the list of recipients cannot be made, qmail's files do not change either: no mail is bounced."""
    mail.write(f"{TEMPLATES}/var/service/qpsmtpd/config/goodrcptto/90broken", BROKEN)
    mail.db("accounts", "set", "sales", "pseudonym", "Account", "admin")
    mail.db("domains", "set", "second.org", "domain")
    before = mail.file("/var/qmail/control/locals").read_bytes()
    answer = mail.signal("email-update", code=11)
    assert "left with it: " in answer.err
    assert "/var/qmail/control/rcpthosts" in answer.err or "/var/qmail/control/virtualdomains" in answer.err
    assert mail.file("/var/qmail/control/locals").read_bytes() == before
    assert not _has_new_settings(mail, QPSMTPD)
    assert _has_new_settings(mail, CLAMD)


@pytest.mark.parametrize("layer", [TEMPLATES, CUSTOM])
def test_in_a_template_that_is_not_shipped_only_its_file_is_left(mail: Root, layer: str) -> None:
    """Nobody else reads the file, so everything else is done; whose fragment is at fault does not matter."""
    mail.write(f"{layer}/etc/own.conf/10broken", BROKEN)
    mail.write(f"{EVENT}/templates2expand/etc/own.conf", "")
    answer = mail.signal("email-update", code=11)
    assert f"1 file left as it is, because of {layer}/etc/own.conf/10broken; everything else was done" in answer.err
    assert not mail.file("/etc/own.conf").exists()
    assert _has_new_settings(mail, CLAMD)
    assert _has_new_settings(mail, QPSMTPD)


def test_the_administrators_fragment_stops_the_event(mail: Root) -> None:
    """A fragment of templates-custom in a shipped template is corrected first: no file is touched."""
    mail.write(f"{CUSTOM}{CLAMD}/90broken", BROKEN)
    answer = mail.signal("email-update", code=4)
    assert "90broken" in answer.err
    assert not _has_new_settings(mail, QPSMTPD)


def test_a_shipped_fragment_stops_the_event(mail: Root) -> None:
    """A fragment that is shipped and was edited counts as ours, also when a contrib's stands beside it."""
    names = [path for path in sorted(mail.file(f"{TEMPLATES}{CLAMD}").iterdir()) if path.name != "template.toml"]
    names[0].write_text(BROKEN)
    mail.write(f"{TEMPLATES}{CLAMD}/99other", "# fine\n")
    mail.signal("email-update", code=4)
    assert not _has_new_settings(mail, QPSMTPD)


def test_a_marker_without_a_template_is_reported(mail: Root) -> None:
    """The template of a contrib that was removed is named; everything else is done."""
    mail.write(f"{EVENT}/templates2expand/etc/gone.conf", "")
    answer = mail.signal("email-update", code=11)
    assert "there is no template for /etc/gone.conf" in answer.err
    assert _has_new_settings(mail, CLAMD)
    assert json.loads(mail.signal("--json", "email-update", code=11).out)["left"].keys() == {"/etc/gone.conf"}


def test_a_contribs_template_of_a_shipped_file_is_left(mail: Root) -> None:
    """Where a contrib's template makes a file of ours, ours is installed."""
    mail.write(f"{TEMPLATES}/etc/own.conf/10text", "mine\n")
    mail.write(f"{TEMPLATES}/etc/own.conf/template.toml", f'output = "{CLAMD}"\n')
    mail.write(f"{EVENT}/templates2expand/etc/own.conf", "")
    answer = mail.signal("email-update", code=11)
    assert "two templates make this file" in answer.err
    assert _has_new_settings(mail, CLAMD)


@pytest.mark.parametrize("line", ['mode = "abc"', "owner = 5", "nosuch = 1"])
def test_wrong_metadata_leave_the_file(mail: Root, line: str) -> None:
    """Metadata of a contrib's template that are wrong stop only its file."""
    mail.write(f"{TEMPLATES}/etc/own.conf/10text", "mine\n")
    mail.write(f"{TEMPLATES}/etc/own.conf/template.toml", f"{line}\n")
    mail.write(f"{EVENT}/templates2expand/etc/own.conf", "")
    answer = mail.signal("email-update", code=11)
    assert f"{TEMPLATES}/etc/own.conf/template.toml" in answer.err
    assert _has_new_settings(mail, CLAMD)


@pytest.mark.root("only root gives files to others, so only root looks whether they are there")
def test_an_owner_who_does_not_exist_leaves_the_file(mail: Root) -> None:
    """Metadata of a contrib's template that name nobody stop only its file."""
    mail.write(f"{TEMPLATES}/etc/own.conf/10text", "mine\n")
    mail.write(f"{TEMPLATES}/etc/own.conf/template.toml", 'owner = "nobodyhere"\n')
    mail.write(f"{EVENT}/templates2expand/etc/own.conf", "")
    answer = mail.signal("email-update", code=11)
    assert "there is no user 'nobodyhere'" in answer.err
    assert _has_new_settings(mail, CLAMD)


def test_a_contribs_action_that_fails_is_reported(mail: Root) -> None:
    """Nothing is restored for it, the actions after it run, and the exit code is 11."""
    mail.write(f"{EVENT}/S50fails", "#!/bin/sh\necho it broke\nexit 3\n", mode=0o755)
    mail.write(f"{EVENT}/S60after", "#!/bin/sh\necho ran > $ESMITH_ROOT/after\n", mode=0o755)
    answer = mail.signal("email-update", code=11)
    assert "S50fails: was done in part" in answer.err
    assert "failed with exit status 3" in answer.err
    assert f"1 action done in part, because of {EVENT}/S50fails;" in answer.err.splitlines()[-1]
    assert "it broke" in answer.err
    assert mail.file("/after").read_text() == "ran\n"
    assert _has_new_settings(mail, CLAMD)


def test_an_action_without_an_interpreter_is_run_by_sh(mail: Root) -> None:
    """The original ran such a file by sh, and so do we."""
    mail.write(f"{EVENT}/S50plain", "echo $1 > $ESMITH_ROOT/plain\n", mode=0o755)
    mail.signal("email-update")
    assert mail.file("/plain").read_text() == "email-update\n"


def test_strict_makes_everything_one_unit(mail: Root) -> None:
    """With Strict of esmith a fault of a contrib stops the event before any file is touched."""
    mail.config("setprop", "esmith", "Strict", "enabled")
    mail.write(f"{TEMPLATES}{CLAMD}/90broken", BROKEN)
    answer = mail.signal("email-update", code=4)
    assert "Strict of esmith is enabled" in answer.err
    assert not _has_new_settings(mail, QPSMTPD)


#: A checked file of qpsmtpd, and a line that its check refuses; no program is needed.
PEERS, REFUSED = "/var/service/qpsmtpd/config/peers/0", "early_talker # not so early\n"


def test_a_file_that_its_check_refuses_is_left_with_its_unit(mail: Root) -> None:
    """With a line of a contrib a file is refused: it stays old, all that qpsmtpd reads as well, the rest is done."""
    mail.write(f"{TEMPLATES}{PEERS}/90scanner", REFUSED)
    answer = mail.signal("email-update", code=11)
    assert "has a comment at its end" in answer.err
    assert f"a contrib has a part in it: {mail.file(TEMPLATES)}{PEERS}/90scanner" in answer.err
    assert f"left as it is: {PEERS}" in answer.err
    assert not _has_new_settings(mail, QPSMTPD)
    assert _has_new_settings(mail, CLAMD)
    assert PEERS in json.loads(mail.esmith("status", "--json", code=None).out)["files"]["left"]


def test_a_refused_file_of_the_administrator_stops_the_event(mail: Root) -> None:
    """With a line of templates-custom nothing is changed, also when a contrib has a part in another file."""
    mail.write(f"{CUSTOM}{PEERS}/90scanner", REFUSED)
    mail.write(f"{TEMPLATES}{CLAMD}/99fine", "# fine\n")
    answer = mail.signal("email-update", code=10)
    assert "no file was changed" in answer.err
    assert not _has_new_settings(mail, CLAMD)


def test_strict_stops_at_a_refused_file_too(mail: Root) -> None:
    """With Strict of esmith a line of a contrib that a check refuses stops the event, and the message says why."""
    mail.config("setprop", "esmith", "Strict", "enabled")
    mail.write(f"{TEMPLATES}{PEERS}/90scanner", REFUSED)
    answer = mail.signal("email-update", code=10)
    assert "Strict of esmith is enabled" in answer.err
    assert not _has_new_settings(mail, CLAMD)


@pytest.mark.program("clamconf")
def test_a_file_that_a_program_refuses_is_left(mail: Root) -> None:
    """The same where a program of the daemon refuses the file."""
    mail.write(f"{TEMPLATES}{CLAMD}/90scanner", "NoSuchOption yes\n")
    answer = mail.signal("email-update", code=11)
    assert "clamconf refuses it" in answer.err
    assert not _has_new_settings(mail, CLAMD)
    assert _has_new_settings(mail, QPSMTPD)


def test_a_rehearsal_says_the_same(mail: Root) -> None:
    """``--dry-run`` names what would be left, and changes nothing."""
    mail.write(f"{TEMPLATES}{CLAMD}/90broken", BROKEN)
    answer = mail.signal("--dry-run", "email-update", code=11)
    assert f"left as it is: {CLAMD}" in answer.err
    assert not _has_new_settings(mail, QPSMTPD)


def test_a_shipped_action_that_fails_stops_the_event(mail: Root) -> None:
    """Later actions rely on it: the old files are restored, and the exit code is 7."""
    mail.write(f"{EVENT}/S25qpsmtpd-dkim-links", "#!/bin/sh\nexit 3\n", mode=0o755)
    mail.signal("email-update", code=7)
    assert not _has_new_settings(mail, CLAMD)
    assert not _has_new_settings(mail, QPSMTPD)


def test_strict_stops_at_an_action_too(mail: Root) -> None:
    """With Strict of esmith an action of a contrib that fails stops the event, and the old files are restored."""
    mail.config("setprop", "esmith", "Strict", "enabled")
    mail.write(f"{EVENT}/S50fails", "#!/bin/sh\nexit 3\n", mode=0o755)
    answer = mail.signal("email-update", code=7)
    assert "Strict of esmith is enabled" in answer.err
    assert not _has_new_settings(mail, CLAMD)


@pytest.mark.parametrize("marker", ["httpd-e-smith", "other"])
def test_a_service_action_that_a_contrib_misspells_is_reported(mail: Root, marker: str) -> None:
    """Nothing is done for it, the service gets what our own list asks for, and the exit code is 11."""
    mail.file(f"{EVENT}/services2adjust/{marker}").symlink_to("restrt")
    answer = mail.signal("email-update", code=11)
    assert f"services2adjust/{marker}: there is no service action 'restrt'; nothing is done for it" in answer.err
    assert "did you mean 'restart'?" in answer.err
    assert _has_new_settings(mail, CLAMD)


def test_a_service_action_that_a_shipped_list_misspells_stops_the_event(mail: Root) -> None:
    """The list is ours, so it is corrected first: no file is touched."""
    mail.write(f"{EVENT}/services2adjust/LIST", "clamd restrt\n")
    mail.file(f"{EVENT}/services2adjust/other").symlink_to("restrt")
    mail.signal("email-update", code=2)
    assert not _has_new_settings(mail, CLAMD)


def test_strict_stops_at_a_service_action_too(mail: Root) -> None:
    """With Strict of esmith a service action that a contrib misspells stops the event before any file is touched."""
    mail.config("setprop", "esmith", "Strict", "enabled")
    mail.file(f"{EVENT}/services2adjust/other").symlink_to("restrt")
    mail.signal("email-update", code=2)
    assert not _has_new_settings(mail, CLAMD)


def _define_wrongly(root: Root, *, shipped: bool) -> None:
    """Define a service with a mistake, and have the event ask for it."""
    root.config("set", "other", "service", "status", "enabled")
    root.write("/etc/e-smith/services/other/service.toml", "[probe]\nprt = 25\n", shipped=shipped)
    root.file(f"{EVENT}/services2adjust/other").symlink_to("restart")


def test_a_service_that_a_contrib_defines_wrongly_is_reported(mail: Root) -> None:
    """Nothing is done for that service, everything else is done, and the exit code is 11."""
    _define_wrongly(mail, shipped=False)
    answer = mail.signal("email-update", code=11)
    assert "services/other/service.toml: [probe] unknown key 'prt'; nothing is done to its service" in answer.err
    assert "did you mean 'port'?" in answer.err
    assert _has_new_settings(mail, CLAMD)
    assert _has_new_settings(mail, QPSMTPD)


def test_a_shipped_definition_of_a_service_that_is_wrong_stops_the_event(mail: Root) -> None:
    """It is corrected first: no file is touched."""
    _define_wrongly(mail, shipped=True)
    mail.signal("email-update", code=8)
    assert not _has_new_settings(mail, CLAMD)


def test_strict_stops_at_the_definition_of_a_service_too(mail: Root) -> None:
    """With Strict of esmith a service that a contrib defines wrongly stops the event before any file is touched."""
    mail.config("setprop", "esmith", "Strict", "enabled")
    _define_wrongly(mail, shipped=False)
    mail.signal("email-update", code=8)
    assert not _has_new_settings(mail, CLAMD)


def test_what_the_administrator_defines_wrongly_stops_the_event(mail: Root) -> None:
    """A mistake of his in services-custom is corrected first: no file is touched."""
    mail.write("/etc/e-smith/services-custom/clamd/service.toml", "[probe]\nprt = 25\n")
    mail.signal("email-update", code=8)
    assert not _has_new_settings(mail, CLAMD)
