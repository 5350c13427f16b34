from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from p2pcredit import __version__
from p2pcredit.contracts.tables import TABLES
from p2pcredit.errors import BankError, HomeError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings
from p2pcredit.storage import home_format
from p2pcredit.storage.home import check_home
from p2pcredit.storage.home_format import HOME_FORMAT, mark_home
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import CARD_FORMAT, ModelBank
from p2pcredit.storage.tables.lake import Lake

DAY = date(2020, 1, 1)
TABLE = TABLES["gold/predictions"]


def write_table(home: Path) -> None:
    Lake(Layout(home)).replace(TABLE, pl.DataFrame(schema=TABLE.schema), DateRange(DAY, DAY))


def write_model(home: Path) -> None:
    ModelBank(Layout(home)).add("m1", {"model.json": b"{}"}, {"as_of": "2020-01-01"})


def land_loans(home: Path) -> None:
    land(JobContext(Layout(home), Settings(), "cli", datetime(2021, 1, 1, tzinfo=UTC)), "synthetic", [], DAY, DAY)


@pytest.mark.parametrize("write", [write_table, write_model, land_loans])
def test_the_first_write_of_a_home_says_its_format_in_bytes_that_hold_no_clock(write: object, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home)  # type: ignore[operator]
    assert (home / "home.json").read_text() == f'{{"format": 2, "made_by": "{__version__}"}}\n'
    check_home(home)


def test_a_home_without_tables_and_models_needs_no_format_and_looking_writes_none(tmp_path: Path) -> None:
    (tmp_path / "data" / "loan_terms").mkdir(parents=True)
    check_home(tmp_path)
    assert not (tmp_path / "home.json").exists()


@pytest.mark.parametrize("write", [write_table, write_model])
def test_a_home_of_0_1_is_said_to_need_making_anew(write: object, tmp_path: Path) -> None:
    write(tmp_path)  # type: ignore[operator]
    (tmp_path / "home.json").unlink()
    with pytest.raises(HomeError, match=r"version 0\.1 made it, or the file was lost.*land FILE.*replay") as told:
        check_home(tmp_path)
    assert "\n" not in str(told.value)
    with pytest.raises(HomeError, match="version 0"):
        mark_home(tmp_path)
    assert not (tmp_path / "home.json").exists()


@pytest.mark.parametrize(("number", "advice"), [(HOME_FORMAT + 1, "install that version"), (1, "make it anew")])
def test_a_format_that_is_not_ours_is_refused_to_readers_and_writers(number: int, advice: str, tmp_path: Path) -> None:
    (tmp_path / "home.json").write_text(json.dumps({"format": number, "made_by": "9.1.0"}))
    with pytest.raises(HomeError, match=rf"has format {number}, made by version 9\.1\.0.*{advice}"):
        check_home(tmp_path)
    for write in (write_table, write_model, land_loans):
        with pytest.raises(HomeError, match=f"has format {number}"):
            write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["home.json"]
    check_home(tmp_path, any_format=True)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "2"}', '{"format": true}', '{"format": 0}', "{", "[" * 9999]
)
def test_a_damaged_file_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "home.json").write_text(text)
    with pytest.raises(HomeError, match=r"home\.json .*restore it from a backup") as told:
        check_home(tmp_path)
    assert "\n" not in str(told.value)


def test_a_home_that_another_process_begins_meanwhile_is_not_taken_for_an_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun_by_a_rival(home: Path) -> bool:
        monkeypatch.undo()
        write_table(home)
        return True

    monkeypatch.setattr(home_format, "_holds_tables_or_models", begun_by_a_rival)
    mark_home(tmp_path)
    check_home(tmp_path)


@pytest.mark.parametrize("found", [None, CARD_FORMAT + 1])
def test_a_model_whose_card_has_another_format_is_refused_with_what_to_do(
    found: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path)
    bank = ModelBank(Layout(tmp_path))
    assert bank.get("m1").card["format"] == CARD_FORMAT
    monkeypatch.setattr("p2pcredit.storage.state.model_bank.CARD_FORMAT", found or CARD_FORMAT + 1)
    if found is not None:
        bank.add("m2", {"model.json": b"{}"}, {})
        monkeypatch.undo()
    with pytest.raises(BankError, match=r"has format \d; this version reads format \d: use the version that made it"):
        bank.get("m1" if found is None else "m2")
