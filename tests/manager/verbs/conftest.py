"""Fixtures: a root with events, and who changes settings there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import Root
from tests.events.kit import Scene
from tests.manager.verbs.kit import Desk, run_here


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A root where the service clamd reads /etc/t, which the event ``try`` writes; it is ``first`` now."""
    scene = Scene(tmp_path / "root", monkeypatch)
    scene.give_reader()
    yield scene
    scene.store.close()


@pytest.fixture
def desk(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Who changes settings there; jobs are done in this process."""
    scene.store.close()
    run_here(monkeypatch)
    return Desk(scene.path)


@pytest.fixture
def far_desk(scene: Scene) -> Desk:
    """The same, with jobs in processes of their own."""
    scene.store.close()
    return Desk(scene.path)


@pytest.fixture
def office_desk(office: Root, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Who changes settings of the office; jobs are done in this process."""
    run_here(monkeypatch)
    return Desk(office.path)
