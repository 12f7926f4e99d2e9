"""Playing transcripts on a stage: what is typed, whether all of it happened that should, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.page.files import Eye, Look, changed, describe, faults
from tests.page.stage import Outcome, Stage
from tests.page.transcript import Block, Command, Scene, Transcript
from tests.programs import is_installed
from tests.unchecked import without_unchecked


class Player:
    """Plays blocks on one stage and collects what went otherwise than the transcript says.

    :param stage: where.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.faults: list[str] = []
        self._eye = Eye(stage)
        self._before: list[tuple[Block, Look]] = []
        self.now: Look = self._eye.look()

    def play(self, transcript: Transcript, block: Block) -> None:
        """Type a block's commands, and look at the files after each scene."""
        self._before.append((block, self.now))
        for scene in block.scenes:
            self._play_scene(transcript, block, scene)

    def type(self, transcript: Transcript, block: Block) -> None:
        """Type a block's commands without looking at files."""
        for command in block.commands:
            self._type(transcript, command)

    def take_back(self, transcript: Transcript) -> None:
        """Undo the blocks that were played, the last first; each time every file must be as it was before."""
        for block, before in reversed(self._before):
            for command in block.undo:
                self._type(transcript, command)
            self.now = self._eye.look()
            for path in changed(before, self.now):
                self.faults.append(f"undoing {block.name} leaves a difference:\n{_indented(path, before, self.now)}")

    def _play_scene(self, transcript: Transcript, block: Block, scene: Scene) -> None:
        self.stage.take(self.stage.services)
        self.stage.take(self.stage.log)
        before = self.now
        for command in scene.commands:
            self._type(transcript, command)
        self.now = self._eye.look()
        named = {transcript.substituted(effect.path) for effect in scene.files}
        for effect in scene.files:
            effect.path = transcript.substituted(effect.path)
            self.faults += faults(effect, before, self.now)
        if scene.nothing and scene.files:
            self.faults.append(f"{block.name}: says both that no file changes and that some do")
        for path in changed(before, self.now):
            if path not in named:
                self.faults.append(f"block {block.name} changes besides:\n{_indented(path, before, self.now)}")
        self._check_calls(block, scene)

    def _check_calls(self, block: Block, scene: Scene) -> None:
        services = self.stage.take(self.stage.services)
        if sorted(services) != sorted(scene.services):
            self.faults.append(f"block {block.name} adjusts {sorted(services)}, not {sorted(scene.services)}")
        calls = self.stage.take(self.stage.log)
        self.faults += [
            f"block {block.name} does not call {call!r}: {calls}" for call in scene.called if call not in calls
        ]

    def _type(self, transcript: Transcript, command: Command) -> None:
        typed = None if command.typed is None else transcript.substituted(command.typed)
        outcome = self.stage.run(transcript.substituted(command.text), typed)
        self.faults += [f"{command.place}: $ {command.text}\n    {fault}" for fault in answer_faults(command, outcome)]


def answer_faults(command: Command, outcome: Outcome) -> list[str]:
    """Return what a command answered otherwise than the transcript says."""
    found = []
    complaints = without_unchecked(outcome.err)
    if outcome.code != command.code:
        found.append(f"exits {outcome.code}, not {command.code}; stderr: {outcome.err[-2000:]}")
    if command.complains is None and complaints:
        found.append(f"complains: {complaints[-2000:]}")
    if "Traceback" in outcome.err:
        found.append("is a crash")
    rest = complaints
    for text in command.complains or ():
        place = rest.find(text)
        if place < 0:
            found.append(f"does not complain {text!r}; stderr: {outcome.err[-2000:]}")
        else:
            rest = rest[place + len(text) :]
    if command.prints is not None:
        lines = outcome.out.splitlines()
        waiting = iter(lines)
        good = lines == command.prints if command.only else all(line in waiting for line in command.prints)
        if not good:
            found.append(f"prints {lines}, not {command.prints}")
    return found


def _indented(path: str, before: Look, after: Look) -> str:
    return "\n".join(f"    {line}" for line in describe(path, before, after).splitlines()[:40])


@dataclass
class Played:
    """What came of a play.

    :param stage: where it was; still open.
    :param faults: what went otherwise than the transcripts say.
    """

    stage: Stage
    faults: list[str]


def lacking(block: Block, kind: str) -> list[str]:
    """Return what a block cannot be played without on a kind of stage."""
    return [need for need in block.needs if not (kind == "machine" if need == "machine" else is_installed(need))]


def play_section(open_it: Callable[[], Stage], transcript: Transcript, blocks: Iterable[Block]) -> list[str]:
    """Play some blocks of a section on a stage of its own, and take them back.

    :return: what went otherwise than the transcript says.
    """
    stage = open_it()
    try:
        player = Player(stage)
        for block in blocks:
            player.play(transcript, block)
        player.take_back(transcript)
        return player.faults
    finally:
        stage.close()


def play_page(stage: Stage, transcripts: Iterable[Transcript], kind: str) -> Played:
    """Type every block of the page in page order, in the one shell of a stage that stays open."""
    player = Player(stage)
    pairs = [(transcript, block) for transcript in transcripts for block in transcript.blocks]
    for transcript, block in sorted(pairs, key=lambda pair: pair[1].line):
        if not lacking(block, kind):
            player.type(transcript, block)
    return Played(stage, player.faults)
