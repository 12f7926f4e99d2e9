"""The engine that a text asks for is the same when it was kept."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from esmith.fragments import engine
from esmith.fragments.choice import Choice
from esmith.fragments.engine import choose_engine
from esmith.fragments.kept_choices import KeptChoices
from esmith.private import keep_all
from tests.fragments import languages, lookalikes
from tests.fragments.kit import Trees

SAMPLES = [
    text.encode("utf-8", "surrogateescape")
    for module in (languages, lookalikes)
    for name, texts in vars(module).items()
    if name.isupper() and isinstance(texts, dict)
    for text in texts.values()
    if isinstance(text, str)
]


def _mixed(number: int) -> list[bytes]:
    """Return the samples, and some that are put together of parts of them, perhaps cut within a character."""
    chance = random.Random(number)
    parts = [b"".join(chance.sample(SAMPLES, 2))[chance.randrange(9) :] for _ in range(number)]
    return [*SAMPLES, *parts, "\u00fc{{ a }}".encode()[1:], b""]


def test_what_is_kept_is_what_is_chosen(trees: Trees) -> None:
    """Each text asks for the same engine, with the same reason, when that was kept."""
    assert len(SAMPLES) > 100
    texts = _mixed(200)
    before = [KeptChoices(trees.layout).choose(text) for text in texts]
    choices = KeptChoices(trees.layout)
    assert [choices.choose(text) for text in texts] == before
    keep_all(trees.layout.kept_code)
    again = KeptChoices(trees.layout)
    for text, (choice, is_certain) in zip(texts, before, strict=True):
        shown = text.decode("utf-8", "surrogateescape")
        assert again.choose(text) == (choice, is_certain)
        assert choice == choose_engine(shown)
        assert is_certain == (choose_engine(shown, place="a place").engine == choice.engine)


def test_a_text_is_not_looked_at_again(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a text that is new, or whose file is damaged, is looked at."""
    KeptChoices(trees.layout).choose(b"{{ a }}")
    keep_all(trees.layout.kept_code)
    looked: list[str] = []

    def look(text: str, **_place: str) -> Choice:
        looked.append(text)
        return choose_engine(text)

    monkeypatch.setattr(engine, "choose_engine", look)
    KeptChoices(trees.layout).choose(b"{{ a }}")
    assert looked == []
    (place,) = Path(trees.layout.kept_code).iterdir()
    place.write_bytes(place.read_bytes()[:-1])
    KeptChoices(trees.layout).choose(b"{{ a }}")
    assert looked != []
