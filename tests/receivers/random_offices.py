"""Random offices: settings, one a command, that bring together what makes the files disagree."""

from __future__ import annotations

from hypothesis import strategies as st

OURS: tuple[str, ...] = ("example.com", "test.com", "Second.org", "sub.test.com")
#: Other spellings of these, names that no list can have, and our own host.
DOMAINS: tuple[str, ...] = (
    *OURS,
    *OURS,
    "second.org",
    "Test.com",
    "Foo.org.",
    "foo.org",
    "localhost",
    ".wild.org",
    "*.wild.org",
)
DOMAINS += ("-x.org", "mail.example.com", "Localhost.")
USERS: tuple[str, ...] = (
    "mary",
    "mary-ann",
    "mary-ann-x",
    "Mary",
    "MARY",
    "o'neill",
    "x+y",
    "sales-int",
    "sales.team",
    "ann_b",
    "root",
)
USERS += ("a:b", "100%", "x!y", "a(b", "ünï", "alias", "alias-x", "default", "shared-x", "jack-foo", "x-", "-x", ".x")
USERS += ("q*", "news", "News", "a&b", "tom-junkmail", "Mary-junkmail", "admin-junkmail-x")
GROUPS: tuple[str, ...] = (
    "my.team",
    "My.Team",
    "my-team",
    "sales",
    "sales-int-news",
    "tom-news",
    "group1-news",
    "shared-y",
    "devnull",
)
GROUPS += ("x-default", "localdelivery-tom", "g:1", "team+", "jack-int", "default", "a.b.c")
PSEUDONYMS = (
    "info",
    "info-x",
    "first.last",
    "First_Last",
    "ghostly",
    "boss",
    "Info",
    "x*y",
    "my:team",
    "tom-x",
    "news-z",
    "jack-junkmail",
)
LOCALS = ("info", "boss", "sales", "news", "mary", "int", "foo", "x", "tom", "everyone", "a+b")
GOALS: tuple[str, ...] = (
    "tom",
    "jack",
    "mary",
    "mary-ann",
    "my.team",
    "sales",
    "group1",
    "shared",
    "everyone",
    "admin",
    "postmaster",
)
GOALS += ("info", "boss", "boss@test.com", "nobody-of-that-name", "", "Mary", "x-", "news")
#: Who gets all mail of a domain: also an alias of a group, which is there, is removed, or is made by the event.
HANDLERS: tuple[str, ...] = (*GOALS, "alias-localdelivery", "alias-group1", "alias-sales", "alias-my.team")
HANDLERS += ("alias-shared", "alias-nothing", "mary", "MARY")
SERVERS: tuple[str, ...] = (
    "",
    "",
    "10.0.0.9",
    "inner.example.net",
    "inner.example.net:26",
    "localhost",
    "127.0.0.1",
    "0.0.0.0",
)
SERVERS += ("mail.example.com.", "MAIL.example.com", "localhost:25", "[192.168.1.1]")
FORWARDS: tuple[str, ...] = (
    "tom",
    "jack",
    "jack@example.com",
    "tom-x@test.com",
    "friend@elsewhere.net",
    "ghost",
    "group1",
    "info",
)
#: Addresses, many of which come back to this machine.
ADDRESSES: tuple[str, ...] = tuple(
    f"{name}@{host}"
    for name in ("tom", "Jack", "ghost", "group1", "group1-x", "boss", "INFO", "mary", "shared", "alias-shared", "root")
    for host in ("example.com", "Test.com", "second.org", "foo.org", "mail.example.com", "[203.0.113.5]", "localhost")
)
ADDRESSES += (
    "tom@example.com.",
    "boss@TEST.com",
    "me@notours.org",
    "ME@notours.org",
    "<jack@test.com>",
    "a@b@test.com",
)
ADDRESSES += (
    "x@y..org",
    "friend@a.wild.org",
    "friend@192.168.1.1",
    "friend@[192.168.1.1]",
    "Boss",
    "mary",
    "MARY",
    "tom-x",
)

Command = list[str]


def _account(type: str, names: st.SearchStrategy[str], **props: st.SearchStrategy[str]) -> st.SearchStrategy[Command]:
    """Return the command for an account; an empty value leaves a property out."""
    everyone = {"Visible": st.sampled_from(["", "", "", "internal"]), **props}

    def command(name: str, values: dict[str, str]) -> Command:
        return ["db", "accounts", "--force", "set", name, type, *_given(values)]

    return st.builds(command, names, st.fixed_dictionaries(everyone))


def _given(values: dict[str, str]) -> Command:
    return [word for name, value in values.items() if value for word in (name, value)]


_GOAL = st.sampled_from(GOALS)
_MEMBERS = st.lists(st.sampled_from(GOALS + USERS[:6]) | st.sampled_from(ADDRESSES), max_size=4).map(",".join)
_ADDRESS = st.builds(
    "{}@{}".format,
    st.sampled_from(LOCALS),
    st.sampled_from([*OURS, "second.org", "notours.org", "localhost", "a.wild.org"]),
)
_ACCOUNTS = st.one_of(
    _account("user", st.sampled_from(USERS), Uid=st.sampled_from(["6001", "6002", ""])),
    _account("group", st.sampled_from(GROUPS), Members=_MEMBERS, EmailExcludeUsers=st.sampled_from(["", "tom"])),
    _account("pseudonym", st.sampled_from(PSEUDONYMS), Account=_GOAL),
    _account("pseudonym", _ADDRESS, Account=_GOAL),
    _account("system", st.sampled_from(["root", "backup", "Backup-x"])),
)
_DOMAINS = st.builds(
    lambda domain, values: ["db", "domains", "set", domain, "domain", *_given(values)],
    st.sampled_from(DOMAINS),
    st.fixed_dictionaries({"MailServer": st.sampled_from(SERVERS), "EmailTo": st.sampled_from(["", "", *HANDLERS])}),
)
_SETTINGS = st.one_of(
    st.builds(lambda value: ["config", "set", "DelegateMailServer", value], st.sampled_from(SERVERS)),
    st.builds(
        lambda value: ["config", "set", "EmailUnknownUser", value], st.sampled_from(["returntosender", *GOALS[:-4]])
    ),
    st.builds(
        lambda value: ["config", "set", "SMTPSmartHost", value], st.sampled_from(["", "off", "smtp.isp.net:587"])
    ),
    st.builds(
        lambda value: ["config", "setprop", "qmail", "DoubleBounceTo", value],
        st.sampled_from(["devnull", *FORWARDS, *ADDRESSES]),
    ),
    st.builds(lambda value: ["config", "set", "ExternalIP", value], st.sampled_from(["", "203.0.113.5"])),
)
_FORWARDS = st.builds(
    lambda user, kind, to: ["db", "accounts", "setprop", user, "EmailForward", kind, "ForwardAddress", ",".join(to)],
    st.sampled_from(["tom", "jack", "admin"]),
    st.sampled_from(["forward", "both"]),
    st.lists(st.sampled_from(FORWARDS) | st.sampled_from(ADDRESSES), max_size=2),
)
_CHANGES = st.one_of(
    st.builds(
        lambda key: ["db", "accounts", "setprop", key, "Visible", "internal"], st.sampled_from(["tom", "group1"])
    ),
    st.just(["db", "accounts", "delprop", "everyone", "Visible"]),
    st.builds(
        lambda key: ["db", "accounts", "delete", key],
        st.sampled_from(["jack", "mailer-daemon", "postmaster", "group1"]),
    ),
    st.just(["db", "accounts", "settype", "john", "user-deleted"]),
    st.builds(
        lambda members: ["db", "accounts", "setprop", "group1", "Members", ",".join(members)],
        st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=4),
    ),
)

#: The commands that make an office of the small one that every root of the tests has.
OFFICES: st.SearchStrategy[list[Command]] = st.tuples(
    st.lists(_ACCOUNTS, max_size=10),
    st.lists(_DOMAINS, max_size=3),
    st.lists(_SETTINGS, max_size=3),
    st.lists(_FORWARDS, max_size=2) | st.just([]),
    st.lists(_CHANGES, max_size=2),
).map(lambda parts: [command for part in parts for command in part])
