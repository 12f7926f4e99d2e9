"""``/etc/e-smith/templates-default``: what templates of contribs link to (docs/fragments.md#order)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import Root

REPOSITORY = Path(__file__).parents[2]
DIRECTORY = "/etc/e-smith/templates-default"
#: Each kind with the line it begins with.
KINDS = {
    "template-begin": "#---",
    "template-begin-html": "<!--",
    "template-begin-ini": ";---",
    "template-begin-pam": "#%PAM-1.0",
    "template-begin-perl": "#!/usr/bin/perl -w",
    "template-begin-php": "<?php",
    "template-begin-semicolon": ";---",
    "template-begin-shell": "#!/bin/sh",
    "template-end-php": "?>",
}
OUTPUT = "/var/www/wiki/LocalSettings.php"


def test_the_kinds_are_those(root: Root) -> None:
    """Every kind that packages of the original link to is shipped, and one for files of settings."""
    assert sorted(path.name for path in root.file(DIRECTORY).iterdir()) == sorted(KINDS)


@pytest.mark.parametrize(("name", "first"), KINDS.items())
def test_a_kind_is_the_comment_in_a_language(root: Root, name: str, first: str) -> None:
    """It begins as the language wants it, and says what the comment of every file says."""
    lines = root.read(f"{DIRECTORY}/{name}").splitlines()
    assert lines[0].startswith(first)
    if name != "template-end-php":
        words = [word for line in lines for word in line.strip("#;-!<>").split()]
        comment = (REPOSITORY / "templates/template-begin").read_text()
        wanted = [word for line in comment.splitlines() for word in line.strip("#-").split()]
        assert " ".join(wanted).replace("!!", "") in " ".join(words).replace("!!", "")


def _wiki(root: Root, end: str) -> None:
    """Install a contrib's template whose beginning and end are links, as its package has them."""
    template = root.file(f"/etc/e-smith/templates{OUTPUT}")
    template.mkdir(parents=True)
    (template / "template-begin").symlink_to(f"{DIRECTORY}/template-begin-php")
    (template / "template-end").symlink_to(f"{DIRECTORY}/{end}")
    (template / "10password").write_text('$password = "secret";\n')


def test_a_contribs_php_file_begins_as_php(root: Root) -> None:
    """Also below a root that is a folder, a link leads into its own templates-default."""
    _wiki(root, "template-end-php")
    root.expand(OUTPUT)
    lines = root.read(OUTPUT).splitlines()
    assert (lines[0], *lines[-2:]) == ("<?php", '$password = "secret";', "?>")
    shown = root.expand("--explain", OUTPUT).out
    assert f"{DIRECTORY}/template-begin-php" in shown


def test_a_kind_that_is_missing_is_an_error(root: Root) -> None:
    """Without its beginning the password would be shown as text: the file is not written, and the link is named."""
    _wiki(root, "template-end-php")
    root.file(f"{DIRECTORY}/template-begin-php").unlink()
    answer = root.expand(OUTPUT, code=4)
    assert f"templates{OUTPUT}/template-begin: is a link that leads nowhere" in answer.err
    assert not root.file(OUTPUT).exists()


@pytest.mark.program("Text::Template")
@pytest.mark.parametrize("own", [None, "", "mine\n"])
def test_templates_of_other_directories_have_the_comment(root: Root, own: str | None) -> None:
    """A template found through TEMPLATE_EXPAND_QUEUE begins with it, unless it has a beginning of its own, or none."""
    root.write("/etc/e-smith/templates-wiki/farm/10x", "farm\n")
    if own is not None:
        root.write("/etc/e-smith/templates-wiki/farm/template-begin", own)
    root.write("/etc/e-smith/templates/etc/farm/template-begin", "")
    call = "TEMPLATE_PATH => '/farm', OUTPUT_TYPE => 'string', TEMPLATE_EXPAND_QUEUE => ['/etc/e-smith/templates-wiki']"
    fragment = f"{{ use esmith::templates; processTemplate({{ {call} }}) }}"
    root.write("/etc/e-smith/templates/etc/farm/10x", fragment)
    root.expand("/etc/farm")
    comment = (REPOSITORY / "templates/template-begin").read_text() if own is None else own
    assert root.read("/etc/farm") == f"{comment}farm\n"
