"""A file of applications beside that of the loans, and what was decided of each."""

from __future__ import annotations

from pydantic import Field, model_validator

from p2pcredit.contracts.feeds import APPLICATIONS
from p2pcredit.names import perhaps
from p2pcredit.platforms.mapped.schema.sources import NEAR, NUMBER_KINDS, ColumnName, SourceOrName, Strict


class ApplicationsMapping(Strict):
    """Where a file of applications, another than that of the loans, says what was decided of each.

    `outcome` becomes APPROVED, DECLINED or WITHDRAWN by its `values`. `columns` name any other column of the feed.
    """

    id: ColumnName
    decided_on: SourceOrName
    outcome: SourceOrName
    columns: dict[str, SourceOrName] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_columns(self) -> ApplicationsMapping:
        known = APPLICATIONS.sources[3:]
        unknown = min(set(self.columns) - set(known), default=None)
        if unknown is not None:
            raise ValueError(
                f"applications.columns.{unknown} is no column of that feed{perhaps(unknown, known, cutoff=NEAR)}; "
                "'p2pcredit feeds' lists them"
            )
        return self

    @property
    def wanted(self) -> tuple[str, ...]:
        """The raw columns that it names, each once."""
        sources = (self.decided_on, self.outcome, *self.columns.values())
        return tuple(dict.fromkeys([self.id, *(name for source in sources for name in source.names)]))

    @property
    def number_columns(self) -> tuple[str, ...]:
        """The raw columns that are read as numbers, each once."""
        kinds = {column.source: column.kind for column in APPLICATIONS.columns}
        numbers = [s for column, s in self.columns.items() if s.is_number or kinds[column] in NUMBER_KINDS]
        return tuple(dict.fromkeys(name for source in numbers for name in source.names))
