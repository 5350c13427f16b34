"""What must hold in the hand-off after each step, and when all is quiet and two more nights have passed."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta

from tests.robustness.protocol.execution import Actor, ViolationError
from tests.robustness.protocol.handoff_actors import NEXT_MONDAY, WEDNESDAY, context
from tests.robustness.protocol.model_disk import ModelDisk
from tests.robustness.protocol.steps import DECISION, LEDGER, LOGS, Step

from p2pcredit.contracts.decision import Decision, parse_decision
from p2pcredit.errors import UnreadableDecisionError
from p2pcredit.jobs.decisions import clear_decision
from p2pcredit.jobs.training.retrain import check_retraining, log_retraining, train_if_due
from p2pcredit.periods import week_monday
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.state import DecisionStatus, HandoffState, Origin, fold
from p2pcredit.storage.state.decision_file import read_decision
from p2pcredit.storage.state.ledger import Ledger


def require(holds: bool, law: str) -> None:
    if not holds:
        raise ViolationError(law)


class Laws:
    """The laws over one world.

    Args:
        disk: Its disk.
        moved: Whole files that a person moves into place.
        broken: Files that cannot be read.
        written_in_place: A text written in two halves.
    """

    def __init__(
        self, disk: ModelDisk, *, moved: list[bytes], broken: list[bytes], written_in_place: bytes | None = None
    ) -> None:
        self.disk, self.moved, self.broken, self.written_in_place = disk, moved, broken, written_in_place
        self.events: list[LedgerEvent] = self._lines()
        self.placed: list[bytes] = []
        self.shown = self._shown()

    def after(self, actor: Actor, step: Step) -> None:
        """Check what must hold after each step that others can see."""
        shown = self._shown()
        if not actor.machine and shown != self.shown:
            if self.shown in self.placed:
                self.placed.remove(self.shown)  # the person replaced what the person had put there
            if shown in [*self.moved, *self.broken]:
                self.placed.append(shown or b"")
        self.shown = shown
        if step.name == "link":
            self._after_a_line()
        require(self._is_whole(shown), f"the decision file is not whole: {shown!r}")
        contents = {at.data for at in self.disk.files.values()}
        for raw in self.placed:
            known = raw not in self.broken and self._is_recorded(raw)
            require(raw in contents or known, f"a person's file was overwritten unseen: {raw!r}")
        if step.name == "write" and actor.machine:
            raise ViolationError("a file that others can see is written in place")

    def finally_(self, killed: set[str], decided: tuple[str, ...]) -> None:
        """Check what must hold in the end; two undisturbed nights pass first, one in this week and one in the next."""
        self._night("quiet night", WEDNESDAY)
        self._waits_or_is_done()
        self._night("quiet night later", NEXT_MONDAY)
        events = Ledger(context("reader", WEDNESDAY).layout.ledger)
        require(events.state() == fold(self._lines()), "the ledger read anew says something else")
        state = events.state()
        self.events = self._lines()
        self._acts_once()
        for name in decided:
            there = name in killed or any(known.startswith(f"{name}-") for known in state.decisions)
            require(there, f"the decision of {name} is not in the ledger")
        by_hand = Counter(r.decision.content_digest() for r in state.decisions.values() if r.origin is Origin.HAND)
        for raw in self.moved:
            times = by_hand[parse_decision(raw).content_digest()]
            require(times <= 1, f"one file moved into place was taken up {times} times: {raw!r}")
            require(raw not in self.placed or times == 1, f"a file moved into place was never taken up: {raw!r}")
        current = state.current
        for record in state.decisions.values():
            ended = record.fate in {DecisionStatus.ACTED_ON, DecisionStatus.SUPERSEDED} or record is not current
            require(ended or not record.decision.retrain, f"{record.decision_id} was never acted on")
            replaced = record.fate is DecisionStatus.SUPERSEDED and current is not record
            require(record.fate is not DecisionStatus.SUPERSEDED or replaced, f"{record.decision_id} was lost")
        open_claim = state.claim is not None and state.claim.decision_id == state.current_id
        require(not open_claim, "a claim was left open")
        self._log_tells_all(state)
        kept = [at.data for path, at in self.disk.files.items() if path.startswith(f"{LOGS}/retraining_decision")]
        for raw in self.placed:
            require(raw not in self.broken or raw in kept, f"an unreadable file is gone: {raw!r}")
        told = {e.facts["path"] for e in events.events() if e.kind is EventKind.SET_ASIDE}
        aside = {path.rpartition("/")[2] for path in self.disk.files if ".unreadable-" in path}
        require(aside <= told, f"set aside and not said: {sorted(aside - told)}")
        hidden = [path for path in self.disk.files if "/.retraining_decision" in path and not path.endswith(".tmp")]
        require(not hidden, f"left hidden: {hidden}")
        if self.written_in_place is not None:
            whole = parse_decision(self.written_in_place).content_digest()
            recorded = self._is_recorded(self.written_in_place)
            require(recorded or self.written_in_place in kept, f"what was written in place is gone: {whole}")

    def _after_a_line(self) -> None:
        known, self.events = self.events, self._lines()
        if len(self.events) == len(known):
            return  # a file beside the ledger was linked
        before = fold(known)
        event = self.events[-1]
        if event.kind is EventKind.CLAIMED and event.facts["decision_id"] is not None:
            record = before.current
            counts = record is not None and record.decision_id == event.facts["decision_id"]
            require(counts and before.claim is None, "a decision was claimed that did not count any more")
        decided = Counter(each.facts["decision_id"] for each in self.events if each.kind is EventKind.DECIDED)
        require(max(decided.values(), default=0) <= 1, "a decision was written down twice")
        self._acts_once()

    def _acts_once(self) -> None:
        trainings = [each for each in self.events if each.kind is EventKind.TRAINED]
        acted = Counter(each.facts["decision_id"] for each in trainings)
        require(max(acted.values(), default=0) <= 1, "a decision was acted on twice")
        decisions = fold(self.events).decisions
        weeks = Counter(
            each.facts["week"]
            for each in trainings
            if decisions[each.facts["decision_id"]].origin is not Origin.OVERRIDE
        )
        require(max(weeks.values(), default=0) <= 1, "two retrainings in one week, without an override")

    def _waits_or_is_done(self) -> None:
        current = fold(self._lines()).current
        if current is not None and current.fate is not DecisionStatus.ACTED_ON:
            shown = read_decision(context("reader", WEDNESDAY).layout.decision_file)
            waits = isinstance(shown, Decision) and shown.decision_id == current.decision_id
            require(waits, f"{current.decision_id} waits in the ledger and is not in the decision file: {shown}")

    def _night(self, run_id: str, day: date) -> None:
        def process() -> object:
            return context(run_id, day)

        if check_retraining(process(), day)["retrain"]:  # type: ignore[arg-type]
            train_if_due(process(), day)  # type: ignore[arg-type]
        clear_decision(process(), day)  # type: ignore[arg-type]
        log_retraining(process(), day)  # type: ignore[arg-type]

    def _log_tells_all(self, state: HandoffState) -> None:
        for week in state.weeks_retrained():
            path = f"{LOGS}/retraining_log_{week:%Y_%m_%d}.txt"
            told = self.disk.files[path].data.decode() if path in self.disk.files else ""
            for event in state.trainings:
                if week_monday(date.fromisoformat(event.facts["snapshot_date"])) == week:
                    last = max(date.fromisoformat(e.facts["snapshot_date"]) for e in state.trainings)
                    require(f"run={event.run_id} " in told or last < WEDNESDAY - timedelta(7), f"not logged: {event}")

    def _is_whole(self, shown: bytes | None) -> bool:
        if shown is None or shown in self.broken:
            return True
        if self.written_in_place is not None and self.written_in_place.startswith(shown):
            return True
        try:
            parse_decision(shown)
        except UnreadableDecisionError:
            return False
        return True

    def _is_recorded(self, raw: bytes) -> bool:
        digest = parse_decision(raw).content_digest()
        return any(
            Decision.model_validate(event.facts["decision"]).content_digest() == digest
            for event in self.events
            if event.kind is EventKind.DECIDED
        )

    def _lines(self) -> list[LedgerEvent]:
        paths = sorted(p for p in self.disk.files if p.startswith(f"{LEDGER}/0"))
        numbers = [int(path[-13:-5]) for path in paths]
        require(numbers == list(range(1, len(paths) + 1)), f"the ledger has gaps: {numbers}")
        return [LedgerEvent.from_json(json.loads(self.disk.files[path].data)) for path in paths]

    def _shown(self) -> bytes | None:
        return self.disk.files[DECISION].data if DECISION in self.disk.files else None
