"""The documents say what the program does: every name it knows is in them, and every transcript in them is run.

A ``console`` block is a transcript: a line that begins with ``$`` is typed, lines that begin with ``>`` go on with it,
the rest is what is printed. All blocks of one section are one shell session, under a new root with a small office. In
what is printed, ``...`` stands for anything, and alone on a line for any number of lines.

A transcript passes whatever programs are installed. One that cannot says what it needs (tests/programs.py) in the line
that opens a block: ````` ```console needs Text::Template`````.
"""

from __future__ import annotations

import inspect
import re
import runpy
import subprocess
import tomllib
from pathlib import Path
from unittest import mock

import click
import pytest

import esmith
from esmith.cli import db_help, expand_template, manager, signal_event, smtp_auth_proxy
from esmith.cli import esmith as esmith_command
from esmith.cli.fleet import group as fleet_group
from esmith.cli.program import as_click
from esmith.cli.verbs import VERBS
from esmith.errors import ExitCode
from esmith.fragments import metadata
from esmith.fragments.helpers import FILTERS, functions
from esmith.layout import Layout
from esmith.schema import parse
from esmith.schema.types import TYPES
from esmith.services import definition, question
from esmith.services.actions import ACTIONS
from esmith.services.definition import Services
from esmith.setup.supervision import SCANNING, SUPERVISORS
from esmith.store import limits
from tests.commands import Root, copy_prepared
from tests.documents import DOCUMENTS, HOME, Block, blocks, headings, rows, section, slug
from tests.reused import CopyRoot
from tests.transcripts import PROGRAMS, commands, matches, play
from tests.unchecked import without_unchecked

LINKING = [*DOCUMENTS, HOME / "db/README.md", HOME / "templates-custom/README.md"]
#: What is not a session of its own: tests/services/test_add_a_service.py plays it, under a supervisor.
PLAYED_ELSEWHERE = ("add-a-service.md#step-by-step",)


def _first_column(text: str) -> list[str]:
    """Return what stands in backquotes in the first column of the tables."""
    return [name for row in rows(text) for name in re.findall(r"`([^`]+)`", row[0])]


def _each(language: str) -> pytest.MarkDecorator:
    """Return the mark that runs a test for every block in a language."""
    found = blocks(language)
    assert found, f"no document has a block of {language}"
    return pytest.mark.parametrize("block", found, ids=[f"{block.document.name}:{block.line}" for block in found])


def _each_session() -> pytest.MarkDecorator:
    """Return the mark that runs a test for the blocks of every section, as one session."""
    sessions: dict[str, list[Block]] = {}
    for block in blocks("console"):
        sessions.setdefault(f"{block.document.name}#{slug(block.section)}", []).append(block)
    for name in PLAYED_ELSEWHERE:
        del sessions[name]
    needs = {name: {need for block in blocks for need in block.needs} for name, blocks in sessions.items()}
    return pytest.mark.parametrize(
        "session",
        [
            pytest.param(blocks, id=name, marks=pytest.mark.program(*sorted(needs[name])))
            for name, blocks in sessions.items()
        ],
    )


@pytest.fixture(scope="module")
def _model(_office: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small office to copy; the shipped templates, where no transcript writes, are a link."""
    model = tmp_path_factory.mktemp("docs") / "root"
    copy_prepared(_office, model)
    templates = model / "etc/e-smith/templates"
    templates.symlink_to(templates.rename(model.parent / "templates"))
    return model


@pytest.fixture
def copied(_model: Path, copy_root: CopyRoot) -> Root:
    """Return a copy of the small office."""
    return copy_root(_model)


@_each_session()
def test_transcript(session: list[Block], copied: Root) -> None:
    """Every command of a transcript exits 0 and prints what the document shows."""
    steps = [(block, *command) for block in session for command in commands(block)]
    played = play(copied, [typed for _, typed, _ in steps])
    for (block, typed, expected), (code, printed) in zip(steps, played, strict=True):
        place = f"{block.document.name}, block at line {block.line}: $ {typed}"
        assert code == 0, f"{place}exits {code}:\n{printed}"
        assert matches(expected, without_unchecked(printed)), f"{place}prints\n{printed}\nnot\n{expected}"


@_each("sh")
def test_shell(block: Block) -> None:
    """A block of shell that is not run is at least shell."""
    subprocess.run(["sh", "-n", "-c", block.text], check=True)


@_each("jinja")
def test_jinja(block: Block, copied: Root) -> None:
    """A fragment shown in a document can be expanded."""
    copied.custom("/etc/demo.conf/10text", block.text)
    copied.expand("--explain", "/etc/demo.conf")


@_each("toml")
def test_toml(block: Block, copied: Root) -> None:
    """A file of TOML that is shown in a document is accepted by what reads it: templates, schema, services, apply."""
    if block.document.name == "schema.md":
        copied.write("/etc/e-smith/db/demo/thing.toml", block.text)
        copied.esmith("initialize-databases")
    elif block.document.name == "add-a-service.md":
        copied.write("/etc/e-smith/services/demo/service.toml", block.text)
        assert Services(Layout(str(copied.path))).of("demo").useful
    elif block.document.name == "manager.md":
        # tests/panels/test_document.py installs them all together and saves their forms.
        assert tomllib.loads(block.text)
    elif block.document.name == "ansible.md":
        copied.run("config", "apply", "-", stdin=block.text)
    else:
        copied.custom("/etc/demo-{key}/template.toml", block.text)
        copied.custom("/etc/demo-{key}/10text", "text\n")
        copied.expand("--explain", "/etc/demo-{key}")


COMMANDS: dict[str, click.Command] = {
    "`config` and `db`": db_help.group("db"),
    "`signal-event`": as_click(signal_event.COMMAND),
    "`expand-template`": as_click(expand_template.COMMAND),
    "`qpsmtpd-print-dns`": runpy.run_path(str(HOME / "commands/qpsmtpd_print_dns.py"))["command"],
    "`tai64nlocal`": runpy.run_path(str(HOME / "commands/tai64nlocal.py"))["command"],
    "`smtp-auth-proxy`": smtp_auth_proxy.command,
    "`esmith`": esmith_command.group,
    "`esmith-manager`": manager.manager_command,
} | {f"`esmith {name}`": command for name, command in esmith_command.subcommands().items()}
COMMANDS |= {f"`esmith manager {name}`": command for name, command in manager.manager_command.commands.items()}
COMMANDS |= {f"`esmith fleet {name}`": command for name, command in fleet_group.subcommands().items()}


@pytest.mark.parametrize("heading", COMMANDS)
def test_options(heading: str) -> None:
    """Every option of a command that its help shows is in its section of commands.md, and no other."""
    text = re.split("\n####? ", section("commands.md", heading))[0]
    declared = [one for one in COMMANDS[heading].params if isinstance(one, click.Option) and not one.hidden]
    options = {name for option in declared for name in option.opts}
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    own = [span for span in spans if span.startswith(("-", heading.strip("`").split()[0]))]
    named = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", " ".join(own)))
    assert named | {"--help"} == options | {"--help"}


def test_commands_are_complete() -> None:
    """Every subcommand of esmith has a section in commands.md, and every section is of one that exists."""
    found = headings(HOME / "docs/commands.md")
    assert sorted(text for _, _, text in found if text.startswith("`")) == sorted(COMMANDS)


def test_verbs() -> None:
    """Every verb is in commands.md with its operands, and no other."""
    verbs = {f"{verb.name} {verb.operands}".strip() for verb in VERBS.values()}
    named = _first_column(section("commands.md", "`config` and `db`"))
    assert {name for name in named if not name.startswith("-")} == verbs


def test_exit_codes_and_variables() -> None:
    """The tables of exit codes and of environment variables in commands.md are those of the program."""
    codes = {name: value for name, value in vars(ExitCode).items() if name.isupper()}
    table = rows(section("commands.md", "Exit codes"))
    assert {row[1].strip("`"): int(row[0]) for row in table if row[1]} == codes
    source = "".join(path.read_text() for path in (HOME / "esmith").rglob("*.py"))
    used = set(re.findall(r"\"(ESMITH_[A-Z_]+|SUDO_USER|DBPATH)\"", source))
    assert set(_first_column(section("commands.md", "Environment variables"))) == used


def _function_names() -> set[str]:
    return {*functions(**{name: mock.MagicMock() for name in inspect.signature(functions).parameters}), "template"}


def test_functions_and_filters() -> None:
    """The tables of functions and filters in fragments.md are those of the program."""
    named = {name.partition("(")[0] for name in _first_column(section("fragments.md", "Functions"))}
    assert named == _function_names()
    assert set(_first_column(section("fragments.md", "Filters"))) == set(FILTERS)


def test_template_keys() -> None:
    """The table of the keys of template.toml in fragments.md is that of the program, with the words they take."""
    text = section("fragments.md", "template.toml")
    assert set(_first_column(text)) == {*metadata._KEYS, "[files.NAME]"}
    for word in (*metadata.ENGINES, *metadata.FILTERS, *metadata.KINDS):
        assert f'"{word}"' in text
    assert set(_first_column(section("fragments.md", "A check"))) == set(metadata._CHECK_KEYS)


def test_shipped_checks() -> None:
    """The tables of checks in fragments.md have each file that a program checks, and each file in checks/."""
    by_program = set()
    for file in (HOME / "templates").rglob("template.toml"):
        data = tomllib.loads(file.read_text())
        place = "/" + str(file.parent.relative_to(HOME / "templates"))
        tables = {place: data} | {f"{place}/{name}": table for name, table in data.get("files", {}).items()}
        by_program |= {path for path, table in tables.items() if "command" in table.get("check", {})}
    assert by_program
    assert set(_first_column(section("fragments.md", "Shipped checks"))) == by_program
    own = {file.stem.replace("_", "-") for file in (HOME / "checks").glob("*.py")}
    assert set(_first_column(section("fragments.md", "Checks without a program"))) == own


def test_supervisors() -> None:
    """Each supervisor that service directories are written for has a log script, and is in the documents."""
    for name in SCANNING:
        assert (HOME / f"services/log.{name}").is_file(), f"services/log.{name}"
        assert f"`--services {name} [DIR]`" in section("commands.md", "`esmith init`")
        assert f"`log.{name}`" in section("add-a-service.md", "What a service is")
    for name in SUPERVISORS:
        assert f"`--services {name}" in section("commands.md", "`esmith init`")
        assert name in next(row[1] for row in rows(section("concepts.md", "Words")) if row[0] == "supervisor")


def test_service_keys() -> None:
    """The table of the keys of service.toml in add-a-service.md is that of the program, with those of its tables."""
    text = section("add-a-service.md", "What a service is")
    assert {name for name in _first_column(text) if "." not in name and "/" not in name} == {
        *definition._KEYS,
        "begin",
        "run",
    }
    inner = {*definition._DIRECTORY_KEYS, *(key for keys in definition._TABLES.values() for key in keys)}
    assert [key for key in sorted(inner) if f"`{key}" not in text] == []
    asked = _first_column(section("add-a-service.md", "Whether a service is of use"))
    assert sorted(asked) == sorted(question._KEYS)
    assert [
        key
        for key in question._READ_KEYS
        if f"`{key}`" not in section("add-a-service.md", "Whether a service is of use")
    ] == []


def test_events_and_words() -> None:
    """The tables in events.md are the events that are shipped, and the words for services of the program."""
    shipped = {path.name for path in (HOME / "events").iterdir() if path.is_dir()} - {"actions"}
    assert set(_first_column(section("events.md", "The events"))) == shipped
    words = {word for name, (_, others) in ACTIONS.items() for word in (name, *others)}
    assert set(_first_column(section("events.md", "Service actions"))) == words


def test_schema_words() -> None:
    """Every word and every type of a schema file is in db/README.md."""
    text = (HOME / "db/README.md").read_text()
    for word in (*parse.RECORD_KEYS, *parse.PROPERTY_KEYS, *TYPES):
        assert re.search(rf"[`\[]{re.escape(word)}[`\]. ]", text), f"db/README.md does not name {word}"


def _migrations() -> set[str]:
    words = {"renamed-from", "obsolete-values", "block-lists", "replace-values", "raise-to", "removed"}
    found = set()
    for path in (HOME / "db").rglob("*.toml"):
        data = tomllib.loads(path.read_text())
        tables = {"": data, **data.get("properties", {}), " (value)": data.get("value", {})}
        found |= {f"{path.parent.name} {path.stem} {name}".strip() for name in tables if words & tables[name].keys()}
    return found


def test_migrations_and_limits() -> None:
    """The table of migrations in schema.md is what the schema files say; the limits in original.md are the store's."""
    assert set(_first_column(section("schema.md", "The migrations"))) == _migrations()
    for limit in (limits.MAX_VALUE_BYTES, limits.MAX_NAME_BYTES):
        assert f"at most {limit} bytes" in section("original.md", "Values and names")


@pytest.mark.parametrize("document", LINKING, ids=lambda path: str(path.relative_to(HOME)))
def test_links(document: Path) -> None:
    """Every link to a file leads to one, and every anchor to a heading."""
    text = re.sub(r"^```.*?^```$|`[^`\n]+`", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?![a-z]+:)([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists() and (file == HOME or HOME in file.parents), f"{document.name}: {target}"
        if anchor:
            assert anchor in {slug(heading) for _, _, heading in headings(file)}, f"{document.name}: {target}"


def test_first_screen() -> None:
    """The README begins with the command that makes a mail server, and the main job follows."""
    server = next(block for block in blocks("sh") if block.document.name == "README.md")
    assert server.line < 20
    assert server.text.splitlines()[-1] == "make mailserver DOMAIN=example.com NAME=mail"
    first = next(block for block in blocks("console") if block.document.name == "README.md")
    programs = [command.split()[0] for command, _ in commands(first)]
    assert first.line < 40
    assert [name for name in programs if name in PROGRAMS] == ["config", "signal-event", "expand-template"]


def test_index() -> None:
    """Every document is in the index of docs/, and the changelog begins with the version of the program."""
    index = (HOME / "docs/README.md").read_text()
    assert all(f"({path.name})" in index for path in (HOME / "docs").glob("*.md") if path.name != "README.md")
    versions = re.findall(r"^## \[([^\]]+)\]", (HOME / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == esmith.__version__
