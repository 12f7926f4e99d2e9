"""Templates that are kept for the next command are what would be found again."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from esmith.errors import TemplateError
from esmith.fragments import kept_templates
from esmith.fragments.kept_templates import KeptTemplates
from esmith.fragments.render import Renderer
from esmith.layout import LAYERS
from esmith.plan.now import Now
from esmith.private import keep_all
from tests.examples import examples
from tests.fragments.kit import Trees

#: The clock of the file system goes in steps.
TICK_SECONDS = 0.02
PATHS = ("/a", "/etc/a", "/etc/b", "/etc/deep/c", "/etc/deep/{key}", "/etc/missing", "/etc/deep/k1")
NAMES = ("template-begin", "template-end", "10a", "20b", "30c~", "40d", "template.toml")
#: Links lead there, below the root.
OUTSIDE = "/srv/outside"
TEXTS = ("plain\n", "{{ qpsmtpd.DNSBL }}\n")
METADATA = (
    'mode = "0600"\n',
    'services = ["clamd"]\n',
    '[files.b]\noutput = "/etc/other"\n',
    'outputs = "k1\\nk2"\n',
    'check = { own = "lines" }\n',
    'check = { command = ["true", "{file}"], package = "coreutils", timeout = 5 }\n',
    "wrong\n",
)


@pytest.fixture
def young(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> Trees:
    """Give trees in which what was written this moment counts as settled."""
    monkeypatch.setattr(kept_templates, "TRUSTED_AGE_NS", -(10**18))
    return trees


def _found(trees: Trees, path: str, *, keeps: bool) -> object:
    """Return what a command finds for a path: the template, its metadata and its signature, or its mistake."""
    layers = () if keeps else tuple(trees.layout.layer(name) for name in LAYERS)
    with Renderer(trees.layout, trees.snapshot, layers) as renderer:
        try:
            signature = Now(renderer).signature(*renderer.find(path), [])
            found: object = (*renderer.find(path), renderer.makes_all(path), signature)
        except TemplateError as error:
            found = str(error)
    if keeps:
        keep_all(trees.layout.kept_code)
    return found


def _is_kept(trees: Trees, path: str) -> bool:
    with Renderer(trees.layout, trees.snapshot) as renderer:
        return KeptTemplates(trees.layout, renderer.tree.trees).find(path) is not None


class _Change:
    """Changes a random thing that templates follow from."""

    def __init__(self, trees: Trees, random: random.Random) -> None:
        self._trees, self._random = trees, random
        self._original_place = Path(trees.layout.under("/etc/e-smith/templates.metadata/a"))

    def __call__(self) -> str:
        """Change one thing, and return what."""
        steps = [self._file] * 8 + [self._metadata] * 6 + [self._link] * 2
        step = self._random.choice([*steps, self._outside, self._directory, self._check, self._original])
        if self._original_place.exists():
            # With it nothing is kept at all.
            step = self._original
        step()
        return step.__name__

    def _place(self, name: str) -> Path:
        directory = self._random.choice([*PATHS[:6], "/etc", "/etc/deep", ""])
        place = self._trees.place(self._random.choice(LAYERS), f"{directory}/{name}")
        if place.is_symlink() or place.is_file():
            place.unlink()
        return place

    def _file(self) -> None:
        self._write(self._place(self._random.choice(NAMES[:-1])), TEXTS)

    def _metadata(self) -> None:
        self._write(self._place(NAMES[-1]), METADATA)

    def _write(self, place: Path, texts: tuple[str, ...]) -> None:
        if self._random.randrange(3) and not place.is_dir():
            # The last one may be wrong, and is rare.
            place.write_text(self._random.choice([*texts[:-1] * 4, texts[-1]]))

    def _link(self) -> None:
        place = self._place(self._random.choice(NAMES))
        if not place.is_dir():
            place.symlink_to(self._random.choice(["/dev/null", "nowhere", OUTSIDE]))

    def _outside(self) -> None:
        self._turn(self._trees.file(OUTSIDE))

    def _directory(self) -> None:
        self._place("40d").mkdir(exist_ok=True)

    def _check(self) -> None:
        self._turn(Path(self._trees.layout.check("lines")))

    def _original(self) -> None:
        self._turn(self._original_place)

    def _turn(self, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists():
            place.unlink()
            if not any(place.parent.iterdir()):
                place.parent.rmdir()
        else:
            place.write_text("PERMS=0700\n")


@pytest.mark.parametrize("number", [examples(60), pytest.param(3000, marks=pytest.mark.long)])
def test_what_is_kept_is_what_is_there(young: Trees, number: int) -> None:
    """After random changes of the trees each command finds what one finds that keeps nothing."""
    change, done, kept = _Change(young, random.Random(number)), [], 0
    for path in PATHS[:5]:
        young.standard(f"{path}/10a", TEXTS[0])
    for _ in range(number):
        done.append(change())
        time.sleep(TICK_SECONDS)
        for path in PATHS:
            expected = _found(young, path, keeps=False)
            assert _found(young, path, keeps=True) == expected, (path, done[-5:])
            assert _found(young, path, keeps=True) == expected, (path, done[-5:])
            kept += _is_kept(young, path)
    assert kept > number


def test_what_changed_this_moment_is_not_kept(trees: Trees) -> None:
    """A file that could change once more and look the same has nothing kept."""
    trees.standard("/etc/a/10a", "a\n")
    _found(trees, "/etc/a", keeps=True)
    assert not _is_kept(trees, "/etc/a")


def test_a_damaged_file_counts_for_nothing(young: Trees) -> None:
    """What is kept is believed only as it was written."""
    young.standard("/etc/a/10a", "a\n")
    expected = _found(young, "/etc/a", keeps=True)
    assert _is_kept(young, "/etc/a")
    (place,) = Path(young.layout.kept_code).iterdir()
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    assert not _is_kept(young, "/etc/a")
    assert _found(young, "/etc/a", keeps=True) == expected
