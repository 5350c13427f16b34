"""A small client for Airflow's REST interface, on the standard library alone."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from p2pcredit.errors import ServiceError

FINISHED_RUN_STATES = frozenset({"success", "failed"})
PAGE = 100


class AirflowClient:
    """Query an Airflow's runs over its REST API, and trigger one.

    Args:
        url: Where it answers, such as `http://127.0.0.1:8080`.
        user, password: The login; a token is fetched at the first call and again when it has run out.
        timeout: Seconds that one call may take.
    """

    def __init__(self, url: str, user: str, password: str, *, timeout: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self._user = user
        self._password = password
        self._timeout = timeout
        self._token: str | None = None
        # A proxy set in the environment is for the world outside, not for a server on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def health(self, since: datetime | None = None) -> dict[str, str]:
        """Return the health of each component. Needs no login.

        Args:
            since: Aware instant; a component whose last sign of life is older has not reported yet. Airflow itself
                calls a component healthy for half a minute after its death.

        Returns:
            Component (`metadatabase`, `scheduler`, `triggerer`, `dag_processor`) to `healthy`, `unhealthy` or, where it
            has not reported yet, `unknown`.
        """
        told = self._call("GET", "/api/v2/monitor/health", login=False)
        return {name: _health(name, part or {}, since) for name, part in told.items() if isinstance(part, dict)}

    def warm_up(self) -> None:
        """Load the part of the server that tasks talk to, so that the first task does not wait for it."""
        self._call("GET", "/execution/health", login=False)

    def dags(self) -> dict[str, bool]:
        """List the DAGs, and whether each is paused."""
        return {str(dag["dag_id"]): bool(dag["is_paused"]) for dag in self._all("/api/v2/dags", "dags")}

    def import_errors(self) -> list[str]:
        """List the last line of each import error of a DAG file; empty when all is well."""
        errors = self._all("/api/v2/importErrors", "import_errors")
        return [f"{e.get('filename')}: {str(e.get('stack_trace', '')).strip().splitlines()[-1:]}" for e in errors]

    def set_paused(self, dag_id: str, paused: bool) -> None:
        """Pause a DAG or let it run."""
        self._call("PATCH", f"/api/v2/dags/{_quoted(dag_id)}", {"is_paused": paused})

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, logical_date: str | None = None) -> str:
        """Make one run now.

        Args:
            dag_id: The DAG.
            conf: The run's configuration, such as `{"snapshot_date": "2011-03-02"}`.
            logical_date: Aware ISO instant; None for a run without one.

        Returns:
            The id of the run.
        """
        body = {"logical_date": logical_date, "conf": dict(conf or {})}
        return str(self._call("POST", f"/api/v2/dags/{_quoted(dag_id)}/dagRuns", body)["dag_run_id"])

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """List every run of a DAG, oldest first, as Airflow gives them (`dag_run_id`, `state`, `logical_date`, ...)."""
        return self._all(f"/api/v2/dags/{_quoted(dag_id)}/dagRuns", "dag_runs", {"order_by": "run_after"})

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of one run: `queued`, `running`, `success` or `failed`."""
        return str(self._call("GET", f"/api/v2/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}")["state"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """List the tasks of a run in the order of their ends (`task_id`, `state`, `start_date`, `end_date`, ...)."""
        path = f"/api/v2/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}/taskInstances"
        found = self._all(path, "task_instances")
        return sorted(found, key=lambda task: (task.get("end_date") or "9999", task.get("start_date") or ""))

    def wait_for_run(self, dag_id: str, run_id: str, *, timeout: float = 600.0, interval: float = 0.5) -> str:
        """Wait until a run has ended.

        Returns:
            `success` or `failed`.

        Raises:
            ServiceError: If it has not ended within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while (state := self.run_state(dag_id, run_id)) not in FINISHED_RUN_STATES:
            if time.monotonic() > deadline:
                raise ServiceError(f"run {run_id} of {dag_id} is still {state} after {timeout:.0f} s; look at its log")
            time.sleep(interval)
        return state

    def wait_for_dags(self, dag_ids: Iterable[str], *, timeout: float = 60.0) -> None:
        """Wait until Airflow has read the DAG files.

        Raises:
            ServiceError: Naming the DAGs that are missing, or the first file that cannot be read.
        """
        wanted = set(dag_ids)
        deadline = time.monotonic() + timeout
        while missing := wanted - set(self.dags()):
            if errors := self.import_errors():
                raise ServiceError(f"Airflow cannot read {errors[0]}; mend what it names and start again")
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"Airflow has not found {', '.join(sorted(missing))} in {timeout:.0f} s; see its logs"
                )
            time.sleep(0.5)

    def _all(self, path: str, key: str, query: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            asked = urllib.parse.urlencode({**(query or {}), "limit": PAGE, "offset": len(found)})
            told = self._call("GET", f"{path}?{asked}")
            found.extend(told[key])
            if not told[key] or len(found) >= int(told.get("total_entries") or 0):
                return found

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, login: bool = True) -> Any:
        if login and self._token is None:
            self._token = str(self._send("POST", "/auth/token", self._credentials, None)["access_token"])
        try:
            return self._send(method, path, body, self._token if login else None)
        except _LoginRunOutError:
            self._token = str(self._send("POST", "/auth/token", self._credentials, None)["access_token"])
            return self._send(method, path, body, self._token)

    @property
    def _credentials(self) -> dict[str, str]:
        return {"username": self._user, "password": self._password}

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None, token: str | None) -> Any:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        where = path.partition("?")[0]
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                detail = " ".join(error.read(2000).decode("utf-8", "replace").split())[:300]
            if error.code == 401 and token is not None:
                raise _LoginRunOutError from error
            raise ServiceError(f"Airflow answered {error.code} to {method} {where}: {detail}") from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise ServiceError(f"no Airflow answers at {self.url} ({method} {where}: {reason}); is it up?") from error


class _LoginRunOutError(Exception):
    """The token is no longer accepted."""


def _health(name: str, part: Mapping[str, Any], since: datetime | None) -> str:
    status = part.get("status") or "unknown"
    seen = part.get(f"latest_{name}_heartbeat")
    if since is not None and seen is not None and datetime.fromisoformat(seen) < since:
        return "unknown"
    return str(status)


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")
