"""Tell whether the last day of a monitoring week is done; light enough for a trigger to ask again and again."""

from __future__ import annotations

from datetime import date

from p2pcredit.errors import P2PCreditError
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.ledger import Ledger
from p2pcredit.storage.tables.day_receipts import is_complete


class WeekReadiness:
    """Looks at one week of one home. Lines of the ledger are read once, however often it is asked.

    Args:
        layout: The home directory.
        week_end: The last day of the week.
    """

    def __init__(self, layout: Layout, week_end: date) -> None:
        self._layout = layout
        self._week_end = week_end
        self._ledger = Ledger(layout.ledger)

    def is_ready(self) -> bool:
        """Return whether the last day is complete and scored, or complete in a home that has no model for it.

        While a training runs, the day may still get its first model, so it is not ready. A ledger that cannot be read
        now makes no week ready; the job that comes after the deadline says what is wrong with it.
        """
        if not is_complete(self._layout, self._week_end):
            return False
        try:
            state = self._ledger.state()
        except P2PCreditError:
            return False
        if self._week_end in state.scored:
            return True
        return state.champion_on(self._week_end) is None and state.claim is None


__all__ = ["WeekReadiness"]
