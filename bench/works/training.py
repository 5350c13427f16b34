"""Training: `p2pcredit train` against the library fits inside it, single fits against bare ones, and the peers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.measuring import CORES, Measured
from bench.running import LOCAL, OUR_PYTHON, PRODUCT, THEIR_PYTHON, Run
from bench.works.homes import TRAINED, forget_models, ten_years, whole_book

PART, TRAIN = "training", "train"
LARGER = (100_000, 400_000)
FEW = 50_000
"""On more loans than this two threads are always quicker than one."""
MANY = 150_000
"""A training on more loans takes minutes, and is measured once."""
CHILD = (OUR_PYTHON, "-m", "bench.works.learning")
_FITS = {
    "one boosting fit": (
        ("ours", "ours", "boosting", "from the table of loans to the model"),
        ("bare xgboost.train", "floor", "bare-xgboost", "the same trees on the ready matrix"),
    ),
    "one scorecard fit": (
        ("ours", "ours", "scorecard", "bins, selection and regression of all features"),
        ("bare logistic regression", "floor", "bare-logistic", "on the ready weights of evidence; no bins are sought"),
    ),
}


def run(run: Run) -> None:
    """End to end on three books first, then one fit of each family."""
    prepared, loans = prepared_loans(run)
    for book in books(run):
        train_ours(run, book, PART)
        train_bare(run, book)
    for work, contenders in _FITS.items():
        for who, role, script, note in contenders:
            run.contend((PART, work, who, role), loans, partial(run.measure, *CHILD, script, prepared), note=note)
    peers = {
        TRAIN: (("scikit-learn", "train_by_sklearn.py", "two pipelines, each with a search of three settings"),),
        "one scorecard fit": (("optbinning", "scorecard_by_optbinning.py", "the same features, as shipped"),),
    }
    for work, theirs in peers.items():
        for who, script, note in theirs:
            command = (THEIR_PYTHON, LOCAL / "peers" / script, prepared / "loans.parquet", prepared / "features.json")
            run.contend((PART, work, who, "peer"), loans, partial(run.measure, *command), repeats=1, note=note)


@dataclass(frozen=True)
class Book:
    """What is learned from: a home, the day as of which, and how many loans have matured by then."""

    home: Path
    day: str
    loans: int

    def repeats(self, wanted: int) -> int:
        """Return how often what takes long on it is measured."""
        return wanted if self.loans <= MANY else 1


def books(run: Run) -> Iterator[Book]:
    """Yield the home with ten years of history, then the larger ones."""
    yield Book(ten_years(run), str(TRAINED), prepared_loans(run)[1])
    yield from larger_books(run)


def larger_books(run: Run) -> Iterator[Book]:
    """Yield whole raw files of more loans."""
    for rows in sorted({min(rows, run.rows) for rows in LARGER}):
        home, day = whole_book(run, rows)
        yield Book(home, day, int(run.prepare(*CHILD, "matured", home, day)["matured"]))


def train_ours(run: Run, book: Book, part: str) -> None:
    """Measure `p2pcredit train`."""
    command = (PRODUCT, "train", "--as-of", book.day, "--home", book.home, "--json")

    def work() -> Measured:
        forget_models(book.home)
        return run.measure(*command)

    note = "both families in three forms, search, judgement, evidence pack, bank"
    run.contend((part, TRAIN, "ours", "ours"), book.loans, work, repeats=book.repeats(run.repeats), note=note)


def train_bare(run: Run, book: Book) -> None:
    """Measure the libraries' own fits inside it, the less of one thread and all: small fits lose by threads."""

    def on(threads: int) -> Measured:
        forget_models(book.home)
        whole = run.measure(*CHILD, "library", book.home, book.day, str(threads))
        return Measured(float(whole.facts["work_seconds"]), whole.peak_mb)

    threads = (1, CORES) if book.loans <= FEW else (CORES,)
    note = (
        f"seconds inside xgboost.train and scikit-learn's fit during the command, one by one, each on {CORES} threads"
    )
    note += " or on one, whichever is less" if len(threads) > 1 else ""
    run.contend(
        (PART, TRAIN, "bare library fits", "floor"),
        book.loans,
        lambda: min((on(number) for number in threads), key=lambda one: one.seconds),
        repeats=book.repeats(run.repeats),
        note=note,
    )


def prepared_loans(run: Run) -> tuple[Path, int]:
    """Prepare the matured loans of the home, matrices of the floors and both models; return them and how many loans."""
    import polars as pl

    out = run.scratch / "prepared"
    if out not in run.ready:
        home = ten_years(run)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        run.prepare(*CHILD, "prepare", home, str(TRAINED), out)
        run.ready.add(out)
    return out, pl.scan_parquet(out / "loans.parquet").select(pl.len()).collect().item()
