"""What Airflow shows of each task: the first sentences of its job's docstring, and what the pipeline's data say of it.

Docstrings are read as text from the source files, since a DAG file must not import the jobs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

from p2pcredit.jobs.pipeline_graph import Kind, Step

_JOBS = files("p2pcredit.jobs")

_WITHOUT_JOB = {
    Kind.PLACE: "Marks a place in the graph and does nothing.",
    Kind.WAIT_FOR_DAY: "Wait in the triggerer until the gold tables of the run's day are complete, or waited for long "
    "enough. It succeeds either way.",
    Kind.CHECK_DAY: "Look whether the gold tables of the run's day are complete.",
    Kind.NAME_DAY: "Return the snapshot date of the run.",
}


def task_doc(step: Step) -> str:
    """Write the page of a task, in Markdown.

    Args:
        step: The step that the task does.

    Examples:
        >>> print(task_doc(Step("rest", after=("find",))))
        Marks a place in the graph and does nothing.
    """
    about = _WITHOUT_JOB.get(step.kind, "") if step.job is None else job_sentence(step.job)
    facts = []
    if step.job is not None:
        facts.append(f"Job: `p2pcredit.jobs.{step.job}`" + (f", feed `{step.feed}`" if step.feed else ""))
    if step.waits_for is not None:
        facts.append(f"Waits in the triggerer, until a deadline, until {step.waits_for}")
    if step.branch is not None:
        facts.append(f"Goes on with `{step.branch.yes}` where `{step.branch.field}` is true, else `{step.branch.no}`")
    if step.command is not None:
        facts.append(f"By hand: `p2pcredit {step.command}`")
    return "\n\n".join(filter(None, [about, "\n".join(f"- {fact}" for fact in facts)]))


def job_sentence(job: str) -> str:
    """Read the first paragraph of a job's docstring, without importing its module; empty where there is none to read.

    Args:
        job: `module.function` under `p2pcredit.jobs`.

    Examples:
        >>> job_sentence("monitoring.report.generate_report")[:5]
        'Write'
        >>> job_sentence("no.such.job")
        ''
    """
    module, _, function = job.rpartition(".")
    found = re.search(
        rf'^def {re.escape(function)}\(.*?\n    """(.+?)(?:\n\s*\n|""")', _source(module), re.DOTALL | re.MULTILINE
    )
    return " ".join(found[1].split()) if found else ""


@lru_cache
def _source(module: str) -> str:
    file = _JOBS.joinpath(*module.split(".")[:-1], module.rpartition(".")[2] + ".py")
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
