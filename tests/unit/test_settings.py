from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from p2pcredit.errors import SettingsError
from p2pcredit.settings import AlertSettings, LabelSettings, Settings, load_settings
from p2pcredit.settings.sources import RENAMED


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("P2P_"):
            monkeypatch.delenv(name)


def write(home: Path, text: str) -> None:
    (home / "p2pcredit.toml").write_text(text, encoding="utf-8")


def test_without_file_and_environment_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()
    assert load_settings(tmp_path / "nowhere") == Settings()


def test_the_file_holds_over_the_defaults_and_the_environment_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "threads = 3\n[labels]\nwindow_months = 6\nreporting_lag_days = 10\n")
    monkeypatch.setenv("P2P_LABELS__WINDOW_MONTHS", "9")
    loaded = load_settings(tmp_path)
    assert loaded.labels == LabelSettings(window_months=9, reporting_lag_days=10)
    assert loaded.labels.definition == "pd9"
    assert loaded.threads == 3
    assert loaded.handoff == Settings().handoff


def test_the_home_variable_is_no_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2P_HOME", "/somewhere")
    assert load_settings(tmp_path) == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("labls = 1\n", "unknown setting 'labls'; known are alerts, engine, governance, handoff"),
        ("[labels]\nwindow = 6\n", "unknown setting 'labels.window', perhaps 'window_months' was meant"),
        ("[monitoring]\nrefresh_bads_growth = 0.2\n", "it is now called 'monitoring.retrain_at_new_bads_share'"),
        ("[training]\nleak_auc = 0.8\n", "it is now called 'training.max_single_feature_auc'"),
        ("[training]\nmore_evidence_growth = 1.0\n", "it is now called 'training.evidence_growth_share'"),
        ("[training]\nno_worse_margin = 0.01\n", "it is now called 'training.noninferiority_margin'"),
        ("[labels]\nwindow_months = 0\n", "'labels.window_months': Input should be greater than or equal to 1"),
        ("[labels]\nwindow_months = 'six'\n", "'labels.window_months': Input should be a valid integer"),
        ("[monitoring]\nauc_threshold = nan\n", "'monitoring.auc_threshold'"),
        ("labels = 3\n", "'labels'"),
        ("[labels\n", "is not valid TOML"),
        ("[training]\nfeature_sets = ['all']\n", "'training.feature_sets.0'"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_setting(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert words in str(caught.value)
    assert "p2pcredit.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "p2pcredit.toml").write_bytes(b"threads = 3 # \xff\n")
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("P2P_LABELS__WINDOW_MONTHS", "six"),
        ("P2P_LABELS__WINDOW", "6"),
        ("P2P_THREADS", "0"),
        ("P2P_LABELS", "not json"),
        ("P2P_ALERTS__URLS", "mailto://me"),
    ],
)
def test_a_wrong_variable_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert "\n" not in str(caught.value)
    assert name.split("__")[0].removeprefix("P2P_").lower() in str(caught.value).lower()


def test_secrets_are_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2P_ALERTS__URLS", '["mailto://user:hunter2@example.org"]')
    loaded = load_settings(tmp_path)
    assert loaded.alerts.urls[0].get_secret_value() == "mailto://user:hunter2@example.org"
    for shown in (repr(loaded), str(loaded), loaded.model_dump_json(), repr(loaded.alerts), str(loaded.model_dump())):
        assert "hunter2" not in shown


def test_a_secret_in_a_wrong_place_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2P_ALERTS__URLS", '{"a": "mailto://user:hunter2@example.org"}')
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert "hunter2" not in str(caught.value)


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError):
        Settings().threads = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        AlertSettings().urls = ()  # type: ignore[misc]


def test_old_names_lead_to_settings_that_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for old, new in RENAMED.items():
        group, name = new.split(".")
        assert name in type(getattr(Settings(), group)).model_fields
        with monkeypatch.context() as patched:
            patched.setenv(f"P2P_{old.replace('.', '__').upper()}", "0.2")
            with pytest.raises(SettingsError, match=f"now called P2P_{new.replace('.', '__').upper()}, so set that"):
                load_settings(tmp_path)
