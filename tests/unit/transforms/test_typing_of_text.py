from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.contracts.missing import MISSING_SIGNS
from p2pcredit.transforms.typing import BLANKS, problem_with, trimmed_text, typed_value


def read(kind: Kind, *texts: str | None, **rules: Any) -> list[tuple[Any, str | None]]:
    """Value and problem of each text."""
    column = Column("x", kind, **rules)
    frame = nw.from_native(
        pl.LazyFrame(
            {"x": list(texts), "snapshot_date": dt.date(2024, 2, 29)},
            schema={"x": pl.String, "snapshot_date": pl.Date},
        )
    )
    frame = frame.with_columns(trimmed_text(column).alias("text")).with_columns(
        typed_value(column, nw.col("text")).alias("value")
    )
    problem = problem_with(column, nw.col("text"), nw.col("value"))
    frame = frame.with_columns((nw.lit(None, dtype=nw.String) if problem is None else problem).alias("problem"))
    collected = nw.to_native(frame).collect()
    return list(zip(collected["value"].to_list(), collected["problem"].to_list(), strict=True))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TEXT, "  a b ", "a b"),
        (Kind.TEXT, "=1+1", "=1+1"),
        (Kind.CATEGORY, " rent\t", "RENT"),
        (Kind.DATE, "2024-02-29", dt.date(2024, 2, 29)),
        (Kind.DATE, " 1999-12-31 ", dt.date(1999, 12, 31)),
        (Kind.NUMBER, "-1.5", -1.5),
        (Kind.NUMBER, "+.5", 0.5),
        (Kind.NUMBER, "3.", 3.0),
        (Kind.NUMBER, "1e3", 1000.0),
        (Kind.NUMBER, "007", 7.0),
        (Kind.COUNT, "3", 3),
        (Kind.COUNT, "3.0", 3),
        (Kind.COUNT, "-2", -2),
        (Kind.COUNT, "+5", 5),
        (Kind.COUNT, "5.", 5),
        (Kind.COUNT, "1e3", 1000),
        (Kind.COUNT, "1.5e1", 15),
        (Kind.PERCENT, "10.65%", 0.1065),
        (Kind.PERCENT, "10.65", 0.1065),
        (Kind.PERCENT, " 10 % ", 0.1),
        (Kind.PERCENT, "10\u00a0%", 0.1),
        (Kind.PERCENT, ".125", 0.00125),
        (Kind.PERCENT, "-.5%", -0.005),
        (Kind.PERCENT, "+5", 0.05),
        (Kind.PERCENT, "5.", 0.05),
        (Kind.PERCENT, "5.%", 0.05),
        (Kind.PERCENT, "1e1", 0.1),
        (Kind.PERCENT, "1e2%", 1.0),
        (Kind.PERCENT, "2.5E-3", 0.000025),
        (Kind.PERCENT, ".5e+2", 0.5),
        (Kind.TERM, " 36 months", 36),
        (Kind.TERM, "60", 60),
        (Kind.TERM, "36.0", 36),
        (Kind.TERM, "1 Month", 1),
        (Kind.TERM, "+36", 36),
        (Kind.TERM, "36.", 36),
        (Kind.YEARS, "10+ years", 10.0),
        (Kind.YEARS, "< 1 year", 0.0),
        (Kind.YEARS, "<1 year", 0.0),
        (Kind.YEARS, "<1\nyear", 0.0),
        (Kind.YEARS, "3 years", 3.0),
        (Kind.YEARS, "7.5", 7.5),
        (Kind.YEARS, ".5", 0.5),
        (Kind.YEARS, "+5.", 5.0),
        (Kind.FLAG, "yes", True),
        (Kind.FLAG, " TRUE ", True),
        (Kind.FLAG, "Y", True),
        (Kind.FLAG, "1", True),
        (Kind.FLAG, "no", False),
        (Kind.FLAG, "False", False),
        (Kind.FLAG, "n", False),
        (Kind.FLAG, "0", False),
        (Kind.ID, " 68407277.0 ", "68407277"),
        (Kind.ID, "68407277.", "68407277"),
        (Kind.ID, "007.00", "007"),
        (Kind.ID, "007", "007"),
        (Kind.ID, "LC-1.0", "LC-1.0"),
        (Kind.ID, "1.5", "1.5"),
        (Kind.ID, "12E4567", "12E4567"),
        (Kind.ID, "1021339766868145413AB3B", "1021339766868145413AB3B"),
        (Kind.ID, "1e5", "1e5"),
    ],
)
def test_a_text_that_fits_its_kind_becomes_a_value(kind: Kind, text: str, value: object) -> None:
    ((found, problem),) = read(kind, text)
    assert found == pytest.approx(value) if isinstance(value, float) else found == value
    assert problem is None


@pytest.mark.parametrize(
    ("kind", "words", "texts"),
    [
        (
            Kind.DATE,
            "not a date (YYYY-MM-DD)",
            "2023-02-29 2024-2-9 29/02/2024 2024-13-01 2024-04-31 0000-01-01 2024-02-29T00 Dec-2011 1900-02-29"
            " ٢٠٢٤-01-01 2024-W01-1 20240101",
        ),
        (Kind.NUMBER, "not a number", "abc $5 inf -inf 1e 0x10 + 1_000 ٣٤ １２ 1.2.3 --1"),
        (Kind.COUNT, "not a whole number", "3.5 abc 1e-3 ٣ 12345678901234567890 1e99"),
        (Kind.PERCENT, "not a percent", "abc %10 10%% ٣٤% 1e 1e2.5%"),
        (Kind.TERM, "not a term in months", "36.5 abc months -36 3years ٣٦"),
        (Kind.YEARS, "not a number of years", "many -1 <2 years! ٣ 1234"),
        (Kind.FLAG, "neither yes nor no", "maybe yes! 2 1.0 yesno ja １ 1,000"),
    ],
)
def test_a_text_that_does_not_fit_is_missing_and_says_why(kind: Kind, words: str, texts: str) -> None:
    for text in texts.split():
        assert read(kind, text) == [(None, f"x: {words}")], text


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("text", [None, "", "  ", "\t\n"])
def test_a_blank_is_missing_and_breaks_a_rule_only_where_required(kind: Kind, text: str | None) -> None:
    assert read(kind, text) == [(None, None)]
    assert read(kind, text, required=True) == [(None, "x: missing")]


SIGNS = (
    *(
        "NA",
        "na",
        "N/A",
        "n/a",
        "N.A.",
        "#N/A",
        "#NA",
        "<NA>",
        "NaN",
        "nan",
        "NAN",
        "-nan",
        "NaT",
        "NULL",
        "null",
        "Null",
    ),
    *("nil", "None", "NONE", "none", "-", "--", "---", "\u2013", "\u2014", ".", "..", "...", "?", "??", "_", "*"),
    *("\\N", "\\n", "(null)", "<null>", "(blank)", "not available", "Not Applicable", "undefined"),
    *("#VALUE!", "#REF!", "#DIV/0!", "#NULL!", "#NUM!", "#NAME?"),
)
NOT_TEXT = sorted(set(Kind) - {Kind.TEXT})


@pytest.mark.parametrize("kind", NOT_TEXT)
def test_the_usual_signs_of_a_missing_value_are_missing_whatever_the_kind(kind: Kind) -> None:
    for text in SIGNS:
        for written in (text, f"  {text}\t"):
            assert read(kind, written) == [(None, None)], written
            assert read(kind, written, required=True) == [(None, "x: missing")], written


@pytest.mark.parametrize("text", ["NA", "#N/A", "<NA>", "NaN", "nan", "NaT", "NULL", r"\N", " NULL "])
def test_in_free_text_only_what_programs_write_is_missing(text: str) -> None:
    assert read(Kind.TEXT, text) == [(None, None)]


@pytest.mark.parametrize("text", ["None", "none", "n/a", "N/A", ".", "-", "?", "na", "null", "Nan", "not applicable"])
def test_in_free_text_what_people_write_stays(text: str) -> None:
    assert read(Kind.TEXT, text) == [(text, None)]


def test_a_level_that_the_contract_names_is_a_value_though_it_looks_like_a_sign() -> None:
    found = read(Kind.CATEGORY, "None", "n/a", "OWN", levels=frozenset({"NONE", "OWN"}))
    assert found == [("NONE", None), (None, None), ("OWN", None)]


@pytest.mark.parametrize(
    "text", ["6.84E+07", "6.84e+07", "6,84E+07", "7E+07", "6.8407277E7", "-1.5E-3", "1234567890123456.0"]
)
def test_an_id_that_became_a_rounded_number_breaks_a_rule_that_says_what_to_do(text: str) -> None:
    assert read(Kind.ID, text) == [(None, "x: a number that lost digits, export ids as text")]


@pytest.mark.parametrize("text", ["A\0", "\u200bA", "A\u00ad7", "A\x1f7"])
def test_an_id_with_a_character_that_cannot_be_seen_breaks_a_rule(text: str) -> None:
    found = read(Kind.ID, text, "A", "7e7", "A\t")
    assert found == [(None, "x: a character that cannot be seen"), ("A", None), ("7e7", None), ("A", None)]


@pytest.mark.parametrize(
    "text", ["24,000.00", "1,000", "1.234,56", "$24,000", "1 234", "1'234.5", "1\u202f234", "12,5 %"]
)
@pytest.mark.parametrize("kind", [Kind.NUMBER, Kind.COUNT, Kind.PERCENT, Kind.TERM, Kind.YEARS])
def test_a_number_with_marks_for_thousands_is_not_guessed_at_and_says_what_to_write(kind: Kind, text: str) -> None:
    ((value, problem),) = read(kind, text)
    assert value is None
    assert problem is not None
    assert problem.endswith(", write 24000.00 without thousands sign or name the decimal sign in the mapping")


def test_a_value_outside_its_bounds_keeps_its_value_and_says_which_bound() -> None:
    assert read(Kind.NUMBER, "-1", "0", "9", "10", minimum=0, maximum=9) == [
        (-1.0, "x: negative"),
        (0.0, None),
        (9.0, None),
        (10.0, "x: above 9"),
    ]
    assert read(Kind.NUMBER, "0.5", minimum=1) == [(0.5, "x: below 1")]
    assert read(Kind.PERCENT, "4000%", "100%", minimum=0, maximum=1.0) == [(40.0, "x: above 100 percent"), (1.0, None)]


def test_a_category_outside_the_allowed_is_unknown() -> None:
    allowed = frozenset({"LATE", "CURRENT"})
    assert read(Kind.CATEGORY, "late", "lost", None, allowed=allowed) == [
        ("LATE", None),
        ("LOST", "x: unknown value"),
        (None, None),
    ]


def test_a_date_after_the_snapshot_is_in_the_future() -> None:
    assert read(Kind.DATE, "2024-02-29", "2024-03-01") == [
        (dt.date(2024, 2, 29), None),
        (dt.date(2024, 3, 1), "x: in the future"),
    ]


def test_exactly_the_days_of_the_calendar_are_dates_leap_years_included() -> None:
    years = (1500, 1600, 1700, 1899, 1900, 1996, 2000, 2023, 2024, 2100, 2999)
    texts = [f"{year}-{month:02d}-{day:02d}" for year in years for month in range(14) for day in range(33)]

    def is_date(text: str) -> bool:
        try:
            return bool(dt.date.fromisoformat(text))
        except ValueError:
            return False

    found = [value for value, _ in read(Kind.DATE, *texts)]
    assert found == [dt.date.fromisoformat(text) if is_date(text) else None for text in texts]


def bare(text: str) -> str:
    return text.strip(BLANKS)


LOWER_SIGNS = MISSING_SIGNS | {sign.lower() for sign in SIGNS}


@settings(deadline=None)
@given(st.sampled_from(list(Kind)), st.text(max_size=12))
@example(Kind.COUNT, "1.")
@example(Kind.YEARS, "<1\u2028")
def test_no_text_whatever_makes_the_reading_fail(kind: Kind, text: str) -> None:
    ((value, problem),) = read(kind, text)
    if (
        kind not in {Kind.TEXT, Kind.CATEGORY}
        and value is None
        and bare(text)
        and bare(text).lower() not in LOWER_SIGNS
    ):
        assert problem is not None


@settings(deadline=None)
@given(st.floats(min_value=-1e14, max_value=1e14))
def test_a_number_written_by_a_computer_is_read_back(number: float) -> None:
    ((value, problem),) = read(Kind.NUMBER, f"{number:.6f}")
    assert problem is None
    assert value == float(f"{number:.6f}")


def test_a_percent_is_the_nearest_share_however_many_rows_are_read_together() -> None:
    texts = [f"{tenths / 10}%" for tenths in range(3_000)]
    together = [value for value, _ in read(Kind.PERCENT, *texts)]
    assert together == [float(f"{text[:-1]}e-2") for text in texts]
    alone = [read(Kind.PERCENT, text)[0][0] for text in texts[280:300]]
    assert alone == together[280:300]
