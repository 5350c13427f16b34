"""The explorer finds what it is for: each test breaks the product on purpose, and the way to the harm is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.protocol.explorer import Found
from tests.robustness.protocol.handoff_worlds import MEETINGS, Stage

from p2pcredit.contracts.decision import Decision
from p2pcredit.jobs import decisions
from p2pcredit.jobs.training import retrain as retraining
from p2pcredit.retraining.events import EventKind
from p2pcredit.storage.files import write_bytes_atomically
from p2pcredit.storage.state.ledger import Ledger


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def append_without_asking(patch: pytest.MonkeyPatch) -> None:
    real = Ledger.append

    def append(self: Ledger, kind: EventKind, **about: Any) -> Any:
        about.pop("unless", None)
        return real(self, kind, **about)

    patch.setattr(Ledger, "append", append)


def hold_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "exclusive", lambda self: nullcontext())


def let_anybody_train(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "training", lambda self: nullcontext())


def hold_only_single_lines(patch: pytest.MonkeyPatch) -> None:
    """As it was once: the lock for a line, and none from the look at the file to the line that rests on it."""
    real_append, real_exclusive = Ledger.append, Ledger.exclusive

    @contextmanager
    def exclusive(self: Ledger) -> Iterator[None]:
        if getattr(self, "appends", False):
            with real_exclusive(self):
                yield
        else:
            yield

    def append(self: Ledger, *args: Any, **about: Any) -> Any:
        self.appends = True  # type: ignore[attr-defined]
        try:
            return real_append(self, *args, **about)
        finally:
            self.appends = False  # type: ignore[attr-defined]

    patch.setattr(Ledger, "exclusive", exclusive)
    patch.setattr(Ledger, "append", append)


def write_over_whatever_is_there(patch: pytest.MonkeyPatch) -> None:
    def place(path: Path, decision: Decision, shown: Decision | None) -> bool:
        write_bytes_atomically(path, decision.model_dump_json().encode())
        return True

    patch.setattr(decisions, "place_decision", place)


def write_in_place(patch: pytest.MonkeyPatch) -> None:
    def place(path: Path, decision: Decision, shown: Decision | None) -> bool:
        path.write_bytes(decision.model_dump_json().encode())
        return True

    patch.setattr(decisions, "place_decision", place)


def delete_what_nobody_can_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decisions, "set_aside", lambda path: path.unlink())


def leave_a_readable_file_aside(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decisions, "put_back", lambda aside, path: None)


def clear_without_a_look(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decisions, "remove_decision", lambda path, decision: path.unlink(missing_ok=True))


def forget_the_weekly_limit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("p2pcredit.retraining.state.HandoffState.weeks_retrained", lambda self: set())
    patch.setattr(retraining, "weeks_with_log", lambda ctx, day: set())


BREAKS: list[tuple[Callable[[pytest.MonkeyPatch], None], str, int, int, str]] = [
    (append_without_asking, "monitoring and a training run", 0, 1, "written down twice"),
    (hold_nothing, "two training runs of one night", 1, 0, "broke: StorageError|broke: ConflictError|acted on twice"),
    (let_anybody_train, "two training runs of two nights", 1, 0, "acted on twice|did not count|broke"),
    (hold_only_single_lines, "two training runs and a person who moves a file into place", 1, 0, "taken up 2 times"),
    (hold_only_single_lines, "an override and a training run", 1, 0, "broke: StorageError|did not count"),
    (write_over_whatever_is_there, "monitoring and a person who moves a file into place", 1, 0, "overwritten unseen"),
    (write_in_place, "monitoring and a training run", 0, 0, "not whole|in place"),
    (delete_what_nobody_can_read, "a training run and a person who breaks the file and mends it", 1, 0, "overwritten"),
    (
        leave_a_readable_file_aside,
        "a training run and a person who breaks the file and mends it",
        1,
        1,
        "not said|never",
    ),
    (clear_without_a_look, "a training run and a person who moves a file into place", 1, 0, "overwritten unseen"),
    (forget_the_weekly_limit, "a training run and a person who moves a file into place", 0, 0, "two retrainings"),
]


@pytest.mark.parametrize(("harm", "who", "preemptions", "faults", "law"), BREAKS)
def test_a_broken_product_is_found_and_the_way_to_the_harm_can_be_gone_again(
    patch: pytest.MonkeyPatch, harm: Any, who: str, preemptions: int, faults: int, law: str
) -> None:
    stage = Stage(MEETINGS[who], patch)
    harm(patch)
    explorer = stage.explorer(preemptions=preemptions, faults=faults, executions=3000)
    tally = explorer.explore()
    assert tally.found, f"not found in {tally.executions} executions"
    found = tally.found[0]
    assert any(part in found.message for part in law.split("|")), str(found)
    again = explorer.replay(found.choices)
    assert isinstance(again, Found)
    assert (again.message, again.steps) == (found.message, found.steps)
    assert len(found.steps) > 1
    assert all(step.partition(":")[0].strip() in {actor.name for actor in MEETINGS[who].cast()} for step in found.steps)
