"""The page of an evidence pack, from its facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p2pcredit.errors import MonitoringError
from p2pcredit.reporting.evidence.charts import draw_evidence
from p2pcredit.reporting.evidence.summary import summary_of
from p2pcredit.reporting.evidence.timeline import sample_timeline
from p2pcredit.reporting.evidence.words import WORDS
from p2pcredit.reporting.page import render_page


def render_evidence(facts: Mapping[str, Any], sign_off: Mapping[str, Any] | None = None) -> str:
    """Render the page of these facts.

    Args:
        facts: What `build_evidence` gives, or the same read back from JSON.
        sign_off: Who answers for the model, as the ledger says by now (`jobs.governance.records.sign_off`), with the
            day of that as `stated_on`; None for the page that lies beside the model, which says nothing that was not
            known when it was trained.

    Returns:
        A whole HTML document, the same for the same facts.

    Raises:
        MonitoringError: If a fact is missing or a chart cannot be drawn.
    """
    try:
        charts = draw_evidence(facts)
        summary = summary_of(facts, sign_off)
        known_by = {row["part"]: row["known_by"] for row in sample_timeline(facts)}
    except (KeyError, TypeError) as error:
        raise MonitoringError(f"the evidence lacks something: {error}; write it anew") from error
    return render_page("evidence.html", facts, charts, summary=summary, known_by=known_by, **WORDS)
