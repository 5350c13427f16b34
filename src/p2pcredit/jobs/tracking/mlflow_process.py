"""Bring an MLflow server up to date, as a process of its own: `python -m p2pcredit.jobs.tracking.mlflow_process`.

It reads one JSON object from standard input and writes one to standard output. The caller ends it at its deadline;
whatever was written by then is gone on with by the next one, since a run counts only once it bears its last tag.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p2pcredit.errors import BankError, P2PCreditError
from p2pcredit.jobs.tracking.mirror import (
    ALIASES,
    COMPLETE,
    MODEL_DIRECTORY,
    OF_HOME,
    OF_MODEL,
    ROLE,
    Roles,
    TrackedRun,
    roles_in,
    tracked_run,
)
from p2pcredit.retraining.state import HandoffState
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.ledger import Ledger
from p2pcredit.storage.state.model_bank import EVIDENCE_FILE, EVIDENCE_PAGE_FILE, SWAP_SET_FILE, ModelBank
from p2pcredit.text import one_line

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

_ATTACHMENTS = (EVIDENCE_FILE, EVIDENCE_PAGE_FILE, SWAP_SET_FILE)
_PARAMS_AT_ONCE, _METRICS_AT_ONCE = 100, 1000
_MOST_RUNS = 1000
_LONGEST_WORDS = 300
_CREDENTIALS = re.compile(r"//[^/\s@]*@")
_FINISHED = "FINISHED"
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""So that MLflow asks no server but ours, and leaves trying again to the next sync."""


class Mirror:
    """What a server holds of one home, and the few writes that bring it up to date.

    Args:
        client: Of the server.
        experiment: Name of the experiment of the runs.
        name: Name of the registered model.
        home_id: By which runs of this home are told from those of others.
    """

    def __init__(self, client: MlflowClient, experiment: str, name: str, home_id: str) -> None:
        self._client, self._name, self._home_id = client, name, home_id
        self._experiment = _experiment_id(client, experiment)
        self.written: Counter[str] = Counter()

    def bring_up_to_date(self, bank: ModelBank, state: HandoffState, roles: Roles) -> list[str]:
        """Write what the server lacks: runs first, then versions with their roles, then aliases.

        Returns:
            The models that cannot be read; they have no run.
        """
        runs, unreadable = self._runs(), []
        versions = self._versions()
        for model_id, role in roles.roles.items():
            run = runs.get(model_id)
            if run is None or run.data.tags.get(COMPLETE) != "true":
                try:
                    told = tracked_run(state, bank.get(model_id), _attachments(bank, model_id))
                except BankError:
                    unreadable.append(model_id)
                    continue
                run_id = self._write_run(told, None if run is None else run.info.run_id)
            else:
                run_id = run.info.run_id
            if model_id not in versions:
                versions[model_id] = self._make_version(model_id, run_id)
            if versions[model_id].tags.get(ROLE) != role:
                self._client.set_model_version_tag(self._name, versions[model_id].version, ROLE, role)
                self.written["roles"] += 1
        self._set_aliases(roles, versions)
        return unreadable

    def _runs(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        token = None
        asked = f"tags.`{OF_HOME}` = '{self._home_id}'"
        while True:
            page = self._client.search_runs([self._experiment], asked, max_results=_MOST_RUNS, page_token=token)
            for run in page:
                found.setdefault(run.data.tags.get(OF_MODEL), run)
            token = page.token
            if not token:
                return found

    def _write_run(self, told: TrackedRun, run_id: str | None) -> str:
        from mlflow.entities import Metric, Param

        tags = {**told.tags, OF_HOME: self._home_id}
        if run_id is None:
            run = self._client.create_run(
                self._experiment, start_time=told.started_at, tags=tags, run_name=told.model_id
            )
            run_id = str(run.info.run_id)
        at = told.started_at or 0
        metrics = [Metric(name, value, at, 0) for name, value in told.metrics.items()]
        params = [Param(name, text) for name, text in told.params.items()]
        for first in range(0, len(metrics), _METRICS_AT_ONCE):
            self._client.log_batch(run_id, metrics=metrics[first : first + _METRICS_AT_ONCE])
        for first in range(0, len(params), _PARAMS_AT_ONCE):
            self._client.log_batch(run_id, params=params[first : first + _PARAMS_AT_ONCE])
        self._write_files(run_id, told.files)
        self._client.set_terminated(run_id, _FINISHED, told.started_at)
        self._client.set_tag(run_id, COMPLETE, "true")
        self.written["runs"] += 1
        return run_id

    def _write_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        with tempfile.TemporaryDirectory() as directory:
            for name, data in files.items():
                path = Path(directory) / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
            self._client.log_artifacts(run_id, directory)

    def _versions(self) -> dict[str, ModelVersion]:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self._name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found: dict[str, ModelVersion] = {}
        token = None
        while True:
            page = self._client.search_model_versions(f"name='{self._name}'", page_token=token)
            for version in page:
                if version.tags.get(OF_HOME) == self._home_id:
                    found.setdefault(version.tags.get(OF_MODEL), version)
            token = page.token
            if not token:
                return found

    def _make_version(self, model_id: str, run_id: str) -> ModelVersion:
        self.written["versions"] += 1
        return self._client.create_model_version(
            self._name,
            f"runs:/{run_id}/{MODEL_DIRECTORY}",
            run_id,
            tags={OF_MODEL: model_id, OF_HOME: self._home_id},
            await_creation_for=0,
        )

    def _set_aliases(self, roles: Roles, versions: Mapping[str, ModelVersion]) -> None:
        """Move the aliases to their models, and take away one that no model bears, unless it is another home's."""
        borne = dict(self._client.get_registered_model(self._name).aliases)
        ours = {str(version.version) for version in versions.values()}
        wanted = {alias: str(versions[one].version) for alias, one in roles.aliases().items() if one in versions}
        for alias, version in wanted.items():
            if str(borne.get(alias)) != version:
                self._client.set_registered_model_alias(self._name, alias, version)
                self.written["aliases"] += 1
        for alias in ALIASES - wanted.keys():
            if str(borne.get(alias)) in ours:
                self._client.delete_registered_model_alias(self._name, alias)
                self.written["aliases"] += 1


def _experiment_id(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _attachments(bank: ModelBank, model_id: str) -> dict[str, bytes]:
    found = {}
    for name in _ATTACHMENTS:
        with suppress(BankError):  # a model of an older version, or one that had no champion to be swapped with
            found[name] = bank.attachment(model_id, name)
    return found


def sync(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a server up to date.

    Args:
        asked: `home`, `home_id`, `uri`, `experiment`, `model`.

    Returns:
        `runs`, `versions`, `roles`, `aliases` (how many were written), `unreadable` (models), `digest` (of what the
        server was brought to), `champion`, `challenger`; or `trouble`, why not, in one line without an address.
    """
    try:
        from mlflow.tracking import MlflowClient
    except ImportError:
        return {"missing": True}
    layout = Layout(Path(asked["home"]))
    bank, state = ModelBank(layout), Ledger(layout.ledger).state()
    roles = roles_in(state, bank.model_ids())
    try:
        client = MlflowClient(tracking_uri=asked["uri"], registry_uri=asked["uri"])
        mirror = Mirror(client, asked["experiment"], asked["model"], asked["home_id"])
        unreadable = mirror.bring_up_to_date(bank, state, roles)
    except P2PCreditError:
        raise
    except Exception as error:  # of MLflow, of requests, of a store that it loads
        return {"trouble": _said(error, asked["uri"])}
    counts = {name: mirror.written[name] for name in ("runs", "versions", "roles", "aliases")}
    told = {"champion": roles.champion, "challenger": roles.challenger}
    return {**counts, "unreadable": unreadable, "digest": roles.digest(), **told}


def _said(error: Exception, uri: str) -> str:
    """Word an error of MLflow without its address, which may hold a password."""
    text = _CREDENTIALS.sub("//", str(error).replace(uri, "the server")).replace(uri.rstrip("/"), "the server")
    return f"{type(error).__name__}: {one_line(text, _LONGEST_WORDS)}"


@contextlib.contextmanager
def _own_output() -> Iterator[Any]:
    """Keep standard output for the answer: what MLflow prints goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        yield answer


def main() -> None:
    """Read what is asked, do it, and write what came of it."""
    asked = json.load(sys.stdin)
    os.environ.update(_QUIET, MLFLOW_HTTP_REQUEST_TIMEOUT=str(max(1, round(asked["request_seconds"]))))
    with _own_output() as answer:
        try:
            said = sync(asked)
        except P2PCreditError as error:
            said = {"trouble": str(error)}
        json.dump(said, answer)


if __name__ == "__main__":
    main()
