"""A broken landing file from a seed: which mutations befell it, its bytes, and what may be asked of its reader."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from datetime import date
from random import Random

from tests.robustness.fuzz.byte_mutations import BYTE_MUTATIONS, GZIP_MUTATIONS, TEXT_MUTATIONS
from tests.robustness.fuzz.landing_days import clean_rows
from tests.robustness.fuzz.mutations import ALL, SHEET_MUTATIONS, VALUE_MUTATIONS, Sheet
from tests.robustness.fuzz.parquet_mutations import PARQUET_BYTES, PARQUET_LAYOUTS, PARQUET_TYPES, parquet_of

from p2pcredit.contracts.feeds import FEEDS

_SOUND_SHEETS = {
    "reordered columns",
    "repeated rows",
    "blank lines",
    "carriage return and line feed",
    "quotes where needed",
}


@dataclass(frozen=True)
class Case:
    """A mutated landing file of one feed and day: all of it follows from these values."""

    seed: str
    feed: str
    day: date
    ending: str
    names: tuple[str, ...]
    kept: tuple[int, ...] = (0, 1, 2, 3, 4)

    @property
    def file_name(self) -> str:
        return f"{self.feed}_{self.day:%Y_%m_%d}{self.ending}"

    @property
    def must_be_read(self) -> bool:
        """Only cells, or how a sound file is written, were changed: refusing it is wrong."""
        return set(self.names) <= {*VALUE_MUTATIONS, *_SOUND_SHEETS, *PARQUET_LAYOUTS}

    def build(self) -> tuple[bytes, set[int] | None]:
        """Build the bytes of the file, and the places of its rows whose values may differ from the clean ones."""
        rows = clean_rows(FEEDS[self.feed], self.day)
        sheet = Sheet(list(FEEDS[self.feed].sources), [rows[place] for place in self.kept])
        for name in self.names:
            if mutate := VALUE_MUTATIONS.get(name) or SHEET_MUTATIONS.get(name):
                mutate(sheet, self._luck(name))
        if self.ending == ".parquet":
            data, whole = self._parquet(sheet), not set(self.names) & {*PARQUET_BYTES, *PARQUET_TYPES}
        else:
            data, whole = self._text(sheet)
        return data, sheet.touched if whole else ALL

    def smaller(self) -> list[Case]:
        """List the same file with one mutation, or one row, less."""
        fewer = [replace(self, names=tuple(n for n in self.names if n != name)) for name in self.names]
        return fewer + [replace(self, kept=tuple(k for k in self.kept if k != kept)) for kept in self.kept]

    def _luck(self, name: str) -> Random:
        return Random(f"{self.seed} {name}")

    def _text(self, sheet: Sheet) -> tuple[bytes, bool]:
        whole, text = True, sheet.text()
        for name in self.names:
            if name in TEXT_MUTATIONS:
                text, whole = TEXT_MUTATIONS[name](text, self._luck(name)), False
        data = text.encode("utf-8", "replace")
        for name in self.names:
            if name in BYTE_MUTATIONS:
                data, whole = BYTE_MUTATIONS[name](data, self._luck(name)), False
        if (self.ending == ".csv.gz") != ("wrong compression" in self.names):
            data = gzip.compress(data, mtime=0)
        for name in self.names:
            if name in GZIP_MUTATIONS:
                data, whole = GZIP_MUTATIONS[name](data, self._luck(name)), False
        return data, whole

    def _parquet(self, sheet: Sheet) -> bytes:
        data = parquet_of(sheet.header, sheet.rows, list(self.names), self._luck("types"))
        for name in self.names:
            if name in PARQUET_BYTES:
                data = PARQUET_BYTES[name](data, self._luck(name))
        return data

    def __str__(self) -> str:
        return f"seed {self.seed!r}: {self.file_name}, rows {self.kept}, {', '.join(self.names) or 'nothing'} changed"


def make_case(seed: str, day: date) -> Case:
    """Draw one to four mutations from the seed."""
    luck = Random(seed)
    ending = luck.choices([".csv", ".csv.gz", ".parquet"], [6, 2, 2])[0]
    names = [luck.choice(list(VALUE_MUTATIONS)) for _ in range(luck.choice([0, 1, 1, 2]))]
    if ending == ".parquet":
        sheets = [
            "dropped column",
            "renamed column",
            "repeated rows",
            "header only",
            "reordered columns",
            "long header",
        ]
        pools = [sheets, list(PARQUET_TYPES), list(PARQUET_TYPES), list(PARQUET_LAYOUTS), list(PARQUET_BYTES)]
    else:
        pools = [list(SHEET_MUTATIONS), list(SHEET_MUTATIONS), list(TEXT_MUTATIONS), list(TEXT_MUTATIONS)]
        pools += [list(BYTE_MUTATIONS), ["wrong compression"]] if luck.random() < 0.5 else []
        pools += [list(GZIP_MUTATIONS)] if ending == ".csv.gz" else []
    names += [
        luck.choice(pool) for pool in luck.sample(pools, luck.choice([0, 1, 1, 2]) if names else luck.choice([1, 2]))
    ]
    return Case(seed, luck.choice(list(FEEDS)), day, ending, tuple(dict.fromkeys(names)))
