"""The words of docs/concepts.md, and none of those that they replace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
#: What is looked through, one test each.
PLACES = (
    "esmith",
    "tests",
    "docs",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "checks",
    "commands",
    "db",
    "events",
    "services",
    "templates",
    "templates-custom",
    "plugins",
    "demo",
    "bench",
    ".ci",
)


class Banned(NamedTuple):
    """A word that is not to be used.

    :param pattern: a regular expression, in lower case. A blank in it is white space, also the end of a line with the
        comment sign of the next one, or the underscore of a name.
    :param instead: what to write.
    :param sample: a text that has it.
    """

    pattern: str
    instead: str
    sample: str


BANNED = (
    Banned("owe[ds]?|owing", "pending, pending action", "the restart is owed"),
    Banned("told|tells?|telling", "restarted, reloaded, notified; shown, reported, logged", "the service is told"),
    Banned("said", "the metadata, the source; or: has, holds, names, printed", "what is said there"),
    Banned("says? of", "the metadata, the source; or: has, holds, names, says about", "what the file says of it"),
    Banned("(?:speaks?|spoke|spoken|speaking) of", "is about, names, affects", "it speaks of templates"),
    Banned("what of", "which parts of", "what of it was read"),
    Banned(
        "(?:service|strongest) words?|words? of (?:an|the) (?:event|service)|words? of services2adjust",
        "service action",
        "the strongest word wins",
    ),
    Banned("anew", "again", "it reads the file anew"),
    Banned("surely", "(leave it out)", "it is surely there"),
    Banned("mend(?:s|ed|ing)?", "correct, repair", "until it is mended"),
    Banned("all the same", "still, anyway", "it is stored all the same"),
    Banned(r"(?<!there[\s_])is no file", "is not a file", "what is no file"),
    Banned("put(?:s|ting)? (?:it |them )?back", "restore, roll back", "the files are put back"),
    Banned("(?:goes|went|gone) back", "is restored, is rolled back", "everything goes back"),
    Banned("in vain", "without effect", "it was tried in vain"),
    Banned("hardly", "seldom, almost never", "it hardly happens"),
    Banned("for ever", "without end, without limit", "it waits for ever"),
    Banned(
        "(?:keep|keeps|keeping|kept|copy|copies|copied) (?:[a-z]+ ){0,3}aside",
        "keep a backup copy",
        "a file kept aside",
    ),
    Banned("concern(?:s|ed|ing)?", "affect", "it concerns the template"),
    Banned("lays?|laid|laying", "install, write", "the files it lays"),
)


class Exempt(NamedTuple):
    """A place where a word has to stay.

    :param path: a pattern of paths.
    :param text: what the line has; "": any line of the file.
    :param reason: why.
    """

    path: str
    text: str
    reason: str


EXEMPT = (
    Exempt("tests/test_words.py", "", "the table itself"),
    Exempt("tests/page/transcripts/*", "", "the text of the wiki page"),
    Exempt("docs/page.md", "tell apart fetched mail", "a title of the wiki page"),
    Exempt("esmith/events/pending.py", 'TABLE = "owed"', "a table of databases that are in use"),
    Exempt("CHANGELOG.md", "`owed`", "the former name of a key"),
    Exempt("plugins/qpsmtpd/disclaimer", "tell $file", "a function of Perl"),
)


_BLANK = r"[\s#_]+"


def _compiled(word: str) -> list[re.Pattern[str]]:
    """Return patterns for text in small letters, one for each way to write a banned word.

    Where one begins with a letter, that stands before the condition on what is in front of it: then it is looked for as
    a letter, which is ten times as fast as to ask for the condition everywhere. All texts together have millions.
    """
    ways = word.split("|") if "(" not in word else [word]
    patterns = []
    for way in ways:
        first, rest = (way[0], way[1:]) if way[0].isalpha() and "|" not in _outside(way) else ("", way)
        patterns.append(f"{first}(?<![a-z]{first})(?:{rest.replace(' ', _BLANK)})(?![a-z])")
    return [re.compile(pattern) for pattern in patterns]


def _outside(pattern: str) -> str:
    """Return what of a pattern is not in brackets."""
    while (shorter := re.sub(r"\([^()]*\)", "", pattern)) != pattern:
        pattern = shorter
    return pattern


_PATTERNS = [(pattern, word) for word in BANNED for pattern in _compiled(word.pattern)]


def _find(text: str) -> Iterator[tuple[int, str, Banned]]:
    """Yield the line number and the line of each banned word, and which it is."""
    lines = text.splitlines()
    # Of bytes only the letters of ASCII become small, so that all stays where it was.
    small = text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    for pattern, word in _PATTERNS:
        for match in pattern.finditer(small):
            number = text.count("\n", 0, match.start()) + 1
            yield number, lines[number - 1], word


def _files(place: str) -> Iterator[tuple[str, str]]:
    """Yield the paths of the text files in a place, from the root of the repository, and what they hold."""
    start = ROOT / place
    for file in sorted(start.rglob("*")) if start.is_dir() else [start]:
        if file.is_symlink() or not file.is_file() or "__pycache__" in file.parts:
            continue
        content = file.read_bytes()
        if b"\0" not in content:
            yield str(file.relative_to(ROOT)), content.decode("utf-8", "replace")


@cache
def _look(place: str) -> tuple[list[str], set[Exempt]]:
    """Return what is wrong in a place, and the exemptions that were needed."""
    wrong, needed = [], set()
    for path, text in _files(place):
        for number, line, word in _find(text):
            exempt = [one for one in EXEMPT if fnmatch(path, one.path) and one.text in line]
            needed |= set(exempt)
            if not exempt:
                wrong.append(f"{path}:{number}: {line.strip()}\n    write instead: {word.instead}")
    return wrong, needed


@pytest.mark.parametrize("place", PLACES)
def test_the_words_of_the_glossary(place: str) -> None:
    """No text has a word for which docs/concepts.md has another; the failure names the line and what to write."""
    wrong, _ = _look(place)
    assert not wrong, f"{len(wrong)} words that docs/concepts.md replaces:\n" + "\n".join(wrong)


def test_every_place_has_text() -> None:
    """Each place is there, so that none is passed over after it was renamed."""
    assert [place for place in PLACES if not any(True for _ in _files(place))] == []


def test_every_exemption_is_needed() -> None:
    """An exemption that excuses nothing any more is removed from the table."""
    needed = {one for place in PLACES for one in _look(place)[1]}
    assert [one for one in EXEMPT if one not in needed] == []


@pytest.mark.parametrize("word", BANNED, ids=[word.pattern for word in BANNED])
def test_a_banned_word_is_found(word: Banned) -> None:
    """A text with the word is refused: in capitals, across lines of a comment, and as the name of a function."""
    for text in (
        word.sample,
        word.sample.upper(),
        "# " + word.sample.replace(" ", "\n    # "),
        f"def test_{word.sample.replace(' ', '_')}():",
    ):
        assert [found for _, _, found in _find(text)] == [word], text


@pytest.mark.parametrize(
    "text",
    [
        "as long as it is there",
        "the layer and the layout were followed",
        "what is allowed is shown in intelligible form",
        "there is no file, and there is no filename",
        "a backslash is put in front; the administrator may go back to a generation",
        "put aside; what often happens; a recommended amendment",
        "a word of a command line",
        "known by saidar, retold by a teller",
    ],
)
def test_other_words_pass(text: str) -> None:
    """Words that only resemble a banned one, and such with another meaning, are not refused."""
    assert list(_find(text)) == []


def test_a_find_names_its_line() -> None:
    """The number is that of the line in which the word begins."""
    assert [(number, line) for number, line, _ in _find("one\ntwo, all\nthe same\n")] == [(2, "two, all")]
