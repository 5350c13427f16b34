"""What an exported file says of itself: which model it is, what it reads and gives, and what it leaves out."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from p2pcredit.models.export.formula import Formula

WIDTH = 118
ALWAYS_LEFT_OUT = (
    "lifetime probability of default and the curve over the term",
    "the list of values outside training (the decision heeds them)",
    "expected loss and return",
)


@dataclass(frozen=True, slots=True)
class About:
    """What is known of an exported model.

    Args:
        model_id: Its name in the bank.
        card_digest: SHA-256 of its card.
        family, as_of: As the card says.
        window_months: Within how many months the probability of default counts.
        version: Of this package.
    """

    model_id: str
    card_digest: str
    family: str
    as_of: str
    window_months: int
    version: str


def left_out(form: str, formula: Formula) -> tuple[str, ...]:
    """Name what a format does not give of a model."""
    without = form in ("onnx", "pmml") or (form == "sql" and formula.has_trees)
    return (*(("reasons",) if without else ()), *ALWAYS_LEFT_OUT)


def header(about: About, form: str, formula: Formula, notes: tuple[str, ...]) -> list[str]:
    """Write the lines of the header, none longer than `WIDTH`."""
    lines = [
        f"Model {about.model_id} of P2PCreditScore: {about.family}, learned as of {about.as_of}.",
        f"SHA-256 of its card: {about.card_digest}",
        f"Written by p2pcredit {about.version} as {form}. License of use: none is granted by this file.",
        "",
    ]
    lines += _wrapped(
        f"Gives, of each loan: probability_of_default (0 to 1, within {about.window_months} months), "
        "score (whole points, more is safer), grade (A is best) and decision (approve, decline; refer: "
        "outside training, no grade; refuse: nothing is given)."
    )
    lines += _wrapped("Points, grades and cut-off are those of the settings when it was written.")
    lines += _wrapped("Left out: " + "; ".join(left_out(form, formula)) + ".")
    for note in notes:
        lines += _wrapped(note)
    lines += ["", "Reads the columns of gold/feature_store:"]
    for column in formula.columns:
        kind = "number" if column.kind == "numeric" else "text"
        lines += _wrapped(f"- {column.name} ({kind}): {column.description}", "    ")
    return ["".join(sign if sign.isprintable() else "?" for sign in line) for line in lines]


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False)


__all__ = ["About", "header", "left_out"]
