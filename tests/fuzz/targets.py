"""What is fuzzed: for each parser a function that gives it bytes and looks at what comes of them.

Whatever the bytes are, nothing but an :class:`esmith.errors.EsmithError` may come out, and what is written is read back
as it was. The same functions run under atheris (``make fuzz``) and in the tests.
"""

from __future__ import annotations

import atexit
import io
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import FrameType
from typing import NoReturn

from esmith.cli import db
from esmith.errors import EsmithError, ExitCode, TemplateError
from esmith.fragments.metadata import MetadataFiles
from esmith.fragments.original import NAMES, OriginalMetadata
from esmith.fragments.tree import TemplateTree
from esmith.layout import Layout
from esmith.perl.protocol import MessageReader, encode
from esmith.perl.service import StoreService
from esmith.perl.sources import StoreSource
from esmith.schema.check import check_key, check_record
from esmith.schema.load import Schema
from esmith.schema.migrate import migrated_value
from esmith.services.definition import Services
from esmith.store import open_store
from esmith.store.flat.file import FlatFile
from esmith.store.flat.format import format_record, parse
from esmith.store.flat.source import FlatSource
from esmith.store.model import Author
from tests.fuzz import FOLDER
from tests.memory import memory

#: No input of the sizes that are tried takes a hundredth of that.
SECONDS = 10.0
AUTHOR = Author("fuzz", "", ["fuzz"])
#: The template and the service whose files are fuzzed.
TEMPLATE, SERVICE = "/etc/fuzzed", "fuzzed"
_EXIT_CODES = {code for name, code in vars(ExitCode).items() if name.isupper()}
#: After so many inputs the databases are empty again: each change makes the journal longer.
_EMPTY_AFTER = 500


class TooSlowError(Exception):
    """An input took longer than :data:`SECONDS`."""


@cache
def _folder() -> Path:
    """Return a folder for the files of this process; it goes with the process, or with the one that names it."""
    place = os.environ.get(FOLDER) or memory()
    folder = Path(tempfile.mkdtemp(prefix="esmith-fuzz-", dir=place)).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _layout(name: str) -> Layout:
    """Return the layout of a root of this process, one for each target."""
    root = _folder() / name / "root"
    for directory in ("etc/e-smith/templates", "etc/e-smith/db/t", f"etc/e-smith/services/{SERVICE}"):
        (root / directory).mkdir(parents=True)
    return Layout(str(root))


def _write(layout: Layout, path: str, data: bytes) -> str:
    target = layout.under(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(data)
    return target


def flat_format(data: bytes) -> None:
    """The lines of a flat file: each record is written so that it is read again."""
    text = []
    for entry in parse(data):
        line = format_record(entry.record)
        (again,) = parse(line.encode("utf-8", "surrogateescape"))
        assert again.record == entry.record, (again.record, entry.record)
        text.append(line)
    whole = "\n".join(text).encode("utf-8", "surrogateescape")
    assert [entry.record for entry in parse(whole)] == [entry.record for entry in parse(data)]


def flat_file(data: bytes) -> None:
    """A flat file as ``esmith import`` reads it, and as ``db PATH`` changes it: the other records stay."""
    path = _write(_layout("flat"), "/flat", data)
    source = FlatSource(path, "t")
    with suppress(EsmithError):
        source.read()
    store = FlatFile(path)
    with suppress(EsmithError):
        with store.snapshot() as snapshot:
            before = {record.key: record for record in snapshot.records(path)}
        with store.transaction(AUTHOR) as transaction:
            transaction.set_type(path, "new record", "v")
        with store.snapshot() as snapshot:
            after = {record.key: record for record in snapshot.records(path)}
        assert after.pop("new record").type == "v"
        before.pop("new record", None)
        assert after == before


def template_toml(data: bytes) -> None:
    """The ``template.toml`` of a template, and the pattern of its check in use."""
    layout = _layout("template")
    path = _write(layout, f"/etc/e-smith/templates{TEMPLATE}/template.toml", data)
    Path(path).with_name("10text").write_text("x\n")
    tree = TemplateTree(layout)
    files = MetadataFiles(tree, OriginalMetadata(layout, _no_perl))
    with suppress(EsmithError):
        metadata = files.of(files.find(TEMPLATE))
        assert metadata.mode is not None


def templates_metadata(data: bytes) -> None:
    """The original's ``templates.metadata`` of a template, up to where only perl could go on."""
    layout = _layout("original")
    _write(layout, f"/etc/e-smith/templates.metadata{TEMPLATE}", data)
    _write(layout, f"/etc/e-smith/templates{TEMPLATE}/10text", b"x\n")
    original = OriginalMetadata(layout, _no_perl)
    tree = TemplateTree(layout)
    for name in NAMES:
        with suppress(EsmithError):
            original.value(TEMPLATE, name)
    for read in (original.mode, original.output, original.needs_perl, MetadataFiles(tree, original).find):
        with suppress(EsmithError):
            read(TEMPLATE)
    for name in ("UID", "GID"):
        with suppress(EsmithError):
            original.name(TEMPLATE, name)
    with suppress(EsmithError):
        MetadataFiles(tree, original).of(tree.find(TEMPLATE))


def _no_perl() -> NoReturn:
    raise TemplateError("there is no perl here")


def schema(data: bytes) -> None:
    """A schema file, and what its rules make of values."""
    layout = _layout("schema")
    for name in ("k", "@v"):
        _write(layout, f"/etc/e-smith/db/t/{name}.toml", data)
    found = Schema(layout)
    for key, type in (("k", "v"), ("other", "v")):
        with suppress(EsmithError):
            record = found.record("t", key, type)
            check_key(found, "t", key, type)
            properties = record.properties if record else {}
            for name, prop in properties.items():
                for value in ("", "5", "enabled", "a,b", "-1.5", "10M", *prop.values[:3]):
                    migrated_value(prop, value)
                    with suppress(EsmithError):
                        check_record(found, "t", key, type, {name: value})


def service_toml(data: bytes) -> None:
    """The ``service.toml`` of a service, and the older file for all of them."""
    layout = _layout("service")
    old = "/etc/e-smith/services.toml"
    paths = (old, f"/etc/e-smith/services/{SERVICE}/service.toml", "/etc/e-smith/services/service.toml")
    for path in paths:
        with suppress(EsmithError):
            try:
                _write(layout, path, data)
                Services(layout).of(SERVICE)
            finally:
                os.unlink(layout.under(path))


def protocol(data: bytes) -> None:
    """Bytes on the pipe from Perl: the messages in them are written as they were read."""
    stream = io.BytesIO(data)
    reader = MessageReader(lambda wanted: stream.read(min(wanted, 7)))
    with suppress(EsmithError):
        while (message := reader.next()) is not None:
            again = io.BytesIO(encode(message))
            assert MessageReader(again.read).next() == message


class _Databases:
    """The databases of a root, which are empty again after some inputs."""

    def __init__(self, name: str) -> None:
        self.layout = _layout(name)
        self._left = 0

    def ready(self) -> None:
        """Make them empty when it is time."""
        self._left -= 1
        if self._left < 0:
            shutil.rmtree(self.layout.database, ignore_errors=True)
            os.makedirs(os.path.dirname(self.layout.database), exist_ok=True)
            open_store(self.layout, create=True).close()
            self._left = _EMPTY_AFTER


@cache
def _databases(name: str) -> _Databases:
    return _Databases(name)


def _harmless(word: bytes) -> bytes:
    """Return a word that names no path outside of the folder."""
    return word.replace(b"/", b"-").replace(b"\0", b"")


def perl_operations(data: bytes) -> None:
    """A message of any fields: the answer is one as well. A field 0xff is a missing one."""
    databases = _databases("perl")
    databases.ready()
    source = StoreSource(databases.layout, AUTHOR)
    try:
        service = StoreService(databases.layout, source, schema=Schema(databases.layout))
        for line in data.split(b"\n")[:5]:
            fields = [None if field == b"\xff" else _harmless(field) for field in line.split(b"\t")]
            answer = service.answer(fields)
            again = io.BytesIO(encode(answer))
            assert MessageReader(again.read).next() == answer
            assert answer[0] in (b"done", b"failed")
    finally:
        source.close()


def command_line(data: bytes) -> None:
    """The words of a ``db`` or ``config`` command, one a line: it ends with one of the exit codes."""
    databases = _databases("command")
    databases.ready()
    words = [os.fsdecode(_harmless(word)) for word in data.split(b"\n")]
    program = db.run_config if words[0].startswith("c") else db.run_db
    kept = sys.argv, sys.stdout, sys.stderr, os.environ.get("ESMITH_ROOT"), os.getcwd(), dict(os.environ)
    sys.argv = ["db", *words[1:]]
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO()) for _ in range(2))
    os.chdir(_folder())
    os.environ["ESMITH_ROOT"] = databases.layout.root
    try:
        code = program()
    finally:
        sys.argv, sys.stdout, sys.stderr = kept[:3]
        os.chdir(kept[4])
        os.environ.clear()
        os.environ.update(kept[5])
    assert code in _EXIT_CODES, code


#: Shipped files that are good inputs as well, by their target.
SHIPPED = {
    "template-toml": "templates/**/template.toml",
    "schema": "db/*/*.toml",
    "service-toml": "services/*/service.toml",
}
_HERE = Path(__file__).parent


def seeds_of(name: str) -> dict[str, bytes]:
    """Return the inputs that a target begins with, by their names: those of ``seeds``, and shipped files."""
    files = {path.name: path for path in sorted((_HERE / "seeds" / name).iterdir())}
    files |= {"-".join(path.parts[-3:]): path for path in sorted(_HERE.parents[1].glob(SHIPPED.get(name, "none")))}
    return {name: path.read_bytes() for name, path in files.items()}


#: The targets, each with how many of a million inputs it gets.
TARGETS: dict[str, tuple[Callable[[bytes], None], int]] = {
    "flat-format": (flat_format, 300_000),
    "flat-file": (flat_file, 60_000),
    "template-toml": (template_toml, 80_000),
    "templates-metadata": (templates_metadata, 120_000),
    "schema": (schema, 80_000),
    "service-toml": (service_toml, 80_000),
    "protocol": (protocol, 180_000),
    "perl-operations": (perl_operations, 50_000),
    "command-line": (command_line, 50_000),
}


def run(name: str, data: bytes) -> None:
    """Give bytes to a target.

    :raises TooSlowError: when that takes too long.
    :raises Exception: whatever comes out that should not.
    """
    before = signal.signal(signal.SIGALRM, _too_slow)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        TARGETS[name][0](data)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _too_slow(_number: int, _frame: FrameType | None) -> NoReturn:
    raise TooSlowError
