"""The events of users, groups, pseudonyms and passwords, signalled as panels do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import Root

HOMES = "/home/e-smith/files/users"
ALIAS = "/var/qmail/alias"
DOT_FILES = (".qmail", ".qmail-default", ".qmail-junkmail")


def keys(root: Root) -> set[str]:
    """Return the keys of the accounts."""
    return set(root.db("accounts", "keys").out.split())


def show(root: Root, key: str) -> list[str]:
    """Return a record as db shows it."""
    return root.db("accounts", "show", key).out.splitlines()


def delete(root: Root, kind: str, key: str) -> None:
    """Delete an account in the three steps of the protocol."""
    root.db("accounts", "settype", key, f"{kind}-deleted")
    root.signal(f"{kind}-delete", key)
    root.db("accounts", "delete", key)


def test_user_create_makes_all_that_a_user_needs(office: Root) -> None:
    """user-create makes delivery instructions, pseudonyms and addresses, and touches no other user's files."""
    before = office.snapshot(HOMES)
    office.db("accounts", "set", "mary", "user", "Uid", "5009", "FirstName", "Mary Ann", "LastName", "O'Neill")
    office.signal("user-create", "mary")
    assert all(office.file(f"{HOMES}/mary/{name}").exists() for name in DOT_FILES)
    assert "&mary" in office.lines(f"{ALIAS}/.qmail-shared")
    for name in ("mary.ann.oneill", "mary_ann_oneill"):
        assert show(office, name) == [f"{name}=pseudonym", "    Account=mary"]
        assert f"{name}@test.com" in office.lines("/var/service/qpsmtpd/config/goodrcptto")
        assert f"={name}:mary:5009:5009:{HOMES}/mary:::" in office.lines("/var/qmail/users/assign")
    after = office.snapshot(HOMES)
    assert {path: file for path, file in after.items() if "/mary/" not in path} == before


NAMES = {
    "accents": (["FirstName", "Éloïse", "LastName", "Ångström"], {"eloise.angstrom", "eloise_angstrom"}),
    "hyphen": (["FirstName", "Anne-Marie", "LastName", "Roy"], {"anne-marie.roy", "anne-marie_roy"}),
    "no-last-name": (["FirstName", "Cher"], set()),
    "no-letters": (["FirstName", "王", "LastName", "小"], set()),
    "taken": (["FirstName", "Tom", "LastName", "Taken"], {"tom_taken"}),
}


@pytest.mark.parametrize(("props", "made"), NAMES.values(), ids=NAMES)
def test_pseudonyms_of_a_new_user(office: Root, props: list[str], made: set[str]) -> None:
    """A new user gets first.last and first_last in plain letters, as far as these names are free."""
    office.db("accounts", "set", "tom.taken", "ibay")
    office.db("accounts", "set", "mary", "user", "Uid", "5009", *props)
    before = keys(office)
    office.signal("user-create", "mary")
    assert keys(office) - before == made
    assert show(office, "tom.taken") == ["tom.taken=ibay"]


def test_no_pseudonyms_where_they_are_not_wanted(office: Root) -> None:
    """With pseudonyms create disabled a new user gets no other names."""
    office.config("setprop", "pseudonyms", "create", "disabled")
    office.db("accounts", "set", "mary", "user", "Uid", "5009", "FirstName", "Mary", "LastName", "Ann")
    before = keys(office)
    office.signal("user-create", "mary")
    assert keys(office) == before


def test_user_delete_removes_all_traces(office: Root) -> None:
    """user-delete takes the user's files, group memberships and pseudonyms away, also those of pseudonyms."""
    for words in (
        ["set", "deals", "pseudonym", "Account", "sales"],
        ["set", "other", "pseudonym", "Account", "tom"],
        ["setprop", "postmaster", "Account", "john"],
    ):
        office.db("accounts", *words)
    before = keys(office)
    delete(office, "user", "john")
    assert before - keys(office) == {"john", "sales", "deals", "boss@test.com"}
    assert show(office, "postmaster")[1] == "    Account=admin"
    assert office.db("accounts", "getprop", "group1", "Members").out == "tom,jack\n"
    assert office.db("accounts", "getprop", "group2", "Members").out == "\n"
    assert not any(office.file(f"{HOMES}/john/{name}").is_symlink() for name in DOT_FILES)
    assert not any(office.file(f"{HOMES}/john/{name}").exists() for name in DOT_FILES)
    for path in (f"{ALIAS}/.qmail-shared", f"{ALIAS}/.qmail-group1"):
        assert "&john" not in office.lines(path)
    assert not office.file(f"{ALIAS}/.qmail-group2").exists()  # nobody is left in it
    for path in ("/var/qmail/users/assign", "/var/service/qpsmtpd/config/goodrcptto"):
        assert not [line for line in office.lines(path) if "john" in line or "sales" in line]
    assert "postmaster@test.com" in office.lines("/var/service/qpsmtpd/config/goodrcptto")
    assert "boss@test.com:john" not in office.lines("/var/qmail/control/virtualdomains")


def test_user_delete_before_the_protocol(office: Root) -> None:
    """user-delete of a user whose record still says user is refused, with the three steps, and changes nothing."""
    folders = ("/etc", "/var/qmail", "/var/service/qpsmtpd", "/home/e-smith/files")
    before, accounts = office.snapshot(*folders), office.db("accounts", "show").out
    answer = office.signal("user-delete", "john", code=7)
    assert "settype 'john' user-deleted" in answer.err
    assert office.db("accounts", "show").out == accounts
    assert office.snapshot(*folders) == before


def test_group_events(office: Root) -> None:
    """group-create, group-modify and group-delete make, change and remove the group's files and addresses."""
    office.db("accounts", "set", "team", "group", "Members", "tom,jack")
    office.signal("group-create", "team")
    assert office.lines(f"{ALIAS}/.qmail-team")[-2:] == ["&tom", "&jack"]
    assert office.file(f"{ALIAS}/.qmail-team-default").readlink().name == ".qmail-team"
    assert "team@test.com" in office.lines("/var/service/qpsmtpd/config/goodrcptto")
    office.db("accounts", "setprop", "team", "EmailExcludeUsers", "tom")
    office.signal("group-modify", "team")
    assert office.lines(f"{ALIAS}/.qmail-team")[-1] == "&jack"
    assert "&tom" not in office.lines(f"{ALIAS}/.qmail-team")
    assert office.db("accounts", "getprop", "team", "Members").out == "tom,jack\n"
    delete(office, "group", "team")
    assert not [path for path in office.file(ALIAS).iterdir() if "team" in path.name]
    assert "team@test.com" not in office.lines("/var/service/qpsmtpd/config/goodrcptto")


def test_the_account_for_unknown_names_goes(office: Root) -> None:
    """When the account that gets mail for unknown names is deleted, such mail is refused again."""
    office.config("set", "EmailUnknownUser", "tom")
    office.signal("email-update")
    assert office.lines(f"{ALIAS}/.qmail-default")[-1] == "&tom"
    delete(office, "user", "tom")
    assert office.lines(f"{ALIAS}/.qmail-default")[-1] == "| bouncesaying 'Recipient unknown'"


def test_user_modify_is_for_one_or_for_all(office: Root) -> None:
    """user-modify takes a user, admin, or nobody, which means everyone."""
    for key in ("tom", "admin"):
        office.db("accounts", "setprop", key, "SortSpam", "disabled")
    for words, path in (((), f"{HOMES}/tom/.qmail"), (("admin",), "/home/e-smith/.qmail")):
        office.signal("user-modify", *words)
        assert "# sortspam disabled" in office.lines(path)
    office.db("accounts", "delprop", "tom", "SortSpam")
    office.signal("user-modify", "tom")
    assert "# sortspam disabled" not in office.lines(f"{HOMES}/tom/.qmail")


@pytest.mark.parametrize("words", [(), ("admin",)], ids=["no-argument", "admin"])
def test_user_modify_admin(office: Root, words: tuple[str, ...]) -> None:
    """user-modify-admin brings the administrator's own settings into the administrator's files only."""
    before = office.snapshot(HOMES)
    office.db("accounts", "setprop", "admin", "EmailForward", "both", "ForwardAddress", "me@example.org")
    office.db("accounts", "setprop", "admin", "EveryoneEmail", "no")
    office.signal("user-modify-admin", *words)
    assert office.lines("/home/e-smith/.qmail")[-2:] == ["&me@example.org", "./Maildir/"]
    assert "&admin" not in office.lines(f"{ALIAS}/.qmail-shared")
    assert office.snapshot(HOMES) == before


WRONG = {
    "nobody": (("user-modify", "nobody-here"), "there is no user 'nobody-here'"),
    "a-group-as-user": (("user-modify", "group1"), "it is of type group"),
    "no-name": (("user-create",), "signal-event user-create NAME"),
    "delete-whom": (("group-delete",), "which group?"),
    "live-group": (("group-delete", "group1"), "settype 'group1' group-deleted"),
    "delete-a-pseudonym-as-user": (("user-delete", "sales"), "it is of type pseudonym"),
    "domain": (("domain-create", "nowhere.example"), "in the database domains"),
    "lock-admin": (("user-lock", "admin"), "there is no user 'admin'"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG)
def test_an_event_for_a_wrong_account_is_refused(office: Root, words: tuple[str, ...], message: str) -> None:
    """An event about a record that is not there, or of another kind, says so before anything is changed."""
    accounts, files = office.db("accounts", "show").out, office.snapshot(ALIAS, HOMES)
    assert message in office.signal(*words, code=7).err
    assert (office.db("accounts", "show").out, office.snapshot(ALIAS, HOMES)) == (accounts, files)


@pytest.mark.parametrize("kind", ["user", "group", "pseudonym", "domain"])
def test_a_delete_event_after_the_record_is_gone(office: Root, kind: str) -> None:
    """A delete event for a record that was deleted too early still brings the files up to date."""
    database, key = {
        "user": ("accounts", "tom"),
        "group": ("accounts", "group1"),
        "pseudonym": ("accounts", "sales"),
        "domain": ("domains", "test.com"),
    }[kind]
    office.db(database, "delete", key)
    office.signal(f"{kind}-delete", key)
    assert not [line for line in office.lines("/var/service/qpsmtpd/config/goodrcptto") if line.startswith(f"{key}@")]
    assert key not in office.lines("/var/qmail/control/rcpthosts")


def test_passwords(office: Root) -> None:
    """password-modify and user-lock note whether the user has a password."""
    office.signal("password-modify", "tom")
    assert office.db("accounts", "getprop", "tom", "PasswordSet").out == "yes\n"
    office.signal("user-lock", "tom")
    assert office.db("accounts", "getprop", "tom", "PasswordSet").out == "no\n"


def test_a_root_folder_has_accounts_of_its_own(office: Root) -> None:
    """Under a root folder the events make, change and remove lines of its own passwd and group, and no others."""
    before = office.lines("/etc/passwd"), office.lines("/etc/group")
    machine = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
    office.db("accounts", "set", "mary", "user", "FirstName", "Mary", "LastName", "O:Neill")
    office.signal("user-create", "mary")
    assert office.lines("/etc/passwd") == [*before[0], f"mary:x:5000:5000:Mary O Neill:{HOMES}/mary:/bin/false"]
    assert office.db("accounts", "getprop", "mary", "Uid").out == "5000\n"
    assert f"=mary:mary:5000:5000:{HOMES}/mary:::" in office.lines("/var/qmail/users/assign")
    office.db("accounts", "setprop", "mary", "Shell", "/bin/sh")
    office.signal("user-modify", "mary")
    assert office.lines("/etc/passwd")[-1].endswith(":/bin/sh")
    office.db("accounts", "set", "team", "group", "Members", "mary,tom,sales")
    office.signal("group-create", "team")
    assert office.lines("/etc/group")[-2:] == ["mary:x:5000:", "team:x:5005:mary,tom"]
    delete(office, "group", "team")
    delete(office, "user", "mary")
    assert (office.lines("/etc/passwd"), office.lines("/etc/group")) == before
    assert not office.file(f"{HOMES}/mary").exists()
    assert (Path("/etc/passwd").read_text(), Path("/etc/group").read_text()) == machine
