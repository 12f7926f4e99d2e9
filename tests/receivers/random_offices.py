"""Random offices: settings, one a command, that bring together what makes the files disagree."""

from __future__ import annotations

from hypothesis import strategies as st

OURS: tuple[str, ...] = ("example.com", "test.com", "Second.org", "sub.test.com")
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
USERS += ("q*", "news")
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
SERVERS = ("", "", "10.0.0.9", "inner.example.net", "inner.example.net:26", "localhost", "127.0.0.1")
FORWARDS = ("tom", "jack", "jack@example.com", "tom-x@test.com", "friend@elsewhere.net", "ghost", "group1", "info")

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
_MEMBERS = st.lists(st.sampled_from(GOALS + USERS[:6]), max_size=4).map(",".join)
_ADDRESS = st.builds("{}@{}".format, st.sampled_from(LOCALS), st.sampled_from([*OURS, "notours.org"]))
_ACCOUNTS = st.one_of(
    _account("user", st.sampled_from(USERS), Uid=st.sampled_from(["6001", "6002", ""])),
    _account("group", st.sampled_from(GROUPS), Members=_MEMBERS, EmailExcludeUsers=st.sampled_from(["", "tom"])),
    _account("pseudonym", st.sampled_from(PSEUDONYMS), Account=_GOAL),
    _account("pseudonym", _ADDRESS, Account=_GOAL),
    _account("system", st.sampled_from(["root", "backup", "Backup-x"])),
)
_DOMAINS = st.builds(
    lambda domain, values: ["db", "domains", "set", domain, "domain", *_given(values)],
    st.sampled_from(OURS),
    st.fixed_dictionaries(
        {"MailServer": st.sampled_from(SERVERS), "EmailTo": st.sampled_from(["", "", "alias-localdelivery", *GOALS])}
    ),
)
_SETTINGS = st.one_of(
    st.builds(lambda value: ["config", "set", "DelegateMailServer", value], st.sampled_from(SERVERS)),
    st.builds(
        lambda value: ["config", "set", "EmailUnknownUser", value], st.sampled_from(["returntosender", *GOALS[:-4]])
    ),
    st.builds(
        lambda value: ["config", "set", "SMTPSmartHost", value], st.sampled_from(["", "off", "smtp.isp.net:587"])
    ),
    st.builds(lambda value: ["config", "set", "ExternalIP", value], st.sampled_from(["", "203.0.113.5"])),
)
_FORWARDS = st.builds(
    lambda user, kind, to: ["db", "accounts", "setprop", user, "EmailForward", kind, "ForwardAddress", ",".join(to)],
    st.sampled_from(["tom", "jack", "admin"]),
    st.sampled_from(["forward", "both"]),
    st.lists(st.sampled_from(FORWARDS), max_size=2),
)
_CHANGES = st.one_of(
    st.builds(
        lambda key: ["db", "accounts", "setprop", key, "Visible", "internal"], st.sampled_from(["tom", "group1"])
    ),
    st.just(["db", "accounts", "delprop", "everyone", "Visible"]),
    st.builds(lambda key: ["db", "accounts", "delete", key], st.sampled_from(["jack", "mailer-daemon", "postmaster"])),
    st.just(["db", "accounts", "settype", "john", "user-deleted"]),
)

#: The commands that make an office of the small one that every root of the tests has.
OFFICES: st.SearchStrategy[list[Command]] = st.tuples(
    st.lists(_ACCOUNTS, max_size=10),
    st.lists(_DOMAINS, max_size=3),
    st.lists(_SETTINGS, max_size=3),
    st.lists(_FORWARDS, max_size=2) | st.just([]),
    st.lists(_CHANGES, max_size=2),
).map(lambda parts: [command for part in parts for command in part])
