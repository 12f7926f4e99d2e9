"""A made-up SME Server 10 as a tree of files: what an administrator finds there who is about to move.

Standard library only, and no program of the product: it is somebody else's machine.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

DOMAIN = "old-office.example"
SECOND = "second.example"
#: The password of everybody there.
PASSWORD = "Geheim-1984"
#: As openssl makes them for that password: SHA-512 since SME 8, MD5 of accounts that are older.
SHA512 = "-6"
MD5 = "-1"


@dataclass(frozen=True)
class Person:
    """A user of the old server.

    :param password: the option of ``openssl passwd`` that makes the hash; "" for none.
    """

    name: str
    first: str
    last: str
    number: int
    password: str
    props: str = ""


PEOPLE = (
    Person("mary", "Mary", "Miller", 5001, SHA512, "EmailForward|procmail"),
    Person("tom", "Tom", "O'Neill", 5002, MD5, "EmailForward|both|ForwardAddress|tom@home.example"),
    Person("Bob", "Bob", "Builder", 5003, SHA512, "EmailForward|local|Visible|internal"),
    Person("anna.lee", "Anna", "Lee", 5004, SHA512, "EmailForward|forward|ForwardAddress|mary"),
    Person("joe_smith", "Joe", "Smith", 5005, MD5, "EmailForward|local|SortSpam|disabled"),
    Person("MaryAnn", "Mary Ann", "Moore", 5006, SHA512),
    Person("zoe-z", "Zoë", "Zimmer", 5007, SHA512),
    Person("left", "Lea", "Left", 5008, "", "PasswordSet|no"),
)
#: Whose number and whose name somebody else has on the new machine.
TAKEN_NUMBER, TAKEN_GROUP = "joe_smith", "staff"
GROUPS = {"sales": (5101, "mary,tom,ghost"), "Office": (5102, "Bob,MaryAnn"), TAKEN_GROUP: (5103, "anna.lee")}
PSEUDONYMS = {
    "info": "sales",
    f"boss@{SECOND}": "Bob",
    "Mary.Miller": "mary",
    "mary_miller": "mary",
    "zoe": "zoe-z",
    "gone": "nobody-there",
}
SETTINGS = f"""\
# DO NOT MODIFY THIS FILE.
# This file is automatically maintained by the Mitel Networks SME Server
# configuration software.  Manually editing this file may put your
# system in an unknown state.
AccessType=dedicated
AdminEmail=
ConsoleMode=login
DelegateMailServer=
DomainName={DOMAIN}
EmailUnknownUser=returntosender
ExternalIP=198.51.100.20
ExternalInterface=interface|Broadcast|198.51.100.255|Configuration|static|IPAddress|198.51.100.20|Name|eth1|Netmask|255.255.255.0
GatewayIP=198.51.100.1
InternalInterface=interface|Broadcast|10.77.0.255|Configuration|static|Driver|e1000|IPAddress|10.77.0.1|Name|eth0|Netmask|255.255.255.0
LocalIP=10.77.0.1
LocalNetmask=255.255.255.0
MinUid=5000
PasswordSet=yes
SMTPSmartHost=
SystemMode=servergateway
SystemName=mail
TimeZone=Europe/Berlin
UnsavedChanges=no
clamav=service|ArchiveMaxFiles|1500|FilesystemScan|disabled|MaxFileSize|15M|Quarantine|enabled|UpdateNonOfficeHrs|2|status|enabled
dhcpd=service|end|10.77.0.250|start|10.77.0.65|status|enabled
fetchmail=service|FreqOffice|every5min|Method|standard|SecondaryMailServer||status|enabled
ftp=service|LoginAccess|private|TCPPort|21|access|private|status|disabled
horde=service|Administration|enabled|DbPassword|0000000000000000000000000000000000000000000000000000000000|status|enabled
httpd-e-smith=service|TCPPort|80|access|public|status|enabled
imap=service|ConcurrencyLimit|400|ConcurrencyLimitPerIP|12|TCPPort|143|access|private|status|enabled
imaps=service|ConcurrencyLimit|200|TCPPort|993|access|public|status|enabled
ldap=service|TCPPort|389|access|private|defaultCity|Ottawa|defaultCompany|XYZ Corporation|status|enabled
modSSL=service|TCPPort|443|access|public|status|enabled
php=service|MagicQuotes|Off|MemoryLimit|64M|status|enabled
pop3=service|TCPPort|110|access|private|status|enabled
pop3s=service|TCPPort|995|access|public|status|enabled
qmail=service|ConcurrencyLocal|20|ConcurrencyRemote|20|DoubleBounceTo|devnull|MaxMessageSize|20000000|status|enabled
qpsmtpd=service|Bcc|disabled|BccMode|cc|BccUser|maillog|DKIMSigning|enabled|DNSBL|enabled|LogLevel|6|RBLList|zen.spamhaus.org:dnsbl.sorbs.net|RHSBL|disabled|RequireResolvableFromHost|yes|access|public|status|enabled
smb=service|DomainMaster|yes|ServerName|oldserver|Workgroup|office|status|enabled
smtpd=service|Authentication|enabled|Proxy|enabled|TCPPort|25|access|public|status|enabled
spamassassin=service|MessageRetentionTime|15|RejectLevel|12|Sensitivity|custom|SortSpam|enabled|Subject|disabled|TagLevel|4|status|enabled
ssmtpd=service|TCPPort|465|access|public|status|enabled
"""
#: Fragments of the old administrator, by their paths in templates-custom.
FRAGMENTS = {
    "etc/mail/spamassassin/local.cf/80officescores": "score OLD_OFFICE_RULE 3.500\n",
    "var/service/qpsmtpd/config/peers/local/17check_basicheaders": "# no 17check_basicheaders in this office\n",
    "var/qmail/control/concurrencyremote": "33\n",
    "etc/mail/spamassassin/local.cf/81perl": """\
{
    # An old fragment in Perl, of the kind that the wiki shows.
    use esmith::AccountsDB;
    my $accounts = esmith::AccountsDB->open_ro or die "no accounts";
    my @users = map { $_->key } $accounts->users;
    $OUT .= sprintf("# %d users of $DomainName, sorted: %s\\n", scalar @users, ($spamassassin{SortSpam} || 'unset'));
}
""",
}


def make(folder: Path) -> Path:
    """Make the tree of the old server, and return it. Run as root: files belong to the numbers of that server."""
    _databases(folder / "home/e-smith/db")
    _passwords(folder / "etc")
    _mail(folder / "home/e-smith")
    _keys(folder / "home/e-smith")
    for path, text in FRAGMENTS.items():
        _write(folder / "etc/e-smith/templates-custom" / path, text)
    return folder


def _databases(folder: Path) -> None:
    _write(folder / "configuration", SETTINGS)
    lines = [
        "admin=system|EmailForward|procmail|FirstName|Local|LastName|Administrator|PasswordSet|yes|Shell|/sbin/e-smith/console",
        "everyone=pseudonym|Account|shared|Changeable|no|Removable|no|Visible|internal",
        "Primary=ibay|Group|shared|Name|Primary site|PublicAccess|global|UserAccess|wr-admin-rd-group",
        "lp=printer|Address|10.77.0.9|Description|A printer",
    ]
    for person in PEOPLE:
        names = f"City|Ottawa|FirstName|{person.first}|Gid|{person.number}|LastName|{person.last}|Uid|{person.number}"
        password = "" if "PasswordSet" in person.props else "|PasswordSet|yes"
        extra = f"|{person.props}" if person.props else ""
        lines.append(f"{person.name}=user|{names}{password}|Phone|555-5555{extra}")
    for name, (number, members) in GROUPS.items():
        lines.append(f"{name}=group|Description|The group {name}|Gid|{number}|Members|{members}|Uid|{number}")
    lines += [f"{name}=pseudonym|Account|{account}" for name, account in PSEUDONYMS.items()]
    text = "\n".join(lines) + "\n"
    # SME Server wrote what it got: names of people in Latin-1 are common.
    _write(folder / "accounts", text.encode("latin-1"))
    _write(
        folder / "domains",
        f"{DOMAIN}=domain|Content|Primary|Description|Primary domain|Nameservers|internet|Removable|no"
        "|SystemPrimaryDomain|yes\n"
        f"{SECOND}=domain|Content|Primary|Description|The second one|Nameservers|internet\n",
    )
    _write(
        folder / "hosts",
        "".join(
            f"{name}.{DOMAIN}=host|ExternalIP||HostType|Self|InternalIP||MACAddress||static|yes\n"
            for name in ("ftp", "mail", "proxy", "wpad", "www")
        ),
    )
    _write(folder / "networks", "10.77.0.0=network|Mask|255.255.255.0|Router||SystemLocalNetwork|yes\n")
    _write(folder / "spamassassin", "wbl.global=wbl|*@friend.example|White|spammer@spam.example|Black\n")
    _write(folder / "wbl", "badhelo=global|bad.example|Black\n")
    _write(folder / "yum_repositories", "base=repository|EnableGroups|yes|Visible|yes|status|enabled\n")
    _write(folder / "configuration.lock", "")
    (folder / "navigation").mkdir()


def _passwords(folder: Path) -> None:
    lines = [f"root:{_hashed(SHA512)}:19000:0:99999:7:::", "bin:*:19000:0:99999:7:::"]
    lines += [f"admin:{_hashed(SHA512)}:19000:0:99999:7:::", "mysql:!!:19000::::::"]
    for person in PEOPLE:
        lines.append(f"{person.name}:{_hashed(person.password) if person.password else '!!'}:19000:0:99999:7:::")
    _write(folder / "shadow", "\n".join(lines) + "\n", 0o600)
    passwd = [
        f"{p.name}:x:{p.number}:{p.number}:{p.first}:/home/e-smith/files/users/{p.name}:/bin/false" for p in PEOPLE
    ]
    _write(folder / "passwd", "root:x:0:0:root:/root:/bin/bash\n" + "\n".join(passwd) + "\n")


def _hashed(option: str) -> str:
    words = ["openssl", "passwd", option, "-salt", "oldsalt1", PASSWORD]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def _mail(folder: Path) -> None:
    for person in PEOPLE:
        home = folder / "files/users" / person.name
        _mailbox(home / "Maildir", person.name)
        _write(home / ".qmail", "./Maildir/\n")
        for path in (home, *home.rglob("*")):
            os.chown(path, person.number, person.number, follow_symlinks=False)
        home.chmod(0o700)
    _mailbox(folder / "Maildir", "admin")
    for path in (folder / "Maildir", *(folder / "Maildir").rglob("*")):
        os.chown(path, 101, 101, follow_symlinks=False)


def _mailbox(maildir: Path, name: str) -> None:
    for box in ("", ".junkmail", ".Sent"):
        for part in ("cur", "new", "tmp"):
            (maildir / box / part).mkdir(parents=True)
        for directory in (maildir / box, *(maildir / box).iterdir()):
            directory.chmod(0o700)
    for number, place in enumerate(("new", "cur", ".junkmail/cur", ".Sent/cur")):
        flags = ":2,S" if place.endswith("cur") else ""
        text = f"From: friend@friend.example\nTo: {name}@{DOMAIN}\nSubject: {place} of {name}\n\nA mail.\n"
        _write(maildir / place / f"130000000{number}.M1P1.oldserver{flags}", text, 0o600)
    _write(maildir / "subscriptions", "junkmail\nSent\n", 0o600)
    _write(maildir / "dovecot-uidlist", "3 V1300000000 N3\n1 :1300000001.M1P1.oldserver\n", 0o600)


def _keys(folder: Path) -> None:
    pem, keys = folder / "ssl.pem", folder / "dkim_keys/default"
    pem.mkdir()
    keys.mkdir(parents=True)
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "300"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "crt")]
    names = ["-subj", f"/CN=mail.{DOMAIN}", "-addext", f"subjectAltName=DNS:mail.{DOMAIN}"]
    _run("openssl", "req", *kind, *names, *files)
    _write(pem / f"mail.{DOMAIN}.pem", (folder / "crt").read_text() + (folder / "key").read_text(), 0o600)
    (pem / "pem").symlink_to(f"mail.{DOMAIN}.pem")
    for name in ("key", "crt"):
        (folder / name).unlink()
    _run("openssl", "genrsa", "-out", str(keys / "private"), "2048")
    _run("openssl", "rsa", "-in", str(keys / "private"), "-pubout", "-out", str(keys / "public"))
    _write(keys / "selector", "default\n")
    # The number that qpsmtpd has there.
    os.chown(keys / "private", 453, 453)
    (keys / "private").chmod(0o400)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=60)


def _write(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
