"""A home with ten years of history and a champion, and one with a month of it: what the later parts work on."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

from bench.running import Run, receipt_of

TRAINED, WEEK_END = date(2017, 4, 30), date(2017, 6, 4)
"""The training date, and the last day of the monitored week: ten years after the first loans."""
SCORED_FROM = TRAINED + timedelta(days=1)
MONTH_FROM = WEEK_END - timedelta(days=30)
NEXT_DAYS = tuple(WEEK_END + timedelta(days=ahead) for ahead in range(1, 17))
"""The days after the history, landed and not yet preprocessed."""
LANDED_UNTIL = date(2017, 6, 30)


def ten_years(run: Run) -> Path:
    """Make the home with ten years of history by our own commands, once in a run; it has no model yet."""
    return _refined(run, "home-ten-years", run.history_rows, str(WEEK_END))


def whole_book(run: Run, rows: int) -> tuple[Path, str]:
    """Make a home with all days of a raw file of so many loans; return it and its last day. It has no model yet."""
    home = _refined(run, f"home-book-{rows}", rows)
    return home, receipt_of(run.product("status", home=home), "last_preprocessed")


def _refined(run: Run, name: str, rows: int, last: str | None = None) -> Path:
    """Make a home with a raw file of so many loans landed, and preprocessed up to a day, or to its last."""
    home = run.scratch / name
    if home not in run.ready:
        run.fresh(name)
        landed = run.product("land", "lendingclub", run.raw_file(rows), home=home)
        span = ("--from", receipt_of(landed, "first_date"), "--to", last or receipt_of(landed, "last_date"))
        run.product("preprocess", *span, home=home)
        run.ready.add(home)
    return home


def forget_models(home: Path) -> None:
    """Take models, ledger and reports out of a home, so that it can be trained as if for the first time."""
    for name in ("model_bank", "logs", "reports"):
        shutil.rmtree(home / name, ignore_errors=True)


def with_champion(run: Run) -> Path:
    """Make the home with ten years of history, a champion, and its last five weeks scored."""
    home = ten_years(run)
    if not (home / "model_bank").exists():
        run.product("train", "--as-of", str(TRAINED), home=home)
    if "scored" not in run.ready:
        run.product("infer", "--from", str(SCORED_FROM), "--to", str(WEEK_END), home=home)
        run.ready.add("scored")
    return home


def one_month(run: Run) -> Path:
    """Make a home with the last month of the same history only, and the same champion.

    The days to come are landed up to the end of their month: they lie in a file of the month in both homes.
    """
    long, home = with_champion(run), run.fresh("home-one-month")
    file, until = run.raw_file(run.history_rows), str(LANDED_UNTIL)
    run.product("land", "lendingclub", file, "--from", str(MONTH_FROM), "--to", until, home=home)
    for name in ("model_bank", "logs/decisions"):
        shutil.copytree(long / name, home / name)
    run.product("preprocess", "--from", str(MONTH_FROM), "--to", str(WEEK_END), home=home)
    run.product("infer", "--from", str(MONTH_FROM), "--to", str(WEEK_END), home=home)
    return home
