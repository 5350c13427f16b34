"""Find the columns of a raw download that leak the outcome. Reads a file; writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from p2pcredit.contracts.feeds import CLOSING_STATUSES, LOAN_PERFORMANCE
from p2pcredit.engines.local import collect
from p2pcredit.errors import UsageError
from p2pcredit.jobs.lake_engines import as_quarantined
from p2pcredit.models.leakage.raw_columns import Finding, find_raw_leaks
from p2pcredit.periods import add_months
from p2pcredit.platforms.lendingclub.profile import COLUMNS, NAME, known_after_origination
from p2pcredit.platforms.registry import profile_named
from p2pcredit.settings import LabelSettings, Settings
from p2pcredit.transforms.labels import default_events
from p2pcredit.transforms.silver import refine
from p2pcredit.transforms.typing import plain_id
from p2pcredit.transforms.unknown_outcomes import first_set_aside, without_name

LEAST_BADS = 20
PRICE = tuple(COLUMNS["loan_terms"][name] for name in ("interest_rate", "installment", "grade", "sub_grade"))


def detect_leaks(path: Path, platform: str, settings: Settings) -> dict[str, Any]:
    """Find the raw columns that give the outcome away, and by how much each inflates the AUC.

    The outcome is the main label where enough loans have matured by the end of the file, else how ended loans ended. A
    loan of which an event would end in quarantine has none, and counts as neither running nor ended.

    Args:
        path: The platform's download.
        platform: The profile that can read it.
        settings: The window of the label and the AUC above which a single column is a leak.

    Returns:
        `platform`, `file`, `outcome`, `loans`, `bads`, `unknown_outcomes` (loans left out, and `of_no_loan` events that
        name none), `clean_auc`, `in_words`, `forbidden` (names), `columns` (one finding each, worst first).

    Raises:
        UsageError: If the loans of the profile are not found in the file, or too few have turned bad to say anything.
        SourceError: If the file cannot be used.
    """
    profile = profile_named(platform)
    book, raw = profile.read([path], None, None), profile.columns(path)
    ids = book.feeds["loan_terms"]["loan_id"]
    key = next((name for name in raw.columns if _is_key(raw[name], ids)), None)
    if key is None:
        raise UsageError(f"no column of {path} holds the loan ids of {platform}; land the file first and look at it")
    ends, of_no_loan = _ends(book.feeds["loan_terms"], book.feeds["loan_performance"], settings.labels)
    loans = raw.with_columns(pl.col(key).str.strip_chars()).join(ends.rename({"loan_id": key}), on=key, how="inner")
    days = book.days()
    outcome, labels = _outcome(loans, None if days is None else days.last, settings)
    bads = int(np.nansum(labels))
    if bads < LEAST_BADS or int((labels == 0.0).sum()) < LEAST_BADS:
        raise UsageError(
            f"{bads} bad loans in {path}; {LEAST_BADS} bads and as many goods are needed to find leaks, so give a "
            "larger file"
        )
    is_known = platform == NAME
    findings, honest = find_raw_leaks(
        loans.select(raw.columns),
        labels,
        running=loans.select((~pl.col("ended")).cast(pl.Float64).fill_null(float("nan")))["ended"].to_numpy(),
        age=loans["originated"].cast(pl.Int32).cast(pl.Float64).to_numpy(),
        known_after=known_after_origination if is_known else lambda _: None,
        at_application=_landed(raw.columns) if is_known else {},
        apart=PRICE,
        limit=settings.training.max_single_feature_auc,
    )
    return {
        "platform": platform,
        "file": path.name,
        "outcome": outcome,
        "loans": int((~np.isnan(labels)).sum()),
        "bads": bads,
        "unknown_outcomes": int(loans["unknown"].sum()),
        "of_no_loan": of_no_loan,
        "clean_auc": None if honest is None else round(honest, 3),
        "in_words": _in_words(findings, honest),
        "forbidden": [finding.column for finding in findings if finding.forbidden],
        "columns": [finding.as_json() for finding in findings],
    }


def _in_words(findings: Sequence[Finding], honest: float | None) -> str:
    forbidden = [finding for finding in findings if finding.forbidden]
    said = f"{len(forbidden)} of {len(findings)} columns must not be used"
    worst = max(forbidden, key=lambda finding: finding.auc_inflation or 0.0, default=None)
    if worst is None or honest is None or not worst.auc_inflation:
        return said
    inflated = honest + worst.auc_inflation
    return f"{said}; with '{worst.column}' the AUC would seem to be {inflated:.2f}, where {honest:.2f} is honest"


def _landed(columns: Sequence[str]) -> dict[str, str]:
    return {
        source: "the platform's own price, a set of its own"
        if source in PRICE
        else f"known at application: {feed}.{name}"
        for feed, mapped in COLUMNS.items()
        for name, source in mapped.items()
        if source in columns
    }


def _is_key(column: pl.Series, ids: pl.Series) -> bool:
    values = column.str.strip_chars().drop_nulls()
    return values.n_unique() >= 0.99 * ids.n_unique() and ids.is_in(values.implode()).mean() == 1.0


def _ends(terms: pl.DataFrame, performance: pl.DataFrame, settings: LabelSettings) -> tuple[pl.DataFrame, int]:
    """Read how each loan ended from its sound events, and count the broken events that name no loan.

    Returns:
        `loan_id`, `originated`, `defaulted_on`, `ended` (paid off or charged off; null where it cannot be known),
        `unknown` (an event of the loan breaks a rule).
    """
    rows = performance.with_row_index("row_number").with_columns(pl.lit(None, dtype=pl.String).alias("unparsed"))
    refined = refine(nw.from_native(rows.lazy()), LOAN_PERFORMANCE)
    sound, faulty = collect(refined.sound), collect(refined.faulty)
    quarantine = nw.from_native(as_quarantined(LOAN_PERFORMANCE, faulty).lazy())
    set_aside, nameless = collect(first_set_aside(quarantine)), collect(without_name(quarantine))
    defaults = collect(default_events(nw.from_native(sound.lazy()), settings))
    defaulted = defaults.group_by("loan_id").agg(pl.col("known_on").min().alias("defaulted_on"))
    closed = sound.filter(pl.col("status").is_in(sorted(CLOSING_STATUSES)))["loan_id"].unique()
    loans = terms.group_by("loan_id").agg(pl.col("snapshot_date").min().alias("originated"))
    loans = loans.with_columns(pl.Series("plain", [plain_id(loan or "") for loan in loans["loan_id"]], dtype=pl.String))
    unknown = pl.col("plain").is_in(set_aside["loan_id"].implode())
    found = loans.join(defaulted, left_on="plain", right_on="loan_id", how="left").select(
        "loan_id",
        "originated",
        pl.when(~unknown).then("defaulted_on").alias("defaulted_on"),
        pl.when(~unknown).then(pl.col("plain").is_in(closed.implode())).alias("ended"),
        unknown.alias("unknown"),
    )
    return found, nameless.height


def _outcome(loans: pl.DataFrame, last: Any, settings: Settings) -> tuple[str, np.ndarray[Any, np.dtype[np.float64]]]:
    window = settings.labels.window_months
    origin, default, known = pl.col("originated"), pl.col("defaulted_on"), ~pl.col("unknown")
    bad = (default <= origin.dt.offset_by(f"{window}mo")).fill_null(False)
    final = loans.select(
        pl.when(default.is_not_null()).then(1.0).when("ended").then(0.0).otherwise(float("nan")).alias("x")
    )["x"].to_numpy()
    if last is None:
        return "how ended loans ended", final
    matured = known & (origin <= add_months(last, -window))
    main = loans.select(pl.when(matured).then(bad.cast(pl.Float64)).otherwise(float("nan")).alias("x"))["x"].to_numpy()
    if np.nansum(main) >= LEAST_BADS:
        return f"{settings.labels.definition} of matured loans", main
    return "how ended loans ended", final
