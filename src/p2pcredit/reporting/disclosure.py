"""The page of the default rates that a platform publishes, and the assumptions behind them, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p2pcredit.reporting.page import render_page

REGIMES = {
    "ecspr": "Regulation (EU) 2020/1503, Article 20, with Commission Delegated Regulation (EU) 2022/2115",
    "uk": "FCA Handbook, COBS 18.12 (outcomes statement), whose rules were not read, by the method of the EU",
}
_METHOD = "Delegated Regulation (EU) 2022/2115"
_NOTE_OF_UK = (
    "Of COBS 18.12 only the beginning was read, not the rules on the outcomes statement. That they ask for expected "
    "and actual default rates by risk category and leave their calculation to the firm is taken for granted: hold this "
    f"statement against the rules. The method here is that of {_METHOD}."
)
_EU_TEXTS = (
    ("Regulation (EU) 2020/1503, Article 20", "Read in full."),
    (f"{_METHOD}, Article 1", "Paragraphs 1 and 2 read, and the beginning of paragraph 3."),
    (f"{_METHOD}, Article 2", "Paragraphs 1 to 4 read, and the beginning of paragraph 5."),
    (f"{_METHOD}, Article 3", "Not read. Taken to be the method of Article 2, applied to the loans of a category."),
    (f"{_METHOD}, Article 4", "Paragraphs 1 and 2 read, where the copy ends."),
    (f"{_METHOD}, Article 5", "One paragraph read, where the copy ends."),
)
_UK_TEXT = (
    "FCA Handbook, COBS 18.12",
    "Application, purpose, interpretation and the beginning of the credit risk assessment read; not the rules on the "
    "outcomes statement.",
)


def texts_read(regime: str) -> list[dict[str, str]]:
    """List the texts that the method rests on, each with how far it was read when the method was written.

    Returns:
        `text` and `read` each.
    """
    texts = [_UK_TEXT, *_EU_TEXTS] if regime == "uk" else list(_EU_TEXTS)
    return [{"text": text, "read": read} for text, read in texts]


def assumptions_of(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """List what the statement takes for granted, each with the article that it follows or the choice that was made.

    Returns:
        `text` and `source` each.
    """
    uk = facts["regime"] == "uk"
    rules = [
        (
            f"A loan is in default from {facts['default_days']} days past due on, or where an event says default or "
            "charge-off. An event of the day itself counts, which may be a day before more than so many days.",
            "The firm's own definition, to be held against COBS 18.12" if uk else f"{_METHOD}, Article 1(1)",
        ),
        (
            "Unlikeliness to pay counts only where servicing reports it as a default; restructuring and insolvency are "
            "not known by themselves.",
            "What the feeds hold" if uk else f"{_METHOD}, Article 1(1)(a) and 1(2): what the feeds hold",
        ),
        (
            "The rate is the simple average of the one-year rates of all whole years up to the year, in windows of "
            "twelve months that do not overlap. A first year that is not whole is left out.",
            f"{_METHOD}, Article 2(1)",
        ),
        (
            "The denominator is the number of loans paid out before the window began that were neither closed nor in "
            "default then. Loans originated inside a window enter with the next.",
            f"{_METHOD}, Article 2(2)(a)",
        ),
        (
            "The numerator is those of the denominator that come to be in default within the window: each once, "
            "however often. Loans repaid early within the window stay in the denominator.",
            f"{_METHOD}, Article 2(2)(b)",
        ),
        (
            "Loans without a payment due in the window are left out: those whose last instalment was due before it. "
            "Instalments are taken to be monthly, from one month after origination to the end of the term.",
            f"{_METHOD}, Article 2(3)",
        ),
        (
            f"The history is {facts['history_months']} months, from the first loan on."
            + (
                " That is less than 36 months, which is enough only where the platform has been in operation for no "
                "longer."
                if facts["history_is_short"]
                else ""
            ),
            f"{_METHOD}, Article 2(4) and 4(2)",
        ),
        (
            "A loan in default that an event later says to be current is not in default from that day on, and counts "
            "again in the next window.",
            "A choice: what was read of the articles does not say when a default ends",
        ),
        (
            "The actual rate of a risk category is that of its loans by the same method. A loan stays in the category "
            "that it had when it was made.",
            f"A choice: Article 3 of {_METHOD} was not read; Article 4(1) refers to it, and Article 20(1)(b)(i) of "
            "Regulation (EU) 2020/1503 asks for the rate",
        ),
        (
            "The expected rate of a risk category is the average of its actual one-year rates in the windows before "
            "the year. It does not use the model's probabilities.",
            f"{_METHOD}, Article 4(1)",
        ),
        ("The financial year is the calendar year.", "A choice"),
    ]
    if uk:
        rules.append((_NOTE_OF_UK, "A choice: the rules on the outcomes statement were not read"))
    if facts["rebuilt_defaults"]:
        rules.append(
            (
                f"The days of the defaults of {facts['rebuilt_defaults']:,} loans were made from statuses that the "
                "platform published later.",
                "Events marked as rebuilt in silver/loan_performance",
            )
        )
    if facts["reported_late"]:
        rules.append((f"Defaults of {facts['year']} may still be reported after {facts['as_of']}.", "Servicing"))
    return [{"text": text, "source": source} for text, source in rules]


def percent(value: float | None) -> str:
    """Write a rate in percent.

    Examples:
        >>> percent(0.0512), percent(None)
        ('5.12%', 'none')
    """
    return "none" if value is None else f"{value:.2%}"


def render_disclosure(facts: Mapping[str, Any]) -> str:
    """Render the statement, as a whole HTML document.

    Raises:
        MonitoringError: If a fact is missing.
    """
    whose = {"platform": "By the platform's grade", "own": "By the grade of the score"}
    texts = texts_read(facts["regime"])
    return render_page("disclosure.html", facts, [], percent=percent, whose=whose, texts=texts)


__all__ = ["REGIMES", "assumptions_of", "percent", "render_disclosure", "texts_read"]
