"""The program `p2pcredit`: every command in one table, with the module that is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from p2pcredit.cli import start
from p2pcredit.cli.lazy import LazyCommand, lazy_group
from p2pcredit.cli.version import print_version

COMMANDS = {
    "land": LazyCommand(
        "pipeline.land:land",
        "Turn a platform's raw download into the five daily feeds, or its applications into the sixth.",
    ),
    "preprocess": LazyCommand(
        "pipeline.preprocess:preprocess", "Take landed days through bronze and silver to the gold tables."
    ),
    "train": LazyCommand("pipeline.train:train", "Train the candidates, and let the best one challenge the champion."),
    "infer": LazyCommand(
        "pipeline.infer:infer", "Score the loans of some days, each with the model that was champion on its day."
    ),
    "score": LazyCommand("score:score", "Score applications as the nightly run would, from JSON, JSON lines or CSV."),
    "serve": LazyCommand(
        "serve:serve", "Serve pages and scores of this home over HTTP, on this machine unless --host says otherwise."
    ),
    "monitor": LazyCommand(
        "pipeline.monitor:monitor",
        "Measure what has matured, write the report and the retraining decision, and send alerts.",
    ),
    "results": LazyCommand(
        "tracking:results",
        "Print a week's results as one JSON document, write it to a file, or post it to the server of the settings.",
    ),
    "replay": LazyCommand(
        "pipeline.replay:replay",
        "Walk through history as the three DAGs would have lived it, alerts into a file of the home.",
    ),
    "status": LazyCommand(
        "home.status:status", "Show where this home stands: last days done, champion, waiting decision."
    ),
    "export": LazyCommand("home.export:export", "Write a table's rows to a Parquet or CSV file."),
    "sql": LazyCommand("home.sql:sql", "Run one SELECT over the tables, named such as gold.predictions."),
    "trace": LazyCommand(
        "trace:trace", "Say which model scored a loan, what was known then, why, and what became of it."
    ),
    "returns": LazyCommand(
        "portfolio.returns:returns",
        "Show what loans earned a year by vintage, grade and term, with losses and what is still open; write a page.",
    ),
    "vintages": LazyCommand(
        "portfolio.vintages:vintages",
        "Show the share of each vintage ever 30, 60 or 90 days late or charged off by month on book; write a page.",
    ),
    "rolls": LazyCommand(
        "portfolio.vintages:rolls",
        "Show how loans move in a month between current, 30, 60, 90 days late, charge-off and paid off; write a page.",
    ),
    "losses": LazyCommand(
        "portfolio.losses:losses",
        "Show what open loans are expected to lose, by stage and scenario, and the loss given default; write a page.",
    ),
    "strategy": LazyCommand(
        "portfolio.strategy:strategy",
        "Show what each cut-off approves, loses and earns, which earns most, what the present one costs; write a page.",
    ),
    "population": LazyCommand(
        "portfolio.population:population",
        "Show who applied, approval and override rates, how overrides paid, and the band of what a cut-off lets in.",
    ),
    "disclose": LazyCommand(
        "portfolio.disclose:disclose",
        "Calculate the default rates that EU or UK law has a platform publish for a year; write a page and a CSV file.",
    ),
    "demo": LazyCommand(
        "demo:demo",
        "Land a portfolio, replay its history, then let Airflow's scheduler run all three DAGs for the last days.",
    ),
    "doctor": LazyCommand(
        "checks.doctor:doctor",
        "Check a home directory: tables, ledger, decision file, models. Nothing is changed.",
    ),
    "vacuum": LazyCommand(
        "home.vacuum:vacuum",
        "Remove table files that nothing has needed for a week; what banked models were made from is kept.",
    ),
    "crash-test": LazyCommand(
        "checks.crash_test:crash_test",
        "Try a volume: kill every job at each step it takes on disk there, and fill the disk at each step.",
    ),
    "leakage": LazyCommand(
        "checks.leakage:leakage",
        "Find the columns of a raw download that give away how the loans ended, which no model may see.",
    ),
    "settings": LazyCommand("reference:settings", "List every setting: name, type, default, bounds and meaning."),
    "platforms": LazyCommand("reference:platforms", "List the platforms whose files land without a mapping of yours."),
    "feeds": LazyCommand(
        "reference:feeds", "List the feeds with their columns, and what a mapping of a platform may hold."
    ),
}

DECISION = {
    "show": LazyCommand("decision:show", "Show the decision that counts now and what became of it."),
    "history": LazyCommand("decision:history", "List every line of the ledger, oldest first."),
    "override": LazyCommand(
        "decision:override",
        "Decide by hand, with a reason; to retrain also holds where the week has had its retraining.",
    ),
}

MODELS = {
    "list": LazyCommand("models.champions:list_all", "List all models with their roles and metrics."),
    "show": LazyCommand("models.champions:show", "Show one model's card."),
    "points": LazyCommand(
        "models.points:points", "Print a scorecard's points, bin by bin; as SQL, a query that scores."
    ),
    "bins": LazyCommand(
        "models.bins:bins", "Write a scorecard's bins as a file to edit by hand, or check and convert an edited one."
    ),
    "export": LazyCommand("models.export:export", "Write a model as a file that another program scores with."),
    "notice": LazyCommand(
        "models.notice:notice",
        "Write a sample notice of adverse action for a loan that the score declined, as an HTML page.",
    ),
    "promote": LazyCommand("models.champions:promote", "Make a model champion, with a reason."),
    "rollback": LazyCommand("models.champions:rollback", "Return to the champion before, with a reason."),
    "fairness": LazyCommand(
        "models.fairness:fairness",
        "Compare denial rates and scores of groups at many cut-offs, groups from a file that no model may read.",
    ),
    "grades": LazyCommand(
        "models.grades:grades",
        "Propose grade bounds and a cut-off from the loans that a model learned from; nothing is set.",
    ),
    "sensitivity": LazyCommand(
        "models.sensitivity:sensitivity",
        "Train a model again with other seeds and windows, take features away, and rank their effects; write a page.",
    ),
    "approve": LazyCommand(
        "models.approvals:approve",
        "Let a model serve that waits for approval, from the first unscored day on; --by is needed.",
    ),
    "refuse": LazyCommand(
        "models.approvals:refuse",
        "End the waiting of a model: it does not serve, and may be promoted again; --by is needed.",
    ),
    "inventory": LazyCommand(
        "models.inventory:inventory",
        "List every model with when it served, who answers for it, findings, retirement and next review; write a page.",
    ),
    "finding": LazyCommand("models.inventory:finding", "Open a finding about a model, or close one."),
    "reproduce": LazyCommand(
        "models.evidence:reproduce",
        "Train a model again from the data it saw, and compare every byte; exit code 1 where one differs.",
    ),
    "evidence": LazyCommand(
        "models.evidence:evidence", "Write a model's evidence pack with who signed by now, and say where it lies."
    ),
    "verify": LazyCommand(
        "models.evidence:verify",
        "Calculate every number of a model's evidence again from the lake; exit code 1 where one differs.",
    ),
    "trace": LazyCommand("trace:old_trace", "Say which model scored a loan; now 'p2pcredit trace'.", hidden=True),
}

AIRFLOW = {
    "up": LazyCommand(
        "airflow:up",
        "Start a local Airflow with the three DAGs (SQLite, LocalExecutor, 127.0.0.1), or what has ended of one.",
    ),
    "down": LazyCommand("airflow:down", "Stop the local Airflow of this home, with every process it started."),
}

PROFILE = {
    "new": LazyCommand(
        "profile.new:new", "Look at files, and draft a mapping of them with comments and open questions."
    ),
    "check": LazyCommand(
        "profile.check:check", "Say what would become of a book before it lands; exit code 1 where it would be ruined."
    ),
}

MLFLOW = {
    "sync": LazyCommand(
        "tracking:sync",
        "Bring the MLflow server of the settings up to date with bank and ledger; what is there is left as it is.",
    ),
}

GROUPS = {
    "decision": (DECISION, "The retraining decision: show it, its history, or override it."),
    "models": (MODELS, "The model bank: who serves, why, and whether it holds."),
    "profile": (PROFILE, "A mapping of your own platform: draft one, and try it before anything lands."),
    "mlflow": (MLFLOW, "An MLflow server that is kept in step with bank and ledger."),
    "airflow": (AIRFLOW, "A local Airflow with the three DAGs, on this machine only."),
}

app = typer.Typer(
    name="p2pcredit",
    cls=lazy_group(COMMANDS),
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Score peer-to-peer loans daily, monitor the scores weekly, and obey a retraining decision exactly once."""


for name, (table, words) in GROUPS.items():
    app.add_typer(typer.Typer(cls=lazy_group(table), help=words, no_args_is_help=True), name=name)


def main() -> None:
    """Run the program."""
    start.main()


if __name__ == "__main__":
    main()
