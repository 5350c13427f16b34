"""The address of an alert channel is a secret: it stands in no file, no log, no message, no traceback."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.hostile.conftest import LIVED, Run, context_of, every_job

from p2pcredit.errors import SettingsError
from p2pcredit.jobs.monitoring.alerts import alert_failure
from p2pcredit.settings import AlertSettings, Settings, load_settings

pytestmark = [
    pytest.mark.torture,
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),  # a library of Apprise's
]
SECRET = "s3cr3t-t0ken-of-a-channel"


def test_no_file_and_no_output_of_any_job_holds_it(
    run: Run, home: Path, raw_download: Path, channel: Any, torture: Any
) -> None:
    urls = json.dumps([channel.url, f"json://127.0.0.1:9/{SECRET}", f"nonsense-{SECRET}", f"slack://{SECRET}"])
    jobs = [*every_job(home, raw_download), ["preprocess", "--date", "2031-01-01"], ["models", "show", "m9"]]
    jobs = [[*job, "--debug"] for job in jobs] + [["monitor", "--week-end", str(LIVED)]]
    loud = "import logging; logging.basicConfig(level=logging.DEBUG)"
    (home / "logs/retraining_decision.json").write_text("{")  # something to alert of
    ran = run(home, *jobs, preamble=loud, P2P_ALERTS__URLS=urls)
    failed = [outcome for outcome in ran.outcomes if outcome.code]
    assert [outcome.traceback != "" for outcome in failed] == [True, True]
    said = "".join(o.stdout + o.stderr + o.traceback for o in ran.outcomes)
    assert "alert channel 2 did not take the message" in said
    assert "alert channel 3 is not an address Apprise knows" in said
    assert SECRET not in said
    files = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert any(b"the decision file could not be read" in body for body in channel.seen)
    assert not any(b"has not landed for 2031-01-01" in body for body in channel.seen)  # a person's own
    torture.record("secret of a channel, all jobs with --debug", len(ran.outcomes), note=f"{len(files)} files searched")


WRONG = {
    "a text for a list": {"P2P_ALERTS__URLS": json.dumps(f"json://{SECRET}")},
    "no JSON": {"P2P_ALERTS__URLS": f"json://{SECRET}"},
    "a torn list": {"P2P_ALERTS__URLS": f'["json://{SECRET}'},
    "a list of objects": {"P2P_ALERTS__URLS": json.dumps([{"url": SECRET}])},
    "the whole group": {"P2P_ALERTS": json.dumps([SECRET])},
    "an unknown field": {"P2P_ALERTS": json.dumps({"url": SECRET})},
}


def test_wrong_settings_are_refused_without_saying_it(run: Run, tmp_path: Path, torture: Any) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for environ in WRONG.values():
        ran = run(home, ["status"], ["status", "--debug"], **environ)
        assert [outcome.code for outcome in ran.outcomes] == [1, 1]
        assert "alerts" in ran.outcomes[0].error.lower()
        assert ran.outcomes[1].traceback
        assert SECRET not in str(ran)
    torture.record("secret of a channel in wrong settings", len(WRONG))


@pytest.mark.parametrize("line", [f'urls = "json://{SECRET}"', f"urls = ['{SECRET}", f'url = "{SECRET}"', f"{SECRET}"])
def test_a_wrong_settings_file_is_refused_without_saying_it(tmp_path: Path, line: str) -> None:
    import traceback

    (tmp_path / "p2pcredit.toml").write_text(f"[alerts]\n{line}\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    if line != SECRET:  # a name on a line of its own is the name of a setting
        assert SECRET not in "".join(traceback.format_exception(caught.value)).replace(line, "")
    assert SECRET not in str(caught.value)


def test_settings_never_show_it() -> None:
    settings = Settings(alerts=AlertSettings(urls=(f"json://{SECRET}",)))
    shown = [
        repr(settings),
        str(settings),
        str(settings.model_dump()),
        settings.model_dump_json(),
        repr(settings.alerts),
    ]
    assert not [text for text in shown if SECRET in text]


def test_no_logger_of_any_library_says_it(tmp_path: Path, channel: Any, caplog: pytest.LogCaptureFixture) -> None:
    ctx = context_of(tmp_path, alerts=AlertSettings(urls=(channel.url, f"json://127.0.0.1:9/{SECRET}")))
    logging.getLogger("urllib3").addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.DEBUG):
            told = alert_failure(ctx, "train", ValueError("it broke"))
    finally:
        logging.getLogger("urllib3").removeHandler(caplog.handler)
    assert (told["sent"], told["channels"]) == (1, 2)
    assert SECRET not in caplog.text
    assert b"train failed: it broke" in channel.seen[0]


def test_a_failure_is_told_where_the_disk_takes_no_word(tmp_path: Path, channel: Any) -> None:
    ctx = context_of(tmp_path, alerts=AlertSettings(urls=(channel.url,)))
    ctx.layout.logs.write_text("a file in the place of the directory")
    assert alert_failure(ctx, "monitor", OSError(28, "No space left on device"))["sent"] == 1
    assert b"monitor failed: [Errno 28] No space left on device" in channel.seen[0]


def test_a_channel_whose_library_breaks_is_told_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, channel: Any
) -> None:
    import apprise

    def broken(*_: object, **__: object) -> bool:
        raise RuntimeError(f"cannot reach json://{SECRET}")

    monkeypatch.setattr(apprise.Apprise, "notify", broken)
    ctx = context_of(tmp_path, alerts=AlertSettings(urls=(channel.url,)))
    assert alert_failure(ctx, "train", ValueError("x"))["sent"] == 0
