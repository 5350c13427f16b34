"""A broken raw download from a seed: the rows of a platform, what befell them, and the bytes that came of it."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from random import Random

from tests.robustness.fuzz.byte_mutations import BYTE_MUTATIONS, GZIP_MUTATIONS, TEXT_MUTATIONS
from tests.robustness.fuzz.mutations import SHEET_MUTATIONS, VALUE_MUTATIONS, Sheet, put_values
from tests.robustness.fuzz.raw_seeds import RawSeed
from tests.robustness.fuzz.record_reader import fields_alone, records_of

HEADER_SEARCH_LINES = 20

RAW_VALUES = {
    "odd months": put_values(
        "Jan-0000", "Dec-9999", "Jan-1000", "dec-2011", "Dez-2011", "Dec-٢٠١١", "12/2011", "Feb-1969"
    ),
    "odd days": put_values(
        "31.02.2010", "00.00.0000", "31.12.9999", "1.1.10", "0000-01-01 00:00", "9999-12-31", "2010-12-31T"
    ),
    "odd days past due": put_values("nan", "inf", "1e30", "-5", "99999", "999999999999", "4.5", "45.0", "١٢"),
    "odd statuses": put_values(
        "Completed", "charged off", "Does not meet the credit policy. Status:", "Total amount funded"
    ),
}


@dataclass(frozen=True)
class RawCase:
    """A mutated raw download: all of it follows from these values and its seed rows."""

    seed: str
    book: str
    packed: bool
    names: tuple[str, ...]
    kept: tuple[int, ...]

    @property
    def file_name(self) -> str:
        return "download.csv.gz" if self.packed else "download.csv"

    @property
    def is_cut_gzip(self) -> bool:
        return self.packed and set(self.names) & set(GZIP_MUTATIONS) == {"cut gzip"}

    def build(self, seeds: dict[str, RawSeed]) -> bytes:
        book = seeds[self.book]
        sheet = Sheet(list(book.header), [list(book.rows[place]) for place in self.kept], quote_all=book.quote_all)
        sheet.delimiter = book.delimiter
        for name in self.names:
            if mutate := VALUE_MUTATIONS.get(name) or SHEET_MUTATIONS.get(name) or RAW_VALUES.get(name):
                mutate(sheet, self._luck(name))
        text = (f"{book.note}\n" if book.note else "") + sheet.text()
        for name in self.names:
            if name in TEXT_MUTATIONS:
                text = TEXT_MUTATIONS[name](text, self._luck(name))
        data = text.encode(book.encoding, "replace")
        for name in self.names:
            if name in BYTE_MUTATIONS:
                data = BYTE_MUTATIONS[name](data, self._luck(name))
        data = gzip.compress(data, mtime=0) if self.packed else data
        for name in self.names:
            if name in GZIP_MUTATIONS:
                data = GZIP_MUTATIONS[name](data, self._luck(name))
        return data

    def smaller(self) -> list[RawCase]:
        fewer = [replace(self, names=tuple(n for n in self.names if n != name)) for name in self.names]
        return fewer + [replace(self, kept=tuple(k for k in self.kept if k != kept)) for kept in self.kept]

    def _luck(self, name: str) -> Random:
        return Random(f"{self.seed} {name}")

    def __str__(self) -> str:
        return f"seed {self.seed!r}: {self.book}, rows {self.kept}, {', '.join(self.names) or 'nothing'} changed"


def make_raw_case(seed: str, seeds: dict[str, RawSeed]) -> RawCase:
    """Draw one to three mutations of one of these books from the seed."""
    luck = Random(seed)
    book = luck.choice(sorted(seeds))
    packed = luck.random() < 0.3
    pools = [list(VALUE_MUTATIONS), list(RAW_VALUES), list(RAW_VALUES), list(SHEET_MUTATIONS), list(TEXT_MUTATIONS)]
    pools += [list(BYTE_MUTATIONS)] if luck.random() < 0.5 else []
    pools += [list(GZIP_MUTATIONS)] if packed else []
    names = [luck.choice(luck.choice(pools)) for _ in range(luck.choice([1, 1, 2, 3]))]
    return RawCase(seed, book, packed, tuple(dict.fromkeys(names)), tuple(range(len(seeds[book].rows))))


def _alike(name: str, header: list[str]) -> int:
    """Count the names of a header that have the letters and digits of this one, in whatever case."""
    return [_letters(other) for other in header].count(_letters(name))


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def count_records(data: bytes, book: RawSeed) -> int:
    """Count the records below the header; fails where bytes are damaged, wrongly encoded, or without header."""
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    while data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    text = data.decode(book.encoding)
    for separator in book.separators:
        at = 0
        for _ in range(HEADER_SEARCH_LINES):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            header = [name.strip() for name in fields_alone(text[at:end].rstrip("\r"), separator)]
            if all(name in header or _alike(name, header) == 1 for name in book.required):
                return len(records_of(text[end + 1 :], len(header), separator))
            at = end + 1
    raise ValueError("no header")
