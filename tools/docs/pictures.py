"""Draw the pictures of the explanation pages from small data and the defaults of the settings."""

from __future__ import annotations

from datetime import date, timedelta

from tools.docs.drawing import AMBER, BLUE, GREEN, INK, PALE, RED, RULE, SOFT, Drawing, TimeAxis

from p2pcredit.periods import add_months
from p2pcredit.settings import Settings

_SETTINGS = Settings()


def drawings() -> dict[str, str]:
    """Draw all pictures.

    Returns:
        SVG by the name of the page it stands on.
    """
    return {
        "time": time_and_known_on(),
        "maturity": maturity(),
        "hand-off": hand_off(),
        "champion-and-challenger": champions(),
        "replay": replay(),
    }


def matured_on(originated: date) -> date:
    """Give the day on which a loan's window and the reporting lag after it have passed.

    Examples:
        >>> matured_on(date(2023, 2, 1))
        datetime.date(2024, 3, 2)
    """
    labels = _SETTINGS.labels
    return add_months(originated, labels.window_months) + timedelta(days=labels.reporting_lag_days)


def time_and_known_on() -> str:
    """Draw two loans with what can be known of each on two days."""
    bad, good = date(2023, 1, 10), date(2023, 2, 1)
    late, default = date(2023, 6, 12), date(2023, 8, 11)
    days = {"A": date(2023, 10, 1), "B": date(2024, 4, 1)}
    drawing = Drawing("What is known of two loans on two days", 760, 330)
    axis = TimeAxis(date(2023, 1, 1), date(2024, 5, 1), 130, 730)
    axis.draw(drawing, 280, [date(2023, m, 1) for m in (1, 4, 7, 10)] + [date(2024, 1, 1), date(2024, 4, 1)])
    for name, day in days.items():
        drawing.line(axis.x(day), 30, axis.x(day), 280, INK, dashed=True)
        drawing.text(axis.x(day), 22, f"as of {name}", size=13, anchor="middle", bold=True)
    drawing.text(20, 85, "loan 1", bold=True)
    drawing.text(20, 205, "loan 2", bold=True)
    drawing.bar(axis.x(bad), 76, axis.x(default) - axis.x(bad), 8, RULE)
    drawing.bar(axis.x(good), 196, axis.x(matured_on(good)) - axis.x(good), 8, RULE)
    facts = [
        (bad, 80, BLUE, "issued", -16),
        (late, 80, "#d68910", "30 days past due", 26),
        (default, 80, RED, "default: label 1 known", -16),
        (good, 200, BLUE, "issued: features known", -16),
        (matured_on(good), 200, GREEN, "12 months and lag over: label 0 known", 26),
    ]
    for day, y, color, words, below in facts:
        drawing.dot(axis.x(day), y, color)
        anchor = "middle" if day not in (bad, good) else "start"
        if day == matured_on(good) or day == default:
            anchor = "end"
        drawing.text(axis.x(day) + (6 if anchor == "end" else 0), y + below, words, size=13, anchor=anchor)
    drawing.text(130, 140, "As of A loan 1 is bad and loan 2 is undetermined.", size=13, color=SOFT)
    drawing.text(130, 255, "As of B loan 2 is good. Nothing that was known as of A has changed.", size=13, color=SOFT)
    return drawing.svg()


def maturity() -> str:
    """Draw the cohorts of six quarters, and which of them may judge a model on one day."""
    as_of = date(2024, 7, 1)
    cohorts = [add_months(date(2022, 10, 1), 3 * place) for place in range(6)]
    drawing = Drawing("Which cohorts of loans have matured on a day", 760, 350)
    axis = TimeAxis(date(2022, 10, 1), date(2025, 6, 1), 145, 730)
    axis.draw(drawing, 300, [date(2023, 1, 1), date(2023, 7, 1), date(2024, 1, 1), as_of, date(2025, 1, 1)])
    for place, first in enumerate(cohorts):
        y = 44 + 42 * place
        last = add_months(first, 3) - timedelta(days=1)
        done = matured_on(last) <= as_of
        drawing.text(20, y + 16, f"loans of {first.year}Q{(first.month + 2) // 3}", size=13, bold=done)
        drawing.bar(axis.x(first), y, axis.x(matured_on(last)) - axis.x(first), 22, PALE if done else AMBER)
        words = "matured: judges models" if done else "goods not known yet"
        drawing.text(axis.x(first) + 8, y + 16, words, size=12)
    drawing.line(axis.x(as_of), 32, axis.x(as_of), 300, INK, dashed=True)
    drawing.text(axis.x(as_of), 24, "today", size=13, anchor="middle", bold=True)
    drawing.text(
        130, 340, "A bar runs from a quarter's first loan until its last loan has matured.", size=12, color=SOFT
    )
    return drawing.svg()


def hand_off() -> str:
    """Draw the states of a retraining decision and the ledger line that each step writes."""
    drawing = Drawing("The states of a retraining decision", 760, 330)
    drawing.text(20, 30, "Sunday 06:00, monitoring", size=13, color=SOFT)
    drawing.text(330, 30, "the next night, 02:00, training", size=13, color=SOFT)
    states = [
        (20, "pending", "ledger: decided"),
        (240, "claimed", "ledger: claimed"),
        (460, "acted on", "ledger: trained"),
    ]
    for x, name, ledger in states:
        drawing.box(x, 60, 150, 64, [name, ledger])
    drawing.box(640, 60, 105, 64, ["file gone", "ledger: cleared"], fill="#eef1f4")
    drawing.arrow(170, 92, 238, 92)
    drawing.text(204, 84, "claim", size=12, anchor="middle", color=SOFT)
    drawing.arrow(390, 92, 458, 92)
    drawing.text(424, 84, "train", size=12, anchor="middle", color=SOFT)
    drawing.arrow(610, 92, 638, 92)
    drawing.line(315, 124, 315, 170, SOFT)
    drawing.line(315, 170, 95, 170, SOFT)
    drawing.arrow(95, 170, 95, 126)
    drawing.text(205, 162, "failed or died (ledger: released)", size=12, anchor="middle", color=SOFT)
    drawing.box(20, 210, 150, 52, ["replaced", "a newer decision"], fill="#eef1f4")
    drawing.box(240, 210, 150, 52, ["expired", f"after {_SETTINGS.handoff.valid_days} days"], fill="#eef1f4")
    drawing.box(460, 210, 285, 52, ["set aside", "a file that cannot be read, never a no"], fill=AMBER)
    drawing.text(
        20,
        300,
        "A decision to retrain is acted on once, and at most one a week; a person may override the limit.",
        size=13,
    )
    return drawing.svg()


def champions() -> str:
    """Draw who scored when: champions one after the other, and a challenger that did not take over."""
    periods = [("model 1", date(2024, 1, 8), date(2024, 4, 1)), ("model 2", date(2024, 4, 1), date(2024, 9, 2))]
    refused = ("model 3", date(2024, 6, 24))
    back = ("model 1", date(2024, 9, 2), date(2024, 11, 1))
    drawing = Drawing("Which model scored on which day", 760, 290)
    axis = TimeAxis(date(2024, 1, 1), date(2024, 11, 1), 40, 730)
    axis.draw(drawing, 190, [date(2024, month, 1) for month in (1, 3, 5, 7, 9, 11)])
    for (name, first, last), fill in zip([*periods, back], [PALE, "#d9ecdf", PALE], strict=True):
        drawing.bar(axis.x(first), 130, axis.x(last) - axis.x(first) - 2, 40, fill)
        drawing.text((axis.x(first) + axis.x(last)) / 2, 155, f"{name} scores", anchor="middle")
    events = [
        (periods[0][1], "first model: above the floor", "start", 40),
        (periods[1][1], "challenger ahead: takes over", "middle", 68),
        (refused[1], "model 3 not ahead: stays in the bank", "middle", 96),
        (back[1], "a person rolls back, with a reason", "middle", 40),
    ]
    for day, words, anchor, y in events:
        drawing.line(axis.x(day), y + 6, axis.x(day), 130, SOFT)
        drawing.text(axis.x(day), y, words, size=13, anchor=anchor)
    drawing.text(
        40, 245, "Scoring an old day again takes the model of that day, so it gives the same rows.", size=13, color=SOFT
    )
    drawing.text(40, 267, "Every change of champion is a line of the ledger.", size=13, color=SOFT)
    return drawing.svg()


def replay() -> str:
    """Draw a Saturday night under Airflow's clock and under the clock of a replay."""
    steps = [
        ("01:00", "preprocess", "the day's feeds"),
        ("02:00", "train, infer", "obey, score, clear"),
        ("06:00", "monitor", "Sundays: report, decide"),
    ]
    drawing = Drawing("The same jobs under two clocks", 760, 320)
    for row, (name, note) in enumerate(
        [("three DAGs", "a scheduler, a clock on the wall"), ("replay", "one process, a simulated clock")]
    ):
        y = 40 + 110 * row
        drawing.text(20, y + 26, name, bold=True)
        drawing.text(20, y + 46, note, size=12, color=SOFT)
        for place, (at, job, what) in enumerate(steps):
            x = 225 + 180 * place
            drawing.box(
                x, y, 160, 64, [job, what, at if row == 0 else f"as if {at}"], fill=PALE if row == 0 else "#d9ecdf"
            )
            if place:
                drawing.arrow(x - 20, y + 32, x - 2, y + 32)
    drawing.arrow(305, 214, 305, 250)
    drawing.arrow(485, 214, 485, 250)
    drawing.arrow(665, 214, 665, 250)
    drawing.bar(225, 252, 520, 44, "#eef1f4", RULE)
    drawing.text(485, 279, "the same tables, models, reports and decisions", anchor="middle", bold=True)
    return drawing.svg()


__all__ = ["drawings", "matured_on"]
