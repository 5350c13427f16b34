"""What every part is given: sizes, places, and a way to measure a contender so that its failure loses nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from bench.loan_files import enlarge, read_loans, stretch, write_loans
from bench.measuring import ContenderError, Measured, measure
from bench.records import Part, Record, Results, record_of

LOCAL = Path(__file__).resolve().parent
OUR_PYTHON = Path(sys.executable)
THEIR_PYTHON = LOCAL / ".venv" / "bin" / "python"
EVIDENTLY_PYTHON = LOCAL / ".venv-evidently" / "bin" / "python"
PRODUCT = OUR_PYTHON.with_name("p2pcredit")
LIMIT_SECONDS = 900.0
"""A process that takes longer is ended and named as failed."""


@dataclass
class Run:
    """One run of the benchmark.

    Args:
        rows: Loans of the raw file.
        peer_rows: At most so many for peers that would take too long, or too much memory, on all of them.
        history_rows: Loans of the home that training, scoring, monitoring and a day work on.
        repeats: How often what is short is measured.
        like_public: Whether raw file to gold is measured also on a file of the public one's shape.
        data: A LendingClub download to draw from; None for synthetic loans.
        scratch: Where files and homes are made.
        results: Where records go.
        part: What is measured now.
        ready: What was made in this run already.
        measured: Work, contender and size -> what was measured of it in this run already.
    """

    rows: int
    peer_rows: int
    history_rows: int
    repeats: int
    data: Path | None
    scratch: Path
    results: Results
    like_public: bool = False
    part: Part | None = None
    ready: set[object] = field(default_factory=set)
    measured: dict[tuple[str, str, int], Record] = field(default_factory=dict)

    @cached_property
    def loans(self) -> pl.DataFrame:
        """The loans to draw from."""
        return read_loans(self.data)

    def raw_file(self, rows: int, *, public_shape: bool = False) -> Path:
        """Make a raw file of so many loans, once in a run; of the public file's shape where asked."""
        path = self.scratch / f"loans_{rows}{'_like_public' if public_shape else ''}.csv"
        if path not in self.ready:
            write_loans(enlarge(self.loans, rows, public_shape=public_shape), path)
            self.ready.add(path)
        return path

    def stretched_file(self) -> Path:
        """Make a raw file with the loans of the download, each once, over ten years."""
        return write_loans([stretch(self.loans)], self.scratch / "loans_stretched.csv")

    def fresh(self, name: str) -> Path:
        """Make an empty directory under scratch.

        What was there is moved aside until the run ends: a file system from which thousands of files were just removed
        makes new ones slowly for minutes, and the next work measured would pay for it.
        """
        path = self.scratch / name
        if path.exists():
            self._aside.mkdir(exist_ok=True)
            path.rename(self._aside / f"{len(list(self._aside.iterdir()))}-{name}")
        path.mkdir(parents=True)
        return path

    def clear(self) -> None:
        """Remove what was moved aside."""
        shutil.rmtree(self._aside, ignore_errors=True)

    @property
    def _aside(self) -> Path:
        return self.scratch / "replaced"

    def measure(
        self,
        *command: str | Path,
        limit_seconds: float = LIMIT_SECONDS,
        environment: Mapping[str, str] | None = None,
    ) -> Measured:
        """Measure one process."""
        log = self.scratch / "log.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        path = f"{LOCAL / 'peers'}:{LOCAL.parent}"
        variables = {"PYTHONPATH": path, **(environment or {})}
        return measure(command, environment=variables, limit_seconds=limit_seconds, log=log)

    def product(self, *arguments: str | Path, home: Path) -> Measured:
        """Measure one of our commands; its receipt is among the facts."""
        return self.measure(PRODUCT, *arguments, "--home", home, "--json")

    def prepare(self, *command: str | Path) -> dict[str, Any]:
        """Run what is not measured; its last line of JSON, if any."""
        return self.measure(*command).facts

    def contend(
        self,
        name: tuple[str, str, str, str],
        rows: int,
        work: Callable[[], Measured],
        *,
        repeats: int | None = None,
        note: str = "",
    ) -> Record | None:
        """Measure a contender and keep the record; where it fails, say so in the results and go on.

        Args:
            name: Part, work, contender and role.
            rows: How many loans.
            work: One repeat.
            repeats: How often, if not as often as the run says.
            note: What a reader must know.
        """
        assert self.part is not None, "a part begins before it measures"
        done = self.measured.get((*name[1:3], rows))
        if done is not None:  # two parts look at the same work; once a run is enough
            self.part.add(replace(done, part=name[0]))
            return done
        try:
            found = [work() for _ in range(repeats or self.repeats)]
        except (ContenderError, OSError, subprocess.SubprocessError) as error:
            self.part.failures.append(f"{name[1]}, {name[2]}, {rows:,} loans: {error}")
            self.results.save()
            print(f"  FAILED {self.part.failures[-1]}", flush=True)
            return None
        record = self.measured[(*name[1:3], rows)] = record_of(*name, rows, found, note)
        self.part.add(record)
        self.results.save()
        inside = record.figure("work_seconds")
        alone = "" if inside is None else f" (work alone {inside:.3f} s)"
        print(
            f"  {name[1]}, {name[2]}, {rows:,} loans: {record.figure('seconds'):.2f} s{alone}, "
            f"{record.figure('peak_mb'):,.0f} MB",
            flush=True,
        )
        return record

    def check(self, words: str) -> None:
        """Keep what a comparison of outputs found."""
        assert self.part is not None
        self.part.checks.append(words)
        self.results.save()
        print(f"  {words}", flush=True)


def receipt_of(measured: Measured, key: str) -> str:
    """Read one entry of a command's receipt, as text."""
    found = measured.facts.get(key)
    if found is None:
        raise ContenderError(f"the receipt has no '{key}': {json.dumps(measured.facts)[:200]}")
    return str(found)
