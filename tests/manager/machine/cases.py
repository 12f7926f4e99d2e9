"""The cases: what an administrator does in a browser on a machine that works, and what becomes of it."""

from __future__ import annotations

import imaplib
import json
import os
import re
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.manager.machine.kit import (
    LOCAL,
    LOOPBACK,
    OUTSIDE,
    PASSWORD,
    Visitor,
    ask_helper,
    end_by_kill,
    processes,
    set_password,
    setting,
    wait_for_end,
)
from tests.units.kit import require, run, wait_until

#: What the web process may not read, were it taken over.
_KEPT = ("/home/e-smith/db/data.mdb", "/etc/shadow", "/home/e-smith/ssl.pem/pem", "/var/lib/e-smith/manager/jobs")
_FILTERING = "/panel/configuration/email?section=filtering"
_USERS = "/panel/collaboration/users"
#: How long a change may wait to be confirmed here: longer than the job takes, and no longer than the case has to.
_CONFIRM_SECONDS = 10
_LOCAL_CF = Path("/etc/mail/spamassassin/local.cf")


def processes_have_no_rights() -> None:
    """The web process has neither rights nor databases, and nobody but its user reaches the helper."""
    found = processes()
    require(all(found.values()), f"these run: {found}")
    status = dict(line.split(":", 1) for line in Path(f"/proc/{found['smanager']}/status").read_text().splitlines())
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        require(int(status[name], 16) == 0, f"the web process has {name} {status[name]}")
    require(status["NoNewPrivs"].strip() == "1", "a program of another's could give the web process rights")
    require(not status["Groups"].split(), f"the web process is in the groups {status['Groups']}")
    shell = run("getent", "passwd", "esmith-manager").strip().split(":")[-1]
    require(shell == "/bin/false", f"the user has the shell {shell}")
    for path in _KEPT:
        os.stat(path)
        words = ("setpriv", "--reuid=esmith-manager", "--regid=esmith-manager", "--clear-groups", "test", "-r", path)
        run(*words, code=1)
    require(ask_helper("session")["error"]["kind"] == "session", "the user of the web process is not heard")
    for user in ("root", "nobody"):
        require(not ask_helper("session", user=user), f"{user} is heard by the helper")


def logins() -> None:
    """Administrators log in by PAM, but not with an empty or a wrong password, locked or expired; nobody else does."""
    set_password("admin", PASSWORD)
    others = ("panel-locked", "panel-expired", "panel-open")
    for name in (*others, "panel-nobody"):
        run("useradd", "--no-create-home", name)
        set_password(name, PASSWORD)
    run("config", "setprop", "smanager", "Admins", ",".join(others))
    try:
        _logins_are(dict.fromkeys((("admin", PASSWORD), *((name, PASSWORD) for name in others)), True))
        visitor = _logged_in()
        run("passwd", "--lock", "panel-locked")
        run("chage", "--expiredate", "1", "panel-expired")
        run("passwd", "--delete", "panel-open")
        # One that is refused is answered late, so all are tried at once.
        refused = dict.fromkeys(("panel-locked", "panel-expired", "panel-nobody"), PASSWORD)
        _logins_are(dict.fromkeys({"admin": "wrong", "panel-open": "", **refused}.items(), False))
        run("passwd", "--lock", "admin")
        require(not visitor.logged_in(), "who is locked is still logged in")
        run("passwd", "--unlock", "admin")
    finally:
        run("config", "delprop", "smanager", "Admins")
        for name in (*others, "panel-nobody"):
            run("userdel", name)


def _logins_are(expected: dict[tuple[str, str], bool]) -> None:
    with ThreadPoolExecutor(len(expected)) as pool:
        found = dict(zip(expected, pool.map(lambda login: Visitor().log_in(*login), expected), strict=True))
    for login, allowed in expected.items():
        require(found[login] == (303 if allowed else 403), f"the login of {login} is answered with {found[login]}")


def _logged_in() -> Visitor:
    visitor = Visitor()
    require(visitor.log_in() == 303 and visitor.logged_in(), "admin cannot log in")
    return visitor


def setting_reaches_the_daemon() -> None:
    """A setting changed on a page is in the file, and the daemon has read it, when the job has ended."""
    visitor = _logged_in()
    wait_until(_spamd, "spamd is not up")
    before = _spamd()
    preview = visitor.preview(visitor.page(_FILTERING).form("/preview"), v__Sensitivity="=low")
    require("required_score 6.99" not in _LOCAL_CF.read_text(), "the preview has changed the file")
    require(setting("configuration", "spamassassin", "Sensitivity") != "low", "the preview has changed the setting")
    _ends_well(visitor, visitor.apply(preview))
    require("required_score 6.99" in _LOCAL_CF.read_text(), "the file is not changed")
    require(setting("configuration", "spamassassin", "Sensitivity") == "low", "the setting is not changed")
    wait_until(lambda: _spamd() - before and not before & _spamd(), "spamd has not read its file again")
    last = json.loads(run("esmith", "history", "--json"))[0]
    who = (last["user"], last["command"])
    require(who == ("admin", f"server-manager configuration/email from {LOOPBACK[0]}"), f"the journal says {who}")


def _spamd() -> set[str]:
    """Return the processes of spamd that score mail: new ones when it has read its files again."""
    return set(run("pgrep", "--full", "^spamd child", code=None).split())


def _ends_well(visitor: Visitor, job: str) -> None:
    state = visitor.follow(job)
    require(state == "done", f"the job ended as {state}: {wait_for_end(job)}")


def user_comes_and_goes() -> None:
    """A user made on a page reads mail with the password set there, loses it with the lock, and is deleted."""
    visitor = _logged_in()
    form = visitor.page(f"{_USERS}/new").form("/preview")
    names = {"v__new record": "pat", "v__FirstName": "Pat", "v__LastName": "Panel"}
    _ends_well(visitor, visitor.apply(visitor.preview(form, **names)))
    form = visitor.page(f"{_USERS}/record/pat/password").form("/record/pat/password")
    preview = visitor.preview(form, secret__password=PASSWORD, secret__again=PASSWORD)
    _ends_well(visitor, visitor.apply(preview))
    wait_until(lambda: _reads_mail("pat"), "the user reads no mail")
    files = run("grep", "-rlF", PASSWORD, "/var/lib/e-smith", "/home/e-smith/db", "/etc", "/var/log", code=None)
    require(not files, f"the password stands in {files}")
    run("config", "setprop", "smanager", "Admins", "pat")
    _logins_are({("pat", PASSWORD): True})
    _does(visitor, "pat", "lock")
    with ThreadPoolExecutor(1) as pool:
        reads = pool.submit(_reads_mail, "pat")
        _logins_are({("pat", PASSWORD): False})
        require(not reads.result(), "who is locked reads mail")
    run("config", "delprop", "smanager", "Admins")
    _does(visitor, "pat", "delete")
    require(not run("getent", "passwd", "pat", code=None), "the user is still there")


def _does(visitor: Visitor, account: str, what: str) -> None:
    form = visitor.page(f"{_USERS}/record/{account}/{what}").form("/preview")
    _ends_well(visitor, visitor.apply(visitor.preview(form)))


def _reads_mail(account: str) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with imaplib.IMAP4_SSL("127.0.0.1", ssl_context=context, timeout=30) as client:
        try:
            client.login(account, PASSWORD)
        except imaplib.IMAP4.error:
            return False
        return client.select("INBOX")[0] == "OK"


def killed_in_a_job() -> None:
    """Both processes are killed in a job: they are restarted, the job has ended well, and the next login shows it."""
    visitor = _logged_in()
    job = visitor.change(_FILTERING, v__Sensitivity="=high")
    found = processes()
    for pid in found.values():
        end_by_kill(pid)
    end = wait_for_end(job)
    require(end["state"] == "done", f"the job ended as {end}")
    require("required_score 2.99" in _LOCAL_CF.read_text(), "the file is not changed")
    wait_until(_answers, "the server-manager does not come back")
    require(not visitor.logged_in(), "a session of a helper that was killed counts")
    visitor = _logged_in()
    _ends_well(visitor, job)
    require(job in visitor.get("/jobs").text, "the job is not in the list")


def _answers() -> bool:
    """Return whether the login page is there; it asks the helper for nothing, so the helper's socket is asked, too."""
    return Visitor().get("/login").status == 200 and bool(ask_helper("session"))


def helper_restarted_in_a_job() -> None:
    """Who restarts the helper in a job does not end the job."""
    visitor = _logged_in()
    job = visitor.change(_FILTERING, v__Sensitivity="=medium")
    before = processes()["smanager-helper"]
    _control("restart")
    end = wait_for_end(job)
    require(end["state"] == "done", f"the job ended as {end}")
    wait_until(_answers, "the helper does not come back")
    require(processes()["smanager-helper"] not in (0, before), "the helper was not restarted")


def _control(word: str) -> None:
    if os.path.isdir("/run/systemd/system"):
        run("systemctl", word, "smanager-helper")
    else:
        run("sv", word, "/service/smanager-helper")


def cut_off_and_back() -> None:
    """A change that cuts the browser off is rolled back when nobody confirms it; private keeps others out."""
    _reaches({LOOPBACK: True, LOCAL: False, OUTSIDE: False})
    run("db", "networks", "set", "10.0.0.0", "network", "Mask", "255.255.255.0")
    _set_access("public")
    _reaches({LOOPBACK: True, LOCAL: True, OUTSIDE: True})
    visitor = Visitor(LOCAL)
    require(visitor.log_in() == 303, "admin cannot log in from the local network")
    session = visitor.cookies["__Host-smanager"]
    operation = {"kind": "setting", "database": "configuration", "key": "smanager", "values": {"access": "localhost"}}
    revision = json.loads(run("esmith", "history", "--json"))[0]["revision"]
    answer = ask_helper("apply", session, operation={**operation, "revision": revision}, confirm=_CONFIRM_SECONDS)
    require(answer.get("ok"), f"apply answers {answer}")
    wait_for_end(answer["result"]["id"])
    _reaches({LOCAL: False, OUTSIDE: False})
    wait_until(lambda: _status(LOCAL) == 200, "the change was not rolled back")
    require(setting("configuration", "smanager", "access") == "public", "the setting was not rolled back")
    _set_access("private")
    _reaches({LOOPBACK: True, LOCAL: True, OUTSIDE: False})
    run("db", "networks", "delete", "10.0.0.0")


def _set_access(value: str) -> None:
    run("config", "setprop", "smanager", "access", value)
    run("signal-event", "remoteaccess-update")


def _status(ends: tuple[str, str]) -> int:
    return Visitor(ends).get("/login").status


def _reaches(expected: dict[tuple[str, str], bool]) -> None:
    wanted = {ends: 200 if may else 403 for ends, may in expected.items()}
    # Apache may still be reading its file.
    wait_until(lambda: {ends: _status(ends) for ends in wanted} == wanted, f"it is not so: {wanted}")


def disabled_and_enabled() -> None:
    """Without it both processes are down and there is no such page; enabled again, it answers."""
    run("config", "setprop", "smanager", "status", "disabled")
    run("signal-event", "remoteaccess-update")
    wait_until(lambda: not any(processes().values()), "the processes go on")
    # As for any address that does not exist: there may be no site.
    wait_until(lambda: _status(LOOPBACK) in (403, 404), "the web server still has the page")
    run("config", "setprop", "smanager", "status", "enabled")
    run("signal-event", "remoteaccess-update")
    wait_until(_answers, "the server-manager does not come back")


def nothing_is_wrong() -> None:
    """Neither the status nor the doctor finds anything about the server-manager."""
    for command in ("status", "doctor"):
        text = run("esmith", command, code=None)
        found = [line for line in text.splitlines() if "manager" in line or re.search(r"\b982\b", line)]
        require(not found, f"esmith {command} says: {found}")
