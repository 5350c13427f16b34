"""A lender's own columns from a landing to the feature store, and what is refused on the way."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from p2pcredit.contracts.feeds import FEEDS, OWN_COLUMNS
from p2pcredit.contracts.tables import FEATURE_STORE, bronze, silver
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.platforms.mapped.profile import load_mapping
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

PLAIN = """
name: lender
loan_id: Nr
origination_date: Start
feeds: {loan_terms: {loan_amount: Amount, term: Months}}
events:
  status: State
  "on": End
  rules: {paid: [{status: FULLY_PAID}], lost: [{status: DEFAULT, days_past_due: 90}], open: []}
"""
TENURE = "  tenure: {source: Tenure, direction: -1, reason: Short time as a customer, basis: own experience}\n"
FEATURES = f"""features:
{TENURE}  since: {{source: Since, kind: date, direction: -1, reason: New customer, basis: own experience}}
  remark: {{source: Remark, kind: text, direction: 0, reason: Remark on the application, basis: own experience}}
  branch: {{source: Branch, kind: category, reason: Branch, basis: how the application came}}
"""
HEADER = "Nr,Start,Amount,Months,State,End,Tenure,Since,Remark,Branch"
ROWS = (
    "A,2020-01-02,1000,12,paid,2020-03-05,7,2019-01-20,abc,North",
    "B,2020-01-03,1000,12,open,,x,2020-01-20,,",
    "C,2020-01-04,1000,12,lost,2020-03-06,-3,,ab c,south",
)
DAYS = DateRange(date(2020, 1, 2), date(2020, 1, 4))


def home(tmp_path: Path, name: str = "home") -> JobContext:
    (tmp_path / name).mkdir(exist_ok=True)
    at = datetime(2020, 6, 1, tzinfo=UTC)
    return JobContext(Layout(tmp_path / name), load_settings(tmp_path / name), "test", at)


def landed(ctx: JobContext, text: str, rows: tuple[str, ...] = ROWS, header: str = HEADER) -> dict[str, object]:
    mapping, raw = ctx.layout.home.parent / "lender.yaml", ctx.layout.home.parent / "loans.csv"
    mapping.write_text(text)
    raw.write_text("\n".join([header, *rows]) + "\n")
    return land(ctx, str(mapping), [raw], None, None)


def test_each_kind_becomes_its_feature_and_what_cannot_be_read_is_missing(tmp_path: Path) -> None:
    ctx = home(tmp_path)
    landed(ctx, PLAIN + FEATURES)
    receipt = preprocess(ctx, DAYS)
    assert receipt["feeds"]["own_columns"]["values_missing"] == {"own_since": 1, "own_tenure": 1}
    found = Lake(ctx.layout).read(FEATURE_STORE)
    assert found.select("own_tenure", "own_since_months", "own_remark_length", "own_branch").rows() == [
        (7.0, 12.0, 3.0, "NORTH"),
        (None, None, None, None),
        (-3.0, None, 4.0, "SOUTH"),
    ]


def test_without_own_columns_nothing_of_them_is_anywhere_and_with_them_the_five_feeds_are_the_same_bytes(
    tmp_path: Path,
) -> None:
    plain, own = home(tmp_path, "plain"), home(tmp_path, "own")
    assert "own_columns" not in landed(plain, PLAIN)
    landed(own, PLAIN + FEATURES)
    preprocess(plain, DAYS)
    lake = Lake(plain.layout)
    assert not plain.layout.own_features_file.exists()
    assert not lake.exists(bronze(OWN_COLUMNS))
    assert not lake.exists(silver(OWN_COLUMNS))
    assert not [name for name in lake.read(FEATURE_STORE).columns if name.startswith("own_")]
    for feed in FEEDS:
        files = sorted((plain.layout.landing / feed).iterdir())
        assert files
        assert all(file.read_bytes() == (own.layout.landing / feed / file.name).read_bytes() for file in files)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (TENURE, TENURE.replace("-1", "1"), "with direction -1, and the mapping lender says 1"),
        (TENURE, TENURE.replace("direction: -1", "kind: date, direction: -1"), "with kind number"),
        (TENURE, "", "declares the own column 'tenure', and the mapping lender does not"),
    ],
)
def test_a_later_mapping_that_contradicts_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    ctx = home(tmp_path)
    landed(ctx, f"{PLAIN}features:\n{before}")
    kept = ctx.layout.own_features_file.read_bytes()
    with pytest.raises(P2PCreditError, match=said):
        landed(ctx, f"{PLAIN}features:\n{after}" if after else PLAIN)
    assert ctx.layout.own_features_file.read_bytes() == kept


def test_a_name_that_is_declared_later_fills_what_lands_again(tmp_path: Path) -> None:
    ctx = home(tmp_path)
    landed(ctx, PLAIN)
    preprocess(ctx, DAYS)
    landed(ctx, f"{PLAIN}features:\n{TENURE}")
    assert Lake(ctx.layout).read(FEATURE_STORE)["own_tenure"].to_list() == [None, None, None]
    preprocess(ctx, DAYS)
    assert Lake(ctx.layout).read(FEATURE_STORE)["own_tenure"].to_list() == [7.0, None, -3.0]


def test_a_column_that_only_bad_loans_have_is_refused_and_nothing_lands(tmp_path: Path) -> None:
    ctx = home(tmp_path)
    rows = tuple(
        f"L{n},2020-01-02,1000,12,{'lost' if n % 2 else 'paid'},2020-03-05,{n if n % 2 else ''},,," for n in range(60)
    )
    with pytest.raises(P2PCreditError, match="own column tenure is filled for 100% of the loans that went bad and 0%"):
        landed(ctx, f"{PLAIN}features:\n{TENURE}", rows)
    assert not (ctx.layout.landing / "loan_terms").exists()
    assert not ctx.layout.own_features_file.exists()


def test_a_value_known_only_after_the_loan_is_missing(tmp_path: Path) -> None:
    known = TENURE.replace("direction", "known_on: Since, direction")
    (tmp_path / "lender.yaml").write_text(f"{PLAIN}features:\n{known}")
    (tmp_path / "raw.csv").write_text("\n".join([HEADER, *ROWS]))
    book = load_mapping(tmp_path / "lender.yaml").read([tmp_path / "raw.csv"], None, None)
    assert book.feeds["own_columns"]["own_tenure"].to_list() == ["7", None, None]


def test_an_application_is_asked_with_the_values_that_its_landing_would_have(tmp_path: Path) -> None:
    known = TENURE.replace("direction", "known_on: Since, direction")
    (tmp_path / "lender.yaml").write_text(f"{PLAIN}features:\n{known}")
    platform = load_mapping(tmp_path / "lender.yaml")
    assert "Since" in platform.application_columns
    rows = [dict(zip(HEADER.split(","), row.split(","), strict=True)) for row in ROWS]
    asked = platform.applications(pl.DataFrame(rows).select(platform.application_columns))
    (tmp_path / "raw.csv").write_text("\n".join([HEADER, *ROWS]))
    landed = platform.read([tmp_path / "raw.csv"], None, None).feeds["own_columns"]
    assert asked["own_tenure"].to_list() == landed["own_tenure"].to_list() == ["7", None, None]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  gender: {source: Sex, kind: category, reason: Who, basis: own experience}", "a ground on which no credit"),
        ("  tenure: {source: Tenure, reason: Short, basis: own experience}", "lacks 'direction'"),
        ("  tenure: {source: Tenure, direction: 1, reason: Short, basis: ''}", "say why it may be used|why it may be"),
        ("  tenure: {source: Tenure, direction: 1, reason: Short}", "key 'features.tenure.basis' is missing"),
        (
            "  tenure: {sorce: Tenure, direction: 1, reason: Short, basis: own experience}",
            "did you mean|perhaps|source",
        ),
    ],
)
def test_a_slip_in_a_declaration_ends_in_one_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "lender.yaml"
    path.write_text(f"{PLAIN}features:\n{line}\n")
    with pytest.raises(P2PCreditError, match=said) as error:
        load_mapping(path)
    assert "\n" not in str(error.value)


def test_own_columns_land_beside_a_tape(tmp_path: Path) -> None:
    text = (
        PLAIN.partition("events:")[0]
        + f"features:\n{TENURE}"
        + ('tape: {files: "tape*.csv", loan_id: Nr, day: Day, days_past_due: DPD, balance: Left}\n')
    )
    ctx = home(tmp_path)
    (tmp_path / "lender.yaml").write_text(text)
    (tmp_path / "loans.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    (tmp_path / "tape.csv").write_text("Nr,Day,DPD,Left\nA,2020-03-31,0,900\nB,2020-03-31,95,900\nC,2020-03-31,0,0\n")
    receipt = land(ctx, str(tmp_path / "lender.yaml"), [tmp_path / "loans.csv", tmp_path / "tape.csv"], None, None)
    assert receipt["feeds"]["own_columns"] == 3
    assert receipt["feeds"]["loan_performance"] == 2
    preprocess(ctx, DAYS)
    assert Lake(ctx.layout).read(FEATURE_STORE)["own_tenure"].to_list() == [7.0, None, -3.0]
