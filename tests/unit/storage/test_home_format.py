from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from tests.processes_at_once import run_at_once

from p2pcredit import __version__
from p2pcredit.contracts.tables import TABLES
from p2pcredit.errors import BankError, HomeError
from p2pcredit.jobs.activity import record
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.landing.land import land
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings
from p2pcredit.storage import home_format
from p2pcredit.storage.home import check_home
from p2pcredit.storage.home_format import HOME_FORMAT, mark_home, read_identity
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
def test_the_first_write_of_a_home_says_its_format_and_a_random_id_and_no_clock(write: object, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home)  # type: ignore[operator]
    content = json.loads((home / "home.json").read_text())
    assert content == {"format": 2, "made_by": __version__, "id": str(UUID(content["id"], version=4))}
    check_home(home)
    assert mark_home(home).id == content["id"]
    assert mark_home(tmp_path / "other").id != content["id"]


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


DAMAGED = ["", "[]", "{}", '{"format": "2"}', '{"format": true}', '{"format": 0}', "{", "[" * 9999]


@pytest.mark.parametrize("text", [*DAMAGED, '{"format": 2, "id": "x"}', '{"format": 2, "id": 7}'])
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


def test_first_commands_at_once_agree_on_one_id(tmp_path: Path) -> None:
    imports = "from pathlib import Path\nfrom p2pcredit.storage.home_format import mark_home\n"
    code = "home = Path(sys.argv[1])\n(home.parent / sys.argv[2]).write_text(mark_home(home).id)"
    run_at_once(imports, code, *((str(tmp_path / "home"), f"said-{number}") for number in range(4)))
    said = {(tmp_path / f"said-{number}").read_text() for number in range(4)}
    assert said == {json.loads((tmp_path / "home" / "home.json").read_text())["id"]}


def test_a_home_of_this_format_without_an_id_gets_one_at_the_next_activity_line_and_not_by_looking(
    tmp_path: Path,
) -> None:
    (tmp_path / "home.json").write_text('{"format": 2, "made_by": "0.2.0"}')
    ctx = JobContext(Layout(tmp_path), Settings(), "cli", datetime(2021, 1, 1, tzinfo=UTC))
    assert status(ctx)["home_id"] is None
    assert examine(ctx)["checks"]["home"]["status"] == "undetermined"
    assert "id" not in json.loads((tmp_path / "home.json").read_text())
    record(ctx, "train", {"loans": 3})
    content = json.loads((tmp_path / "home.json").read_text())
    assert content == {"format": 2, "made_by": "0.2.0", "id": content["id"]}
    line = json.loads(ctx.layout.activity.read_text())
    assert (line["home_id"], line["home_format"]) == (content["id"][:8], 2)
    assert status(ctx)["home_id"] == examine(ctx)["home_id"] == content["id"][:8]
    assert f"id {content['id'][:8]}, format 2" in examine(ctx)["checks"]["home"]["finding"]


def test_a_restored_copy_keeps_the_id(tmp_path: Path) -> None:
    made = mark_home(tmp_path / "home")
    shutil.copytree(tmp_path / "home", tmp_path / "restored")
    assert read_identity(tmp_path / "restored") == made


def test_where_nothing_was_written_an_activity_line_gives_no_id(tmp_path: Path) -> None:
    ctx = JobContext(Layout(tmp_path), Settings(), "cli", datetime(2021, 1, 1, tzinfo=UTC))
    record(ctx, "train", {})
    assert not (tmp_path / "home.json").exists()
    assert "home_id" not in json.loads(ctx.layout.activity.read_text())


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
