"""The shipped schema files agree with themselves."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase

import pytest

from esmith.layout import Layout
from esmith.schema.lists import entries
from esmith.schema.load import Schema
from esmith.schema.migrate import migrated_value
from esmith.schema.model import Property, RecordSchema
from esmith.schema.types import refusal
from esmith.store import limits
from tests.schema.kit import SHIPPED

FILES = sorted(str(path.relative_to(SHIPPED)) for path in SHIPPED.glob("*/*.toml"))


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """Return the shipped schema."""
    root = tmp_path_factory.mktemp("root")
    (root / "etc/e-smith").mkdir(parents=True)
    (root / "etc/e-smith/db").symlink_to(SHIPPED)
    return Schema(Layout(str(root)))


def load(schema: Schema, name: str) -> RecordSchema:
    """Return what a shipped file says."""
    database, _, file = name.partition("/")
    (found,) = [found for found in schema.files(database) if f"{found.key}.toml" == file]
    return found


def properties(record: RecordSchema) -> list[Property]:
    """Return the properties of a record, its value among them."""
    return [*record.properties.values(), *([record.value] if record.value else [])]


def test_all_databases_are_there(schema: Schema) -> None:
    """There are schema files for each database of the mail system, and every file is found."""
    assert {"accounts", "configuration", "domains", "hosts", "networks", "spamassassin"} <= set(schema.databases())
    found = [f"{database}/{file.key}.toml" for database in schema.databases() for file in schema.files(database)]
    assert sorted(found) == FILES
    assert len(FILES) > 60


@pytest.mark.parametrize("name", FILES)
def test_a_record_is_described(schema: Schema, name: str) -> None:
    """Each file has a line of help, and says either the type of its records or what their value may be."""
    record = load(schema, name)
    assert record.help.strip()
    assert "\n" not in record.help
    assert (record.type is None) == (record.value is not None)
    assert not (record.value and record.properties), "a value has no properties"
    if record.key.startswith("@"):
        assert record.type == record.key[1:]
    if record.type is not None:
        limits.check_type(record.database, record.key, record.type)
    limits.check_key(record.database, record.key.lstrip("@"))


@pytest.mark.parametrize("name", FILES)
def test_every_property_has_help(schema: Schema, name: str) -> None:
    """Each property has one line of help that fits beside its name."""
    for prop in load(schema, name).properties.values():
        assert prop.help.strip(), prop.name
        assert "\n" not in prop.help, prop.name
        assert len(prop.help) <= 100, prop.name


@pytest.mark.parametrize("name", FILES)
def test_every_property_has_a_label(schema: Schema, name: str) -> None:
    """Each property has a short name for people, which no other of its record has."""
    labels = [prop.label for prop in properties(load(schema, name)) if not prop.removed]
    for label in labels:
        assert 2 < len(label) <= 45, label
        assert label[0].isupper() or label.startswith(("admin ", "qpsmtpd ", "qmail ")), label
        assert label == label.strip(" .:"), label
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", FILES)
def test_what_decides_whether_a_form_shows_it(schema: Schema, name: str) -> None:
    """A condition names another property that there is, and values that it may have."""
    record = load(schema, name)
    for prop in properties(record):
        if prop.shown_if:
            other, _, values = prop.shown_if.partition("=")
            known = record.properties[other]
            assert known.name != prop.name
            assert [refusal(known, value) for value in values.split("|")] == [None] * len(values.split("|"))


@pytest.mark.parametrize("name", FILES)
def test_defaults_satisfy_their_types(schema: Schema, name: str) -> None:
    """Defaults, forced values, replacements and floors are values that their property accepts."""
    for prop in properties(load(schema, name)):
        values = [prop.default, prop.force, prop.raise_to]
        values += prop.values
        if prop.type != "list":
            values += prop.replace_values.values()
        for value in values:
            if value is not None:
                assert refusal(prop, value) is None, f"{prop.name}: {value!r}"
                limits.check_value(prop.name, value)


@pytest.mark.parametrize("name", FILES)
def test_words_fit_together(schema: Schema, name: str) -> None:
    """What a property says makes sense: choices for a choice, bounds for numbers, no default of what is removed."""
    record = load(schema, name)
    for prop in properties(record):
        assert prop.values or prop.type != "choice", prop.name
        assert (prop.minimum, prop.maximum) == (None, None) or prop.type in ("integer", "number", "size"), prop.name
        assert not prop.obsolete_values or prop.type == "list", prop.name
        assert prop.default is None or prop.force is None, prop.name
        assert not prop.removed or (prop.default, prop.force, prop.generate) == (None, None, None), prop.name
        assert prop.generate is None or prop.secret, prop.name
        assert prop.name not in prop.renamed_from
        assert not set(prop.renamed_from) & set(record.properties), "an old name is not a name of today"
    old = [name for prop in record.properties.values() for name in prop.renamed_from]
    assert len(old) == len(set(old)), "an old name has one new name"


@pytest.mark.parametrize("name", FILES)
def test_defaults_are_not_migrated(schema: Schema, name: str) -> None:
    """No default holds what a migration of the same property takes out, or the next start would change it."""
    for prop in properties(load(schema, name)):
        for value in (prop.default, prop.force):
            if value is not None:
                assert migrated_value(prop, value) == value, prop.name
        for new in prop.replace_values.values():
            assert new not in prop.replace_values, f"{prop.name}: {new!r} would be replaced again"
            assert not any(fnmatchcase(new, pattern) for pattern in prop.obsolete_values), prop.name


@pytest.mark.parametrize("name", FILES)
def test_ensured_records_satisfy_their_own_schema(schema: Schema, name: str) -> None:
    """A record that is made after another's value names a setting that exists, with values its schema accepts."""
    record = load(schema, name)
    if record.ensure_from is None:
        assert record.ensure == {}
        return
    database, _, key = record.ensure_from.partition(":")
    assert (SHIPPED / database / f"{key}.toml").is_file()
    for prop, value in record.ensure.items():
        known = record.property(prop)
        assert known is not None
        assert refusal(known, value) is None


@pytest.mark.parametrize("name", FILES)
def test_no_comma_where_lists_are_split_by_it(schema: Schema, name: str) -> None:
    """The default of a list is what its entries joined by the separator are."""
    for prop in properties(load(schema, name)):
        if prop.type == "list" and prop.default:
            assert prop.separator.join(entries(prop.default)) == prop.default


def test_the_readme_describes_every_word() -> None:
    """db/README.md has each type and each word that a shipped file uses."""
    text = (SHIPPED / "README.md").read_text()
    words = set()
    for path in SHIPPED.glob("*/*.toml"):
        data = tomllib.loads(path.read_text())
        words |= set(data)
        for table in [*data.get("properties", {}).values(), data.get("value", {})]:
            words |= set(table) | {table["type"]} if "type" in table else set(table)
    for word in words - {"properties", "type"}:
        assert f"`{word}" in text or f"{word} =" in text or f"[{word}]" in text, word


def test_only_schema_files_are_shipped() -> None:
    """Nothing but schema files and their README lies in the shipped directory."""
    others = [path for path in SHIPPED.rglob("*") if path.is_file() and path.suffix != ".toml"]
    assert others == [SHIPPED / "README.md"]
