"""What is known of a line that somebody types."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmith.prompt.line import bash_line, bash_words, offered
from tests.commands import TIMEOUT_SECONDS
from tests.examples import examples
from tests.programs import path_of

BREAKS = " \t\n\"'@><=;|&(:"


@pytest.mark.parametrize(
    ("text", "words", "current", "kept"),
    [
        ("config setprop qps", ["config", "setprop"], "qps", 0),
        ("config setprop ", ["config", "setprop"], "", 0),
        ("config show 'a b' x", ["config", "show", "a b"], "x", 0),
        ('config show "a\\"b" x', ["config", "show", 'a"b'], "x", 0),
        ("config show a\\ b x", ["config", "show", "a b"], "x", 0),
        ("config show $x y", ["config", "show", None], "y", 0),
        ("config show `x` y", ["config", "show", None], "y", 0),
        ("config show * y", ["config", "show", None], "y", 0),
        ("config show '' y", ["config", "show", ""], "y", 0),
        ("ls; config sh", ["config"], "sh", 0),
        ("ls | db a", ["db"], "a", 0),
        ("echo $(config ge", ["config"], "ge", 0),
        ('config show "qps', ["config", "show"], "qps", 0),
        ("esmith history --database=acc", ["esmith", "history"], "--database=acc", 11),
        ("db a show a:b", ["db", "a", "show"], "a:b", 2),
        ("db a show a@b", ["db", "a", "show"], "a@b", 1),
        ("config show a\\ b\\=c=d", ["config", "show"], "a b=c=d", 6),
        ("config show a\\", ["config", "show"], "a", 0),
        ("", [], "", 0),
    ],
)
def test_words_of_bash(text: str, words: list[str | None], current: str, kept: int) -> None:
    """Quotes are taken off, what only the shell knows is not known, and what bash keeps of a word is counted."""
    line = bash_line(text, BREAKS)
    assert line is not None
    assert (line.words, line.current, line.kept) == (words, current, kept)


@pytest.mark.parametrize("text", ["config show $", "config show 'a'b", "config show ~"])
def test_a_word_that_is_not_known(text: str) -> None:
    """Where the word at the cursor is what only the shell knows, there is nothing to complete."""
    assert bash_line(text, BREAKS) is None


@pytest.mark.parametrize("word", ["", "-a", "--", "a\nb", "a\x1bb", "a\tb", "a\u202eb", "a\u00a0b", "\udce9", "\x9b"])
def test_what_is_never_offered(word: str) -> None:
    """What a command takes for an option, and what a terminal does not show as it is, is left out; others stay."""
    assert offered([word]) == []
    assert offered(["a b", word, "c -d", "é"]) == ["a b", "c -d", "é"]


_WORDS = st.text(st.sampled_from("ab \"'\\$`*?~!#=:@%^{}[]()<>|&;,é€"), min_size=1, max_size=8)


@pytest.mark.program("bash")
@settings(max_examples=examples(5), deadline=None)
@given(st.lists(_WORDS | st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), min_size=40, max_size=60))
def test_bash_gets_the_word_that_is_meant(words: list[str]) -> None:
    """bash takes each word that is offered for itself alone, typed so far it is read again, and in quotes as well."""
    quoted = bash_words(words)
    for opened in "'\"":
        inside = bash_words(words, opened)
        words, quoted = [*words, *inside], [*quoted, *(f"{opened}{word}{opened}" for word in inside)]
    script = "".join(f"printf '%s\\n' {word}\n" for word in quoted)
    # As at a prompt: "!" would be the history's.
    command = [path_of("bash"), "--norc", "-c", f"set -H -o history\n{script}"]
    done = subprocess.run(command, env={"LC_ALL": "C.UTF-8"}, capture_output=True, timeout=TIMEOUT_SECONDS, check=True)
    assert done.stdout.decode().splitlines() == words
    for word, typed in zip(words, bash_words(words), strict=True):
        line = bash_line(f"db {typed}", BREAKS)
        assert line is not None and (line.words, line.current) == (["db"], word)
