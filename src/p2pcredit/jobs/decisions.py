"""Keep the decision's two places, the ledger and the file, in agreement: reconcile, write and clear.

The ledger is written first and the decision file after it. `reconcile` brings the two together again at the start of
every step, so that a step that was killed half way is finished by the next one, of any run. Each step locks the ledger
from reading the file to its last line, so that one file is taken up once.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from p2pcredit.contracts.decision import Decision, unknown_fields_in_words
from p2pcredit.errors import StorageError, UsageError
from p2pcredit.jobs.activity import record, warn, warn_once
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.decision_outlook import in_words, outlook_of, outlook_of_file, warn_if_not_obeyed
from p2pcredit.jobs.governance.acts import acting
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import DecisionStatus, HandoffState, Origin
from p2pcredit.storage.state.decision_file import (
    Unreadable,
    finish_taking_away,
    place_decision,
    put_back,
    read_decision,
    remove_decision,
    set_aside,
    set_aside_files,
)


def reconcile(ctx: JobContext, day: date | None = None) -> HandoffState:
    """Reconcile ledger and decision file: take in what a person wrote, set an unreadable file aside.

    A readable file with something new becomes a ledger line. An unreadable one is moved to a name of its own, and said
    loudly. A decision that waits in the ledger and is not in the file is written there again; a file that a person puts
    there meanwhile stays, and is taken in by the next step. One that no run will obey is warned of, once.

    Args:
        ctx: The context.
        day: The snapshot date that the step works on; None where it works on none.
    """
    path = ctx.layout.decision_file
    with ctx.ledger.exclusive():
        state = ctx.ledger.state()
        finish_taking_away(path, lambda found: state.known_content(found) is not None)
        if isinstance(lying := read_decision(path), Unreadable):
            _set_aside_or_say_why_not(ctx, lying)
        _report_set_aside(ctx)
        shown = read_decision(path)
        if isinstance(shown, Decision) and state.known_content(shown) is None:
            _adopt(ctx, shown)
        state = ctx.ledger.state()
        current = state.current
        if (
            current is None
            or current.fate not in {DecisionStatus.PENDING, DecisionStatus.CLAIMED}
            or isinstance(shown, Unreadable)
        ):
            return state
        if shown is None or shown.decision_id != current.decision_id:
            place_decision(path, current.decision, shown)
        warn_if_not_obeyed(ctx, state, day)
        return state


def decide(ctx: JobContext, decision: Decision, origin: Origin) -> bool:
    """Write a decision into the ledger, then into the decision file. The same decision again changes nothing.

    Returns:
        Whether it is now the decision that counts (an older week's is kept in the ledger only).
    """
    decision_id, actor = str(decision.decision_id), acting(ctx)
    decision = decision.model_copy(update={"decided_by": actor["by"]})
    facts = {"decision_id": decision_id, "origin": str(origin), "decision": decision.as_json(), **actor}
    with ctx.ledger.exclusive():
        reconcile(ctx)
        ctx.ledger.append(
            EventKind.DECIDED,
            at=ctx.at,
            run_id=ctx.run_id,
            facts=facts,
            unless=lambda state: decision_id in state.decisions,
        )
        return reconcile(ctx).current_id == decision_id


def clear_decision(ctx: JobContext, day: date) -> Receipt:
    """Remove the decision file if its decision was acted on; any other decision stays where it is."""
    cleared = []
    with ctx.ledger.exclusive():
        for decision in list(reconcile(ctx, day).decisions.values()):
            if decision.fate is not DecisionStatus.ACTED_ON or decision.cleared:
                continue
            remove_decision(ctx.layout.decision_file, decision.decision)
            ctx.ledger.append(
                EventKind.CLEARED, at=ctx.at, run_id=ctx.run_id, facts={"decision_id": decision.decision_id}
            )
            cleared.append(decision.decision_id)
    receipt: Receipt = {
        "cleared": cleared,
        "reason": "acted on" if cleared else "nothing was acted on; nothing to clear",
    }
    record(ctx, "clear_decision", {"snapshot_date": day.isoformat(), **receipt})
    return receipt


def _adopt(ctx: JobContext, shown: Decision) -> None:
    state = ctx.ledger.state()
    free = shown.decision_id is not None and shown.decision_id not in state.decisions
    decision_id = shown.decision_id if free else f"hand-{shown.content_digest()}-{len(state.decisions) + 1}"
    adopted = shown.model_copy(update={"decision_id": decision_id})
    facts: dict[str, Any] = {
        "decision_id": decision_id,
        "origin": str(Origin.HAND),
        "decision": adopted.as_json(),
        "by": adopted.decided_by,
    }
    if shown.unknown_fields:  # the file is written anew without them: a kill from here on does not keep the word back
        facts["unknown_fields"] = list(shown.unknown_fields)
        told = f"decision {decision_id}: {unknown_fields_in_words(shown.unknown_fields)}"
        warn_once(ctx, f"fields of decision {decision_id}", told)
    ctx.ledger.append(EventKind.DECIDED, at=ctx.at, run_id=ctx.run_id, facts=facts)


def _set_aside_or_say_why_not(ctx: JobContext, shown: Unreadable) -> None:
    try:
        set_aside(ctx.layout.decision_file)
    except StorageError as error:
        with suppress(StorageError):  # a disk that refuses the move may refuse the word about it too
            warn(ctx, f"the decision file could not be read ({shown.why}) and is still in its place: {error}")
        raise


def _report_set_aside(ctx: JobContext) -> None:
    """Warn of the files that were set aside, also of those moved by a run that was killed before it could warn.

    The warning comes first and the ledger line that ends it after: a kill in between warns twice rather than never. A
    file that can be read after all was whole, or was being written, when it was moved: it goes back to its place.
    """
    told = ctx.ledger.state().set_aside
    for path in set_aside_files(ctx.layout.decision_file):
        if path.name in told:
            continue
        found = read_decision(path)
        if not isinstance(found, Unreadable):
            put_back(path, ctx.layout.decision_file)
            continue
        warn(ctx, f"the decision file could not be read ({found.why}); it was set aside as {path.name}")
        facts = {"path": path.name, "why": found.why}
        ctx.ledger.append(EventKind.SET_ASIDE, at=ctx.at, run_id=ctx.run_id, facts=facts)


def show_decision(ctx: JobContext) -> Receipt:
    """Show the decision that counts now, and what became of it. Nothing is changed by asking.

    Returns:
        The decision's own fields (none where there is no decision), and `origin`, `fate`, `acted_on_by`,
        `acted_model_id`, `outcome` (of the training), `file` (what lies in the decision file), `obeyed_from` and
        `obeyed_until` (snapshot dates whose training run obeys it; None where none does), `note` (why, in words).
    """
    shown = read_decision(ctx.layout.decision_file)
    state = ctx.ledger.state()
    if isinstance(shown, Decision) and state.known_content(shown) is None:
        return {
            **shown.as_json(),
            "origin": str(Origin.HAND),
            "fate": str(DecisionStatus.PENDING),
            "acted_on_by": None,
            "acted_model_id": None,
            "outcome": None,
            "file": "written by hand, taken up by the next run",
            **in_words(outlook_of_file(ctx, shown), shown.unknown_fields),
        }
    file = "absent" if shown is None else "this decision"
    if isinstance(shown, Unreadable):
        file = f"unreadable: {shown.why}"
    current = state.current
    return {
        **({} if current is None else current.decision.as_json()),
        "origin": None if current is None else str(current.origin),
        "fate": None if current is None else str(current.fate),
        "acted_on_by": None if current is None else current.acted_on_by,
        "acted_model_id": None if current is None else current.model_id,
        "outcome": None if current is None else current.outcome,
        "file": file,
        **(in_words(None) if current is None else in_words(outlook_of(ctx, current), current.unknown_fields)),
    }


def _waiting_override(ctx: JobContext, decision: Decision, by: str | None) -> str | None:
    """Return the id of the decision that waits where a person decided the same by hand on this day; else None."""
    current = ctx.ledger.state().current
    if current is None or current.origin is not Origin.OVERRIDE or current.fate is not DecisionStatus.PENDING:
        return None
    said = (current.decision.content_digest(), current.decision.decided_by, current.recorded_on)
    return current.decision_id if said == (decision.content_digest(), by, ctx.at.date()) else None


def override_decision(ctx: JobContext, day: date, *, retrain: bool, why: str) -> Receipt:
    """Decide by hand, with a reason. It counts from now on; to retrain holds also where the week had its retraining.

    The same words of the same person on the same day are one decision while it waits, so that a command that was killed
    may be run again.

    Raises:
        UsageError: If the reason is blank.
    """
    if not why.strip():
        raise UsageError("a decision by hand needs a reason; give it with --why")
    decision = Decision(
        decision_date=day,
        performance_score=None,
        retrain=retrain,
        reason=f"by hand, no score held against a threshold: {why.strip()}",
        expires_on=day + timedelta(days=ctx.settings.handoff.valid_days),
    )
    actor = acting(ctx)
    with ctx.ledger.exclusive():
        same = _waiting_override(ctx, decision, actor["by"])
        decision_id = same or f"override-{ctx.at:%Y%m%dT%H%M%S}-{decision.content_digest()[:8]}"
        decision = decision.model_copy(update={"decision_id": decision_id})
        decide(ctx, decision, Origin.OVERRIDE)
    record(ctx, "override", {"retrain": retrain, "why": why, "decision_id": decision_id, **actor})
    return decision.model_copy(update={"decided_by": actor["by"]}).as_json()
