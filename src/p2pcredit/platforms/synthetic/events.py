"""What became of synthetic loans: monthly hazards of default, of early repayment, and of one late payment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.periods import add_months
from p2pcredit.platforms.synthetic.loans import MOST_MONTHS, Draw, Floats, SyntheticSettings

_BASE_HAZARD = 0.0072
_PREPAY_HAZARD = 0.014
_LATE_HAZARD = 0.008
_STEPS = (("LATE", 30), ("DEFAULT", 90), ("CHARGED_OFF", 150))
Months = npt.NDArray[np.int64]


def simulate_events(draw: Draw, loan_ids: pl.Series, settings: SyntheticSettings) -> pl.DataFrame:
    """Draw the servicing events that become visible by the last day of `settings`.

    In the month on book in which a loan defaults, that month's instalment is the first one missed; LATE, DEFAULT and
    CHARGED_OFF become visible 30, 90 and 150 days after it was due. A loan may also pay late once in a while: LATE 30
    days after the due date, CURRENT a fortnight later.

    Returns:
        `snapshot_date` (Date) and the columns of the feed `loan_performance` as text.
    """
    term = draw.columns["term"].astype(np.int64)
    month = np.arange(1, MOST_MONTHS + 1)
    hazard = _BASE_HAZARD * np.minimum(month / 4, 1.0) * np.exp(draw.risk)[:, None] * _shock(draw, settings)
    late_hazard = _LATE_HAZARD * np.exp(0.7 * draw.risk)[:, None]
    never = MOST_MONTHS + 1
    missed = _first_month(draw.uniforms[:, :, 0] < hazard, never)
    repaid = _first_month(draw.uniforms[:, :, 1] < _PREPAY_HAZARD, never)
    defaults = (missed <= term) & (missed <= repaid)
    closes = np.minimum(repaid, term)
    stays = np.where(defaults, missed - 3, closes - 2)
    loan, place = np.nonzero((draw.uniforms[:, :, 2] < late_hazard) & (month <= stays[:, None]))
    bad, good = np.flatnonzero(defaults), np.flatnonzero(~defaults)
    parts = [
        _events(draw, loan_ids, loan, place + 1, 30, "LATE", 30, received=0.0),
        _events(draw, loan_ids, loan, place + 1, 44, "CURRENT", 0, received=1.0),
        _events(draw, loan_ids, good, closes[good], 0, "FULLY_PAID", 0, received=None),
    ]
    parts += [_events(draw, loan_ids, bad, missed[bad], days, name, days, received=0.0) for name, days in _STEPS]
    return pl.concat(parts).filter(pl.col("snapshot_date") <= settings.last)


def due_dates(originated: npt.NDArray[np.datetime64], months: Months) -> npt.NDArray[np.datetime64]:
    """Give the due day of each month on book: the loan's own day, or the month's last day before it."""
    start = originated.astype("datetime64[M]")
    own_day = originated.astype("datetime64[D]") - start.astype("datetime64[D]")
    month = start + months.astype("timedelta64[M]")
    last = (month + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    due: npt.NDArray[np.datetime64] = np.minimum(month.astype("datetime64[D]") + own_day, last)
    return due


def _first_month(happens: npt.NDArray[np.bool_], never: int) -> Months:
    first = np.where(happens.any(axis=1), happens.argmax(axis=1) + 1, never)
    return first.astype(np.int64)


def _shock(draw: Draw, settings: SyntheticSettings) -> Floats:
    begins, ends = (np.datetime64(add_months(settings.first, months), "M") for months in settings.shock_months)
    month = draw.originated.astype("datetime64[M]")[:, None] + np.arange(1, MOST_MONTHS + 1).astype("timedelta64[M]")
    return np.where((month >= begins) & (month <= ends), settings.shock_factor, 1.0)


def _events(
    draw: Draw,
    loan_ids: pl.Series,
    loans: npt.NDArray[np.intp],
    months: Months,
    days: int,
    status: str,
    days_past_due: int,
    *,
    received: float | None,
) -> pl.DataFrame:
    amount, term = draw.columns["amount"][loans], draw.columns["term"][loans]
    paid_months = months if status in {"CURRENT", "FULLY_PAID"} else months - 1
    left = amount * (1 - paid_months / term)
    outstanding = np.zeros(len(loans)) if status == "FULLY_PAID" else left
    instalment = amount / term
    money = left + instalment if received is None else received * instalment
    on = pl.Series("snapshot_date", due_dates(draw.originated[loans], months) + np.timedelta64(days, "D")).cast(pl.Date)
    return pl.DataFrame(
        {
            "snapshot_date": on,
            "loan_id": loan_ids.gather(loans),
            "event_date": on.cast(pl.String),
            "status": pl.Series([status]).new_from_index(0, len(loans)),
            "days_past_due": pl.Series([str(days_past_due)]).new_from_index(0, len(loans)),
            "principal_outstanding": pl.Series(outstanding).round(2).cast(pl.String),
            "amount_received": pl.Series(money).round(2).cast(pl.String),
            "rebuilt": pl.Series(["no"]).new_from_index(0, len(loans)),
        }
    )


__all__ = ["due_dates", "simulate_events"]
