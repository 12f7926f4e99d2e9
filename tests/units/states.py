"""What is up, what happened at boot, and the daily jobs."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from tests.units.kit import fragment, journal, pid_of, require, run, services, show, wait_until, wanted

#: Debian's program that runs the daily jobs where it is installed; without it a timer of ours does.
_CRON = Path("/usr/sbin/cron")


def all_is_up() -> None:
    """Every service that is to be up is an active unit, of use, and nothing on the machine has failed."""
    names = wanted()
    require({"clamd", "dovecot", "postfix", "qpsmtpd", "spamd"} <= {*names}, f"only {names} are there")
    for name in names:
        wait_until(partial(_is_active, name), f"{name} is not active")
    wait_until(lambda: not _useless(), f"of no use: {_useless()}")
    failed = run("systemctl", "list-units", "--failed", "--plain", "--no-legend").strip()
    require(not failed, f"units have failed: {failed}")
    require(run("systemctl", "is-system-running").strip() == "running", "the machine is not running")


def _is_active(name: str) -> bool:
    return show(name, "ActiveState") == "active"


def _is_new(name: str, pid: int) -> bool:
    """Return whether a service has another process."""
    return pid_of(name) not in (0, pid)


def _useless() -> dict[str, object]:
    """Return what is not as it should be of services, but for signatures: their mirror is out of reach here."""
    return {
        name: data
        for name, data in services().items()
        if data["wanted"] == "up"
        and (
            not data["state"].startswith("up")
            or data.keys() & {"rivals", "holders", "missing", "not_started", "pending"}
            or [one for one in data.get("useless", []) if one["question"] not in ("mirror", "signatures")]
        )
    }


def boot_order() -> None:
    """Recovery ended before the first service began, and the event of a boot succeeded after them."""
    for unit in ("esmith-recover", "esmith-bootstrap"):
        require(
            show(unit, "Result") == "success" and show(unit, "ActiveState") == "active", f"{unit} has not succeeded"
        )
    recovered = int(show("esmith-recover", "ExecMainExitTimestampMonotonic"))
    begun = int(show("esmith-bootstrap", "ExecMainStartTimestampMonotonic"))
    for name in wanted():
        start = int(show(name, "ActiveEnterTimestampMonotonic"))
        require(recovered <= start, f"{name} was started before the recovery had ended")
    require(recovered < begun, "the event of the boot came before the recovery")


def daily_jobs() -> None:
    """Cron runs the daily jobs; on a machine without it a timer does, and all of them succeed."""
    require(show("cron", "ActiveState") == "active", "cron is not up")
    require(show("esmith-daily.timer", "ActiveState") == "active", "the timer of the daily jobs is not up")
    began = time.time()
    run("systemctl", "start", "esmith-daily")
    require(show("esmith-daily", "ConditionResult") == "no", "the daily jobs were done a second time beside cron")
    hidden = _CRON.with_name("cron.hidden")
    _CRON.rename(hidden)
    try:
        run("systemctl", "start", "esmith-daily")
        require(show("esmith-daily", "ConditionResult") == "yes", "the daily jobs are not done without cron")
        result = show("esmith-daily", "Result")
        require(result == "success", f"the daily jobs: {result}: {journal('esmith-daily', began)[-2000:]}")
    finally:
        hidden.rename(_CRON)


def killed_comes_back() -> None:
    """A daemon that is killed is started again, and answers."""
    before = {name: pid_of(name) for name in wanted()}
    for name in before:
        run("systemctl", "kill", "--kill-who=main", "--signal=KILL", name)
    for name, pid in before.items():
        wait_until(partial(_is_new, name, pid), f"{name} is not started again")
    wait_until(lambda: not _useless(), f"after all were killed: {_useless()}")


def control_commands() -> None:
    """``sv``, ``svc``, ``svstat``, ``esmith control`` and ``/etc/init.d/qmail`` control the units."""
    for words in (("sv", "t", "clamd"), ("svc", "-t", "/service/spamd"), ("esmith", "control", "dovecot", "restart")):
        name = next(name for name in ("clamd", "spamd", "dovecot") if any(word.endswith(name) for word in words))
        before = pid_of(name)
        run(*words)
        wait_until(partial(_is_new, name, before), f"{words}: {name} goes on")
    require("up" in run("svstat", "/service/qpsmtpd"), "svstat does not show that qpsmtpd is up")
    if Path("/etc/init.d/qmail").exists():
        run("/etc/init.d/qmail", "restart")
    wait_until(lambda: not _useless(), f"after services were controlled: {_useless()}")


def watch_works() -> None:
    """``esmith watch``, as its unit starts it, says what changes when somebody puts a fragment into its folder."""
    began = time.time()
    with fragment("etc/mail/spamassassin/local.cf/99units", "score UNITS_TEST 1.5\n"):
        wait_until(lambda: "+score UNITS_TEST 1.5" in journal("esmith-watch", began), "the watcher does not see it")
