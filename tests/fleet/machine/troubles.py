"""What docs/fleet.md says for when something fails, typed as it stands there. The cases follow those of the set-up."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.fleet.machine.cases import BACKUP, end_agent, shown_at, start_agent, typed
from tests.fleet.machine.places import ADDRESSES, place_of, root_of, type_at
from tests.units.kit import FaultError, require, run, wait_until

_GET = "config getprop qpsmtpd DNSBL\n"


def _with_variables(block: str) -> str:
    variables, _ = typed("etcdctl")
    return variables + block


def _wait_for_health() -> None:
    _, health = typed("etcdctl")
    wait_until(
        lambda: shown_at("mail1", _with_variables(health)).count("is healthy") == len(ADDRESSES),
        "the three etcd are not healthy",
    )


def _set(name: str, value: str) -> None:
    """Set a setting on one machine, and wait until the other has it."""
    wait_until(lambda: _is_done(name, f"config setprop qpsmtpd DNSBL {value}\n"), f"{name} cannot change a setting")
    wait_until(
        lambda: {shown_at(one, _GET) for one in ("mail1", "mail2")} == {f"{value}\n"}, f"{value} does not arrive"
    )


def _is_done(name: str, text: str) -> bool:
    try:
        type_at(name, text)
    except FaultError:
        return False
    return True


def _wait_for(name: str, words: str) -> None:
    wait_until(
        lambda: words in run("env", f"ESMITH_ROOT={root_of(name)}", "esmith", "fleet", "status", code=None), words
    )


def etcd_is_saved_and_full() -> None:
    """The backup of etcd is for its owner alone; a full etcd is compacted, defragmented, and its alarm cleared."""
    _, save = typed("Backup and restore")
    type_at("mail1", _with_variables(save))
    require(BACKUP.stat().st_mode & 0o777 == 0o600, "others may read the backup of etcd")
    (make_room,) = typed("When etcd is full")
    printed = type_at("mail1", _with_variables(make_room))
    require(printed.count("Finished defragmenting") == len(ADDRESSES), printed)


def member_of_etcd_is_lost() -> None:
    """The data of one etcd is gone; it is replaced, with new certificates, and gets all from the others."""
    run("systemctl", "stop", "etcd-mail3")
    shutil.rmtree(place_of("mail3") / "var/lib/etcd/default")
    (replace,) = typed("A member of etcd that is lost")
    type_at("mail1", _with_variables(replace))
    start, _ = typed("3. etcd, on each machine")
    type_at("mail3", start)
    _wait_for_health()


def certificates_are_renewed() -> None:
    """Each etcd gets a new certificate, one after the other; it has its data, and the fleet goes on."""
    make, install = typed("New certificates")
    before = Path("/etc/etcd/etcd.pem").read_bytes()
    type_at("mail1", make)
    for name in ADDRESSES:
        type_at(name, install)
        _wait_for_health()
    require(Path("/etc/etcd/etcd.pem").read_bytes() != before, "etcd has its old certificate")
    _set("mail2", "enabled")


def etcd_is_restored() -> None:
    """etcd begins again with the backup: each agent stops, and the hosts take what is there."""
    copy, stop, begin = typed("A restored etcd")
    type_at("mail1", copy)
    for block in (stop, begin):
        for name in ADDRESSES:
            type_at(name, block)
    _wait_for_health()
    for name in ("mail1", "mail2"):
        _wait_for(name, "esmith fleet resync")
        require("enabled -> disabled" in type_at(name, "esmith fleet resync --dry-run\n"), "the dry run shows nothing")
        type_at(name, "esmith fleet resync --yes\n")
    _set("mail1", "enabled")


def row_does_not_fit() -> None:
    """Somebody writes what no member may: who did it is removed, the rows are taken out, and all goes on."""
    rubbish = 'number=$(etcdctl get /esm/mail/head --print-value-only | cut -d" " -f1)\n'
    rubbish += 'etcdctl put "/esm/mail/j/$(printf %012d $((number + 1)))" rubbish\n'
    rubbish += f'etcdctl put /esm/mail/head "$((number + 1)) {"0" * 64}"\n'
    type_at("mail1", _with_variables(rubbish))
    _wait_for("mail1", "does not fit")
    (cure,) = typed("A row that does not fit")
    first, *rest = cure.replace("mail3", "mail2").splitlines()
    require(not _is_done("mail1", f"{first} --yes\n"), "the first removal names no row")
    for line in rest:
        type_at("mail1", line if "--dry-run" in line else f"{line} --yes\n")
    end_agent("mail2")
    type_at("mail2", "esmith fleet leave --here --yes\n")
    invite, join, _ = typed("5. The others join")
    type_at("mail1", invite)
    type_at("mail2", join)
    start_agent("mail2")
    _set("mail2", "disabled")


def host_is_restored() -> None:
    """A new machine takes the place of one that is gone, from its backup, and is a member again."""
    type_at("mail2", "esmith backup /root/mail2.backup\n")
    end_agent("mail2")
    shutil.rmtree(root_of("mail2"))
    run("env", f"ESMITH_ROOT={root_of('mail2')}", "esmith", "init", "--domain", "example.com", "--name", "new")
    type_at("mail1", "config setprop qpsmtpd DNSBL enabled\n")
    restore, _ = typed("Backup and restore")
    for line in restore.splitlines():
        type_at("mail2", line if "--dry-run" in line else f"{line} --yes\n", "/root")
    start_agent("mail2")
    require(type_at("mail2", _GET) == "enabled\n", "the new machine has an old setting")
    _set("mail2", "disabled")
