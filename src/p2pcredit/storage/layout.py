"""The home directory: every path this system reads or writes, by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from p2pcredit.errors import OutsideHomeError


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths under one home directory, as the specification draws them.

    Examples:
        >>> Layout(Path("/opt/airflow")).decision_file.as_posix()
        '/opt/airflow/logs/retraining_decision.json'
        >>> Layout(Path("/opt/airflow")).retraining_log(date(2024, 1, 15)).name
        'retraining_log_2024_01_15.txt'
    """

    home: Path

    @property
    def logs(self) -> Path:
        """Decision, ledger, retraining logs and activity."""
        return self.home / "logs"

    @property
    def decision_file(self) -> Path:
        """The current retraining decision; may be absent."""
        return self.logs / "retraining_decision.json"

    @property
    def ledger(self) -> Path:
        """The append-only decision ledger."""
        return self.logs / "decisions"

    @property
    def activity(self) -> Path:
        """One JSON line per finished job."""
        return self.logs / "activity.jsonl"

    @property
    def datamart(self) -> Path:
        """Bronze, silver and gold tables."""
        return self.home / "scripts" / "datamart"

    @property
    def completed_days(self) -> Path:
        """One small receipt per day whose gold tables are complete."""
        return self.datamart / "gold" / "completed_days"

    @property
    def model_bank(self) -> Path:
        """One directory per model."""
        return self.home / "model_bank"

    @property
    def landing(self) -> Path:
        """Landing files, one directory per feed."""
        return self.home / "data"

    @property
    def reports(self) -> Path:
        """Monitoring reports, one HTML per week."""
        return self.home / "reports"

    def table(self, name: str) -> Path:
        """The directory of a table such as `gold/predictions`.

        Raises:
            OutsideHomeError: If the name leads anywhere else.
        """
        return self._inside(self.datamart / name, self.datamart)

    def model(self, model_id: str) -> Path:
        """The directory of a model.

        Raises:
            OutsideHomeError: If the id leads anywhere else.
        """
        return self._inside(self.model_bank / model_id, self.model_bank)

    def retraining_log(self, monday: date) -> Path:
        """The log of the week that starts on `monday`."""
        return self.logs / f"retraining_log_{monday:%Y_%m_%d}.txt"

    def report(self, week_end: date) -> Path:
        """The report of the week that ends on `week_end`."""
        return self.reports / f"monitoring_{week_end:%Y_%m_%d}.html"

    def swap_set(self, model_id: str, replaces: str) -> Path:
        """Who is approved or declined anew because a person made one model champion in another's place."""
        return self._inside(self.reports / f"swap_set_{model_id}_over_{replaces}.json", self.reports)

    def day_receipt(self, day: date) -> Path:
        """The receipt that says the gold tables are complete for `day`."""
        return self.completed_days / f"{day:%Y}" / f"{day:%Y_%m_%d}.json"

    @staticmethod
    def _inside(path: Path, root: Path) -> Path:
        if root.resolve() not in path.resolve().parents:
            raise OutsideHomeError(f"{path.name!r} leads out of {root}; use a plain name")
        return path
