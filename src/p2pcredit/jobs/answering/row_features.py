"""The features of one application by the transforms of the nightly run, as one function of its texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.feeds import LOAN_TERMS
from p2pcredit.engines.rows.frame import RowFrame
from p2pcredit.engines.rows.program import RowProgram
from p2pcredit.jobs.answering.problems import columns_of_home, feeds_of_application
from p2pcredit.transforms.features import build_features
from p2pcredit.transforms.silver import refine
from p2pcredit.transforms.typing import BLANKS

_KEYS = ("loan_id", "snapshot_date")


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
        for feed in feeds_of_application(catalogue):
            frame: Any = RowFrame(program, raw)
            sound, faulty = refine(frame, feed)
            silver[feed.name] = sound
            faults.append(faulty.kept)  # type: ignore[attr-defined]
        built: Any = build_features(silver, own=catalogue.own)
        self._names, self._faults = tuple(names), len(faults)
        self._of = program.function([*faults, *(built.columns[name] for name in (*_KEYS, *names))])

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


def _day(text: str | None) -> date | None:
    """Read the day for which an application is landed; what is none breaks a rule of its own."""
    bare = (text or "").strip(BLANKS)
    try:
        return date.fromisoformat(bare)
    except ValueError:
        return None


__all__ = ["FeaturesOfRow", "RowFeatures"]
