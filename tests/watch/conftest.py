"""Fixtures: a root that is watched by hand, and one that a process watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands import Root
from tests.watch.kit import Post, Process


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """A root whose event ``try`` expands ``/etc/a``, already expanded."""
    post = Post(tmp_path / "root", monkeypatch)
    yield post
    post.store.close()


@pytest.fixture
def watch(office: Root) -> Iterator[Callable[..., Process]]:
    """Return what starts ``esmith watch`` in the small office; it is ended after the test."""
    started: list[Process] = []

    def start(*words: str) -> Process:
        started.append(Process(office, *words))
        return started[-1]

    yield start
    for process in started:
        code, errors = process.end()
        assert (code, errors) == (0, "")
