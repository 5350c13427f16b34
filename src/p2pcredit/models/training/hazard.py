"""Learning before labels mature: what each loan was watched for, and what default was to be expected of it meanwhile.

A loan contributes the months on book it had been watched for by a day, less the lag of reports: it defaulted in the
last of them or in none, and is censored when it was paid off or had not been seen longer. No open loan is called good.
The book's monthly hazards h(t) come from a life table; a model then learns by how much a loan's hazard exceeds the
book's. With proportional hazards and the complementary log-log link, the likelihood of all of a loan's months is that
of one Poisson count (0 or 1) with the expected default H(m) = sum over its months of -ln(1 - h(t)), so one row per loan
says all that the expanded person-month table says. The probability of default within the window is 1 - prod(1 - h(t))
** risk = 1 - exp(-H(window) x risk); its margin is ln H(window) + ln risk, which a calibration on matured loans turns
into log-odds (the two differ little where defaults are rare).

Each quarter of origination has a level of its own, by which its loans' expected default is multiplied before anything
is learned: what came in good years, and what began in good years, would else pass for the effect of a feature. A term
that was launched after a crisis looked as safe as the other (a ratio of 1.06 pooled, 1.49 within quarters). Levels are
shrunk to 1 by their defaults; where the next loans will stand is for the calibration to say.

How a hazard model is judged: a fit on the loans originated before the evaluation loans, with what had come of them by
the training date, is measured on the evaluation loans, of which it knows none (the backtest). The model that is kept is
fitted again with everything observed by the training date. The spread of its calibration is taken from backtests, on
loans that they had not seen: the calibration loans (backtest on the loans before them) and the evaluation loans. Its
level is set by its own margins on the same loans.

Source:
    Holford (1980), Biometrics 36, and Laird & Olivier (1981), JASA 76, for the Poisson form; Prentice & Gloeckler
    (1978), Biometrics 34, for the complementary log-log link; Cutler & Ederer (1958) for the life table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.features import PRODUCT
from p2pcredit.errors import TrainingError
from p2pcredit.models.evaluation.intervals import Floats

LEVEL_DEFAULTS = 5.0
"""The level of a quarter counts for half where it has so many defaults."""
ROUNDS = 50
HIGHEST_HAZARD = 0.999
MOST_OF_THOSE_LEFT = 0.5
MOST_DEFAULTS_OF_THOSE_LEFT = 0.1
"""Where more defaults than this share fall into months in which over half of the loans still watched default, loans end
before they can default, and being watched says more of a default than any feature."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What had been observed of some loans by a day.

    Args:
        loans: `loan_id`, one row per loan watched for at least a month or seen to default.
        defaulted: 1.0 where it defaulted while watched, else 0.0.
        expected: The default expected of it for the months watched, by the book's hazards; positive.
        hazards: The book's monthly hazards, from the first month on book on.
    """

    loans: pl.DataFrame
    defaulted: Floats
    expected: Floats
    hazards: tuple[float, ...]

    @property
    def log_cumulative_hazard(self) -> float:
        """Log of the cumulative hazard, ln H(window): the margin of a loan of average risk."""
        return float(np.log(max(1e-9, float(-np.log1p(-np.array(self.hazards)).sum()))))


def observed_by(
    outcomes: pl.DataFrame, day: date, *, window_months: int, lag_days: int, event: str = "defaulted_in_month"
) -> pl.DataFrame:
    """Observe each loan until the reporting lag before `day`: for how long it was watched, and whether it defaulted.

    What happened in the last days may not have been reported yet, so watching ends before them, as a label waits for
    them: a loan watched to the last day would count months without default in which its default was on its way. A
    default is dated by its month on book alone, so it counts only once that whole month had passed by then.

    Args:
        outcomes: Rows with `loan_id`, `origination_date`, `months_observed`, `defaulted_in_month`, observed until some
            day not before `day`.
        day: The day from which one looks back.
        window_months: Months on book that count.
        lag_days: How late servicing reports; exposure is censored so many days before `day`.
        event: The column with the month of the event; `late_in_month` for early delinquency in place of the default.

    Returns:
        `loan_id`, `origination_date`, `months` (Int32, 1 to the window, the month of the default included), `defaulted`
        (Boolean); loans not watched for a whole month are left out.
    """
    month, elapsed = pl.col(event), months_on_book(day - timedelta(days=lag_days))
    seen = month.is_not_null() & (month <= window_months) & (month <= elapsed)
    without = pl.min_horizontal(elapsed, "months_observed", month - 1, pl.lit(window_months))
    return (
        outcomes.with_columns(seen.alias("defaulted"))
        .with_columns(pl.when("defaulted").then(month).otherwise(without).cast(pl.Int32).alias("months"))
        .filter(pl.col("months") >= 1)
        .select("loan_id", "origination_date", "months", "defaulted", *(c for c in (PRODUCT,) if c in outcomes.columns))
        .sort("origination_date", "loan_id")
    )


def months_on_book(day: date) -> pl.Expr:
    """Count the whole months from `origination_date` to a day, Int32; negative for loans of later."""
    origin = pl.col("origination_date")
    return (
        (day.year - origin.dt.year()) * 12
        + (day.month - origin.dt.month().cast(pl.Int32))
        - (pl.lit(day.day) < origin.dt.day()).cast(pl.Int32)
    )


def measure_exposure(observed: pl.DataFrame, *, window_months: int) -> Exposure:
    """Measure how much default was to be expected of each loan while watched: by month on book and quarter.

    Args:
        observed: Rows of `observed_by`.
        window_months: Months on book that count.

    Returns:
        The exposure; expected and seen defaults have the same sum (up to the logarithm's convexity).
    """
    months = observed["months"].to_numpy().astype(np.int64)
    defaulted = observed["defaulted"].to_numpy().astype(np.float64)
    cohort = _quarters(observed["origination_date"])
    events = np.bincount(months, weights=defaulted, minlength=window_months + 1)[1:]
    product = _products(observed)
    level, factor = np.ones(cohort.max(initial=0) + 1), np.ones(product.max(initial=0) + 1)
    for _ in range(ROUNDS):
        weight = level[cohort] * factor[product]
        at_risk = np.bincount(months, weights=weight, minlength=window_months + 1)[1:][::-1].cumsum()[::-1]
        hazards = np.where(at_risk > 0, events / np.where(at_risk > 0, at_risk, 1.0), 0.0).clip(max=HIGHEST_HAZARD)
        usual = _expected(hazards, months, window_months)
        new = _levels(cohort, defaulted, usual * factor[product])
        factor = _levels(product, defaulted, usual * new[cohort])
        moved = float(np.abs(new - level).max())
        level = new
        if moved < 1e-6:
            break
    expected = level[cohort] * usual * (defaulted.sum() or 1.0) / max(1e-9, float((level[cohort] * usual).sum()))
    return Exposure(observed.select("loan_id"), defaulted, expected, tuple(float(h) for h in hazards))


def require_timing_to_tell(observed: pl.DataFrame, *, window_months: int) -> None:
    """Refuse a book whose loans end before they can default, such as short ones in default only after their term.

    Args:
        observed: Rows of `observed_by`.
        window_months: Months on book that count.

    Raises:
        TrainingError: If more than a tenth of the events fall into months on book in which more than half of the loans
            still watched have one.
    """
    months, defaulted = observed["months"].to_numpy(), observed["defaulted"].to_numpy().astype(np.float64)
    events = np.bincount(months, weights=defaulted, minlength=window_months + 1)[1:]
    watched = np.bincount(months, minlength=window_months + 1)[1:][::-1].cumsum()[::-1]
    late = float(events[events > MOST_OF_THOSE_LEFT * watched].sum())
    if late > MOST_DEFAULTS_OF_THOSE_LEFT * float(events.sum()):
        raise TrainingError(
            f"{late:g} of {events.sum():g} events fall into months on book in which more than half of the loans still "
            "watched have one: loans end before they can default, so when they do says nothing of their risk; the "
            "target 'matured' learns from such a book"
        )


def _levels(group: npt.NDArray[np.int64], defaulted: Floats, foreseen: Floats) -> Floats:
    """Divide defaults seen by those foreseen, per group, shrunk to 1; they leave the sum of the foreseen as it is."""
    seen, expected = np.bincount(group, weights=defaulted), np.bincount(group, weights=foreseen)
    found = (seen + LEVEL_DEFAULTS) / (expected + LEVEL_DEFAULTS)
    return np.asarray(found * expected.sum() / max(1e-9, float((found * expected).sum())), dtype=np.float64)


def _products(observed: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Give each loan the number of its product, which is its contract term; one for all where it is not known."""
    if PRODUCT not in observed.columns:
        return np.zeros(observed.height, dtype=np.int64)
    return observed[PRODUCT].cast(pl.Float64).fill_null(-1.0).rank("dense").to_numpy().astype(np.int64) - 1


def _quarters(days: pl.Series) -> npt.NDArray[np.int64]:
    """Give each day the number of its quarter among those there are."""
    quarter = days.dt.year() * 4 + days.dt.quarter().cast(pl.Int32)
    return quarter.rank("dense").to_numpy().astype(np.int64) - 1


def _expected(hazards: Floats, months: npt.NDArray[np.int64], window_months: int) -> Floats:
    """Add up the hazards of the months watched, with a little for each month so that none is without any."""
    cumulative = np.cumsum(-np.log1p(-hazards))
    floor = 1e-3 * max(1e-6, float(cumulative[-1])) / window_months
    return np.asarray(np.maximum(cumulative[months - 1], 0.0) + floor * months, dtype=np.float64)
