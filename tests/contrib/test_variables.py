"""``esmith contrib check`` finds the variables that a fragment reads and nobody sets before."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.contrib.check import check_contrib
from esmith.contrib.place import FAILS, NOTE, Finding
from esmith.layout import Layout
from esmith.store import open_store
from tests.commands import Root

pytestmark = pytest.mark.program("Text::Template")

OTHER = "etc/other.conf"
HTTPD = "etc/httpd/conf/httpd.conf"
GOOD = "var/service/qpsmtpd/config/goodrcptto"
DOVECOT = "etc/dovecot/dovecot.conf"

#: Fragments by their paths, in which nothing is to be found.
FINE = {
    f"{OTHER}/05list": "{ @list = ('a', 'b'); $name = 'x'; $count++; push @more, 1; ''}\n",
    f"{OTHER}/10read": '{ $OUT .= "$name $count @list $list[0] $#more\\n"; }\n',
    f"{OTHER}/20strict": '{\n    use strict;\n    our $x = 1;\n    my @own = (1);\n    $OUT .= "$x @own";\n}\n',
    f"{OTHER}/30records": "{ $DomainName . $qpsmtpd{DNSBL} . ${'smtp-auth-proxy'}{status} . $mine{status} . $mine }\n",
    f"{OTHER}/40engine": "{ $DB->get('x'); $confref->{x}; $EVENT; $ENV{PATH}; $0; @ARGV; $a <=> $b; $_ }\n",
    f"{OTHER}/50loop": "{ foreach $one (1 .. 3) { $OUT .= $one } my ($p, $q) = (1, 2); $p + $q }\n",
    f"{OTHER}/60text": "{ $OUT = <<'EOT';\n$shell @here\nEOT\n}\n",
    f"{OTHER}/70passed": "{ use esmith::templates; processTemplate({ MORE_DATA => { passed => 1 } }); '' }\n",
    f"{OTHER}/80passed": "{ $passed }\n",
    f"{HTTPD}/86mine": 'allow from { "$localAccess $externalSSLAccess" }\n',
    f"{HTTPD}/VirtualHosts/50mine": "{ $virtualHost . $domain->key . $haveSSL }\n",
    f"{GOOD}/70more": '{ $OUT .= "x\\@$_\\n" for @domains; }\n',
    f"{DOVECOT}/50own": "{ my $proto = 'x'; @conf = ('a'); push @conf, $proto; \"@conf\" }\n",
}
#: A fragment, its line, and what is found there.
FOUND = {
    "a scalar": (f"{OTHER}/50x", 'x\n{ "a $nobody" }\n', 2, NOTE, "reads $nobody, which nobody sets before"),
    "a list": (f"{OTHER}/50x", "{\n\n$OUT .= $_ for @nobody; }\n", 3, NOTE, "reads @nobody, which nobody sets"),
    "set later": (f"{OTHER}/04x", "{ $name }\n", 1, NOTE, "reads $name, which nobody sets before"),
    "offered elsewhere": (f"{OTHER}/50x", "{ @domains }\n", 1, NOTE, "reads @domains, which nobody sets before"),
    "a name of the original": (f"{DOVECOT}/11x", "{ $proto .= ' sieve'; '' }\n", 1, FAILS, "reads $proto, which fra"),
    "a list of the original": (f"{DOVECOT}/11x", "{ push @plugins, 'x'; '' }\n", 1, FAILS, "reads @plugins, which"),
}


def _findings(root: Root, folder: Path, fragments: dict[str, str]) -> list[Finding]:
    base = folder / "root/etc/e-smith"
    for path, text in fragments.items():
        place = base / "templates" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    record = base / "db/configuration/defaults/mine"
    record.mkdir(parents=True)
    (record / "type").write_text("service\n")
    layout = Layout(str(root.path))
    store = open_store(layout)
    findings = check_contrib(str(folder), layout, store).findings
    store.close()
    return [one for one in findings if "/templates/" in one.path and one.line]


def test_what_is_set_is_no_finding(root: Root, tmp_path: Path) -> None:
    """Variables that a fragment before sets, records, what is offered, and what is declared are not found."""
    assert _findings(root, tmp_path, FINE) == []


@pytest.mark.parametrize(("path", "text", "line", "kind", "message"), FOUND.values(), ids=FOUND.keys())
def test_what_nobody_sets_is_found(
    root: Root, tmp_path: Path, path: str, text: str, line: int, kind: str, message: str
) -> None:
    """What nobody sets before is a note with its line; what only the original's fragments set would not work."""
    (found,) = _findings(root, tmp_path, FINE | {path: text})
    assert (found.path, found.line, found.kind) == (f"/etc/e-smith/templates/{path}", line, kind)
    assert message in found.message
