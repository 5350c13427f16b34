"""A home opened from Python: what was known on a day, what has matured, and models that score as the daily run does."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.small_home import DAYS, SATURDAY, TRAINED

import p2pcredit
from p2pcredit.contracts.feeds import APPLICATION_FEEDS
from p2pcredit.contracts.tables import PREDICTIONS
from p2pcredit.errors import BankError, HomeError, MissingHomeError, QuarantineError, UsageError
from p2pcredit.jobs.answering.landed_rows import features_of_landed
from p2pcredit.models.evaluation.discrimination import auc


def landed(home: p2pcredit.Home, loans: pl.Series) -> pl.DataFrame:
    """The raw rows of some loans, the columns of all application feeds side by side, as they landed."""
    rows = home.table("bronze.loan_terms").collect()
    for feed in APPLICATION_FEEDS[1:]:
        own = home.table(f"bronze.{feed.name}").select("loan_id", "snapshot_date", *feed.sources[2:]).collect()
        rows = rows.join(own, on=["loan_id", "snapshot_date"])
    kept = dict.fromkeys(source for feed in APPLICATION_FEEDS for source in feed.sources)
    return rows.filter(pl.col("loan_id").is_in(loans.implode())).select(*kept).sort("loan_id")


def predictions(home: p2pcredit.Home) -> pl.DataFrame:
    return home.table("gold.predictions").sort("loan_id").collect().select(*PREDICTIONS.schema)


def test_the_tables_that_were_written_are_named(home: p2pcredit.Home) -> None:
    assert {"gold.predictions", "gold.label_store", "bronze.loan_terms", "silver.quarantine"} <= set(home.tables)


@pytest.mark.parametrize("name", ["gold.predictions", "gold/predictions"])
def test_a_table_is_a_lazy_frame_of_what_was_known_on_a_day(home: p2pcredit.Home, name: str) -> None:
    known = home.table(name, as_of="2021-07-01")
    assert isinstance(known, pl.LazyFrame)
    days = known.collect()["snapshot_date"]
    assert (days.min(), days.max()) == (TRAINED, date(2021, 7, 1))


def test_labels_are_known_by_the_day_on_which_they_became_known(home: p2pcredit.Home) -> None:
    asked = date(2021, 6, 1)
    known, later = home.table("gold.label_store", as_of=asked).collect(), home.table("gold.label_store").collect()
    assert known["known_on"].max() == asked
    assert known.equals(later.filter(pl.col("known_on") <= asked), null_equal=True)


def test_days_keep_the_rows_of_a_day_or_of_a_span(home: p2pcredit.Home) -> None:
    one = home.table("gold.feature_store", days="2021-03-01").collect()["snapshot_date"]
    span = home.table("gold.feature_store", days=(date(2021, 3, 1), "2021-03-03")).collect()["snapshot_date"]
    assert one.unique().to_list() == [date(2021, 3, 1)]
    assert span.unique().sort().to_list() == [date(2021, 3, day) for day in (1, 2, 3)]


def test_matured_loans_are_those_that_the_weekly_report_judges(home: p2pcredit.Home) -> None:
    found = home.matured(SATURDAY)
    told = home.table("gold.monitoring").filter(metric="auc", segment="all").collect().row(0, named=True)
    assert (found.loans.height, f"{int(found.loans['label'].sum())} bads") == (told["n"], told["note"])
    measured = auc(found.loans["label"].to_numpy(), found.loans["probability_of_default"].to_numpy())
    assert measured == pytest.approx(told["value"], abs=1e-12)
    assert found.loans.height + found.waiting == home.table("gold.predictions", as_of=SATURDAY).collect().height


def test_a_naive_join_has_bads_whose_goods_are_not_known_yet(home: p2pcredit.Home) -> None:
    labels = home.table("gold.label_store", as_of=SATURDAY).filter(definition="pd3")
    naive = home.table("gold.predictions").join(labels, on="loan_id").collect()
    matured = home.matured(SATURDAY).loans
    assert sum(naive["label"]) / naive.height > 1.5 * sum(matured["label"]) / matured.height


def test_the_newest_months_alone_are_matured_where_they_are_asked_for(home: p2pcredit.Home) -> None:
    assert home.matured("2021-10-09", months=12).loans.equals(home.matured("2021-10-09").loans)
    days = home.matured("2021-10-09", months=1).loans["snapshot_date"]
    assert days.min() == date(2021, 6, 5)


def test_the_champion_of_a_day_is_none_before_the_first(home: p2pcredit.Home) -> None:
    champion = home.champion()
    assert champion is not None
    assert home.champion(on=TRAINED).id == champion.id  # type: ignore[union-attr]
    assert home.champion(on="2021-05-30") is None
    assert champion.card["model_id"] == champion.id


def test_features_score_as_the_daily_run_scored_them(home: p2pcredit.Home) -> None:
    served = predictions(home)
    own = pl.col("loan_id").is_in(served["loan_id"].implode())
    features = home.table("gold.feature_store").filter(own).sort("loan_id")
    model = home.model(served["model_id"][0])
    assert model.score(features).equals(served)
    assert model.score(features.collect().to_arrow()).equals(served)


def test_landed_columns_score_as_the_daily_run_scored_them(home: p2pcredit.Home) -> None:
    served = predictions(home)
    assert home.model(served["model_id"][0]).score(landed(home, served["loan_id"])).equals(served)


def test_typed_landed_columns_score_like_their_texts(home: p2pcredit.Home) -> None:
    served = predictions(home).head(50)
    texts = landed(home, served["loan_id"])
    typed = texts.with_columns(
        pl.col("loan_amount").cast(pl.Float64),
        pl.col("annual_income").cast(pl.Float64),
        pl.col("origination_date").str.to_date(),
    )
    assert home.model(served["model_id"][0]).score(typed).equals(served)


def test_a_landed_value_that_cannot_be_read_is_missing_and_said(home: p2pcredit.Home) -> None:
    rows = landed(home, predictions(home)["loan_id"].head(2)).with_columns(open_accounts_count=pl.lit("many"))
    champion: Any = home.champion()
    with pytest.warns(UserWarning, match=r"count as missing: open_accounts_count \(2\)"):
        found = champion.score(rows)
    assert ["open_accounts_count: missing" in outside for outside in found["outside_training"]] == [True, True]


def test_a_landed_row_that_would_be_set_aside_is_refused_by_its_rule(home: p2pcredit.Home) -> None:
    rows = landed(home, predictions(home)["loan_id"].head(2)).with_columns(term=pl.Series(["36", "soon"]))
    champion: Any = home.champion()
    with pytest.raises(QuarantineError, match="1 of 2 rows cannot be scored, the first is row 2: term: not a term"):
        champion.score(rows)


def test_landed_columns_without_a_required_one_are_refused_with_the_similar_one(home: p2pcredit.Home) -> None:
    rows = landed(home, predictions(home)["loan_id"].head(2)).rename({"term": "terms"})
    with pytest.raises(UsageError, match="the frame lacks the column 'term', perhaps 'terms' was meant; loans need"):
        features_of_landed(rows)


def test_a_frame_without_a_column_is_refused_with_the_similar_one(home: p2pcredit.Home) -> None:
    champion: Any = home.champion()
    features = home.table("gold.feature_store").rename({"revolving_utilisation_share": "revolving_util_share"})
    said = "the frame lacks 'revolving_utilisation_share', perhaps 'revolving_util_share' was meant"
    with pytest.raises(UsageError, match=said):
        champion.score(features)
    with pytest.raises(UsageError, match="cannot score a list"):
        champion.score([1])


def test_decisions_and_reports_are_listed(home: p2pcredit.Home) -> None:
    decided = home.decisions().row(0, named=True)
    assert (decided["decision_date"], decided["origin"]) == (SATURDAY, "monitoring")
    assert home.reports()["week_end_date"].to_list() == [SATURDAY]
    assert Path(home.reports()["path"][0]).is_file()


def test_unknown_names_are_told_with_the_similar_one(home: p2pcredit.Home) -> None:
    with pytest.raises(UsageError, match=r"no table 'gold.predictons', perhaps 'gold.predictions' was meant"):
        home.table("gold.predictons")
    champion: Any = home.champion()
    with pytest.raises(BankError, match=f"perhaps '{champion.id}' was meant"):
        home.model(champion.id[:-1])
    with pytest.raises(UsageError, match="'1 June' is not a date"):
        home.table("gold.predictions", as_of="1 June")


def test_a_home_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(MissingHomeError) as refused:
        p2pcredit.open_home(tmp_path / "nowhere")
    assert str(refused.value).count("\n") == 0


def test_opening_a_home_writes_nothing(small_home: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in small_home.rglob("*"))
    home = p2pcredit.open_home(small_home)
    home.sql("select count(*) from gold.predictions")
    home.matured(DAYS.last)
    assert sorted((path, path.stat().st_mtime_ns) for path in small_home.rglob("*")) == before


def test_the_public_names_are_there_and_load_nothing_before_they_are_asked_for() -> None:
    code = (
        "import sys, p2pcredit\n"
        "early = {'polars', 'pydantic', 'deltalake'} & set(sys.modules)\n"
        "names = [getattr(p2pcredit, name) for name in p2pcredit.__all__]\n"
        "sys.exit(','.join(sorted(early)) or (0 if len(names) == 3 and 'polars' in sys.modules else 1))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("day", [20210701, 1.5, True, ["2021-07-01"], ""])
def test_what_is_not_a_day_is_refused_and_never_taken_for_all_rows(home: p2pcredit.Home, day: Any) -> None:
    for asked in (
        lambda: home.table("gold.predictions", as_of=day),
        lambda: home.sql("select 1", as_of=day),
        lambda: home.matured(day),
        lambda: home.champion(on=day),
        lambda: home.table("gold.predictions", days=(day, "2021-07-01")),
    ):
        with pytest.raises(UsageError, match="is not a da"):
            asked()


def test_half_a_span_is_refused_and_never_taken_for_all_days(home: p2pcredit.Home) -> None:
    for days in [(None, "2021-07-01"), ("2021-07-01", None)]:
        with pytest.raises(UsageError, match="None is not a day"):
            home.table("gold.predictions", days=days)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="days has 1 days; give one, or a pair"):
        home.table("gold.predictions", days=("2021-07-01",))  # type: ignore[arg-type]


def test_the_date_of_a_time_counts(home: p2pcredit.Home) -> None:
    noon = datetime(2021, 7, 1, 12)
    assert home.matured(noon).as_of == date(2021, 7, 1)
    assert repr(home.champion(on=noon)) == repr(home.champion(on="2021-07-01"))


def test_a_day_before_any_window_and_no_months_are_refused(home: p2pcredit.Home) -> None:
    with pytest.raises(UsageError, match="0001-01-01 lies before 1900"):
        home.matured("0001-01-01")
    with pytest.raises(UsageError, match="no label window can have closed by 0001-01-01"):
        home.matured(date(1, 1, 1))
    with pytest.raises(UsageError, match="months is 0; give 1 or more"):
        home.matured(SATURDAY, months=0)
    assert home.matured(SATURDAY, months=10**9).loans.equals(home.matured(SATURDAY).loans)


def test_a_misspelt_column_of_a_frame_is_said(home: p2pcredit.Home) -> None:
    loan = {"loan_id": "a", "origination_date": "2021-10-10", "loan_amount": "12000", "term": "36"}
    with pytest.warns(UserWarning, match="no feed has are passed over: 'anual_income', perhaps 'annual_income'"):
        home.model(home.champion().id).score(pl.DataFrame([{**loan, "anual_income": "50000", "branch": "x"}]))  # type: ignore[union-attr]


def test_a_frame_of_lists_is_refused_in_one_line(home: p2pcredit.Home) -> None:
    champion = home.champion()
    assert champion is not None
    rows = home.table("gold.feature_store", days="2021-03-01").collect()
    odd = rows.with_columns(pl.lit([1.0]).alias(name) for name in champion.feature_names)
    with pytest.raises(UsageError, match="the frame cannot be scored") as refused:
        champion.score(odd)
    assert "\n" not in str(refused.value)


def test_a_blank_path_is_none_and_a_url_is_shown_as_written(monkeypatch: pytest.MonkeyPatch, small_home: Path) -> None:
    monkeypatch.setenv("P2P_HOME", str(small_home))
    assert p2pcredit.open_home("").path == small_home
    with pytest.raises(HomeError, match="the home s3://b/x is a URL"):
        p2pcredit.open_home("s3://b/x")
