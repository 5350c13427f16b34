"""The features of one application by the transforms of the nightly run, as one function of its texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.feeds import LOAN_TERMS
from p2pcredit.engines.rows.frame import RowFrame
from p2pcredit.engines.rows.program import RowProgram
from p2pcredit.jobs.answering.problems import FieldProblem, columns_of_home, feeds_of_application, in_order_of
from p2pcredit.transforms.features import build_features
from p2pcredit.transforms.silver import RULE_OF, optional_with_rules, refine
from p2pcredit.transforms.typing import BLANKS

_KEYS = ("loan_id", "snapshot_date")
_DUPLICATE = f"{LOAN_TERMS.key}: duplicate"


@dataclass(frozen=True, slots=True)
class RowFeatures:
    """What an application becomes.

    Args:
        loan_id: As silver writes it.
        day: Of the application.
        values: Feature -> value, None where missing.
    """

    loan_id: str
    day: date
    values: dict[str, Any]


class FeaturesOfRow:
    """Builds some features of applications, one application after another.

    Args:
        names: The features.
        catalogue: The features that there are.
    """

    def __init__(self, names: Sequence[str], catalogue: FeatureCatalogue = BUILT_IN) -> None:
        program = RowProgram()
        raw = {name: program.given(name) for name in (*columns_of_home(catalogue), "snapshot_date")}
        raw |= {"row_number": program.constant(1), "unparsed": program.constant(None)}
        silver: Any = {}
        faults = []
        rules = []
        self._rules_of_feed: list[int] = []
        for feed in feeds_of_application(catalogue):
            frame: Any = RowFrame(program, raw)
            sound, faulty = refine(frame, feed)
            silver[feed.name] = sound
            faults.append(faulty.kept)  # type: ignore[attr-defined]
            named = ("rules", *(f"{RULE_OF}{name}" for name in optional_with_rules(feed)))
            rules += [faulty.columns[name] for name in named]  # type: ignore[call-overload]
            self._rules_of_feed.append(len(named))
        built: Any = build_features(silver, own=catalogue.own)
        self._names, self._faults = tuple(names), len(faults)
        self._of = program.function([*faults, *(built.columns[name] for name in (*_KEYS, *names))])
        self._rules = program.function([*(built.columns[name] for name in _KEYS), *rules])
        self._known = list(columns_of_home(catalogue))

    def of(self, texts: Mapping[str, str | None]) -> RowFeatures | None:
        """Build the features of an application; None where any of its values breaks a rule.

        Args:
            texts: Every column of the application feeds, as a landing file has it.
        """
        found = self._of({**texts, "snapshot_date": _day(texts[LOAN_TERMS.date_column])})
        if any(found[: self._faults]):
            return None
        loan_id, day = found[self._faults : self._faults + 2]
        return RowFeatures(loan_id, day, dict(zip(self._names, found[self._faults + 2 :], strict=True)))

    def problems(self, applications: Sequence[Mapping[str, str | None]]) -> list[FieldProblem]:
        """List what is wrong with applications, as the frames of `landed_rows` word it and in their order.

        A feed whose row breaks a rule is set aside whole, so the optional values of that row say nothing beside it; a
        sound row of a loan and day that an earlier sound row has is a duplicate.

        Args:
            applications: Of each every column of the application feeds, as a landing file has it.
        """
        found: set[FieldProblem] = set()
        seen: set[tuple[int, Any, Any]] = set()
        for row, texts in enumerate(applications, 1):
            loan_id, day, *told = self._rules({**texts, "snapshot_date": _day(texts[LOAN_TERMS.date_column])})
            for feed, (rules, *values) in enumerate(self._by_feed(told)):
                if not rules and (feed, loan_id, day) in seen:
                    rules = _DUPLICATE
                elif not rules:
                    seen.add((feed, loan_id, day))
                broken = rules.split("; ") if rules else [rule for rule in values if rule is not None]
                found.update(FieldProblem(row, *rule.partition(": ")[::2]) for rule in broken)
        return in_order_of(self._known, found)

    def _by_feed(self, told: Sequence[str | None]) -> Iterator[Sequence[Any]]:
        """Split the rules that were broken into those of each feed: of the row first, then of each optional value."""
        first = 0
        for count in self._rules_of_feed:
            yield told[first : first + count]
            first += count


def _day(text: str | None) -> date | None:
    """Read the day for which an application is landed; what is none breaks a rule of its own."""
    bare = (text or "").strip(BLANKS)
    try:
        return date.fromisoformat(bare)
    except ValueError:
        return None


__all__ = ["FeaturesOfRow", "RowFeatures"]
