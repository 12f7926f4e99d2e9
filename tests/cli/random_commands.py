"""Command lines of ``db`` at random, and a runner in this process: for test_db_random.py."""

from __future__ import annotations

import io
import os
import random
import sys

from esmith.cli import db
from tests.cli.oracle import TABLE

_KEYS = ["a", "b", "Foo", "Squid", "0", "_", "é", "-x", "k|p", "two words", "\\n", '"q"', "--", "type"]
_ODD_KEYS = ["", " a", "a ", "a=b", "#c", "a\nb", "\udcff", "k" * 509, "k" * 511, "\ta", "a\x07b", "\xa0a", "日" * 3]
_PROPS = ["p", "q", "status", "type", "0", "P", "é", "-p", "two words", "x=y", "#p", " p "]
_ODD_PROPS = ["", "a|b", "a\nb", "\udcff", "p" * 505, "\\", "a\x1bb"]
_VALUES = ["", "v", "enabled", "1", "0", "a b", " both ", "x=y", "#h", "$x `x` %s", "'\"", "a\tb", "é", "日本", "-v"]
_ODD_VALUES = [
    "a|b",
    "a\\|b",
    "end\\",
    "\\n",
    "\\\\n",
    "|",
    "\\",
    "a\nb",
    "\n",
    "a\rb",
    "\x7f",
    "\x85",
    "\u2028",
    "\udcff\udcfe",
    "v" * 65_536,
    "v" * 65_537,
    "# exact: {}",
    "signal-event",
]
_UNKNOWN_VERBS = ["", "GET", "nosuch", "create", "printjson", "show ", "-h", "é"]


class Generator:
    """Command lines, the same for the same seed.

    :param seed: of the random numbers.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def words(self) -> list[str]:
        """Return the words after the database."""
        draw = self._random
        if draw.random() < 0.02:
            return [draw.choice(_UNKNOWN_VERBS), self._of(_KEYS, _ODD_KEYS)][: draw.randrange(3)]
        verb = draw.choice(list(TABLE))
        words = self._whole(verb)
        chance = draw.random()
        if chance < 0.06:
            words = words[: draw.randrange(len(words) + 1)]
        elif chance < 0.12:
            words.append(self._of(_VALUES, _ODD_VALUES))
        elif chance < 0.18 and words:
            # A variable of a script that is not set.
            words[draw.randrange(len(words))] = ""
        return [verb, *words]

    def _whole(self, verb: str) -> list[str]:
        operands, _, _, pairs = TABLE[verb]
        if not operands or (operands == "[key]" and self._random.random() < 0.3):
            return []
        words = [self._of(_KEYS, _ODD_KEYS)]
        if verb in ("set", "setdefault", "settype"):
            words.append(self._of(_VALUES, _ODD_VALUES))
        if pairs is not None:
            for _ in range(self._random.randrange(2 - pairs + (pairs == 2), 4)):
                words += [self._of(_PROPS, _ODD_PROPS), self._of(_VALUES, _ODD_VALUES)]
        elif verb in ("getprop", "delprop", "printprop"):
            least = 0 if verb == "printprop" else 1
            many = 1 if verb == "getprop" else self._random.randrange(least, 4)
            words += [self._of(_PROPS, _ODD_PROPS) for _ in range(many)]
        return words

    def _of(self, usual: list[str], odd: list[str]) -> str:
        return self._random.choice(odd if self._random.random() < 0.08 else usual)


def run(root: str, words: list[str]) -> tuple[int, str, str]:
    """Run ``db`` in this process, under a root folder.

    :param words: its arguments; bytes that are not UTF-8 are surrogates.
    :return: exit code, standard output and standard error.
    """
    kept = sys.argv, sys.stdout, sys.stderr, dict(os.environ)
    sys.argv = ["db", *words]
    out, err = io.BytesIO(), io.BytesIO()
    sys.stdout, sys.stderr = io.TextIOWrapper(out, "utf-8"), io.TextIOWrapper(err, "utf-8")
    os.environ["ESMITH_ROOT"] = root
    try:
        code = db.run_db()
    finally:
        texts = [stream.getvalue().decode("utf-8", "surrogateescape") for stream in (out, err)]
        sys.argv, sys.stdout, sys.stderr = kept[:3]
        os.environ.clear()
        os.environ.update(kept[3])
    return code, texts[0], texts[1]
