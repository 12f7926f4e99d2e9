"""Users, roles and rights of etcd (its documentation, "Role-based access control").

All of it needs the rights of root, once users are switched on. A password is in no argument of a process: it goes
through the connection of this process only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from esmith.fleet.etcd import fields
from esmith.fleet.etcd.errors import RefusedByEtcdError
from esmith.fleet.etcd.operations import Name
from esmith.fleet.etcd.session import Session
from esmith.fleet.etcd.wire import encoded

Kind = Literal["READ", "WRITE", "READWRITE"]
#: etcd's words about what is there already, or not there any more.
_THERE = ("already exists", "is already granted")
_NOT_THERE = ("not found", "is not granted", "not granted to the user")
#: Seconds of a change of a password: bcrypt is slow, and its cost is set where etcd is.
_HASHING = 10.0


class Access:
    """Users, roles and rights. Errors are those of :meth:`esmith.fleet.etcd.client.Etcd.txn`.

    What is there already is left as it is by what adds, and what is not there by what removes, so that whoever was
    interrupted does it again.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def _do(self, path: str, body: Mapping[str, Any], *passing: str, timeout: float | None = None) -> bool:
        """Change something; False when it is so already."""
        try:
            self._session.call(f"/v3/auth/{path}", body, lambda _answer: None, changes=True, timeout=timeout)
        except RefusedByEtcdError as error:
            if any(words in error.reason for words in passing):
                return False
            raise
        return True

    def user_add(self, name: str, password: str) -> bool:
        """Add a user; False when there is one of that name, whose password is left as it is."""
        return self._do("user/add", {"name": name, "password": password}, *_THERE, timeout=_HASHING)

    def user_set_password(self, name: str, password: str) -> None:
        """Give a user another password; its tokens do not count any more."""
        self._do("user/changepw", {"name": name, "password": password}, timeout=_HASHING)

    def user_delete(self, name: str) -> bool:
        """Delete a user; its tokens do not count any more. False when there is none."""
        return self._do("user/delete", {"name": name}, *_NOT_THERE)

    def user_grant(self, name: str, role: str) -> bool:
        """Give a user a role."""
        return self._do("user/grant", {"user": name, "role": role}, *_THERE)

    def user_revoke(self, name: str, role: str) -> bool:
        """Take a role from a user."""
        return self._do("user/revoke", {"name": name, "role": role}, *_NOT_THERE)

    def users(self) -> list[str]:
        """Return the names of all users."""
        return self._names("user/list", "users")

    def user_roles(self, name: str) -> list[str]:
        """Return the roles of a user."""
        return self._session.call(
            "/v3/auth/user/get", {"name": name}, lambda answer: fields.texts(answer, "roles"), changes=False
        )

    def roles(self) -> list[str]:
        """Return the names of all roles."""
        return self._names("role/list", "roles")

    def _names(self, path: str, field: str) -> list[str]:
        return self._session.call(f"/v3/auth/{path}", {}, lambda answer: fields.texts(answer, field), changes=False)

    def role_add(self, name: str) -> bool:
        """Add a role without rights; False when there is one of that name."""
        return self._do("role/add", {"name": name}, *_THERE)

    def role_delete(self, name: str) -> bool:
        """Delete a role, also from those who have it; False when there is none."""
        return self._do("role/delete", {"role": name}, *_NOT_THERE)

    def role_grant(self, name: str, key: Name, end: Name | None = None, kind: Kind = "READ") -> None:
        """Give a role the right to a key, or to all from it to before an end."""
        right = {"permType": kind, "key": encoded(key)} | ({"range_end": encoded(end)} if end is not None else {})
        self._do("role/grant", {"name": name, "perm": right})

    def auth_enable(self) -> None:
        """Have etcd ask everybody for a user; there must be a user and a role ``root``."""
        self._do("enable", {})

    def auth_disable(self) -> None:
        """Have etcd ask nobody for a user any more."""
        self._do("disable", {})
