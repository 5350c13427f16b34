"""Two laws: a reader between a kill and the next run sees old or new, never half; the next run ends where it should."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TypeVar

from p2pcredit.crash_testing.snapshots import HomeSnapshot, without_dead_runs

_MAY_STAY = ("#1", "logs/decisions/.line.tmp")
"""What Delta had begun to write, and the one temporary line that the next writer of the ledger removes."""
_DECISION = "logs/retraining_decision.json"
Key = TypeVar("Key", bound=Hashable)


def half_states(seen: HomeSnapshot, before: HomeSnapshot, after: HomeSnapshot) -> list[str]:
    """List what in `seen` is neither as it was before the job nor as the undisturbed job leaves it, in sentences."""
    return [
        *seen.unreadable,
        *_half_tables(seen, before, after),
        *_half_files(seen, before, after),
        *_half_landing(seen, before, after),
        *_half_ledger(seen, before, after),
    ]


def differences(seen: HomeSnapshot, after: HomeSnapshot) -> list[str]:
    """List how a home differs from that of an undisturbed run, in sentences; leftovers of killed writers count."""
    found = list(seen.unreadable)
    found += [
        f"table {name} has other rows than after an undisturbed run"
        for name in sorted({*seen.tables, *after.tables})
        if seen.tables.get(name) != after.tables.get(name)
    ]
    found += [f"{name} has other bytes, or is missing or too many" for name in _differing(seen.files, after.files)]
    found += [f"the receipt of {day} is not the same" for day in _differing(seen.complete, after.complete)]
    if seen.landing != after.landing:
        found.append(f"the landing manifest says {seen.landing}, not {after.landing}")
    ours, theirs = without_dead_runs(seen.events), without_dead_runs(after.events)
    if ours != theirs:
        found.append(f"the ledger says {[kind for kind, _ in ours]}, not {[kind for kind, _ in theirs]}")
    found += _lost_activity(seen, after)
    leftovers = sorted(set(seen.leftovers) - set(after.leftovers))
    found += [f"{name} was left behind by the writer that died" for name in leftovers if not name.endswith(_MAY_STAY)]
    return found


def _lost_activity(seen: HomeSnapshot, after: HomeSnapshot) -> Iterator[str]:
    """List lost activity: every warning must be there; of other lines one per job, since a killed job wrote fewer."""
    told = {line.get("job") for line in seen.activity}
    for line in after.activity:
        if line not in seen.activity and (line.get("job") == "warning" or line.get("job") not in told):
            yield f"the activity file lacks the line of {line.get('job')}: {line}"


def _half_tables(seen: HomeSnapshot, before: HomeSnapshot, after: HomeSnapshot) -> Iterator[str]:
    for name, days in seen.tables.items():
        old, new = before.tables.get(name, {}), after.tables.get(name, {})
        for day in sorted({*days, *old, *new}):
            rows = days.get(day)
            if rows not in (old.get(day), new.get(day)):
                yield f"table {name} has part of the rows of {day}"
            elif day in seen.complete and day not in before.complete and rows != new.get(day):
                yield f"{day} is said to be complete and table {name} lacks its rows"


def _half_files(seen: HomeSnapshot, before: HomeSnapshot, after: HomeSnapshot) -> Iterator[str]:
    for name in sorted({*seen.files, *before.files}):
        if seen.files.get(name) in (before.files.get(name), after.files.get(name)):
            continue
        if not (name == _DECISION and name not in seen.files and _is_kept(seen, before)):
            yield f"{name} is neither as it was nor as it should become"
    for day in sorted({*seen.complete, *before.complete}):
        if seen.complete.get(day) not in (before.complete.get(day), after.complete.get(day)):
            yield f"the receipt of {day} is neither as it was nor as it should become"


def _is_kept(seen: HomeSnapshot, before: HomeSnapshot) -> bool:
    """Return whether a decision is still kept while its file, just being replaced, does not show it."""
    aside = any(name.endswith(".clearing") for name in seen.leftovers)
    return aside or "decided" in {kind for kind, _ in seen.events[len(before.events) :]}


def _half_landing(seen: HomeSnapshot, before: HomeSnapshot, after: HomeSnapshot) -> Iterator[str]:
    if seen.landing is None or not seen.landing.get("complete"):
        return
    landed = {name: digest for name, digest in seen.files.items() if name.startswith("data/")}
    for whole in (before, after):
        same = {name: digest for name, digest in whole.files.items() if name.startswith("data/")}
        if seen.landing == whole.landing and landed == same:
            return
    yield "the landing manifest says complete and the landing files are neither the old nor the new ones"


def _half_ledger(seen: HomeSnapshot, before: HomeSnapshot, after: HomeSnapshot) -> Iterator[str]:
    lines = seen.events
    if lines[: len(before.events)] != before.events:
        yield "the ledger lost lines that were there before"
    added, expected = lines[len(before.events) :], after.events[len(before.events) :]
    if added != expected[: len(added)] and not {kind for kind, _ in added} <= {"claimed", "released"}:
        yield f"the ledger gained lines that an undisturbed run does not write: {[kind for kind, _ in added]}"


def _differing(ours: Mapping[Key, str], theirs: Mapping[Key, str]) -> list[Key]:
    return sorted((key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)), key=str)
