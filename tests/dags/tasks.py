"""A task of a DAG under the type of its operator."""

from __future__ import annotations

from typing import TypeVar

from airflow.sdk import DAG

Task = TypeVar("Task")


def task_of(dag: DAG, task_id: str, kind: type[Task]) -> Task:
    """Return the task of that id, and fail where it is of another kind."""
    found = dag.get_task(task_id)
    assert isinstance(found, kind)
    return found
