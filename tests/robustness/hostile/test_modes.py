"""Files are made with the rights that the operator's umask gives, and no more."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.hostile.conftest import Run, every_job

from p2pcredit.local_airflow.settings import LocalPaths, local_environment

pytestmark = pytest.mark.torture


@pytest.mark.parametrize(("umask", "never"), [(0o077, 0o077), (0o022, 0o022)])
def test_no_job_gives_more_rights_than_the_umask(
    run: Run, home: Path, raw_download: Path, umask: int, never: int, torture: Any
) -> None:
    if umask == 0o022 and not torture.full:
        pytest.skip("tried by `make torture`")
    before = {path: path.lstat().st_mtime_ns for path in home.rglob("*")}
    ran = run(home, *every_job(home, raw_download), umask=umask)
    assert [outcome.stderr for outcome in ran.outcomes if outcome.code] == []
    made = [path for path in home.rglob("*") if path not in before]
    assert len(made) > 30
    assert [path for path in made if stat.S_IMODE(path.lstat().st_mode) & never] == []
    assert [path for path in made if path.is_file() and stat.S_IMODE(path.lstat().st_mode) & 0o111] == []
    torture.record(f"modes of new files under umask {umask:03o}", len(made))


def test_what_a_local_airflow_keeps_is_its_owners_alone(tmp_path: Path) -> None:
    paths = LocalPaths(tmp_path)
    local_environment(paths, 8080, {}, {})
    assert stat.S_IMODE(paths.root.stat().st_mode) == 0o700
    for secret in (paths.passwords, paths.signing_key):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
