"""``qpsmtpd-print-dns``: what it prints, to the byte, and what it says when it cannot."""

from __future__ import annotations

import base64
import os
import runpy
import subprocess

import pytest

from esmith.layout import Layout
from tests.commands import Root
from tests.documents import HOME
from tests.programs import path_of

sample_entries = runpy.run_path(str(HOME / "commands/qpsmtpd_print_dns.py"))["sample_entries"]
KEYS = "/home/e-smith/dkim_keys"
#: The key of the wiki page's example (docs/page.md, block 93), and what the page shows for it.
PAGE_KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAs/Qq3Ntpx2QNdRxGKMeKc2r9ULvyYW633IbLivHznN9JvjJIbS54PGIEk3sSxvZSdpTRAvY"
    "lxn/nRi329VmcDK0vJYb2ut2rnZ3VO3r5srm+XEvTNPxij5eU4gqw+5ayySDjqzAMEMc5V7lUMpZ/YiqnscA075XiMF7iEq8Quv1y0LokmgwtxzOXEZ"
    "ap34WXlKyhYzH+DfabF6SUllmA0ovODNvudzvEOanPlViQ7q7d+Mc3b7X/fzgJfh5P9f5U+iSmzgyGctSb6GX8sqsDMNVEsRZpSE3jd2Z33RDWyW21P"
    "GOKB/ZrLiliKfdJbd3Wo7AN7bWsZpQsei2Hsv1niQIDAQAB"
)
SPLIT = PAGE_KEY.index("fabF6SUll")
PAGE_OUTPUT = f"""\
Here are sample DNS entries you should add in your public DNS
The DKIM entry can be copied as is, but others will probably need to be adjusted to your need.
For example, you should either change the reporting email address for DMARC (or create the needed pseudonym)


default._domainkey IN TXT "v=DKIM1;p={PAGE_KEY[:SPLIT]}""{PAGE_KEY[SPLIT:]}"
@ IN TXT "v=spf1 mx a -all"
_dmarc IN TXT "v=DMARC1; p=none; adkim=s; aspf=r; rua=mailto:dmarc-feedback@domain.net; pct=100"
"""


def write_key(root: Root, name: str = "default", text: str = PAGE_KEY, selector: str = "default\n") -> None:
    """Write a directory of keys with this public key."""
    lines = "\n".join(text[start : start + 64] for start in range(0, len(text), 64))
    root.write(f"{KEYS}/{name}/public", f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n")
    root.write(f"{KEYS}/{name}/private", "not read\n")
    root.write(f"{KEYS}/{name}/selector", selector)


def print_dns(root: Root, *words: str, code: int = 0) -> tuple[str, str]:
    """Run the command, and return what it printed."""
    answer = root.run("qpsmtpd-print-dns", *words, code=code)
    return answer.out, answer.err


def test_the_page_s_example(root: Root) -> None:
    """With the key of the page's example the output is the page's: the first string has exactly 255 characters."""
    write_key(root)
    out, _ = print_dns(root, "domain.net")
    assert out == PAGE_OUTPUT
    strings = out.splitlines()[5].removeprefix("default._domainkey IN TXT ").strip('"').split('""')
    assert len(strings[0]) == 255
    assert "".join(strings) == f"v=DKIM1;p={PAGE_KEY}"


def test_the_primary_domain_is_assumed(root: Root) -> None:
    """Without a domain the entries are those of DomainName."""
    write_key(root)
    assert print_dns(root)[0] == PAGE_OUTPUT.replace("domain.net", "example.com")


def test_a_key_of_the_domain_s_own(root: Root) -> None:
    """A domain with a complete directory of keys gets its own key and selector, another one the default."""
    write_key(root)
    other = base64.b64encode(b"another key").decode()
    write_key(root, "own.net", other, "may2013\n")
    first = print_dns(root, "own.net")[0].splitlines()[5]
    assert first == f'may2013._domainkey IN TXT "v=DKIM1;p={other}"'
    root.file(f"{KEYS}/own.net/selector").unlink()
    assert PAGE_KEY[-20:] in print_dns(root, "own.net")[0]


@pytest.mark.parametrize("bits", [1024, 2048, 4096])
@pytest.mark.program("openssl")
def test_keys_of_any_length(root: Root, bits: int) -> None:
    """The public key of a real pair is printed whole, in strings of 255 characters and a rest."""
    openssl = path_of("openssl")
    write_key(root)
    private, public = (root.file(f"{KEYS}/default/{part}") for part in ("private", "public"))
    subprocess.run([openssl, "genrsa", "-out", private, str(bits)], check=True, capture_output=True)
    subprocess.run([openssl, "rsa", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    der = subprocess.run(
        [openssl, "rsa", "-in", private, "-pubout", "-outform", "DER"], capture_output=True, check=True
    )
    entry = print_dns(root)[0].splitlines()[5]
    strings = entry.removeprefix('default._domainkey IN TXT "').removesuffix('"').split('""')
    assert base64.b64decode("".join(strings).removeprefix("v=DKIM1;p=")) == der.stdout
    assert {len(string) for string in strings[:-1]} <= {255}
    assert 0 < len(strings[-1]) <= 255


def test_the_python_twin(root: Root) -> None:
    """The function behind the command returns the same entries."""
    write_key(root)
    assert sample_entries(Layout(str(root.path)), "domain.net") == PAGE_OUTPUT.splitlines()[5:]


UNSIGNED = {
    "signing-is-off": ([], "example.com", "DKIMSigning of qpsmtpd is not enabled"),
    "signed": ([["config", "setprop", "qpsmtpd", "DKIMSigning", "enabled"]], "example.com", ""),
    "opted-out": (
        [
            ["config", "setprop", "qpsmtpd", "DKIMSigning", "enabled"],
            ["db", "domains", "setprop", "example.com", "DKIMSigning", "disabled"],
        ],
        "example.com",
        "DKIMSigning of the domain example.com is disabled",
    ),
    "not-ours": (
        [["config", "setprop", "qpsmtpd", "DKIMSigning", "enabled"]],
        "exmaple.com",
        "no key of its own\n  to make it one: db domains set exmaple.com domain\n",
    ),
    "own-key": ([["config", "setprop", "qpsmtpd", "DKIMSigning", "enabled"]], "own.net", ""),
}


@pytest.mark.parametrize(("commands", "domain", "reason"), UNSIGNED.values(), ids=UNSIGNED)
def test_mail_that_is_not_signed(root: Root, commands: list[list[str]], domain: str, reason: str) -> None:
    """When the mail of the domain is not signed, stderr says why; the entries are still printed."""
    write_key(root)
    write_key(root, "own.net")
    for words in commands:
        root.run(*words)
    out, err = print_dns(root, domain)
    assert out == PAGE_OUTPUT.replace("domain.net", domain)
    assert err == "" if not reason else f"mail from {domain} is not signed yet: " in err
    assert reason in err


CURES = {
    "no-key": (None, 1, "\n    signal-event email-update\n"),
    "no-public-key": ("public", 1, "openssl rsa -in {keys}/default/private -out {keys}/default/public -pubout"),
    "no-selector": ("selector", 1, "echo default > {keys}/default/selector"),
}


@pytest.mark.parametrize(("lacking", "code", "cure"), CURES.values(), ids=CURES)
def test_a_key_that_is_missing(root: Root, lacking: str | None, code: int, cure: str) -> None:
    """A key or a part of it that is missing is an error that names the cure; nothing is printed to be published."""
    if lacking:
        write_key(root)
        root.file(f"{KEYS}/default/{lacking}").unlink()
    out, err = print_dns(root, code=code)
    assert out == ""
    assert cure.replace("{keys}", str(root.file(KEYS))) in err


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("public", "no key at all\n"),
        ("public", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
        ("public", '-----BEGIN PUBLIC KEY-----\nAAAA"; evil\n-----END PUBLIC KEY-----\n'),
        ("selector", "\n"),
        ("selector", 'a" b\n'),
    ],
    ids=["no-pem", "empty-pem", "no-base64", "empty-selector", "selector-with-quote"],
)
def test_a_damaged_key(root: Root, part: str, text: str) -> None:
    """What is neither a key nor a selector is never printed."""
    write_key(root)
    root.write(f"{KEYS}/default/{part}", text)
    out, err = print_dns(root, code=1)
    assert out == ""
    assert f"{KEYS}/default/{part}" in err


@pytest.mark.parametrize("domain", ["../default", "a b.com", "", "<domain name>", 'a"b.com', ".com", "x..y", "/etc"])
def test_what_is_no_domain_name(root: Root, domain: str) -> None:
    """An argument that is not a domain name is refused; an empty one means the primary domain, as does none."""
    write_key(root)
    out, err = print_dns(root, domain, code=2 if domain else 0)
    assert (out == "") == bool(domain)
    assert ("is not a domain name" in err) == bool(domain)


def test_the_root_option(root: Root) -> None:
    """--root beats the environment."""
    write_key(root)
    words = [str(root.file("/sbin/e-smith/qpsmtpd-print-dns")), "--root", str(root.path), "domain.net"]
    environment = {**os.environ, "ESMITH_ROOT": "/nowhere"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == PAGE_OUTPUT
