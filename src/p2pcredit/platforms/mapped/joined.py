"""Further files of a landing whose rows are put beside the loans: application, customer, bureau, joined by a key."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import polars as pl

from p2pcredit.contracts.id_texts import WHOLE_ID
from p2pcredit.errors import UnreadableFileError, UsageError
from p2pcredit.platforms.headers import open_raw
from p2pcredit.platforms.mapped.schema.files import Table
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.missing_signs import is_blank
from p2pcredit.readers.csv.dialect import Dialect
from p2pcredit.readers.csv.reader import read_small_file
from p2pcredit.text import LONGEST_EXAMPLE, one_line

_KEY = "key of a joined table"
TAPE = "the tape"
_APART = "\x1f"
logger = logging.getLogger("p2pcredit")


def split_files(mapping: PlatformMapping, files: Sequence[Path]) -> tuple[list[Path], dict[str, list[Path]]]:
    """Split files into those of loans, of tables and of the tape (`TAPE`), by their names.

    Raises:
        UsageError: If a table has no file, a file fits two tables, or none is left for the loans.
    """
    patterns = {name: table.files for name, table in mapping.tables.items()}
    if mapping.tape is not None:
        patterns[TAPE] = mapping.tape.files
    of_tables: dict[str, list[Path]] = {name: [] for name in patterns}
    loans: list[Path] = []
    for path in files:
        fitting = [name for name, pattern in patterns.items() if _is_named(path, pattern)]
        if len(fitting) > 1:
            raise UsageError(
                f"{path.name} fits the tables {' and '.join(fitting)}; narrow their patterns in the mapping"
            )
        (of_tables[fitting[0]] if fitting else loans).append(path)
    for name, own in of_tables.items():
        if not own:
            raise UsageError(
                f"the mapping joins {name} from files named {patterns[name]}; give that file beside the loans"
            )
    if not loans:
        raise UsageError("all files given are of joined tables; give the file of the loans too")
    return loans, of_tables


def _is_named(path: Path, pattern: str) -> bool:
    """Return whether a file's name fits, with the names of as many directories as the pattern has."""
    return fnmatch("/".join(path.parts[-1 - pattern.count("/") :]), pattern)


def files_in(mapping: PlatformMapping, directory: Path) -> list[Path]:
    """List the files of a directory that the mapping names, in the order of their names.

    Raises:
        UsageError: If there are none, or the mapping does not say how files of loans are named.
    """
    if mapping.files is None:
        advice = "give files, or say in the mapping how they are named: 'files: \"loans_*.csv\"'"
        raise UsageError(f"{directory} is a directory; {advice}")
    tape = [] if mapping.tape is None else [mapping.tape.files]
    patterns = [mapping.files, *tape, *(table.files for table in mapping.tables.values())]
    below = directory.rglob("*") if any("/" in one for one in patterns) else directory.iterdir()
    found = sorted(path for path in below if path.is_file() and any(_is_named(path, one) for one in patterns))
    if not found:
        raise UsageError(
            f"{directory} holds no file named {' or '.join(patterns)}; check the directory and the mapping"
        )
    return found


@dataclass(slots=True)
class JoinedTables:
    """The tables of a landing, in memory with the columns that the mapping names.

    Args:
        tables: How each is declared.
        rows: Per table its key and its columns, under the table's name and a point; one row a key.
    """

    tables: Mapping[str, Table]
    rows: Mapping[str, pl.DataFrame]
    _matched: Counter[str] = field(default_factory=Counter)
    _asked: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(
        cls, mapping: PlatformMapping, files: Mapping[str, Sequence[Path]], wanted: Collection[str], dialect: Dialect
    ) -> JoinedTables:
        """Read the files of each table.

        Raises:
            UnreadableFileError, HeaderError: Where one cannot be used, or has a key twice and the mapping does not say
                which row counts.
        """
        rows = {}
        wanted = [*wanted, *(column for table in mapping.tables.values() for column in table.of_loans)]
        for name, table in mapping.tables.items():
            columns = [column.removeprefix(f"{name}.") for column in wanted if column.startswith(f"{name}.")]
            frame = pl.concat(_read(name, table, path, columns, dialect) for path in files[name])
            rows[name] = _one_row_a_key(name, table, [path.name for path in files[name]], frame)
        return cls(mapping.tables, rows)

    def added(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Put the columns of every table beside the rows of a part of the loans; absent ones are missing."""
        for name, table in self.tables.items():
            keyed = rows.drop(*self.rows[name].columns, strict=False).with_columns(_key(table.of_loans).alias(_KEY))
            found = keyed.join(
                self.rows[name].with_columns(_found=pl.lit(value=True)), on=_KEY, how="left", maintain_order="left"
            )
            self._asked[name] += rows.height
            self._matched[name] += found["_found"].count()
            rows = found.drop("_found", _KEY)
        return rows

    def report(self, file: str) -> None:
        """Warn of loans without a row in a table; forget the counts, for the next file.

        Raises:
            UnreadableFileError: If no loan of the file has one.
        """
        for name, table in self.tables.items():
            asked, matched = self._asked[name], self._matched[name]
            keys = f"{', '.join(table.of_loans)} of the loans with {', '.join(table.key)} of {name}"
            if asked and not matched:
                raise UnreadableFileError(
                    f"{file}: no loan has a row in the table {name}; compare {keys}, and mend key or matches"
                )
            if matched < asked:
                logger.warning(
                    "%s: %d of %d loans have no row in the table %s (%s); its columns are missing there",
                    *(file, asked - matched, asked, name, keys),
                )
        self._asked.clear()
        self._matched.clear()


def _read(name: str, table: Table, path: Path, columns: Iterable[str], dialect: Dialect) -> pl.DataFrame:
    wanted = list(dict.fromkeys([*table.key, *columns]))
    text = read_small_file(open_raw(path, {f"table {name}": table.key}, wanted, dialect))
    text.require_whole(path)
    if text.malformed:
        logger.warning(
            "%s: %d records have another number of fields than the header and are left out",
            path.name,
            len(text.malformed),
        )
    absent = [column for column in wanted if column not in text.frame.columns]
    if absent:
        logger.warning(
            "%s has no column %s, which the mapping names; check how it is written, else its values are missing",
            path.name,
            ", ".join(absent),
        )
    frame = text.frame.with_columns(pl.lit(None, dtype=pl.String).alias(column) for column in absent)
    own = [pl.col(column).alias(f"{name}.{column}") for column in dict.fromkeys(columns)]
    return frame.select(_key(table.key).alias(_KEY), *own).filter(pl.col(_KEY).is_not_null())


def _one_row_a_key(name: str, table: Table, files: Sequence[str], rows: pl.DataFrame) -> pl.DataFrame:
    twice = rows.filter(~pl.col(_KEY).is_first_distinct())
    if twice.is_empty():
        return rows
    shown = one_line(str(twice[_KEY][0]).replace(_APART, ", "), LONGEST_EXAMPLE)
    said = f"{', '.join(files)}: {twice.height} rows repeat a {', '.join(table.key)}, such as '{shown}'"
    if table.duplicates is None:
        raise UnreadableFileError(
            f"{said}; say which row counts, tables: {{{name}: {{duplicates: first}}}} or last, or join by more columns"
        )
    logger.warning("%s; the %s of them counts, as the mapping says", said, table.duplicates)
    return rows.unique(_KEY, keep=table.duplicates, maintain_order=True)


def _key(columns: Sequence[str]) -> pl.Expr:
    """Join the texts of a key; whole numbers that became floats, `7.0`, are the whole numbers they were."""
    bare = [pl.col(name).str.strip_chars().str.replace(WHOLE_ID, "${1}") for name in columns]
    missing = pl.any_horizontal(is_blank(pl.col(name)) for name in columns)
    return pl.when(~missing).then(pl.concat_str(bare, separator=_APART))


__all__ = ["TAPE", "JoinedTables", "files_in", "split_files"]
