"""The home directory: every path this system reads or writes, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from p2pcredit.errors import OutsideHomeError
from p2pcredit.periods import DateRange

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}")


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
    def home_file(self) -> Path:
        """The home's id and format, and which version made it."""
        return self.home / "home.json"

    @property
    def home_lock(self) -> Path:
        """The file that stands for the right to give the home its id."""
        return self.home / ".home.lock"

    @property
    def bins_file(self) -> Path:
        """Bins by hand, for the next trainings; may be absent."""
        return self.home / "bins.toml"

    @property
    def own_features_file(self) -> Path:
        """What the lender's mapping declares of own columns as features; may be absent."""
        return self.home / "own_features.json"

    @property
    def logs(self) -> Path:
        """Decision, ledger, retraining logs, activity and the alerts of replays."""
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
    def replay_alerts(self) -> Path:
        """One JSON line per message that a replay would have sent to the alert channels."""
        return self.logs / "replay_alerts.jsonl"

    @property
    def mlflow_state(self) -> Path:
        """What the MLflow server was last brought up to; may be absent."""
        return self.logs / "mlflow_state.json"

    @property
    def results_sent(self) -> Path:
        """Of the weeks whose results were posted, the digest of what was; may be absent."""
        return self.logs / "results_sent.json"

    @property
    def tracking_lock(self) -> Path:
        """The file that stands for the right to tell other servers."""
        return self.logs / ".tracking.lock"

    @property
    def pages_token(self) -> Path:
        """The token by which Airflow says to the server of the pages who asks; may be absent."""
        return self.home / "airflow" / "pages_token"

    @property
    def datamart(self) -> Path:
        """Bronze, silver and gold tables."""
        return self.home / "scripts" / "datamart"

    @property
    def fits(self) -> Path:
        """Loans that executors fit on, while they do."""
        return self.datamart / "gold" / "fits"

    @property
    def score_journal(self) -> Path:
        """What the server was asked and answered, until `gold/score_requests` has taken it in."""
        return self.datamart / "gold" / "score_journal"

    @property
    def completed_days(self) -> Path:
        """The receipts of the days whose gold tables are complete."""
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
    def landing_lock(self) -> Path:
        """The file that stands for the right to land."""
        return self.landing / ".landing.lock"

    @property
    def reports(self) -> Path:
        """Monitoring reports, one HTML per week."""
        return self.home / "reports"

    def table(self, name: str) -> Path:
        """Return the directory of a table such as `gold/predictions`.

        Raises:
            OutsideHomeError: If the name leads anywhere else.
        """
        return self._inside(self.datamart / name, self.datamart)

    def table_lock(self, name: str) -> Path:
        """Return the lock file to hold while a table is rebuilt."""
        return self.table(name).with_name(f".{Path(name).name}.lock")

    def model(self, model_id: str) -> Path:
        """Return the directory of a model.

        Raises:
            OutsideHomeError: If the id leads anywhere else.
        """
        if not _PLAIN_NAME.fullmatch(model_id):
            raise OutsideHomeError(f"{model_id!r} leads out of {self.model_bank}; use a plain name")
        return self._inside(self.model_bank / model_id, self.model_bank)

    def retraining_log(self, monday: date) -> Path:
        """Return the log of the week that starts on `monday`."""
        return self.logs / f"retraining_log_{monday:%Y_%m_%d}.txt"

    def report(self, week_end: date) -> Path:
        """Return the report of the week that ends on `week_end`."""
        return self.reports / f"monitoring_{week_end:%Y_%m_%d}.html"

    @property
    def model_inventory(self) -> Path:
        """The page that lists all models with who answers for them."""
        return self.reports / "model_inventory.html"

    def portfolio_page(self, subject: str, as_of: date) -> Path:
        """Return the page about the book, such as its `returns`, as known on a day."""
        return self._inside(self.reports / f"{subject}_{as_of:%Y_%m_%d}.html", self.reports)

    def disclosure(self, regime: str, year: int) -> Path:
        """Return the statement of default rates of a year, under the law of a `regime`; a CSV file lies beside it."""
        return self._inside(self.reports / f"disclosure_{regime}_{year}.html", self.reports)

    def signed_evidence(self, model_id: str) -> Path:
        """Return the page of a model's evidence with who signed for it."""
        return self._inside(self.reports / f"evidence_{model_id}.html", self.reports)

    def swap_set(self, model_id: str, replaces: str) -> Path:
        """Return the swap set of a promotion: the loans approved or declined anew by one model in another's place."""
        return self._inside(self.reports / f"swap_set_{model_id}_over_{replaces}.json", self.reports)

    def day_receipt(self, day: date) -> Path:
        """Return the receipt that says the gold tables are complete for `day`, where it has a file of its own."""
        return self.completed_days / f"{day:%Y/%Y_%m_%d}.json"

    def month_receipt(self, day: date) -> Path:
        """Return the file of the receipts of all days of the month of `day`, once all are complete."""
        return self.completed_days / f"{day:%Y/%Y_%m}.json"

    def labels_begun(self, days: DateRange) -> Path:
        """Return the mark that the labels of these days were begun, until the days are complete."""
        return self.completed_days / f"labels_{days.first:%Y_%m_%d}_{days.last:%Y_%m_%d}.begun"

    def built_note(self, table: str, days: DateRange) -> Path:
        """Return the note that a table such as `gold/label_store` was built of these days, until they are complete."""
        return self._note(table, days, "built")

    def due_note(self, table: str, days: DateRange) -> Path:
        """Return the note that a table is to be built anew of these days, since what it rests on changed."""
        return self._note(table, days, "due")

    def _note(self, table: str, days: DateRange, kind: str) -> Path:
        name = table.replace("/", "_")
        return self.completed_days / f"{name}_{days.first:%Y_%m_%d}_{days.last:%Y_%m_%d}.{kind}"

    def landed_note(self, feed: str, days: DateRange) -> Path:
        """Return the note of what bronze took in of a feed for these days, until the days are complete."""
        return self.completed_days / f"landed_{feed}_{days.first:%Y_%m_%d}_{days.last:%Y_%m_%d}.json"

    @property
    def completed_days_lock(self) -> Path:
        """The file that stands for the right to write receipts of complete days."""
        return self.completed_days / ".lock"

    def feed_file(self, feed: str, name: str) -> Path:
        """Return a landing file. Feeds come from others, so neither it nor its directory may be a link that leads away.

        Raises:
            OutsideHomeError: If it leads out of the landing directory.
        """
        return self._inside(self.landing / feed / name, self.landing)

    @staticmethod
    def _inside(path: Path, root: Path) -> Path:
        """Return the path, if it lies under `root` with all links followed; `root` itself may be a link."""
        try:
            inside = root.resolve() in path.resolve().parents
        except (ValueError, OSError, RuntimeError):  # a zero byte, a name too long, a link to itself
            inside = False
        if not inside:
            raise OutsideHomeError(f"{path.name!r} leads out of {root}; use a plain name, or put the file itself there")
        return path
