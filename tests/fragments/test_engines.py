"""Which engine runs a fragment, and what passes through unchanged."""

from __future__ import annotations

import pytest

from tests.fragments.kit import Trees

JINJA = {
    "expression": "{{ DomainName }}",
    "block": "{% if qpsmtpd %}x{% endif %}",
    "comment": "a {# note #}",
    "late in the text": "body { color: red; }\n{{ DomainName }}",
    "beside shell": 'f() { echo "${x}"; }\n{# c #}',
}

PERL = {
    "scalar": "{ $DomainName }",
    "scalar without blanks": "{$SystemName}.{$DomainName}",
    "scalar in a line": "me={ $DomainName };",
    "property": "{ $qpsmtpd{DNSBL} }",
    "quoted property": "{ $qpsmtpd{'DNSBL'} || 'disabled' }",
    "odd key": '{ ${"httpd-admin"}{TCPPort} }',
    "output": '{\n    $OUT = "";\n}',
    "output of a list": '{ $OUT .= "$_\\n" foreach @x; }',
    "my": "{\n    my $x = $clamd{MemLimit};\n    $x;\n}",
    "my list": "{ my ($a, $b) = @_; }",
    "use": "{\n    use esmith::AccountsDB;\n}",
    "database": "{ $DB->get_prop('qpsmtpd', 'DNSBL') }",
    "method": "{ $accounts->users }",
    "empty": '{ "" }',
    "empty, single quotes": "{ '' }",
    "comment": '{\n    # nothing to do\n    "";\n}',
    "return": '{\n    return "# off" unless ($qpsmtpd{Bcc} eq "enabled");\n}',
    "page block 13": (
        "{\n  my $pyzor_timeout = ($spamassassin{PyzorTimeout} || 0);\n  if ($pyzor_timeout)\n  {\n"
        '    $OUT .= "pyzor_timeout $pyzor_timeout";\n  }\n}\n'
    ),
    "page block 46": (
        '{\n     return "# bcc disabled" unless ($qpsmtpd{Bcc} eq "enabled");\n'
        '     return "bcc mode " . $qpsmtpd{BccMode} . " outgoing " . $qpsmtpd{BccUser};\n}\n'
    ),
    "after text": "# header\nport = { $sshd{TCPPort} || 22 }\n",
}

TEXT = {
    "nothing": "",
    "blank": "  \n\t\n",
    "plain": "604800\n",
    "dollar without a brace": "PATH=$HOME/bin\n",
    "shell": 'f() {\n    echo "${x:-y}" "$1"\n}\nif [ "$a" = b ]; then f; fi\n',
    "shell return": "f() {\n    return 0;\n}\n",
    "awk": "awk '{ print $1 }' file\n",
    "nginx": "server {\n    listen 80;\n    location / {\n        try_files $uri $uri/ =404;\n    }\n}\n",
    "nginx redirect": "location / {\n    return 301 https://$host$request_uri;\n}\n",
    "nginx condition": "server {\n    if ($scheme = http) {\n        rewrite ^ https://$host$uri;\n    }\n}\n",
    "nginx set": "server {\n    set $x \"y\";\n    log_format main '$remote_addr - $remote_user';\n}\n",
    "dovecot": "passdb {\n  driver = pam\n}\nuserdb {\n  args = uid=%u home=/home/%n\n}\nmail_location = maildir:~\n",
    "css": "body { color: red; }\na:hover { content: '{'; }\n",
    "json": '{\n  "name": "value",\n  "list": [1, 2]\n}\n',
    "json in one line": '{"name": "value"}\n',
    "logrotate": '/var/log/x {\n    weekly\n    postrotate\n        kill -HUP "$(cat /run/x.pid)"\n    endscript\n}\n',
    "bind": 'zone "example.com" {\n    type master;\n    file "db.example.com";\n};\n',
    "braces": "a{b,c}d {} { }\n",
    "regular expression": "^[a-z]{2,3}$ ^\\d{4}\n",
    "perl outside braces": "#!/usr/bin/perl\nmy $x = 1;\nprint $x;\n",
}


@pytest.mark.parametrize("text", JINJA.values(), ids=JINJA.keys())
def test_jinja_marks(trees: Trees, text: str) -> None:
    """A fragment that has a mark of Jinja2 is expanded by Jinja2."""
    trees.standard("/t/10a", text)
    ((_, choice),) = trees.render("/t").engines
    assert choice.engine == "jinja2"


@pytest.mark.parametrize("text", PERL.values(), ids=PERL.keys())
def test_perl_is_a_clear_error(trees: Trees, text: str) -> None:
    """A fragment of the original system, with Perl in braces, is an error that names it: never copied as it is."""
    error = trees.mistake(text)
    assert error.place.startswith(trees.fragment)
    assert "Perl" in error.message
    assert "/t" in error.message
    assert 'engine = "text"' in error.hint


@pytest.mark.parametrize("text", TEXT.values(), ids=TEXT.keys())
def test_plain_text_is_copied(trees: Trees, text: str) -> None:
    """What only looks a little like a template is copied to the byte."""
    assert trees.expand(text) == text
    engines = {choice.engine for fragment, choice in trees.render("/t").engines if fragment.name == "10a"}
    assert engines == {"text"}


@pytest.mark.parametrize(
    "data",
    ["Grüße\n".encode("latin-1"), bytes(range(256)), b"\xff\xfe", b"no newline at the end", b"\r\n\r", b"\0"],
    ids=["latin-1", "every byte", "no UTF-8", "no newline", "carriage returns", "NUL"],
)
def test_plain_text_passes_byte_for_byte(trees: Trees, data: bytes) -> None:
    """Plain text may be of any encoding: its bytes are the output."""
    trees.standard("/t/template-begin")
    trees.standard("/t/10a", data)
    trees.standard("/single", data)
    assert trees.render("/t").content == data
    assert trees.render("/single").content == data


def test_jinja_text_has_to_be_utf_8(trees: Trees) -> None:
    """A Jinja2 fragment of another encoding is an error that names the line."""
    place = trees.standard("/t/10a", "{{ DomainName }}\nGrüße\n".encode("latin-1"))
    error = trees.error("/t")
    assert error.place == f"{place}:2"
    assert "UTF-8" in error.message


def test_utf_8_in_jinja(trees: Trees) -> None:
    """Text beyond ASCII stands in fragments and in values alike."""
    trees.snapshot.contents["configuration"]["Name"] = ("Zoë €", {})
    assert trees.expand("Grüße, {{ Name }}\n") == "Grüße, Zoë €\n"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('engine = "text"', "{{ DomainName }}{ $DomainName }"),
        ('engine = { 10a = "text" }', "{{ DomainName }}{ $DomainName }"),
        ('engine = { 99z = "text" }', None),
        ("", None),
    ],
    ids=["for all", "for this fragment", "for another", "not said"],
)
def test_the_metadata_overrides_the_guess(trees: Trees, said: str, expected: str | None) -> None:
    """``engine`` in template.toml, for all fragments or for one, goes before the guess, and the choice says so."""
    toml = trees.standard("/t/template.toml", f"{said}\n")
    trees.standard("/t/template-begin")
    trees.standard("/t/10a", "{{ DomainName }}{ $DomainName }")
    if expected is None:
        assert trees.text("/t") == "example.com{ $DomainName }"
        return
    assert trees.text("/t") == expected
    choice = {fragment.name: choice for fragment, choice in trees.render("/t").engines}["10a"]
    assert (choice.engine, choice.reason) == ("text", f"said in {toml}")


def test_jinja_may_be_demanded(trees: Trees) -> None:
    """A fragment without a mark is run by Jinja2 when the metadata says so, which keeps its text."""
    trees.standard("/t/template.toml", 'engine = "jinja2"\n')
    assert trees.expand("body { color: red }\n") == "body { color: red }\n"
    assert {choice.engine for _, choice in trees.render("/t").engines} == {"jinja2"}
