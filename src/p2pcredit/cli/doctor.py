"""`p2pcredit doctor`: is this home healthy?"""

from __future__ import annotations

from p2pcredit.cli.edge import DebugOption, HomeOption, JsonOption, Receipt, command, job_context


@command
def doctor(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """Check a home directory: tables, ledger, decision file, models. Nothing is changed."""
    from p2pcredit.jobs.doctor import examine

    return examine(job_context(home))
