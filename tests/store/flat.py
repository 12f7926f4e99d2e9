"""What the tests of flat files share: all that can be stored, as hypothesis makes it up, and the original's reader."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import strategies as st

from esmith.store.limits import MAX_NAME_BYTES
from esmith.store.model import Record
from tests.commands import TIMEOUT_SECONDS
from tests.programs import path_of

#: Pieces that mean something in a flat file, between characters of all kinds.
_PIECES = st.sampled_from(
    [
        "\\",
        "\\n",
        "\\\\n",
        "|",
        "\\|",
        "n",
        "=",
        "#",
        " ",
        "\t",
        "# exact: ",
        "\xa0",
        "\u2028",
        "é",
        "日",
        "🦑",
        '"',
        "0",
    ]
)
_CHARACTERS = st.characters(exclude_categories=["Cc", "Cs"])
#: Values within the limits of the store.
VALUES = st.lists(_PIECES | _CHARACTERS, max_size=8).map("".join)
#: Types: no bar.
TYPES = VALUES.map(lambda text: text.replace("|", ""))
#: Names of properties: no bar, not empty.
NAMES = TYPES.filter(bool)


def _storable_key(key: str) -> bool:
    return bool(key) and key == key.strip(" \t") and not key.startswith("#") and "=" not in key


KEYS = VALUES.filter(_storable_key)
RECORDS = st.builds(Record, KEYS, TYPES, st.dictionaries(NAMES, VALUES, max_size=5))
#: Databases: records by their keys.
DATABASES = st.lists(RECORDS, max_size=15).map(lambda records: {record.key: record for record in records})

#: The longest that can be stored.
LONGEST = Record("k" * 400, "é" * 32_768, {"p" * (MAX_NAME_BYTES - 401): "\\n" * 32_768, "q": "|" * 65_536})


def read_as_the_original(data: bytes) -> dict[str, Record]:
    """Return what the original reads in a file."""
    perl = path_of("perl")
    done = subprocess.run(
        [perl, str(Path(__file__).parent / "flat_reader.pl")],
        input=data,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    assert done.stderr == b""
    found = {}
    for row in done.stdout.decode("utf-8", "surrogateescape").split("\x01")[:-1]:
        key, type, *fields = row.split("\0")[:-1]
        found[key] = Record(key, type, dict(zip(fields[::2], fields[1::2], strict=True)))
    return found
