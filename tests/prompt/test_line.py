"""What is known of a line that somebody types."""

from __future__ import annotations

import pytest

from esmith.prompt.line import bash_line, is_plain

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
        ("", [], "", 0),
    ],
)
def test_words_of_bash(text: str, words: list[str | None], current: str, kept: int) -> None:
    """Quotes are taken off, what only the shell knows is not known, and what bash keeps of a word is counted."""
    line = bash_line(text, BREAKS)
    assert line is not None
    assert (line.words, line.current, line.kept) == (words, current, kept)


@pytest.mark.parametrize("text", ["config show $", "config show a\\", "config show 'a'b", "config show ~"])
def test_a_word_that_is_not_known(text: str) -> None:
    """Where the word at the cursor is what only the shell knows, there is nothing to complete."""
    assert bash_line(text, BREAKS) is None


@pytest.mark.parametrize("word", ["qpsmtpd", "10.0.0.0", "a@b.example", "/etc/x_y", "Präfix", "a:b", "15M", "a=b"])
def test_plain(word: str) -> None:
    """A word that means itself in every shell is offered."""
    assert is_plain(word)


@pytest.mark.parametrize(
    "word",
    [
        "",
        "a b",
        "a\nb",
        "$x",
        "`x`",
        "a;b",
        "*",
        "a?",
        "[a]",
        "~",
        "#a",
        "=a",
        "-a",
        "!a",
        "a'b",
        "a\\b",
        "a\x1bb",
        "{a,b}",
        "a&b",
        "a|b",
        "a>b",
        "a\u202eb",
        "a\u00a0b",
        "^a",
        "%a",
    ],
)
def test_not_plain(word: str) -> None:
    """A word that any shell takes for more than itself is not."""
    assert not is_plain(word)
