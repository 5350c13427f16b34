"""The hand-off as worlds to explore: who meets, from which start."""

from __future__ import annotations

import copy
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.robustness.protocol import handoff_actors as actors
from tests.robustness.protocol.disk_calls import Calls
from tests.robustness.protocol.execution import Actor, Execution, World
from tests.robustness.protocol.explorer import Explorer
from tests.robustness.protocol.handoff_laws import Laws
from tests.robustness.protocol.model_disk import HOME, ModelDisk
from tests.robustness.protocol.steps import LEDGER, LOGS, Rules

from p2pcredit.jobs import decisions
from p2pcredit.retraining.state import Origin
from p2pcredit.storage.home_format import mark_home


@dataclass(frozen=True)
class Meeting:
    """Who meets.

    Args:
        cast: Makes the actors anew.
        waiting: Whether a decision of monitoring to retrain waits from the start.
        moved, broken, written_in_place: What people put into the decision file's place.
        decided: Which actor's decision must be in the ledger in the end.
        few, many: Preemptions (None is without bound) and faults, in a bounded run (None: not at all) and in full.
    """

    cast: Callable[[], list[Actor]]
    waiting: bool = False
    moved: tuple[bytes, ...] = ()
    broken: tuple[bytes, ...] = ()
    written_in_place: bytes | None = None
    decided: tuple[str, ...] = ()
    few: tuple[int | None, int] | None = (1, 1)
    many: tuple[int | None, int] = (2, 1)


HAND = actors.hand_written()
HAND_NO = actors.hand_written(retrain=False, reason="not now")


def one() -> Actor:
    return actors.training("first", actors.MONDAY)


def two() -> Actor:
    return actors.training("second", actors.TUESDAY)


def rival() -> Actor:
    return actors.training("rival", actors.MONDAY)


MEETINGS = {
    "monitoring and a training run": Meeting(
        lambda: [actors.monitoring(), one()], decided=("monitoring",), few=(None, 1), many=(None, 2)
    ),
    "two training runs of one night": Meeting(lambda: [one(), rival()], waiting=True, few=(1, 0)),
    "two training runs of two nights": Meeting(lambda: [one(), two()], waiting=True, few=(2, 0)),
    "an override and a training run": Meeting(
        lambda: [actors.override(), one()], waiting=True, decided=("override",), few=(1, 1)
    ),
    "an override not to train and a training run": Meeting(
        lambda: [actors.override(retrain=False), one()], waiting=True, decided=("override",), few=(1, 0)
    ),
    "monitoring and a person who moves a file into place": Meeting(
        lambda: [actors.monitoring(), actors.mover(HAND)],
        moved=(HAND,),
        decided=("monitoring",),
        few=(None, 1),
        many=(None, 2),
    ),
    "a training run and a person who moves a file into place": Meeting(
        lambda: [one(), actors.mover(HAND)], waiting=True, moved=(HAND,), few=(1, 1)
    ),
    "a training run and a person who moves two files into place": Meeting(
        lambda: [one(), actors.mover(HAND, HAND_NO)], moved=(HAND, HAND_NO), few=(1, 0)
    ),
    "a training run and a person who breaks the file and mends it": Meeting(
        lambda: [one(), actors.mover(actors.TORN, HAND)],
        waiting=True,
        moved=(HAND,),
        broken=(actors.TORN,),
        few=(1, 0),
    ),
    "a training run and an editor that writes in place": Meeting(
        lambda: [one(), actors.editor(HAND)], waiting=True, written_in_place=HAND, few=(1, 0)
    ),
    "monitoring and two training runs": Meeting(
        lambda: [actors.monitoring(), one(), two()], decided=("monitoring",), few=(1, 0), many=(1, 1)
    ),
    "two training runs and a person who moves a file into place": Meeting(
        lambda: [one(), rival(), actors.mover(HAND)], moved=(HAND,), few=(1, 0), many=(1, 1)
    ),
    "two training runs, an override and a person": Meeting(
        lambda: [one(), two(), actors.override(), actors.mover(HAND)],
        moved=(HAND,),
        decided=("override",),
        few=(0, 0),
        many=(1, 0),
    ),
    "all at once": Meeting(
        lambda: [actors.monitoring(), one(), rival(), actors.override(), actors.mover(HAND)],
        moved=(HAND,),
        decided=("monitoring", "override"),
        few=None,
        many=(0, 0),
    ),
}


class Stage:
    """Makes the worlds of a meeting, on disks in memory."""

    def __init__(self, meeting: Meeting, patch: Any) -> None:
        self.meeting = meeting
        self.calls = Calls(ModelDisk())
        self.trainer = actors.Trainer()
        self.calls.patched(patch)
        names = itertools.count()
        patch.setattr("secrets.token_hex", lambda _: f"{next(names):016x}")
        patch.setattr("uuid.uuid4", lambda: UUID(int=0))
        patch.setattr("p2pcredit.jobs.training.train.train_model", self.trainer)
        patch.setattr("p2pcredit.jobs.training.maturity.enough_matured", lambda ctx, day: False)
        patch.setattr(logging.getLogger("p2pcredit"), "disabled", True)
        disk = self.calls.disk
        disk.directories |= {HOME, LOGS, LEDGER}
        mark_home(Path(HOME))
        if meeting.waiting:
            ctx = actors.context("monitoring", actors.MONDAY)
            decisions.decide(ctx, actors.monitoring_decision(), Origin.MONITORING)
        self.start = disk

    def world(self) -> World:
        disk = copy.deepcopy(self.start)
        self.calls.disk = disk
        meeting = self.meeting
        laws = Laws(
            disk,
            moved=list(meeting.moved),
            broken=list(meeting.broken),
            written_in_place=meeting.written_in_place,
        )
        cast = meeting.cast()

        def check_end() -> None:
            self.trainer.goes_well = lambda: True
            killed = {actor.name for actor in cast if actor.at < len(actor.jobs)}
            laws.finally_(killed, meeting.decided)

        return World(disk, cast, laws.after, check_end)

    def explorer(self, *, preemptions: int | None, faults: int, executions: int = 10**9, **rules: bool) -> Explorer:
        own = Rules(**rules)
        own.writes_in_place = self.meeting.written_in_place is not None
        explorer = Explorer(
            self.calls, self.world, preemptions=preemptions, faults=faults, executions=executions, rules=own
        )
        explorer.started = self._listen
        return explorer

    def _listen(self, execution: Execution) -> None:
        self.trainer.goes_well = execution.train
