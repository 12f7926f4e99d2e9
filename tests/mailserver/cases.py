"""The cases: who writes to whom, and where the mail has to be afterwards. The same behind both queues.

An end is the name of an account, with ``/.junkmail`` for its folder of spam; ``SERVER:ADDRESS`` for a server outside;
or ``bounce:ACCOUNT`` for a mail that came back to one. ``{domain}`` is the domain of the machine.
"""

from __future__ import annotations

from dataclasses import dataclass

SECOND, ALL_TO_ONE, ELSEWHERE = "second.test", "one.test", "elsewhere.test"
#: Ports of the servers outside: what goes to the world, what goes to the server of one domain, and the login's.
PORTS = {"world": 2525, "inner": 2526, "provider": 2587}
USERS = {
    "anna": "EmailForward local",
    "anna-lisa": "EmailForward local",
    "bert": "EmailForward forward ForwardAddress bert@away.test",
    "carl": "EmailForward both ForwardAddress carl@away.test",
    "fred": "EmailForward local SortSpam disabled",
    "gina": "EmailForward local Visible internal",
    "Ida": "EmailForward local",
    "kim+x": "EmailForward local",
}
#: Made before the first case: words of db, and of config.
RECORDS = [
    f"domains set {SECOND} domain",
    f"domains set {ALL_TO_ONE} domain EmailTo fred",
    f"domains set {ELSEWHERE} domain MailServer 198.51.100.20:{PORTS['inner']}",
    *(f"accounts set {name} user FirstName Case LastName {name} {props}" for name, props in USERS.items()),
    "accounts set crew group Members anna,bert",
    "accounts set club group Members crew,fred,Ida",
    "accounts set anna+work pseudonym Account anna-lisa",
    "accounts set ventas pseudonym Account anna",
    "accounts set verkauf pseudonym Account ventas",
    f"accounts set info@{SECOND} pseudonym Account anna-lisa",
    "accounts set tothecrew pseudonym Account crew",
    "accounts set toeveryone pseudonym Account shared",
]
#: A fragment of an administrator's own: what only fred's mail is given to.
FRAGMENT = "/etc/e-smith/templates-custom/home/e-smith/files/users/{key}/.qmail/40seen"
FRAGMENT_TEXT = """{% if record.key == 'fred' %}
| cat >>seen; echo "$RECIPIENT $SENDER $EXT" >>seen
{% endif %}
"""
EVERYONE: tuple[str, ...] = ("Ida", "admin", "anna", "anna-lisa", "carl", "fred", "gina", "kim+x")
EVERYONE += ("world:bert@away.test", "world:carl@away.test")
#: An address by which the machine is reached from outside, and the name it is to give there.
EXTERNAL, HELO = "203.0.113.7", "out.cases.test"
SPAM = "X-Spam-Status: Yes, score=9.0"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


@dataclass(frozen=True)
class Case:
    """A mail and its ends.

    :param name: what is tried.
    :param to: the recipient; without a domain it is one of the machine's.
    :param ends: where the mail has to be, and nowhere else.
    :param here: a program of this machine writes it, and not a client outside.
    :param refused: how the answer to the recipient begins, where the mail is refused.
    :param sender: of the envelope; without a domain likewise.
    :param header: one more field.
    :param body: one more line of the text.
    """

    name: str
    to: str
    ends: tuple[str, ...] = ()
    here: bool = False
    refused: str = ""
    sender: str = "someone@sender.test"
    header: str = ""
    body: str = ""


@dataclass(frozen=True)
class Phase:
    """Cases on one state of the settings.

    :param settings: words of config, each a command, that make it.
    """

    name: str
    cases: tuple[Case, ...]
    settings: tuple[str, ...] = ()


WORLD = f"198.51.100.20:{PORTS['world']}"
BASE = Phase(
    "names",
    (
        Case("a user", "anna", ("anna",)),
        Case("capitals", "ANNA", ("anna",)),
        Case("an extension", "anna-shopping", ("anna",)),
        Case("an extension with capitals and dots", "Anna-Shop.Ping-x", ("anna",)),
        Case("the longest name", "anna-lisa", ("anna-lisa",)),
        Case("an extension of the longest name", "anna-lisa-x", ("anna-lisa",)),
        Case("an extension that begins like a longer name", "anna-lis", ("anna",)),
        Case("a name with capitals", "ida", ("Ida",)),
        Case("an extension of a name with capitals", "Ida-Shop.Ping", ("Ida",)),
        Case("a name with a plus", "kim+x", ("kim+x",)),
        Case("an extension of a name with a plus", "kim+x-y+z", ("kim+x",)),
        Case("a name that ends before the plus", "kim", refused="550"),
        Case("a pseudonym with a plus", "anna+work", ("anna-lisa",)),
        Case("an extension of a pseudonym with a plus", "anna+work-x", ("anna-lisa",)),
        Case("an extension that is called as what follows the plus", "anna-work", ("anna",)),
        Case("a pseudonym", "ventas", ("anna",)),
        Case("a pseudonym of a pseudonym", "verkauf-x", ("anna",)),
        Case("a pseudonym with a domain", f"info@{SECOND}", ("anna-lisa",)),
        Case("a pseudonym with a domain, and an extension", f"info-x@{SECOND}", ("anna-lisa",)),
        Case("a pseudonym of another domain", "info", refused="550"),
        Case("the second domain", f"anna@{SECOND}", ("anna",)),
        Case("a group", "crew", ("anna", "world:bert@away.test")),
        Case("an extension of a group", f"crew-x@{SECOND}", ("anna", "world:bert@away.test")),
        Case("a pseudonym of a group", "tothecrew", ("anna", "world:bert@away.test")),
        Case("a group in a group, which does not count", "club", ("Ida", "fred")),
        Case("everyone", "toeveryone", EVERYONE),
        Case("everyone by the name of the account", "shared@localhost", EVERYONE, here=True),
        Case("admin", "admin", ("admin",)),
        Case("postmaster", "postmaster", ("admin",)),
        Case("abuse", "abuse", ("admin",)),
        Case("root", "root", ("admin",), here=True),
        Case("root of this machine", "root@localhost", ("admin",), here=True),
        Case("a domain that goes to one account", f"any.thing@{ALL_TO_ONE}", ("fred",)),
        Case("a domain with its own mail server", f"joe@{ELSEWHERE}", (f"inner:joe@{ELSEWHERE}",)),
        Case("a name which that server does not know", f"nosuch@{ELSEWHERE}", refused="550"),
        Case(
            "a domain with its own mail server, from here", f"joe@{ELSEWHERE}", (f"inner:joe@{ELSEWHERE}",), here=True
        ),
        Case("the external address", f"anna-x@[{EXTERNAL}]", ("anna",)),
        Case("the external address, from here", f"ida@[{EXTERNAL}]", ("Ida",), here=True),
        Case("an internal name at the external address", f"gina@[{EXTERNAL}]", refused="550"),
        Case("an unknown name", "nobody", refused="550"),
        Case("an unknown name with an extension", "nobody-anna", refused="550"),
        Case("an unknown name, from here", "nobody", ("bounce:anna",), here=True, sender="anna"),
        Case("the account of a daemon, from here", "daemon@localhost", ("bounce:anna",), here=True, sender="anna"),
        Case("the files of ~alias", "alias-shared", refused="550"),
        Case("everyone, for who may not", "shared", refused="550"),
        Case("an internal name", "gina", refused="550"),
        Case("an extension of an internal name", "gina-x", refused="550"),
        Case("an internal name, from here", "gina", ("gina",), here=True),
        Case("another domain, from outside", "friend@away.test", refused="550"),
        Case("another domain, from here", "friend@away.test", ("world:friend@away.test",), here=True, sender="anna"),
        Case("forward", "bert", ("world:bert@away.test",)),
        Case("forward, and keep", "carl", ("carl", "world:carl@away.test")),
        Case("spam", "anna", ("anna/.junkmail",), header=SPAM, here=True),
        Case("spam for an extension", "anna-x", ("anna/.junkmail",), header=SPAM, here=True),
        Case("spam for a name with capitals", "ida-x", ("Ida/.junkmail",), header=SPAM, here=True),
        Case("spam for a group", "crew", ("anna/.junkmail", "bert/.junkmail"), header=SPAM, here=True),
        Case("spam for who forwards", "bert", ("bert/.junkmail",), header=SPAM, here=True),
        Case("spam for who forwards, and keeps", "carl", ("carl/.junkmail",), header=SPAM, here=True),
        Case("spam for admin", "admin", ("admin/.junkmail",), header=SPAM, here=True),
        Case("spam that is not sorted", "fred", ("fred",), header=SPAM, here=True),
        Case("a bounce that bounces", "nobody", ("bounce:admin",), here=True, sender="nobody-else"),
        Case("a bounce", "anna", ("anna",), sender=""),
    ),
    (
        f"set SMTPSmartHost {WORLD}",
        "setprop smtp-auth-proxy status disabled",
        "set EmailUnknownUser returntosender",
        "setprop qpsmtpd MaxLoad 100",
        f"set ExternalIP {EXTERNAL}",
        f"setprop smtpd HeloHost {HELO}",
        "setprop spamassassin Sensitivity medium SortSpam enabled",
        "setprop qmail MaxMessageSize 1000000 DoubleBounceTo admin",
        "set DelegateMailServer ''",
    ),
)
UNKNOWN = Phase(
    "unknown names go to an account",
    (
        Case("an unknown name that somebody receives", "nobody", ("anna-lisa",)),
        Case("an unknown name that somebody receives, from here", "nobody-x", ("anna-lisa",), here=True),
        Case("an unknown name of the second domain", f"Any.Thing@{SECOND}", ("anna-lisa",)),
        Case("a known name is found still", "anna-x", ("anna",)),
        Case("an internal name is refused still", "gina", refused="550"),
    ),
    ("set EmailUnknownUser anna-lisa",),
)
DELEGATED = Phase(
    "another server delivers all domains",
    (
        Case("a user of a server that delivers all", "anna", ("inner:anna@{domain}",)),
        Case("the same, from here", "anna", ("inner:anna@{domain}",), here=True),
        Case("a domain of its own server", f"joe@{ELSEWHERE}", (f"inner:joe@{ELSEWHERE}",)),
        Case("what this machine writes to itself", "anna@localhost", ("anna",), here=True),
    ),
    (f"set DelegateMailServer 198.51.100.20:{PORTS['inner']}",),
)
LOGIN = Phase(
    "the provider wants a login",
    (
        Case(
            "to the provider, encrypted and with a login", "friend@away.test", ("provider:friend@away.test",), here=True
        ),
        Case("a forward by the provider", "bert", ("provider:bert@away.test",)),
    ),
    (
        f"set SMTPSmartHost smtp.provider.test:{PORTS['provider']}",
        "setprop smtp-auth-proxy status enabled TLS verified CAFile {certificate} Userid {user} Passwd {password}",
    ),
)
