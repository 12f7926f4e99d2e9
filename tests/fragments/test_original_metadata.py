"""``templates.metadata``, as the original has it and contribs install it."""

from __future__ import annotations

from pathlib import Path

import pytest

from esmith.errors import TemplateError
from esmith.fragments.perl.process import PerlProcess
from esmith.fragments.rendering import Kind, Rendering
from tests.fragments.kit import Trees


def _says(trees: Trees, text: str, path: str = "/etc/t") -> Path:
    """Write the metadata of a template."""
    file = trees.path / f"etc/e-smith/templates.metadata{path}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.fixture
def trees(trees: Trees) -> Trees:
    """Give the root a template of one fragment."""
    trees.standard("/etc/t/10a", "text\n")
    return trees


def _attributes(rendering: Rendering) -> tuple[str, str, str]:
    return f"{rendering.mode:04o}", rendering.owner, rendering.group


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PERMS=0600", ("0600", "root", "root")),
        ('PERMS="0640"', ("0640", "root", "root")),
        ("PERMS=416", ("0640", "root", "root")),
        ("PERMS = '0640' ;", ("0640", "root", "root")),
        ('UID="qmailr"\nGID = 0\n', ("0644", "qmailr", "0")),
        ("# a comment\n\nUID='a'\r\n", ("0644", "a", "root")),
    ],
)
@pytest.mark.program("Text::Template")
def test_plain_values_need_no_perl(
    trees: Trees, perls: list[PerlProcess], text: str, expected: tuple[str, str, str]
) -> None:
    """Numbers and quoted texts are read without perl: a mode that begins with 0 is octal, another number decimal."""
    _says(trees, text)
    assert _attributes(trees.render("/etc/t")) == expected
    assert perls == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('PERMS=$qpsmtpd{DNSBL} eq "enabled" ? 0600 : 0644', ("0600", "root", "root")),
        ('PERMS="06" . "40"', ("0640", "root", "root")),
        ("UID=root\nGID=$nothing", ("0644", "root", "root")),
        ('UID=$DB->get_prop("httpd-admin", "TCPPort")', ("0644", "980", "root")),
    ],
)
@pytest.mark.program("Text::Template")
def test_expressions_are_perl(
    trees: Trees, perls: list[PerlProcess], text: str, expected: tuple[str, str, str]
) -> None:
    """Anything else is evaluated by perl, which knows what fragments know; an undefined value says nothing."""
    _says(trees, text)
    rendering = trees.render("/etc/t")
    assert _attributes(rendering) == expected
    assert rendering.metadata.by_perl
    assert len(perls) == 1


def test_a_directory_of_names(trees: Trees) -> None:
    """The metadata may be a directory with a file for each name; leftovers and other files do not count."""
    for name, text in {"PERMS": "0600\n", "UID": '"a"', "UID~": '"b"', "readme": "x", "GID.rpmsave": "1"}.items():
        _says(trees, text, f"/etc/t/{name}")
    rendering = trees.render("/etc/t")
    assert _attributes(rendering) == ("0600", "a", "root")
    assert rendering.warnings == []
    assert rendering.metadata.sources["mode"].endswith("templates.metadata/etc/t/PERMS")


BROKEN = {
    "syntax": ('UID="a"\nPERMS=(0600\n', 2, "syntax error"),
    "dies": ("\n\nGID=die 'sorry'\n", 3, "sorry"),
    "no mode": ("PERMS='rw-r--r--'\n", 1, "PERMS gives 'rw-r--r--'"),
    "octal with 8": ("PERMS='0680'\n", 1, "PERMS gives '0680'"),
    "a mode that is too large": ("PERMS=77777\n", 1, "PERMS gives '77777'"),
    "no name": ('UID="{{ 7 * 7 }}"\n', 1, "UID gives '{{ 7 * 7 }}'"),
    "nested data": ("MORE_DATA={ a => [1] }\n", 1, "holds more than texts"),
    "no template": ('TEMPLATE_PATH="/etc/nothing"\n', 0, "there is no template for /etc/nothing"),
}


@pytest.mark.parametrize(("text", "line", "message"), BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.program("Text::Template")
def test_what_is_wrong_is_named(trees: Trees, text: str, line: int, message: str) -> None:
    """An expression that is wrong is an error that names file and line."""
    file = _says(trees, text)
    with pytest.raises(TemplateError) as caught:
        trees.render("/etc/t")
    assert message in caught.value.message
    assert not line or caught.value.place == f"{file}:{line}"


def test_what_has_no_effect_is_reported(trees: Trees) -> None:
    """Unknown names, invalid lines and what this engine does not need are reported; the rest counts."""
    file = _says(trees, "BOGUS=1\nnonsense\nCONFREF=1\nPERM=0640\nPERMS=0600\n")
    rendering = trees.render("/etc/t")
    assert rendering.mode == 0o600
    assert [warning.removeprefix(f"{file}:")[0] for warning in rendering.warnings] == ["1", "2", "3", "4"]
    assert "did you mean PERMS?" in rendering.warnings[3]


def test_other_places(trees: Trees) -> None:
    """OUTPUT_FILENAME names another file, OUTPUT_PREFIX a directory before it or before the template's path."""
    _says(trees, 'OUTPUT_FILENAME="/etc/other"\n')
    assert trees.render("/etc/t").path == "/etc/other"
    _says(trees, 'OUTPUT_PREFIX="/var/jail"\n')
    assert trees.render("/etc/t").path == "/var/jail/etc/t"


@pytest.mark.program("Text::Template")
def test_one_template_for_several_files(trees: Trees) -> None:
    """TEMPLATE_PATH takes the fragments of another template; mode and variables are each file's own."""
    trees.standard("/etc/shared/template-begin", "")
    trees.standard("/etc/shared/10a", "{{ kind }} of {{ DomainName }}\n")
    trees.standard("/etc/shared/20b", "{ my $x = $kind }\n")
    for name, mode in (("one", "0600"), ("two", "0640")):
        data = f'MORE_DATA={{ kind => "{name}", }}'
        _says(trees, f'TEMPLATE_PATH="/etc/shared"\nPERMS={mode}\n{data}\n', f"/etc/{name}")
    one, two = trees.render("/etc/one"), trees.render("/etc/two")
    assert (one.path, one.mode, one.content) == ("/etc/one", 0o600, b"one of example.com\none\n")
    assert (two.path, two.mode, two.content) == ("/etc/two", 0o640, b"two of example.com\ntwo\n")


@pytest.mark.program("Text::Template")
def test_more_data_holds_several_variables(trees: Trees) -> None:
    """Each name of MORE_DATA is a variable of the fragments, with its own value."""
    trees.standard("/etc/t/10a", "{{ kind }} {{ size }} {{ colour }}\n")
    _says(trees, 'MORE_DATA={ kind => "box", size => "large", colour => "red" }\n')
    assert trees.render("/etc/t").content == b"box large red\n"


def test_what_the_shared_template_says_holds(trees: Trees) -> None:
    """A file with the fragments of another template has its metadata too, but not its output."""
    trees.standard("/etc/shared/10a", "plain { text }\n")
    trees.standard("/etc/shared/template.toml", 'engine = "text"\nmode = "0600"\noutput = "/etc/elsewhere"\n')
    _says(trees, 'TEMPLATE_PATH="/etc/shared"\n', "/etc/one")
    one = trees.render("/etc/one")
    assert (one.path, one.mode) == ("/etc/one", 0o600)


@pytest.mark.program("Text::Template")
def test_other_directories(trees: Trees) -> None:
    """TEMPLATE_EXPAND_QUEUE names the directories the fragments are found in, the nearest first."""
    for name, text in {
        "templates-a/etc/t/10a": "near\n",
        "templates-b/etc/t/10a": "far\n",
        "templates-b/etc/t/20b": "b\n",
    }.items():
        place = trees.path / "etc/e-smith" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    _says(trees, 'TEMPLATE_EXPAND_QUEUE=["/etc/e-smith/templates-a", "templates-b"]\n')
    assert trees.render("/etc/t").content == b"near\nb\n"


@pytest.mark.program("Text::Template")
def test_filter(trees: Trees) -> None:
    """FILTER is called for each line with its newline; empty lines are left out, a missing last newline is added."""
    trees.standard("/etc/t/10a", "b\n\n  \na\nskip\nlast")
    _says(trees, 'FILTER=sub { $_[0] =~ /skip/ ? undef : "<$_[0]" }\n')
    assert trees.render("/etc/t").content == b"<b\n<  \n<a\n<last\n"


@pytest.mark.program("Text::Template")
def test_a_filter_that_dies(trees: Trees) -> None:
    """An error in a FILTER names its file and line."""
    file = _says(trees, "PERMS=0600\nFILTER=sub { die 'sorry' }\n")
    with pytest.raises(TemplateError, match="sorry") as caught:
        trees.render("/etc/t")
    assert caught.value.place == f"{file}:2"


@pytest.mark.program("Text::Template")
def test_a_filter_passes_any_bytes(trees: Trees) -> None:
    """Bytes that are not UTF-8 pass a FILTER."""
    trees.standard("/etc/t/10a", "").write_bytes(b"caf\xe9 \xc3\xa9\n")
    _says(trees, "FILTER=sub { $_[0] }\n")
    assert trees.render("/etc/t").content == b"caf\xe9 \xc3\xa9\n"


@pytest.mark.parametrize(("text", "kind"), [("1", Kind.ABSENT), ("0", Kind.FILE), ('""', Kind.FILE)])
def test_delete(trees: Trees, text: str, kind: Kind) -> None:
    """With a true DELETE the file is removed."""
    _says(trees, f"DELETE={text}\n")
    assert trees.render("/etc/t").kind is kind


def test_a_template_that_is_only_a_string(trees: Trees) -> None:
    """A template with OUTPUT_TYPE string is for processTemplate; expanded by itself it writes nothing."""
    _says(trees, 'OUTPUT_TYPE="string"\n')
    assert trees.render("/etc/t").kind is Kind.LEFT


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("PERMS", "0600", "mode"),
        ("UID", '"a"', "owner"),
        ("GID", '"a"', "group"),
        ("OUTPUT_FILENAME", '"/etc/other"', "output"),
        ("OUTPUT_PREFIX", '"/var/jail"', "output"),
        ("DELETE", "1", "delete-when"),
        ("OUTPUT_TYPE", '"string"', "skip-when"),
    ],
)
def test_the_file_that_says_it_is_named(trees: Trees, name: str, text: str, key: str) -> None:
    """Where the metadata are a directory, the source of each of them is the file of that name, and not another."""
    for other, empty in {"DELETE": "0", "OUTPUT_TYPE": '""', "TEMPLATE_PATH": '""'}.items():
        _says(trees, f"{empty}\n", f"/etc/t/{other}")
    file = _says(trees, f"{text}\n", f"/etc/t/{name}")
    assert trees.render("/etc/t").metadata.sources[key] == str(file)


def test_who_goes_first(trees: Trees) -> None:
    """templates.metadata goes before what is shipped or inherited, after template.toml of that template in custom."""
    _says(trees, 'PERMS=0600\nUID="original"\nGID="original"\n')
    trees.standard("/etc/t/template.toml", 'mode = "0640"\nowner = "shipped"\n')
    trees.custom("/template.toml", 'group = "inherited"\n')
    assert _attributes(trees.render("/etc/t")) == ("0600", "original", "original")
    trees.custom("/etc/t/template.toml", 'owner = "custom"\n')
    assert _attributes(trees.render("/etc/t")) == ("0600", "custom", "original")


def test_an_unknown_name_among_files(trees: Trees) -> None:
    """Where the metadata are a directory, a file in capitals that means nothing is warned of; others are ignored."""
    for name in ("PERM", "readme"):
        _says(trees, "0600\n", f"/etc/t/{name}")
    (warning,) = trees.render("/etc/t").warnings
    assert "did you mean PERMS?" in warning
