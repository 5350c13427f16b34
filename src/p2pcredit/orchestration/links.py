"""The links of tasks to what they made: the report, the decision, the model, on the pages inside Airflow."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.sdk import BaseOperatorLink

from p2pcredit.orchestration.pages.places import base_path, link_to, places

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class PageLink(BaseOperatorLink):
    """A link to the page of what a task made; none where it made nothing.

    Airflow asks for it in the task's own process once the task has ended, and keeps it as an XCom.
    """

    def page_of(self, receipt: Mapping[str, Any]) -> tuple[str, dict[str, str]] | None:
        """Give the way to the page within the server, and what its address asks; None where there is none."""
        raise NotImplementedError

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Build the link from the receipt of the task's job."""
        page = self.page_of(getattr(operator, "receipt", None) or {})
        if page is None:
            return ""
        base = base_path(conf.get("api", "base_url", fallback="") or "")
        return link_to(page[0], base, places(os.environ), **page[1])


class ReportLink(PageLink):
    """The weekly report."""

    name = "Report"

    def page_of(self, receipt: Mapping[str, Any]) -> tuple[str, dict[str, str]] | None:
        """Name the page of the report."""
        report = receipt.get("report")
        return (f"/reports/{PurePath(report).name}", {}) if report else None


class DecisionLink(PageLink):
    """The decision about retraining, and what became of it."""

    name = "Decision"

    def page_of(self, receipt: Mapping[str, Any]) -> tuple[str, dict[str, str]] | None:
        """Name the page of the decision."""
        decision = (receipt.get("decision") or {}).get("decision_id")
        return ("/decisions/one", {"id": str(decision)}) if decision else None


class ModelLink(PageLink):
    """The model that was trained."""

    name = "Model"

    def page_of(self, receipt: Mapping[str, Any]) -> tuple[str, dict[str, str]] | None:
        """Name the page of the model."""
        model = receipt.get("model_id")
        return (f"/models/{model}", {}) if model else None


_OF_JOB: dict[str, Callable[[], PageLink]] = {
    "monitoring.report.generate_report": ReportLink,
    "monitoring.steps.write_retraining_decision": DecisionLink,
    "training.retrain.train_if_due": ModelLink,
}


def links_of(job: str) -> tuple[PageLink, ...]:
    """List the links of the task that does a job: `module.function` under `p2pcredit.jobs`."""
    made = _OF_JOB.get(job)
    return () if made is None else (made(),)


__all__ = ["DecisionLink", "ModelLink", "PageLink", "ReportLink", "links_of"]
