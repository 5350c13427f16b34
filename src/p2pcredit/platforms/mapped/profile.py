"""A platform described by a user in YAML: which raw column is which feed column, and what a status means."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import APPLICATION_FEEDS
from p2pcredit.contracts.missing import MISSING_SIGNS
from p2pcredit.errors import UnreadableFileError, UsageError
from p2pcredit.platforms.downloads import read_columns, read_in_parts
from p2pcredit.platforms.loan_book import EARLIEST_ORIGINATION, RawBook, join_books, ordered_feeds
from p2pcredit.platforms.loan_ids import LoanIds
from p2pcredit.platforms.mapped.dates import ISO, date_remedy
from p2pcredit.platforms.mapped.events import PAST_DUE, build_events
from p2pcredit.platforms.mapped.received import with_received
from p2pcredit.platforms.mapped.schema import NO, YES, PlatformMapping, Received, Source
from p2pcredit.platforms.mapped.yaml_file import read_mapping
from p2pcredit.platforms.missing_signs import blanked, first_given, is_blank
from p2pcredit.platforms.raw_table import RawTable
from p2pcredit.readers.csv.blocks import NotUtf8Error
from p2pcredit.readers.csv.dialect import ANY_SEPARATOR, Dialect
from p2pcredit.readers.localized_numbers import is_number, misread_number, plain_number
from p2pcredit.text import LONGEST_EXAMPLE, one_line

MOST_ABSENT_NAMED = 5
_MANY_LATE = 8
logger = logging.getLogger("p2pcredit")
_FIRST_DATE, _LAST_DATE = date(1500, 1, 1), date(2999, 12, 31)


@dataclass(frozen=True, slots=True)
class MappedPlatform:
    """The profile that a mapping describes. Build it with `load_mapping`.

    `today`: the day of the landing, after which no status was read and none holds from: a later date cannot be read.
    `unread_dates`: what was found in columns of dates and is none as the mapping says: the first text of each, by
    `on` and `earliest_credit_line`. `unread_flags`: likewise of columns of yes and no, with how many rows hold such
    texts. Both are filled as parts are read.
    """

    mapping: PlatformMapping
    today: date | None = None
    unread_dates: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    unread_flags: dict[str, tuple[int, str]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The platform, as the mapping names it."""
        return self.mapping.name

    @property
    def remedies(self) -> dict[str, str]:
        """Column of a feed -> what to write in the mapping where its values cannot be read.

        Where a status lacks its date because that cannot be read, the date is the cause and is named.
        """
        mapping, terms = self.mapping, self.mapping.feeds["loan_terms"]
        amounts, months = (" or ".join(terms[name].names) for name in ("loan_amount", "term"))
        on = mapping.events.on
        needs = f"its date in {' or '.join(on.names)}" if on else 'a date (events: {"on": COLUMN})'
        opened = mapping.feeds.get("credit_history", {}).get("earliest_credit_line")
        lines = " or ".join(opened.names) if opened else "COLUMN"
        status = (
            f"say under events.rules what each text of {mapping.events.status} means; one with events needs {needs}"
        )
        if on is not None and (found := self.unread_dates.get("on")) is not None:
            column = " or ".join(on.names)
            remedy = date_remedy('"on"', column, found)
            status = f"it needs the date in column '{column}', which holds '{found}': {remedy}"
        return {
            "earliest_credit_line": date_remedy(
                "earliest_credit_line", lines, self.unread_dates.get("earliest_credit_line", "")
            ),
            "loan_amount": f"name another column than {amounts}, or say in the mapping how numbers are written: "
            "'file: {decimal: \",\"}' or 'file: {decimal: \".\"}'",
            "term": f'{months} holds whole months; give other texts a number, such as \'values: {{"3 years": "36"}}\'',
            "status": status,
            "days_past_due": f"write whole days into {mapping.events.days_past_due or 'a column of days'}, such as 45, "
            "and name it in the mapping (events: {days_past_due: COLUMN})",
        }

    @property
    def expected(self) -> dict[tuple[str, str], str]:
        """Feed and column -> the raw columns that the mapping names for it."""
        feeds = self.mapping.feeds.items()
        return {(feed, name): " or ".join(s.names) for feed, columns in feeds for name, s in columns.items()}

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
        self._warn_of_days()
        self._warn_of_blanks()
        read_on = self.mapping.events.read_on
        if read_on is not None and self.today is not None and read_on > self.today:
            raise UsageError(
                f"the mapping says that statuses were read on {read_on}, in the future; write under events the day on "
                f"which the file was made, {self.today} at the latest, or leave read_on out"
            )
        ids = LoanIds(self.mapping.loan_id)
        for path in files:
            try:
                yield from self._parts_of(path, ids)
            except NotUtf8Error as error:
                hint = "or name its encoding in the mapping, such as 'file: {encoding: windows-1252}'"
                raise UnreadableFileError(f"{error}, {hint}") from error

    def read(self, files: Sequence[Path], first: date | None, last: date | None) -> RawBook:
        """Read the files into one book in memory."""
        return join_books(list(self.parts(files, first, last)))

    def _parts_of(self, path: Path, ids: LoanIds) -> Iterator[RawBook]:
        early: list[pl.DataFrame] = []
        yield from read_in_parts(
            path,
            self._layouts,
            dict.fromkeys(name for names in self.mapping.wanted for name in names),
            ids=ids,
            screen=partial(self._screen, ids),
            learn=self._last_date,
            conclude=lambda lasts: max((last for last in lasts if last is not None), default=None),
            build=partial(self._book, early),
            dialect=self._dialect,
            report_absent=partial(self._report_absent, path),
        )
        _warn_of_early(path, early)
        self._warn_of_flags(path)

    def _warn_of_flags(self, path: Path) -> None:
        """Warn of texts in columns of yes and no that are neither: they are missing, and are no level of their own."""
        for name, (rows, example) in self.unread_flags.items():
            logger.warning(
                "%s: column %s holds neither yes nor no in %d row%s, such as '%s'; the value is missing there: write "
                "true or false, yes or no, or 1 or 0",
                path.name,
                name,
                rows,
                "" if rows == 1 else "s",
                example,
            )
        self.unread_flags.clear()

    def _note_unread_flags(self, rows: pl.DataFrame) -> None:
        for source in (source for feed in self.mapping.feeds.values() for source in feed.values() if source.flag):
            text = _text(source)
            wrong = ~is_blank(text) & _as_flag(source, text).is_null()
            found = rows.filter(wrong).select(text.alias("text"))["text"]
            if found.len():
                name = " or ".join(source.names)
                before, example = self.unread_flags.get(name, (0, one_line(found[0], LONGEST_EXAMPLE)))
                self.unread_flags[name] = before + found.len(), example

    def _warn_of_days(self) -> None:
        """Warn of a term that is taken as it stands from a column named after days: it would be read as months."""
        term = self.mapping.feeds["loan_terms"]["term"]
        if term.values or term.is_number:
            return
        for name in term.names:
            if re.search("days?($|[^a-z])", name.casefold()):
                logger.warning(
                    "column %s gives the term, which is in months; if it holds days, say in the mapping which months "
                    'they are, such as \'term: {column: %s, values: {"30": "1", "90": "3"}}\'',
                    name,
                    name,
                )

    def _warn_of_blanks(self) -> None:
        """Warn where the mapping says what a blank means: a blank is a missing value, and no meaning is given to it."""
        feeds = self.mapping.feeds.items()
        found = [
            f"feeds.{feed}.{name}.values" for feed, columns in feeds for name, s in columns.items() if "" in s.values
        ]
        found += ["events.rules"] if "" in self.mapping.events.rules else []
        if found:
            logger.warning(
                "the mapping says under %s what a blank means; a blank is a missing value and stays one, so it has "
                "no effect: take it out, or write the value into the file",
                ", ".join(found),
            )

    def _warn_of_one_delay(self, days: pl.Series) -> None:
        """Warn where all of many loans that are late are late by the same number of days: none is counted."""
        given = days.drop_nulls()
        if len(given) >= _MANY_LATE and given.min() == given.max():
            logger.warning(
                "%s: all %d loans that are past due have the value %s; is it the number of days, and of each loan?",
                self.mapping.events.days_past_due,
                len(given),
                given[0],
            )

    def _report_absent(self, path: Path, names: Sequence[str]) -> None:
        """Say which values of the mapping no column of a file gives: a slip of the pen would go unnoticed."""
        told = dict.fromkeys(" or ".join(either) for either in self.mapping.wanted if set(either) <= set(names))
        if told:
            others = f" and {len(told) - MOST_ABSENT_NAMED} others" if len(told) > MOST_ABSENT_NAMED else ""
            logger.warning(
                "%s has no column %s, which the mapping names; check how it is written, else its values are missing",
                path.name,
                ", ".join(islice(told, MOST_ABSENT_NAMED)) + others,
            )

    def columns(self, file: Path) -> pl.DataFrame:
        """Read every column of a download as text, those too that no feed takes; leave out records of another shape."""
        return read_columns(file, self._layouts, self._dialect, id_column=self.mapping.loan_id)

    @property
    def application_columns(self) -> tuple[str, ...]:
        """The raw columns that say something of an application, each once; what became of a loan is no part of it."""
        mapping = self.mapping
        sources = [mapping.origination_date, *(s for columns in mapping.feeds.values() for s in columns.values())]
        return tuple(dict.fromkeys([mapping.loan_id, *(name for source in sources for name in source.names)]))

    def applications(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give rows of an application the names and texts of landing files, as landing them would.

        Args:
            rows: Every column of `application_columns`, as text.

        Returns:
            In the order of the rows: `loan_id`, `origination_date` and the columns that the mapping names. A number
            that would be read as another than was meant stands there as words that are none.
        """
        mapping, decimal = self.mapping, self.mapping.file.decimal
        raw = blanked(rows, mapping.own_signs)
        if decimal is not None:
            numbers = [name for name in mapping.number_columns if name in raw.columns]
            misread = {name: misread_number(pl.col(name), decimal) for name in numbers}
            raw = raw.with_columns(_unread(misread, (), "comma" if decimal == "," else "point"))
            raw = raw.with_columns(plain_number(pl.col(name), decimal).alias(name) for name in numbers)
        originated = _as_date(mapping.origination_date)
        return raw.select(
            pl.col(mapping.loan_id).str.strip_chars().alias("loan_id"),
            pl.coalesce(originated.cast(pl.String), _text(mapping.origination_date)).alias("origination_date"),
            *(
                _as_text(source, originated).alias(column)
                for columns in mapping.feeds.values()
                for column, source in columns.items()
            ),
        )

    @property
    def _layouts(self) -> dict[str, tuple[str, ...]]:
        """The columns without which a line is not the header."""
        mapping, terms = self.mapping, self.mapping.feeds["loan_terms"]
        needed = [mapping.loan_id, mapping.events.status, *mapping.origination_date.names]
        needed += [*terms["loan_amount"].names, *terms["term"].names]
        return {mapping.name: tuple(dict.fromkeys(needed))}

    @property
    def _dialect(self) -> Dialect:
        """The dialect of its downloads; their separator is read from the header."""
        return Dialect(ANY_SEPARATOR, self.mapping.file.encoding)

    def _last_date(self, rows: pl.DataFrame) -> date | None:
        """Find the last date of an origination or status that does not lie in the future."""
        on, rows = self.mapping.events.on, blanked(rows, self.mapping.own_signs)
        read = [_as_date(self.mapping.origination_date), *([_as_date(on)] if on else [])]
        dates = [self._until_today(day).max() for day in read]
        last = rows.select(pl.max_horizontal(dates)).item()
        return last if isinstance(last, date) else None

    def _until_today(self, day: pl.Expr) -> pl.Expr:
        return day if self.today is None else pl.when(day <= self.today).then(day)

    def _screen(self, ids: LoanIds, table: RawTable) -> RawTable:
        table = ids.screen(replace(table, rows=blanked(table.rows, self.mapping.own_signs)))
        source = self.mapping.origination_date
        originated, text, name = _as_date(source), _text(source), source.names[0]
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
        return self._with_plain_numbers(table)

    def _with_plain_numbers(self, table: RawTable) -> RawTable:
        """Write numbers in the form that feeds hold.

        What would be read as another number than was meant is rejected where it makes the loan; else it lands as words
        that are no number, so that it is missing by itself.
        """
        decimal = self.mapping.file.decimal
        if decimal is None:
            self._require_plain_amounts(table)
            return table
        texts = [name for name in self.mapping.number_columns if name not in table.numbers]
        if not texts:
            return table
        sign = "comma" if decimal == "," else "point"
        found = {name: misread_number(pl.col(name), decimal) for name in texts}
        misread = {name: odd for name, odd in found.items() if name in self.mapping.required_numbers}
        table = replace(table, rows=table.rows.with_columns(_unread(found, misread, sign)))
        table = table.reject(
            pl.any_horizontal(pl.lit(value=False), *misread.values()),
            pl.coalesce(
                pl.lit(None, dtype=pl.String),
                *(
                    pl.when(odd).then(pl.lit(f"{name} is no number with a decimal {sign}"))
                    for name, odd in misread.items()
                ),
            ),
            value=pl.coalesce(
                pl.lit(None, dtype=pl.String), *(pl.when(odd).then(name) for name, odd in misread.items())
            ),
            remedy="name the sign before decimals in the mapping: 'file: {decimal: \",\"}' or 'file: {decimal: \".\"}'",
        )
        plain = [plain_number(pl.col(name), decimal).alias(name) for name in texts]
        return replace(table, rows=table.rows.with_columns(plain))

    def _require_plain_amounts(self, table: RawTable) -> None:
        """Make sure that most amounts are not written so that they would end in quarantine for want of a decimal sign.

        Raises:
            UnreadableFileError: If they are.
        """
        source = self.mapping.feeds["loan_terms"]["loan_amount"]
        amounts = table.rows.select(_text(source).replace(source.values).alias("amount")).drop_nulls()
        amount = pl.col("amount")
        unread = amounts.filter(amount.str.strip_chars().cast(pl.Float64, strict=False).is_null())
        odd = unread.filter(is_number(amount, ",") | is_number(amount, "."))
        if 2 * odd.height > amounts.height:
            raise UnreadableFileError(
                f"{table.file} holds amounts such as '{odd.item(0, 0)}', which are no plain numbers; name their "
                "decimal sign in the mapping: 'file: {decimal: \",\"}' or 'file: {decimal: \".\"}'"
            )

    def _note_unread_dates(self, rows: pl.DataFrame) -> None:
        """Keep the first text of each column of dates that is none, for the line that says what to write."""
        opened = self.mapping.feeds.get("credit_history", {}).get("earliest_credit_line")
        for name, source in (("on", self.mapping.events.on), ("earliest_credit_line", opened)):
            if source is not None and name not in self.unread_dates:
                text = _text(source)
                of_status = pl.col(self.mapping.events.status).str.strip_chars().is_in(self._with_events)
                needed = of_status if name == "on" else pl.lit(value=True)
                first = rows.filter(needed & ~is_blank(text) & _as_date(source).is_null()).select(text.first()).item()
                if first is not None:
                    self.unread_dates[name] = one_line(first, LONGEST_EXAMPLE)

    @property
    def _with_events(self) -> list[str]:
        """The statuses that events follow from, which need their date."""
        return [status for status, rule in self.mapping.events.rules.items() if isinstance(rule, tuple) and rule]

    def _received(self, received: Received) -> list[pl.Expr]:
        """Add up what loans have paid in all, and read the day of the last payment."""
        last = self._until_today(_as_date(received.last_on)) if received.last_on else pl.lit(None, dtype=pl.Date)
        return [*(_total(columns).alias(total) for total, columns in received.amounts.items()), last.alias("last_on")]

    def _book(self, early: list[pl.DataFrame], table: RawTable, last_date: date | None) -> RawBook:
        """Cut records into the feeds, and add to `early` the loans of which a status is older than they are."""
        mapping, events = self.mapping, self.mapping.events
        originated = _as_date(mapping.origination_date)
        read_on = events.read_on or last_date
        keys = [
            originated.alias("snapshot_date"),
            pl.col(mapping.loan_id).str.strip_chars().alias("loan_id"),
            originated.cast(pl.String).alias("origination_date"),
        ]
        feeds = {
            name: table.rows.select(
                *keys, *(_as_text(source, originated).alias(column) for column, source in columns.items())
            )
            for name, columns in mapping.feeds.items()
        }
        for feed in APPLICATION_FEEDS:
            feeds.setdefault(feed.name, table.rows.select(*keys))
        no_date, no_number, no_text = (pl.lit(None, dtype=kind) for kind in (pl.Date, pl.Int64, pl.String))
        late = _whole_days(events.days_past_due) if events.days_past_due else no_number
        loans = table.rows.select(
            *keys[:2],
            pl.col(events.status).str.strip_chars().alias("status"),
            (self._until_today(_as_date(events.on)) if events.on else no_date).alias("on"),
            late.alias("days_past_due"),
            (_no_whole_days(events.days_past_due) if events.days_past_due else no_text).alias("days_text"),
        )
        loans = _without_impossible_days(loans, read_on)
        self._note_unread_dates(table.rows)
        self._note_unread_flags(table.rows)
        overdue = [status for status, rule in events.rules.items() if rule == PAST_DUE]
        on = pl.when(pl.col("status").is_in(self._with_events)).then(pl.col("on"))
        made = loans.select("loan_id", on.alias("on"), "snapshot_date")
        own = made.filter(pl.col("on") < pl.col("snapshot_date"))
        early.append(own)
        self._warn_of_one_delay(loans.filter(pl.col("status").is_in(overdue))["days_past_due"])
        feeds["loan_performance"] = build_events(loans, dict(events.rules), read_on)
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


def _total(columns: Sequence[tuple[int, str]]) -> pl.Expr:
    """Add up columns of amounts; null where none of them has a number."""
    numbers = [pl.col(name).str.strip_chars().cast(pl.Float64, strict=False) * sign for sign, name in columns]
    if not numbers:
        return pl.lit(None, dtype=pl.Float64)
    return pl.when(pl.any_horizontal(number.is_not_null() for number in numbers)).then(pl.sum_horizontal(numbers))


def _warn_of_early(path: Path, early: Sequence[pl.DataFrame]) -> None:
    """Warn of loans whose status holds from a day before they were made: one of the two dates is wrong."""
    loans = sum(part.height for part in early)
    if loans:
        loan_id, on, made = next(part.row(0) for part in early if part.height)
        logger.warning(
            "%s: %d loans have a status of a day before they were made, such as %s of %s with one of %s; one "
            "of the dates is wrong, and the status counts from the first day of its loan; mend the file or the mapping",
            path.name,
            loans,
            loan_id,
            made,
            on,
        )


def load_mapping(path: Path, today: date | None = None) -> MappedPlatform:
    """Read the profile that a YAML file describes. A date after `today`, the day of the landing, cannot be read.

    Raises:
        UsageError: If there is no such file, or it is no mapping; names the key that is wrong and what to write.
    """
    return MappedPlatform(read_mapping(path), today)


def _text(source: Source) -> pl.Expr:
    return first_given(source.names)


def _unread(odd: Mapping[str, pl.Expr], required: Collection[str], sign: str) -> list[pl.Expr]:
    """Mark the texts of optional numbers that would be misread with what is wrong with them."""
    said = f" is no number with a decimal {sign}"
    return [
        pl.when(wrong).then(pl.col(name) + said).otherwise(pl.col(name)).alias(name)
        for name, wrong in odd.items()
        if name not in required
    ]


def _as_date(source: Source, latest: pl.Expr | None = None) -> pl.Expr:
    """Parse the date of a value; null where it is none.

    Args:
        source: Where it comes from, and how it is written.
        latest: A day after which it cannot lie: a year of two digits is then one of the century before.
    """
    text = _text(source).str.strip_chars()
    patterns = [pattern for pattern in source.date if pattern != ISO]
    found = [text.str.to_date(pattern, strict=False) for pattern in patterns]
    if not any(pattern.startswith("%Y-%d") for pattern in patterns):
        # What has a type of its own reads as ISO, which means another day to one pattern only.
        found.append(text.str.extract(r"^(\d{4}-\d{2}-\d{2})(?:$|[T ])").str.to_date("%Y-%m-%d", strict=False))
    day = pl.coalesce(found)
    day = pl.when(day.is_between(_FIRST_DATE, _LAST_DATE)).then(day)
    if latest is None or not any("%y" in pattern for pattern in patterns):
        return day
    return pl.when(day > latest).then(day.dt.offset_by("-100y")).otherwise(day)


def _whole_days(column: str) -> pl.Expr:
    """Parse a whole number of days, at most five digits, as Int64; null where the text is anything else."""
    text = pl.col(column).str.strip_chars().str.strip_prefix("+")
    return pl.when(text.str.contains(r"^[0-9]{1,5}(\.0*)?$")).then(text).cast(pl.Float64).cast(pl.Int64)


def _no_whole_days(column: str) -> pl.Expr:
    """Say of a text that is neither a sign of a missing value nor a whole number of days what is wrong with it."""
    text = pl.col(column).str.strip_chars()
    given = ~text.str.to_lowercase().is_in(["", *sorted(MISSING_SIGNS)])
    return pl.when(given & _whole_days(column).is_null()).then(text + " is no whole number of days")


def _without_impossible_days(loans: pl.DataFrame, read_on: date | None) -> pl.DataFrame:
    """Take out days past due that are more than the loan's days since its origination, and say so in `days_text`.

    Such a number is in another unit, or stands for something else. Its loan's outcome is unknown then.

    Args:
        loans: As `build_events` takes them.
        read_on: The day on which the days past due were counted.
    """
    days = pl.col("days_past_due")
    age = (pl.lit(read_on, dtype=pl.Date) - pl.col("snapshot_date")).dt.total_days()
    said = pl.format("{} days past due of a loan {} days old", days, age)
    return loans.with_columns(
        pl.when(days > age).then(said).otherwise("days_text").alias("days_text"),
        pl.when(days > age).then(None).otherwise(days).alias("days_past_due"),
    )


def _as_flag(source: Source, text: pl.Expr) -> pl.Expr:
    """Read yes and no, or the texts that they become; null where it is neither."""
    bare = text.str.strip_chars().str.to_lowercase()
    found = pl.lit(None, dtype=pl.String)
    for meant, ways in zip(source.flag, (YES, NO), strict=True):
        found = pl.when(bare.is_in([*ways, meant.lower()])).then(pl.lit(meant)).otherwise(found)
    return found


def _as_text(source: Source, originated: pl.Expr) -> pl.Expr:
    """Change a value's text as the mapping says; what cannot be read stays as it is, for quarantine to judge."""
    text = _text(source)
    if source.date:
        return pl.coalesce(_as_date(source, originated).cast(pl.String), text)
    if source.flag:
        return _as_flag(source, text)
    if source.values:
        text = text.str.strip_chars().replace(source.values)
    if not source.is_number:
        return text
    number = text.str.strip_chars().cast(pl.Float64, strict=False) * (1.0 if source.times is None else source.times)
    rounded = number.round(6 if source.round is None else source.round)
    whole = rounded.cast(pl.Int64, strict=False).cast(pl.String)
    shown = whole if source.round == 0 else rounded.cast(pl.String)
    return pl.coalesce(shown, text)


__all__ = ["ISO", "PAST_DUE", "MappedPlatform", "load_mapping"]
