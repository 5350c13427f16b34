"""Settings that contradict each other, misspelt names and double keys are refused by name, at load."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from p2pcredit.errors import SettingsError, UsageError
from p2pcredit.jobs.checked_settings import require_policy, settings_of
from p2pcredit.orchestration.settings.schedules import VARIABLES
from p2pcredit.settings import Settings, load_settings
from p2pcredit.settings.sources import OTHER_VARIABLES


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("P2P_"):
            monkeypatch.delenv(name)


def refused(home: Path, text: str | bytes) -> str:
    (home / "p2pcredit.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SettingsError) as caught:
        load_settings(home)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("group", "lines", "named"),
    [
        ("labels", "lifetime_terms_months = [36, 60, 36]", "lifetime_terms_months names 36 twice"),
        ("training", "evaluation_share = 0.6\ncalibration_share = 0.5", "evaluation_share and calibration_share"),
        ("training", "evaluation_share = 0.5\ncalibration_share = 0.45", "leave 5% of the loans"),
        ("training", "evaluation_share = 0", "evaluation_share is 0"),
        (
            "training",
            "min_matured_loans = 60\nmin_matured_bads = 60",
            "min_matured_bads is 60 and min_matured_loans 60",
        ),
        ("training", "min_evaluation_bads = 51", "min_evaluation_bads is 51, more than all of min_matured_bads, 50"),
        ("scores", "grade_bounds = [0.05, 0.02]", "grade_bounds must rise, and 0.02 comes after 0.05"),
        ("scores", "grade_bounds = [0.02, 0.02, 0.1]", "grade_bounds must rise"),
        ("scores", "grade_bounds = [0.02, 1.0]", "above 0 and below 1"),
        ("scores", "grade_bounds = []", "grade_bounds has 0 bounds"),
        ("scores", "approval_cutoff = 0.01", "approval_cutoff is 0.01, below the first of grade_bounds, 0.02"),
        ("scores", "approval_cutoff = 0", "scores.approval_cutoff"),
        ("scores", "approval_cutoff = 1", "scores.approval_cutoff"),
        ("monitoring", "calibration_ratio_bounds = [1.5, 0.67]", "calibration_ratio_bounds are 1.5 and 0.67"),
        ("monitoring", "calibration_ratio_bounds = [0, 1.5]", "calibration_ratio_bounds are 0.0 and 1.5"),
        ("monitoring", "calibration_ratio_bounds = [1.1, 1.5]", "calibration_ratio_bounds"),
        ("monitoring", "psi_watch = 0.3", "psi_watch is 0.3 and must lie below psi_alert, 0.25"),
        ("monitoring", "min_matured_bads = 100", "min_matured_bads is 100 and min_matured_loans 100"),
        ("monitoring", "window_months = 1\nrecent_days = 60", "recent_days is 60, longer than window_months, 1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_by_name(
    tmp_path: Path, group: str, lines: str, named: str
) -> None:
    said = refused(tmp_path, f"[{group}]\n{lines}\n")
    assert named in said
    assert f"'{group}" in said


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "[training]\nfeature_sets = ['aplication']",
            "perhaps 'application' was meant; write 'application', 'price', 'wording' or 'state'",
        ),
        ("[training]\nfeature_sets = ['price', 'price']", "feature_sets names 'price' twice; name each set once"),
        (
            "[training]\nfeature_set = 'priced'",
            "it is now called 'training.feature_sets', so write that, as a list",
        ),
        (
            "[training]\npreferred_family = 'xgboost'",
            "write 'simplest', or one that families names, 'scorecard' or 'boosting'",
        ),
        ("[training]\ndevice = 'gpu'", "write 'cpu' or 'cuda'"),
        ("[scoring]\noutside_training = 'reffer'", "perhaps 'refer' was meant; write 'score', 'refer' or 'refuse'"),
        ("[scores]\napproval_cut_off = 0.1", "unknown setting 'scores.approval_cut_off', perhaps 'approval_cutoff'"),
        ("[monitorng]\npsi_watch = 0.1", "perhaps 'monitoring' was meant"),
    ],
)
def test_a_choice_or_name_that_does_not_exist_gives_the_similar_one(tmp_path: Path, lines: str, said: str) -> None:
    assert said in refused(tmp_path, lines + "\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("threads = 2\nthreads = 3\n", "line 2: the key 'threads' stands there a second time"),
        ("[labels]\nwindow_months = 6\n[scores]\n[labels]\n", "line 4: the key 'labels' stands there a second time"),
        ("[labels]\nwindow_months = 6\nwindow_months = 7\n", "line 3: the key 'window_months'"),
        ("[labels]\nwindow_months = 6\nwindow_months = 7", "line 3: the key 'window_months'"),
        ('[alerts]\nurls = []\nurls = ["json://token"]\n', "line 3: the key 'urls'"),
    ],
)
def test_a_key_that_stands_twice_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    found = refused(tmp_path, text)
    assert said in found
    assert "token" not in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[labels]\nwindow_months = true\n", "setting 'labels.window_months': true is no value here"),
        ("[preprocessing]\nmax_quarantined_share = true\n", "setting 'preprocessing.max_quarantined_share': true"),
        ("threads = true\n", "setting 'threads': true"),
        ("[scores]\ngrade_bounds = 0.1\n", "it is no list; write a list, such as"),
        ("landing = 0.2\n", "setting 'landing': it is a group of settings"),
    ],
)
def test_a_value_of_another_kind_is_refused_in_words_of_settings(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "value"), [("P2P_LABELS__LIFETIME_TERMS_MONTHS", "36,60"), ("P2P_ALERTS__URLS", "json://token")]
)
def test_a_variable_that_should_be_json_is_named_without_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"the variable {name} is not JSON; write a list such as") as caught:
        load_settings(tmp_path)
    assert "token" not in str(caught.value)


@pytest.mark.parametrize("mark", ["\ufeff", "\ufeff\ufeff"], ids=["one", "two"])
def test_byte_order_marks_before_utf_8_are_passed_over(tmp_path: Path, mark: str) -> None:
    (tmp_path / "p2pcredit.toml").write_text(f"{mark}threads = 7\n", encoding="utf-8")
    assert load_settings(tmp_path).threads == 7


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1", "utf-32"])
def test_a_file_of_another_encoding_is_one_line(tmp_path: Path, encoding: str) -> None:
    said = refused(tmp_path, "\ufeffthreads = 7 # ä\n".lstrip("\ufeff").encode(encoding))
    assert "p2pcredit.toml" in said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("P2P_MONITORNG__PSI_WATCH", "P2P_MONITORING__PSI_WATCH"),
        ("P2P_SCORES_APPROVAL_CUTOFF", "P2P_SCORES__APPROVAL_CUTOFF"),
        ("P2P_THREAD", "P2P_THREADS"),
        ("P2P_LABELS__WINDOW", "P2P_LABELS__WINDOW_MONTHS"),
        ("P2P_LABELS___WINDOW_MONTHS", "P2P_LABELS__WINDOW_MONTHS"),
        ("P2P_HOMES", "P2P_HOME"),
        ("p2p_home", "P2P_HOME"),
        ("P2P_DAG_STRAT", "P2P_DAG_START"),
        ("P2P_X__Y", "P2P_<GROUP>__<NAME>"),
    ],
)
def test_a_variable_that_sets_nothing_is_refused_with_the_similar_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "s3cret")
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert name in str(caught.value)
    assert meant in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_the_variables_that_are_no_settings_are_one_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(OTHER_VARIABLES) == {"P2P_HOME", *VARIABLES}
    for name in OTHER_VARIABLES:
        monkeypatch.setenv(name, "0")
    assert load_settings(tmp_path) == Settings()


def test_two_variables_for_one_setting_and_a_json_key_that_stands_twice_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2P_LABELS", '{"window_months": 6, "window_months": 9}')
    with pytest.raises(SettingsError, match="P2P_LABELS holds the key 'window_months' twice"):
        load_settings(tmp_path)
    monkeypatch.delenv("P2P_LABELS")
    monkeypatch.setenv("P2P_THREADS", "2")
    monkeypatch.setenv("p2p_threads", "3")
    with pytest.raises(SettingsError, match="P2P_THREADS and p2p_threads say the same"):
        load_settings(tmp_path)


def test_an_engine_that_does_not_exist_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "p2pcredit.toml").write_text('engine = "polar"\n')
    with pytest.raises(SettingsError, match="there is no engine 'polar', perhaps 'polars' was meant"):
        settings_of(tmp_path)


def test_a_policy_that_does_not_exist_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "p2pcredit.toml").write_text('[monitoring]\npolicy = "cheapest_remedy"\n')
    with pytest.raises(SettingsError, match="perhaps 'cheapest_remedy_first' was meant"):
        settings_of(tmp_path)
    require_policy("cheapest_remedy_first")


@pytest.mark.parametrize(("kind", "name"), [("feed", "finacial"), ("table", "gold/prediction"), ("platform", "proper")])
def test_a_name_that_does_not_exist_gives_the_similar_one(kind: str, name: str) -> None:
    from p2pcredit.contracts.feeds import feed_named
    from p2pcredit.contracts.tables import table_named
    from p2pcredit.platforms.registry import profile_named

    asks: dict[str, Callable[[str], object]] = {"feed": feed_named, "table": table_named, "platform": profile_named}
    meant = {"feed": "financial", "table": "gold/predictions", "platform": "prosper"}[kind]
    with pytest.raises(UsageError, match=f"there is no {kind} '{name}', perhaps '{meant}' was meant; known are "):
        asks[kind](name)
