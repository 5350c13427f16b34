"""A platform described by a user in YAML: which raw column is which feed column, and what a status means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import islice, product
from pathlib import Path

import polars as pl

from p2pcredit.contracts.catalogue import FeatureCatalogue, landed_name
from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS, OWN_COLUMNS
from p2pcredit.errors import UnreadableFileError, UsageError
from p2pcredit.platforms.decided import DecidedApplications
from p2pcredit.platforms.downloads import read_columns, read_in_parts
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION, RawBook, join_books, ordered_feeds
from p2pcredit.platforms.loan_ids import LoanIds
from p2pcredit.platforms.mapped.dates import date_remedy
from p2pcredit.platforms.mapped.decided import read_decided
from p2pcredit.platforms.mapped.events import PAST_DUE, build_events
from p2pcredit.platforms.mapped.expressions.derived import DerivedColumns
from p2pcredit.platforms.mapped.joined import TAPE, JoinedTables, files_in, split_files
from p2pcredit.platforms.mapped.numbers import (
    Pointed,
    applications_with_plain_numbers,
    note_pointed,
    with_plain_numbers,
)
from p2pcredit.platforms.mapped.received import with_received
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.schema.outcomes import Received
from p2pcredit.platforms.mapped.schema.sources import Source
from p2pcredit.platforms.mapped.tape.events import ABSENT
from p2pcredit.platforms.mapped.tape.rows import TapeRows
from p2pcredit.platforms.mapped.values import (
    as_date,
    as_flag,
    as_text,
    dates_after_reading,
    finished,
    problem_with_date,
    problem_with_days,
    status_text,
    text_of,
    total_of,
    whole_days,
    without_impossible_days,
)
from p2pcredit.platforms.mapped.warnings import (
    AFTER_READING,
    LossDates,
    note_made_after,
    remedies_of,
    report_absent,
    warn_of_days,
    warn_of_delays,
    warn_of_early,
    warn_of_flags,
    warn_of_grouped,
    warn_of_late_values,
    warn_of_reading,
)
from p2pcredit.platforms.mapped.yaml_file import read_mapping
from p2pcredit.platforms.missing_signs import blanked, is_blank
from p2pcredit.platforms.raw_table import RawTable
from p2pcredit.readers.csv.blocks import NotUtf8Error
from p2pcredit.readers.csv.dialect import ANY_SEPARATOR, Dialect
from p2pcredit.readers.spool import Spool
from p2pcredit.text import LONGEST_EXAMPLE, one_line

_MOST_LAYOUTS = 32


@dataclass(frozen=True, slots=True)
class MappedPlatform:
    """The profile that a mapping describes. Build it with `load_mapping`.

    `mapping`: all its sources are columns; those that the file does not hold are `derived`.
    `today`: the day of the landing, after which no status was read and none holds from: a later date cannot be read.
    `unread_dates`: what was found in columns of dates and is none as the mapping says: the first text of each, by
    `on` and `earliest_credit_line`; likewise the first date of a status that lies after the day it was read.
    `unread_flags`: likewise of columns of yes and no, with how many rows hold such texts. `known_late`: of own columns
    with `known_on`, how many values were not known on the day of the loan, and how many there are. `pointed`: of
    columns of amounts, how their points stand. `made_after`: of loans made after `read_on` their number and last day,
    part by part. `loss_dates`: by which dates loans were lost. All are filled as parts are read.
    """

    mapping: PlatformMapping
    derived: DerivedColumns
    today: date | None = None
    unread_dates: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    unread_flags: dict[str, tuple[int, str]] = field(default_factory=dict, compare=False, repr=False)
    known_late: dict[str, tuple[int, int]] = field(default_factory=dict, compare=False, repr=False)
    pointed: dict[str, Pointed] = field(default_factory=dict, compare=False, repr=False)
    made_after: list[tuple[int, date]] = field(default_factory=list, compare=False, repr=False)
    loss_dates: LossDates = field(default_factory=LossDates, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The platform, as the mapping names it."""
        return self.mapping.name

    @property
    def remedies(self) -> dict[str, str]:
        """Column of a feed -> what to write in the mapping where its values cannot be read.

        A status that lacks its date or its days past due is told by those: they are the cause.
        """
        return remedies_of(self.mapping, self.unread_dates)

    @property
    def expected(self) -> dict[tuple[str, str], str]:
        """Feed and column -> the raw columns that the mapping names for it."""
        feeds = [*self.mapping.feeds.items(), (OWN_COLUMNS.name, self._own_sources)]
        return {(feed, name): " or ".join(s.names) for feed, columns in feeds for name, s in columns.items()}

    @property
    def own_features(self) -> tuple[Feature, ...]:
        """The contracts of the own columns that the mapping declares as features."""
        return self.mapping.own_features

    @property
    def _own_sources(self) -> dict[str, Source]:
        """Column of the feed `own_columns` -> where it comes from."""
        return {landed_name(own.contract(name)): own.written for name, own in self.mapping.features.items()}

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
                    yield from map(self._with_own_feed, tape.books(ids.seen))
        except NotUtf8Error as error:
            hint = "or name its encoding in the mapping, such as 'file: {encoding: windows-1252}'"
            raise UnreadableFileError(f"{error}, {hint}") from error

    def _with_own_feed(self, book: RawBook) -> RawBook:
        """Give a part of the tape the feed that every part of the loans has where own columns are declared."""
        if not self.mapping.features:
            return book
        kinds = dict.fromkeys(FeatureCatalogue(self.own_features).feed(OWN_COLUMNS.name).sources, pl.String())
        rows = pl.DataFrame(schema={"snapshot_date": pl.Date(), **kinds})
        return replace(book, feeds={**book.feeds, OWN_COLUMNS.name: rows})

    def read(self, files: Sequence[Path], first: date | None, last: date | None) -> RawBook:
        """Read the files into one book in memory."""
        return join_books(list(self.parts(files, first, last)))

    def _parts_of(self, path: Path, ids: LoanIds, joined: JoinedTables, tape: TapeRows | None) -> Iterator[RawBook]:
        early: list[pl.DataFrame] = []
        wanted = [names for names in self._wanted if not any(self._is_joined(name) for name in names)]
        wanted += [(name,) for table in self.mapping.tables.values() for name in table.of_loans]

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
            build=partial(self._book, early, tape),
            dialect=self._dialect,
            report_absent=partial(report_absent, wanted, path),
        )
        self.derived.warn(path.name)
        warn_of_early(path, early)
        warn_of_flags(path, self.unread_flags)
        self.unread_flags.clear()
        warn_of_grouped(path, self.pointed)
        self.pointed.clear()
        warn_of_reading(path, self.read_on, self.made_after)
        self.made_after.clear()
        self.loss_dates.warn(path, " or ".join(self.mapping.events.on.names) if self.mapping.events.on else "on")
        warn_of_late_values(path, self.known_late)
        self.known_late.clear()

    def _note_unread_flags(self, rows: pl.DataFrame) -> None:
        for source in (source for feed in self.mapping.feeds.values() for source in feed.values() if source.flag):
            text = text_of(source)
            wrong = ~is_blank(text) & as_flag(source, text).is_null()
            found = rows.filter(wrong).select(text.alias("text"))["text"]
            if found.len():
                name = " or ".join(source.names)
                before, example = self.unread_flags.get(name, (0, one_line(found[0], LONGEST_EXAMPLE)))
                self.unread_flags[name] = before + found.len(), example

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
        sources += self._own_sources.values()
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
                pl.when(~self._known_late(name, originated)).then(as_text(source, originated)).alias(column)
                for name, (column, source) in zip(mapping.features, self._own_sources.items(), strict=True)
            ),
        )
        for feed, columns in mapping.feeds.items():
            asked = finished(FEEDS[feed].columns, asked, columns)
        return finished(FeatureCatalogue(self.own_features).columns, asked, self._own_sources)

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
        return name.partition(".")[0] in self.mapping.tables

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
        dates = [self._until_today(day).max() for day in read]
        last = rows.select(pl.max_horizontal(dates)).item()
        return last if isinstance(last, date) else None

    def _until_today(self, day: pl.Expr) -> pl.Expr:
        return day if self.today is None else pl.when(day <= self.today).then(day)

    def _until_read(self, day: pl.Expr) -> pl.Expr:
        """Leave out days in the future, and those more than a month after the day on which the statuses were read."""
        day = self._until_today(day)
        return pl.when(~dates_after_reading(day, self.mapping.events.read_on)).then(day)

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
        note_pointed(self.mapping, table, self.pointed)
        return with_plain_numbers(self.mapping, table)

    def _note_unread_dates(self, rows: pl.DataFrame) -> None:
        """Keep the first text of each column of dates that is none, for the line that says what to write."""
        opened = self.mapping.feeds.get("credit_history", {}).get("earliest_credit_line")
        for name, source in (("on", self.mapping.events.on), ("earliest_credit_line", opened)):
            if source is not None and name not in self.unread_dates:
                text = text_of(source)
                of_status = self._status.is_in(self._with_events)
                needed = of_status if name == "on" else pl.lit(value=True)
                first = rows.filter(needed & ~is_blank(text) & as_date(source).is_null()).select(text.first()).item()
                if first is not None:
                    self.unread_dates[name] = one_line(first, LONGEST_EXAMPLE)
                late = needed & dates_after_reading(as_date(source), self.mapping.events.read_on)
                if name == "on" and (after := rows.filter(late).select(text.first()).item()) is not None:
                    self.unread_dates.setdefault(AFTER_READING, one_line(after, LONGEST_EXAMPLE))

    @property
    def _with_events(self) -> list[str]:
        """The statuses that events follow from, which need their date."""
        return [status for status, rule in self.mapping.events.rules.items() if isinstance(rule, tuple) and rule]

    @property
    def _status(self) -> pl.Expr:
        return status_text(self.mapping.events.status, self.mapping.events.rules)

    def _received(self, received: Received) -> list[pl.Expr]:
        """Add up what loans have paid in all, and read the day of the last payment."""
        last = self._until_today(as_date(received.last_on)) if received.last_on else pl.lit(None, dtype=pl.Date)
        return [*(total_of(columns).alias(total) for total, columns in received.amounts.items()), last.alias("last_on")]

    def _book(
        self, early: list[pl.DataFrame], tape: TapeRows | None, table: RawTable, last_date: date | None
    ) -> RawBook:
        """Cut records into the feeds, and add to `early` the loans of which a status is older than they are."""
        mapping, events = self.mapping, self.mapping.events
        originated = as_date(mapping.origination_date)
        read_on = events.read_on or last_date
        keys = [
            originated.alias("snapshot_date"),
            pl.col(mapping.id_column).str.strip_chars().alias("loan_id"),
            originated.cast(pl.String).alias("origination_date"),
        ]
        feeds = {
            name: finished(
                FEEDS[name].columns,
                table.rows.select(
                    *keys, *(as_text(source, originated).alias(column) for column, source in columns.items())
                ),
                columns,
            )
            for name, columns in mapping.feeds.items()
        }
        for feed in APPLICATION_FEEDS:
            feeds.setdefault(feed.name, table.rows.select(*keys))
        if mapping.features:
            feeds[OWN_COLUMNS.name] = self._own_columns(table.rows, keys, originated)
        no_date, no_number, no_text = (pl.lit(None, dtype=kind) for kind in (pl.Date, pl.Int64, pl.String))
        late = whole_days(events.days_past_due) if events.days_past_due else no_number
        on_day = self._until_read(as_date(events.on)) if events.on else no_date
        loans = table.rows.select(
            *keys[:2],
            self._status.alias("status"),
            (on_day if events.on else no_date).alias("on"),
            (problem_with_date(events.on, as_date(events.on), on_day, events.read_on) if events.on else no_text).alias(
                "on_text"
            ),
            late.alias("days_past_due"),
            (problem_with_days(events.days_past_due) if events.days_past_due else no_text).alias("days_text"),
        )
        if tape is not None:
            there = pl.lit(tape.has(loans["loan_id"]))
            loans = loans.with_columns(pl.when(there).then("status").otherwise(pl.lit(ABSENT)).alias("status"))
        loans = without_impossible_days(loans, read_on)
        self._note_unread_dates(table.rows)
        self._note_unread_flags(table.rows)
        note_made_after(events.read_on, loans["snapshot_date"], self.made_after)
        overdue = [status for status, rule in events.rules.items() if rule == PAST_DUE]
        on = pl.when(pl.col("status").is_in(self._with_events)).then(pl.col("on"))
        made = loans.select("loan_id", on.alias("on"), "snapshot_date")
        self.loss_dates.look_at(loans, events.rules)
        own = made.filter(pl.col("on") < pl.col("snapshot_date"))
        early.append(own)
        warn_of_delays(self.mapping, loans.filter(pl.col("status").is_in(overdue))["days_past_due"])
        feeds["loan_performance"] = build_events(
            loans, dict(events.rules), read_on, as_it_stands=events.received is None
        )
        if events.received is not None:
            paid = table.rows.select(keys[1], *self._received(events.received))
            whole = loans.with_columns(paid.drop("loan_id").get_columns())
            feeds["loan_terms"] = feeds["loan_terms"].with_columns(
                paid.select(pl.when(pl.col("principal") >= 0).then(pl.lit("SCHEDULED")).alias("payments")).to_series()
            )
            feeds["loan_performance"] = with_received(
                feeds["loan_performance"], whole, dict(events.rules), read_on, events.received.recovered_after_days
            )
        origins = table.rows.select(pl.lit(table.file).alias("file"), "row_number", originated.alias("snapshot_date"))
        return RawBook(table.rows_in, ordered_feeds(feeds), table.rejected, origins, early=own if own.height else None)

    def _known_late(self, name: str, originated: pl.Expr) -> pl.Expr:
        """Say whether a value of an own column was not known on the day of the loan, or not certainly."""
        known_on = self.mapping.features[name].known_on
        if known_on is None:
            return pl.lit(value=False)
        return (as_date(known_on).is_null() | (as_date(known_on) > originated)).fill_null(value=True)

    def _own_columns(self, rows: pl.DataFrame, keys: list[pl.Expr], originated: pl.Expr) -> pl.DataFrame:
        """Take the own columns; what was not known on the day of the loan, or not certainly, is missing and counted."""
        found = finished(
            FeatureCatalogue(self.own_features).columns,
            rows.select(*keys, *(as_text(of, originated).alias(name) for name, of in self._own_sources.items())),
            self._own_sources,
        )
        for name, own in self.mapping.features.items():
            if own.known_on is None:
                continue
            column = landed_name(own.contract(name))
            late = rows.select(late=self._known_late(name, originated))["late"]
            given = ~found.select(is_blank(pl.col(column)))[:, 0]
            before, values = self.known_late.get(name, (0, 0))
            self.known_late[name] = before + int((late & given).sum()), values + int(given.sum())
            found = found.with_columns(pl.when(~pl.lit(late)).then(pl.col(column)).alias(column))
        return found


def load_mapping(path: Path, today: date | None = None) -> MappedPlatform:
    """Read the profile that a YAML file describes. A date after `today`, the day of the landing, cannot be read.

    Raises:
        UsageError: If there is no such file, or it is no mapping; names the key that is wrong and what to write.
    """
    mapping, derived = read_mapping(path)
    return MappedPlatform(mapping, derived, today)


__all__ = ["MappedPlatform", "load_mapping"]
