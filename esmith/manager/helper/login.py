"""Whether a name and a password are those of an administrator, and whether an account still is one.

On the machine PAM says so, for ``admin`` and the accounts that the setting ``smanager Admins`` names; a root folder has
a password of its own. Whatever goes wrong is a refusal. All of it runs in a child of the helper.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import dataclass

from esmith.errors import UsageError
from esmith.manager.helper.opened import opened
from esmith.private_files import read_private, replace_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmith.layout import Layout

#: The service of PAM: ``/etc/pam.d/server-manager``.
PAM_SERVICE = "server-manager"
#: The account that is always an administrator, and the only one of a root folder.
ADMIN = "admin"
#: How long a session lasts without use, in seconds, where ``smanager Timeout`` says nothing of use.
IDLE = 900
#: What may be set there (db/configuration/smanager.toml).
_IDLE_RANGE = range(60, 86400 + 1)
#: Longer ones are nobody's.
LONGEST_PASSWORD = 1024
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
#: A name that no account has: who is not an administrator is asked for as this, so that it takes as long.
_NOBODY = "no-such-account-of-server-manager"
_PAM_DISALLOW_NULL = 1
#: The file with the password of a root folder.
_PASSWORD = "password"
#: What it costs to look at a password of a root folder, in passes, KiB and lanes (RFC 9106): 32 MiB, 80 ms.
COST = (3, 32768, 1)
#: In the place of a password that is not set, to take as long; its password is not known.
_NO_HASH = "$argon2id$v=19$m=32768,t=3,p=1$81AfEJjk87bEHAgm9LkF4g$D8fLcfEASIPq28xCxJibxkJZtZ441lrgp4QiDYLTdpg"
#: shadow(5).
_SHADOW = "/etc/shadow"
_DAY = 86400


@dataclass(frozen=True)
class Settings:
    """What the databases hold about logins.

    :param administrators: the accounts that may log in.
    :param idle: how long a session lasts without use, in seconds.
    """

    administrators: frozenset[str]
    idle: int


@dataclass(frozen=True)
class Verdict:
    """A login that is right.

    :param account: who it is.
    :param idle: how long the session lasts without use, in seconds.
    :param mark: what the account looks like (:func:`still_allowed`).
    """

    account: str
    idle: int
    mark: str


def check_login(layout: Layout, account: str, password: str, address: str) -> Verdict | None:
    """Return the verdict of a login that is right, None for any other.

    :param layout: the root.
    :param address: where it comes from, for the modules of PAM.
    :raises EsmithError: when the databases cannot be read, or there is no password of a root folder yet.
    :raises OSError: when the account cannot be looked up.
    """
    settings = read_settings(layout)
    is_named = account in settings.administrators and bool(_ACCOUNT.fullmatch(account))
    is_usable = 0 < len(password.encode("utf-8", "surrogatepass")) <= LONGEST_PASSWORD
    name, word = (account, password) if is_named and is_usable else (_NOBODY, "x")
    is_right = _ask_pam(name, word, address) if layout.is_machine else _is_of_folder(layout, name, word)
    if not (is_right and is_named and is_usable):
        return None
    mark = _mark(layout, account)
    return None if mark is None else Verdict(account, settings.idle, mark)


def still_allowed(layout: Layout, account: str, mark: str) -> bool:
    """Return whether an account that has logged in is still an administrator, with the same password, and not locked.

    :param mark: what the account looked like at its login.
    :raises EsmithError: when the databases cannot be read.
    :raises OSError: when the account cannot be looked up.
    """
    return account in read_settings(layout).administrators and _mark(layout, account) == mark


def read_settings(layout: Layout) -> Settings:
    """Return what the databases hold about logins.

    :raises EsmithError: when they cannot be read.
    """
    with opened(layout) as snapshot:
        named = snapshot.prop("configuration", "smanager", "Admins") or ""
        idle = snapshot.prop("configuration", "smanager", "Timeout") or ""
    admins = {name.strip() for name in named.split(",")} - {""} if layout.is_machine else set()
    return Settings(
        frozenset({ADMIN, *admins}),
        # Longer numbers cannot even be read (sys.set_int_max_str_digits).
        int(idle) if idle.isascii() and idle.isdecimal() and len(idle) < 10 and int(idle) in _IDLE_RANGE else IDLE,
    )


def _ask_pam(account: str, password: str, address: str) -> bool:
    """Return whether PAM lets an account in: the password, and that the account is neither locked nor expired."""
    import pamela  # type: ignore[import-untyped]

    talk = pamela.new_simple_password_conv((password,), "utf-8")
    try:
        handle = pamela.pam_start(PAM_SERVICE, account, conv_func=talk)
        handle.set_item(pamela.PAM_RHOST, address)
        answer = pamela.PAM_AUTHENTICATE(handle, _PAM_DISALLOW_NULL)
        if answer == pamela.PAM_SUCCESS:
            answer = pamela.PAM_ACCT_MGMT(handle, _PAM_DISALLOW_NULL)
        # A module may have made another account of it.
        found = handle.get_item(pamela.PAM_USER)
        pamela.PAM_END(handle, answer)
    except pamela.PAMError:
        return False
    return bool(answer == pamela.PAM_SUCCESS and found == account)


def password_file(layout: Layout) -> str:
    """Return the file with the password of a root folder, as a path of this disk."""
    return f"{layout.manager}/{_PASSWORD}"


def hash_password(password: str) -> str:
    """Return what is kept of a password: argon2id (RFC 9106)."""
    from argon2 import PasswordHasher

    return PasswordHasher(*COST).hash(password)


def set_password(layout: Layout, password: str) -> None:
    """Set the password of a root folder, durably; who was logged in is not any more.

    :raises UsageError: when it is too long.
    :raises UntrustedError: when others may write where it is kept.
    :raises OSError: when it cannot be written.
    """
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST_PASSWORD:
        raise UsageError(f"the password is longer than {LONGEST_PASSWORD} bytes", hint="take a shorter one")
    layout.trust.require(os.path.dirname(layout.manager))
    replace_private(layout.manager, _PASSWORD, f"{hash_password(password)}\n".encode())


def _is_of_folder(layout: Layout, account: str, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import VerificationError

    known = _kept_hash(layout)
    if not known:
        raise UsageError(
            "no password is set for the server-manager of this root folder", hint="set one: esmith manager password"
        )
    try:
        return PasswordHasher().verify(known if account == ADMIN else _NO_HASH, password) and account == ADMIN
    except (VerificationError, ValueError):
        return False


def _kept_hash(layout: Layout) -> str:
    """Return what is kept of the password of a root folder; "" where there is none that counts."""
    try:
        return read_private(password_file(layout)).decode("ascii", "replace").strip()
    except (FileNotFoundError, ValueError):
        return ""


def _mark(layout: Layout, account: str) -> str | None:
    """Return what an account looks like, None when it is locked or has expired.

    :return: a digest of what is kept of its password; "" for one that is kept elsewhere than on this machine.
    """
    if not layout.is_machine:
        kept = _kept_hash(layout)
        return _digest(kept) if kept else None
    fields = _shadow_of(account)
    if fields is None:
        return ""
    if fields[1].startswith(("!", "*")):
        return None
    if fields[7].isdecimal() and time.time() >= int(fields[7]) * _DAY:
        return None
    return _digest(fields[1])


def _shadow_of(account: str) -> list[str] | None:
    """Return the fields of shadow(5) of an account, None when it is not there."""
    start = f"{account}:".encode()
    with open(_SHADOW, "rb") as file:
        for line in file:
            if line.startswith(start):
                fields = line.decode("utf-8", "replace").rstrip("\n").split(":")
                return [*fields, *[""] * 9][:9]
    return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
