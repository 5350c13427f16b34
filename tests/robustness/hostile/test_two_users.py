"""Two users of one group share a home: with umask 002 every job of either works, with 022 the other is told of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from tests.robustness.hostile.conftest import CHILD, QUICK, Outcome, Ran

from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw

pytestmark = pytest.mark.torture
ROOT = Path(__file__).parents[3]
ONE, OTHER, GROUP = 61001, 61002, 61000
FIRST, CUT, LAST = date(2021, 1, 1), date(2021, 5, 29), date(2021, 6, 5)
NEXT = "2021-05-30"
ONE_FAMILY = """[training]
families = ["scorecard"]
preferred_family = "scorecard"
"""
As = Callable[..., Ran]


@dataclass(frozen=True)
class Shared:
    """A home in a directory that both users reach, and a raw file beside it."""

    home: Path
    raw: Path
    python: str
    environ: dict[str, str]

    def as_user(self, user: int, *commands: list[str], umask: int) -> Ran:
        """Run commands as a user of the group in a child, with a umask."""
        done = subprocess.run(
            [self.python, str(CHILD), ""],
            input=json.dumps([[*command, "--home", str(self.home)] for command in commands]),
            capture_output=True,
            text=True,
            timeout=280,
            user=user,
            group=GROUP,
            extra_groups=[],
            umask=umask,
            cwd=self.home.parent,
            env=self.environ,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        told = json.loads(done.stdout.splitlines()[-1])
        return Ran([Outcome(**outcome) for outcome in told["outcomes"]], told["peak_kilobytes"] / 1024)


@pytest.fixture
def shared() -> Iterator[Shared]:
    if os.getuid() != 0:
        pytest.skip("only root may start processes as two other users")
    base = Path(tempfile.mkdtemp(prefix="p2p-two-users-"))
    try:
        base.chmod(0o755)
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(base),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *(path for path in sys.path if "site-packages" in path)]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        python = interpreter_of(ONE, environ)
        if python is None:
            pytest.skip("other users may not run the Python of these tests, nor is there one of the system that can")
        home, raw = base / "home", base / "portfolio.csv.gz"
        home.mkdir()
        (home / "p2pcredit.toml").write_text(QUICK.replace("[training]\n", ONE_FAMILY))
        os.chown(home, 0, GROUP)
        home.chmod(0o2775)
        write_raw(raw, SyntheticSettings(FIRST, LAST, loans_per_day=60))
        raw.chmod(0o644)
        yield Shared(home, raw, python, environ)
    finally:
        shutil.rmtree(base)


def interpreter_of(user: int, environ: dict[str, str]) -> str | None:
    """Find a Python that another user may run and that imports the package: that of the tests, or the system's."""
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, system):
        try:
            done = subprocess.run(
                [python, "-c", "import p2pcredit.cli.app"], user=user, group=GROUP, env=environ, capture_output=True
            )
        except OSError:
            continue
        if not done.returncode:
            return python
    return None


def failed(*rans: Ran) -> list[str]:
    return [f"{outcome.name}: {outcome.stderr}" for ran in rans for outcome in ran.outcomes if outcome.code]


def test_two_users_of_one_group_take_turns_at_every_job(shared: Shared) -> None:
    land = ["land", "synthetic", str(shared.raw), "--from"]
    ran = [
        shared.as_user(user, *commands, umask=0o002)
        for user, commands in (
            (ONE, [[*land, str(FIRST), "--to", str(CUT)]]),
            (OTHER, [["preprocess"], ["train", "--as-of", str(CUT), "--json"]]),
            (
                ONE,
                [
                    ["infer"],
                    ["monitor", "--week-end", str(CUT)],
                    ["decision", "override", "--no-retrain", "--why", "a"],
                ],
            ),
            (OTHER, [[*land, NEXT, "--to", str(LAST)], ["preprocess", "--date", NEXT], ["infer", "--date", NEXT]]),
            (
                ONE,
                [
                    ["preprocess", "--from", NEXT, "--to", str(LAST)],
                    ["train", "--as-of", str(LAST), "--why", "a test"],
                    ["infer", "--from", NEXT, "--to", str(LAST)],
                    ["doctor", "--json"],
                ],
            ),
            (
                OTHER,
                [
                    ["monitor", "--week-end", str(LAST)],
                    ["decision", "override", "--retrain", "--why", "b"],
                    ["vacuum"],
                    ["doctor", "--json"],
                ],
            ),
        )
    ]
    assert failed(*ran) == []
    assert json.loads(ran[1]["train"].stdout)["outcome"] == "champion"
    for told in ran[-2:]:
        checks = json.loads(told["doctor"].stdout)["checks"]
        assert checks["rights"]["status"] == "pass", checks
        assert f"uid {ONE if told is ran[-2] else OTHER}" in checks["rights"]["finding"]
    found = [path.lstat() for path in shared.home.rglob("*")]
    assert {place.st_uid for place in found} >= {ONE, OTHER}
    made = [path for path in shared.home.rglob("*") if path.name != "p2pcredit.toml"]
    closed = [path for path in made if not path.lstat().st_mode & 0o020]
    assert closed == [], "each file and directory follows the umask"
    assert {place.st_gid for place in found} - {0} == {GROUP}


def test_with_umask_022_the_other_user_is_told_in_one_line_to_use_002(shared: Shared) -> None:
    land = ["land", "synthetic", str(shared.raw), "--from", str(FIRST), "--to", "2021-01-09"]
    assert failed(shared.as_user(ONE, land, ["preprocess"], umask=0o022)) == []
    jobs = [
        land,
        ["preprocess"],
        ["infer"],
        ["train", "--as-of", "2021-01-09"],
        ["decision", "override", "--retrain", "--why", "b"],
    ]
    ran = shared.as_user(OTHER, *jobs, ["status"], ["doctor"], umask=0o022)
    for outcome in ran.outcomes:
        if outcome.name == "status":
            assert outcome.code == 0, outcome.stderr
            continue
        assert f"user {ONE} made" in outcome.error
        assert "umask 002, and run 'chmod -R g+w' on the home once" in outcome.error
    assert f"cannot be written by this user (uid {OTHER}): " in ran["doctor"].error
    assert "logs/activity.jsonl" in ran["doctor"].error
    for path in (shared.home, *shared.home.rglob("*")):
        path.chmod(path.stat().st_mode | 0o020)
    again = shared.as_user(OTHER, *jobs[:4], ["doctor"], umask=0o002)
    assert [outcome.name for outcome in again.outcomes if outcome.code] == ["train"]
    assert again["train"].stderr.startswith("Error: no model serves: 0 matured loans"), "nine days teach no model"
