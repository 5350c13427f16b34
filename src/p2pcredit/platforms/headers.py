"""The header of a download whatever its letters look like: capitals, blanks and underscores do not tell names apart.

`loan_amnt`, `LOAN_AMNT` and `Loan Amnt` are one column, unless a file has two of them: then only the exact spelling
counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from p2pcredit.errors import HeaderError
from p2pcredit.readers.bytestream import is_parquet
from p2pcredit.readers.csv.dialect import COMMAS, Dialect
from p2pcredit.readers.csv.reader import DelimitedText, RawFile, open_delimited

_NAMES_SHOWN = 12


def spelled_alike(wanted: Iterable[str], header: Sequence[str]) -> dict[str, str]:
    """Find each wanted name in a header: as it is spelt, else the one name that differs in capitals and signs only.

    Returns:
        Wanted name -> the header's name; without the names that are not there.

    Examples:
        >>> spelled_alike(["loan_amnt", "term"], ["LOAN_AMNT", "Term", "TERM"])
        {'loan_amnt': 'LOAN_AMNT'}
    """
    wanted, exact = list(wanted), set(header)
    times = Counter(map(_folded, header))
    by_fold = {_folded(name): name for name in header if times[_folded(name)] == 1}
    taken = exact & set(wanted)
    found = {}
    for name in wanted:
        alike = by_fold.get(_folded(name)) if _folded(name) else None
        if name in exact:
            found[name] = name
        elif alike is not None and alike not in taken:
            found[name] = alike
    return found


def _folded(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


@dataclass(slots=True)
class _Header:
    """Finds the header of a file, and says afterwards how it spells the columns that are wanted."""

    path: Path
    layouts: Mapping[str, Sequence[str]]
    names: Sequence[str] = field(default=())

    def find(self, lines: Sequence[Sequence[str]]) -> int:
        lacking = {}
        for at, line in enumerate(lines):
            there = spelled_alike({name for names in self.layouts.values() for name in names}, line)
            for layout, required in self.layouts.items():
                lacking[at, layout] = [name for name in required if name not in there]
        (at, layout), missing = min(lacking.items(), key=lambda item: len(item[1]))
        if missing:
            taken = set(spelled_alike(self.layouts[layout], lines[at]).values())
            nearest, known = _nearest(missing, lines[at], taken), ", ".join(self.layouts)
            raise HeaderError(
                f"{self.path} fits no known layout ({known}): the nearest is {layout}, for which line {at + 1} lacks "
                f"the columns {', '.join(missing)}{nearest}; check that it is the platform's own download"
            )
        self.names = lines[at]
        return at

    def spelled(self, wanted: Iterable[str]) -> Iterator[str]:
        yield from spelled_alike(wanted, self.names).values()


def _nearest(missing: Sequence[str], header: Sequence[str], taken: Collection[str]) -> str:
    """Name similar columns of the header that are not taken, else the first of all."""
    by_fold = {_folded(name): name for name in header if name not in taken}
    pairs = [(name, get_close_matches(_folded(name), by_fold, n=1, cutoff=0.6)) for name in missing]
    similar = [f"'{by_fold[found[0]]}' for {name}" for name, found in pairs if found]
    if similar:
        return f" (it has {', '.join(similar)})"
    shown = [name for name in header if name][:_NAMES_SHOWN]
    return f" (it has {', '.join(shown)}{' and others' if len(header) > len(shown) else ''})"[:400] if shown else ""


@dataclass(frozen=True, slots=True)
class RespelledFile:
    """A download under the names that its profile uses.

    Args:
        file: The download.
        names: The header's name -> the profile's name, where they differ.
    """

    file: RawFile
    names: Mapping[str, str]

    @property
    def path(self) -> Path:
        """Its path."""
        return self.file.path

    @property
    def header(self) -> tuple[str, ...]:
        """Its column names."""
        return tuple(self.names.get(name, name) for name in self.file.header)

    @property
    def numbers(self) -> frozenset[str]:
        """Columns that it holds as numbers, not as texts of them."""
        return frozenset(self.names.get(name, name) for name in self.file.numbers)

    @property
    def short_floats(self) -> frozenset[str]:
        """Columns that it holds as numbers of so few digits that ids are no more what they were."""
        return frozenset(self.names.get(name, name) for name in self.file.short_floats)

    def batches(self, *, exact: bool = False, in_two_threads: bool = False) -> Iterator[DelimitedText]:
        """Yield its records in order, some at a time."""
        for batch in self.file.batches(exact=exact, in_two_threads=in_two_threads):
            yield self._respelled(batch)

    def empty(self) -> DelimitedText:
        """Describe the file without its records."""
        return self._respelled(self.file.empty())

    def _respelled(self, text: DelimitedText) -> DelimitedText:
        there = {name: own for name, own in self.names.items() if name in text.frame.columns}
        return replace(text, header=self.header, frame=text.frame.rename(there))


def open_raw(
    path: Path,
    layouts: Mapping[str, Sequence[str]],
    columns: Iterable[str] | None = None,
    dialect: Dialect = COMMAS,
) -> RawFile:
    """Open a raw download (CSV, plain or gzip, or Parquet) under the column names of its profile.

    Args:
        path: The file.
        layouts: Per known layout the columns without which it is not that layout.
        columns: The columns wanted; None for all.
        dialect: How a CSV file is written.

    Raises:
        UnreadableFileError: Empty, cut off, damaged or no text.
        HeaderError: Fits no layout; says which columns are missing, and which similar ones are there.
    """
    header = _Header(path, layouts)
    wanted = None if columns is None else list(columns)
    as_spelled = None if wanted is None else header.spelled(wanted)  # asked for once the header was found
    file: RawFile
    if is_parquet(path):
        from p2pcredit.readers.parquet import open_parquet  # most downloads are CSV

        file = open_parquet(path, header.find, as_spelled)
    else:
        file = open_delimited(path, header.find, as_spelled, dialect)
    needed = {name for names in layouts.values() for name in names} if wanted is None else wanted
    names = {there: name for name, there in spelled_alike(needed, file.header).items() if there != name}
    return RespelledFile(file, names) if names else file


__all__ = ["RespelledFile", "open_raw", "spelled_alike"]
