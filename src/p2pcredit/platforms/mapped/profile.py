"""A platform described by a user in YAML: which raw column is which feed column, and what a status means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import islice, product
from pathlib import Path

import polars as pl

from p2pcredit.contracts.catalogue import FeatureCatalogue
from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.feeds import FEEDS, OWN_COLUMNS
from p2pcredit.errors import UnreadableFileError, UsageError
from p2pcredit.platforms.decided import DecidedApplications
from p2pcredit.platforms.downloads import read_columns, read_in_parts
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION, RawBook, join_books
from p2pcredit.platforms.loan_ids import LoanIds
from p2pcredit.platforms.mapped.dates import date_remedy
from p2pcredit.platforms.mapped.decided import read_decided
from p2pcredit.platforms.mapped.expressions.derived import DerivedColumns
from p2pcredit.platforms.mapped.joined import TAPE, JoinedTables, files_in, split_files
from p2pcredit.platforms.mapped.loan_feeds import cut_book, known_late, not_after, own_sources, with_own_feed
from p2pcredit.platforms.mapped.numbers import (
    applications_with_plain_numbers,
    note_pointed,
    with_plain_numbers,
)
from p2pcredit.platforms.mapped.reading_notes import ReadingNotes
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.tape.rows import TapeRows
from p2pcredit.platforms.mapped.values import (
    as_date,
    as_text,
    finished,
    text_of,
)
from p2pcredit.platforms.mapped.warnings import (
    remedies_of,
    report_absent,
    warn_of_days,
    warn_of_early,
)
from p2pcredit.platforms.mapped.yaml_file import read_mapping
from p2pcredit.platforms.missing_signs import blanked, is_blank
from p2pcredit.platforms.raw_table import RawTable
from p2pcredit.readers.csv.blocks import NotUtf8Error
from p2pcredit.readers.csv.dialect import ANY_SEPARATOR, Dialect
from p2pcredit.readers.spool import Spool

_MOST_LAYOUTS = 32


@dataclass(frozen=True, slots=True)
class MappedPlatform:
    """The profile that a mapping describes. Build it with `load_mapping`.

    `mapping`: all its sources are columns; those that the file does not hold are `derived`.
    `today`: the day of the landing, after which no status was read and none holds from: a later date cannot be read.
    `notes`: what is hardly meant, as it is found while parts are read.
    """

    mapping: PlatformMapping
    derived: DerivedColumns
    today: date | None = None
    notes: ReadingNotes = field(default_factory=ReadingNotes, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The platform, as the mapping names it."""
        return self.mapping.name

    @property
    def remedies(self) -> dict[str, str]:
        """Column of a feed -> what to write in the mapping where its values cannot be read.

        A status that lacks its date or its days past due is told by those: they are the cause.
        """
        return remedies_of(self.mapping, self.notes.unread_dates)

    @property
    def expected(self) -> dict[tuple[str, str], str]:
        """Feed and column -> the raw columns that the mapping names for it."""
        feeds = [*self.mapping.feeds.items(), (OWN_COLUMNS.name, own_sources(self.mapping))]
        return {(feed, name): " or ".join(s.names) for feed, columns in feeds for name, s in columns.items()}

    @property
    def own_features(self) -> tuple[Feature, ...]:
        """The contracts of the own columns that the mapping declares as features."""
        return self.mapping.own_features

    @property
    def currency(self) -> str | None:
        """The three letters of the currency of all amounts, where the mapping says it."""
        return self.mapping.currency

    @property
    def read_on(self) -> date | None:
        """The day on which the statuses were read, where the mapping says it."""
        return self.mapping.events.read_on

    def parts(self, files: Sequence[Path], first: date | None, last: date | None) -> Iterator[RawBook]:
        """Open the feeds of these downloads, part by part.

        Args:
            files: One or more files: CSV, plain or gzip, or Parquet.
            first, last: Not needed here; the caller cuts the book.

        Raises:
            UsageError: Without files.
            UnreadableFileError, HeaderError: Where a file cannot be used.
        """
        if not files:
            raise UsageError(f"landing {self.name} needs the platform's download; give at least one file")
        warn_of_days(self.mapping)
        read_on = self.mapping.events.read_on
        if read_on is not None and self.today is not None and read_on > self.today:
            raise UsageError(
                f"the mapping says that statuses were read on {read_on}, in the future; write under events the day on "
                f"which the file was made, {self.today} at the latest, or leave read_on out"
            )
        ids = LoanIds(self.mapping.id_column)
        loans, of_tables = split_files(self.mapping, files)
        wanted = [name for names in self._wanted for name in names if self._is_joined(name)]
        try:
            with Spool[int]("the tape") as spool:
                tape = None if self.mapping.tape is None else TapeRows(self.mapping.tape, spool)
                if tape is not None:
                    tape.read(self.mapping, self.derived, of_tables[TAPE], self._dialect, self.today)
                joined = JoinedTables.read(self.mapping, of_tables, wanted, self._dialect)
                for path in loans:
                    yield from self._parts_of(path, ids, joined, tape)
                if tape is not None:
                    yield from (with_own_feed(self.mapping, book) for book in tape.books(ids.seen))
        except NotUtf8Error as error:
            hint = "or name its encoding in the mapping, such as 'file: {encoding: windows-1252}'"
            raise UnreadableFileError(f"{error}, {hint}") from error

    def read(self, files: Sequence[Path], first: date | None, last: date | None) -> RawBook:
        """Read the files into one book in memory."""
        return join_books(list(self.parts(files, first, last)))

    def _parts_of(self, path: Path, ids: LoanIds, joined: JoinedTables, tape: TapeRows | None) -> Iterator[RawBook]:
        early: list[pl.DataFrame] = []
        wanted = [names for names in self._wanted if not any(self._is_joined(name) for name in names)]
        of_loans = (name for table in self.mapping.tables.values() for name in table.of_loans)
        wanted += [(name,) for name in of_loans if not self._is_joined(name)]

        def conclude(lasts: Sequence[date | None]) -> date | None:
            joined.report(path.name)
            return max((last for last in lasts if last is not None), default=None)

        yield from read_in_parts(
            path,
            self._layouts,
            dict.fromkeys(name for names in wanted for name in names),
            ids=ids,
            screen=partial(self._screen, ids, joined, tape),
            learn=self._last_date,
            conclude=conclude,
            build=partial(cut_book, self.mapping, self.today, self.notes, tape, early),
            dialect=self._dialect,
            report_absent=partial(report_absent, wanted, path),
        )
        self.derived.warn(path.name)
        warn_of_early(path, early)
        self.notes.warn(path, self.mapping)

    def columns(self, file: Path) -> pl.DataFrame:
        """Read every column of a download as text, those too that no feed takes; leave out records of another shape."""
        return read_columns(file, self._layouts, self._dialect, id_column=self.mapping.id_column)

    def decided(self, files: Sequence[Path], first: date | None, last: date | None) -> DecidedApplications:
        """Read files of applications, with what was decided of each.

        Args:
            files: One or more files: CSV, plain or gzip, or Parquet.
            first, last: Not needed here; the caller cuts.

        Raises:
            UsageError: Without files, or where the mapping says nothing of applications.
            UnreadableFileError, HeaderError: Where a file cannot be used.
        """
        if not files:
            raise UsageError(f"landing applications of {self.name} needs their file; give at least one")
        return read_decided(self.mapping, files, self.today)

    @property
    def application_columns(self) -> tuple[str, ...]:
        """The raw columns that say something of an application, each once; what became of a loan is no part of it."""
        mapping = self.mapping
        sources = [mapping.origination_date, *(s for columns in mapping.feeds.values() for s in columns.values())]
        sources += own_sources(self.mapping).values()
        sources += [own.known_on for own in mapping.features.values() if own.known_on is not None]
        names = [mapping.id_column, *(name for source in sources for name in source.names)]
        return tuple(dict.fromkeys(raw for name in names for raw in self._raw_of(name)))

    def applications(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give rows of an application the names and texts of landing files, as landing them would.

        Args:
            rows: Every column of `application_columns`, as text.

        Returns:
            In the order of the rows: `loan_id`, `origination_date` and the columns that the mapping names. A number
            that would be read as another than was meant stands there as words that are none.
        """
        mapping = self.mapping
        blank = blanked(rows, self._signs)
        if self.derived.names:
            made = frozenset(name for name in self.derived.names if not name.startswith("events."))
            blank = self.derived.added(blank, made)
        raw = applications_with_plain_numbers(mapping, blank, self.derived.names)
        originated = as_date(mapping.origination_date)
        asked = raw.select(
            pl.col(self._asked_id).str.strip_chars().alias("loan_id"),
            pl.coalesce(originated.cast(pl.String), text_of(mapping.origination_date)).alias("origination_date"),
            *(
                as_text(source, originated).alias(column)
                for columns in mapping.feeds.values()
                for column, source in columns.items()
            ),
            *(
                pl.when(~known_late(mapping, name, originated)).then(as_text(source, originated)).alias(column)
                for name, (column, source) in zip(mapping.features, own_sources(self.mapping).items(), strict=True)
            ),
        )
        for feed, columns in mapping.feeds.items():
            asked = finished(FEEDS[feed].columns, asked, columns)
        return finished(FeatureCatalogue(self.own_features).columns, asked, own_sources(self.mapping))

    @property
    def _signs(self) -> dict[str, frozenset[str]]:
        """Per raw column the texts that mean no value; what a column that is made calls missing, its inputs do."""
        found = dict[str, frozenset[str]]()
        for name, signs in self.mapping.own_signs.items():
            for raw in self.derived.inputs(name):
                found[raw] = found.get(raw, frozenset()) | signs
        return found

    @property
    def _asked_id(self) -> str:
        """The column of the id of an application: one that is made of rows is sent as `loan_id`."""
        return "loan_id" if self.derived.numbered else self.mapping.id_column

    def _raw_of(self, name: str) -> tuple[str, ...]:
        """List the raw columns that a column of the mapping is made of."""
        if self.derived.numbered and name == self.mapping.id_column:
            return ("loan_id",)
        return self.derived.inputs(name)

    @property
    def _wanted(self) -> tuple[tuple[str, ...], ...]:
        """Per value the raw columns that it may come from; of a made one, each raw column that it needs."""
        found: list[tuple[str, ...]] = []
        for names in self.mapping.wanted:
            if set(names) & self.derived.names:
                found += [(raw,) for name in names for raw in self.derived.inputs(name)]
            else:
                found.append(names)
        return (*found, *((raw,) for raw in self.derived.of_filter))

    def _is_joined(self, name: str) -> bool:
        """Return whether a raw column stands in a joined table."""
        table, dot, _ = name.partition(".")
        return bool(dot) and table in self.mapping.tables

    def files_in(self, directory: Path) -> list[Path]:
        """List the files of a directory that the mapping names, in the order of their names."""
        return files_in(self.mapping, directory)

    @property
    def _layouts(self) -> dict[str, tuple[str, ...]]:
        """The columns without which a line is not the header."""
        mapping, terms = self.mapping, self.mapping.feeds["loan_terms"]
        sources = [mapping.events.status, mapping.origination_date, terms["loan_amount"], terms["term"]]
        either = [(mapping.id_column,), *(source.names for source in sources)]
        layouts = {}
        # Of alternatives a layout has one: files of several layouts land by one mapping.
        for number, needed in enumerate(islice(product(*either), _MOST_LAYOUTS), 1):
            raw = dict.fromkeys(raw for name in needed for raw in self.derived.inputs(name) if not self._is_joined(raw))
            every = tuple(raw or (name for names in self._wanted for name in names if not self._is_joined(name)))
            layouts[mapping.name if number == 1 else f"{mapping.name}, layout {number}"] = every
        return layouts

    @property
    def _dialect(self) -> Dialect:
        """The dialect of its downloads; their separator is read from the header."""
        return Dialect(ANY_SEPARATOR, self.mapping.file.encoding)

    def _last_date(self, rows: pl.DataFrame) -> date | None:
        """Find the last date of an origination or status that does not lie in the future."""
        on, rows = self.mapping.events.on, blanked(rows, self._signs)
        read = [as_date(self.mapping.origination_date), *([as_date(on)] if on else [])]
        dates = [not_after(self.today, day).max() for day in read]
        last = rows.select(pl.max_horizontal(dates)).item()
        return last if isinstance(last, date) else None

    def _screen(self, ids: LoanIds, joined: JoinedTables, tape: TapeRows | None, table: RawTable) -> RawTable:
        table = replace(table, rows=blanked(joined.added(table.rows), self._signs))
        table = ids.screen(self.derived.added_to(table))
        source = self.mapping.origination_date
        originated, text, name = as_date(source), text_of(source), source.names[0]
        blank = is_blank(text)
        either, early = " or ".join(source.names), originated < EARLIEST_ORIGINATION
        for where, kind in (
            (originated.is_null() & blank, f"no {either}"),
            (originated.is_null(), f"unreadable {name}"),
            (early, f"{name} lies before {EARLIEST_ORIGINATION.year}"),
        ):
            first = table.rows.filter(where & ~blank).select(text.first()).item()
            remedy = date_remedy("origination_date", name if first else either, first)
            table = table.reject(where, kind, value=text, remedy=remedy)
        if tape is not None:
            table = tape.without_unseen(table, originated)
        note_pointed(self.mapping, table, self.notes.pointed)
        table = with_plain_numbers(self.mapping, table)
        if tape is not None:
            amount = as_text(self.mapping.feeds["loan_terms"]["loan_amount"], originated)
            tape.note_loans(table.rows, self.mapping.id_column, originated, amount)
        return table


def load_mapping(path: Path, today: date | None = None) -> MappedPlatform:
    """Read the profile that a YAML file describes. A date after `today`, the day of the landing, cannot be read.

    Raises:
        UsageError: If there is no such file, or it is no mapping; names the key that is wrong and what to write.
    """
    mapping, derived = read_mapping(path)
    return MappedPlatform(mapping, derived, today)


__all__ = ["MappedPlatform", "load_mapping"]
