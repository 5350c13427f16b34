"""The model that answers: the champion of the moment, looked up before each request and held while it lasts."""

from __future__ import annotations

from collections import OrderedDict

from p2pcredit.jobs.answering.ready import ReadyModel
from p2pcredit.jobs.answering.scorers import champion_of, read_scorer
from p2pcredit.jobs.context import JobContext

_KEPT = 3
"""Models that stay loaded: the champion, and those before it, to which a rollback returns."""


class Champion:
    """Follows the ledger. Not for several threads at once: the server asks under its lock of scoring.

    Args:
        ctx: The home and its settings; its ledger is read on from where it was read to.
    """

    def __init__(self, ctx: JobContext) -> None:
        self._ctx = ctx
        self._ready: OrderedDict[str, ReadyModel] = OrderedDict()

    def loaded(self) -> ReadyModel | None:
        """Give the champion of this moment where it is loaded and answers without a table; None where it is not.

        Raises:
            BankError: If there is no champion.
        """
        found = self._ready.get(champion_of(self._ctx))
        return found if found is not None and found.is_quick else None

    def now(self) -> ReadyModel:
        """Give the champion of this moment, loaded and checked where it is not yet.

        Raises:
            BankError: If there is no champion, or its files are missing or altered.
        """
        model_id = champion_of(self._ctx)
        found = self._ready.get(model_id)
        if found is None:
            found = self._ready[model_id] = ReadyModel(
                read_scorer(self._ctx, model_id), self._ctx.settings, self._ctx.catalogue
            )
        self._ready.move_to_end(model_id)
        while len(self._ready) > _KEPT:
            self._ready.popitem(last=False)
        return found


__all__ = ["Champion"]
