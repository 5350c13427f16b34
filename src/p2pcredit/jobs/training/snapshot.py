"""What a training sees: the lake at fixed Delta versions, as of a day, and the champion it is held against."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue, feature_from_json
from p2pcredit.contracts.feeds import FEEDS, OWN_COLUMNS, Feed
from p2pcredit.contracts.hand_bins import HandBins, parse_hand_bins
from p2pcredit.contracts.tables import CASH_FLOWS, FEATURE_STORE, LABEL_STORE, QUARANTINE, TABLES, Table, bronze, silver
from p2pcredit.engines.local import collect
from p2pcredit.errors import BankError, SettingsError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.portfolio.experience import experience_as_of
from p2pcredit.jobs.preprocessing.set_aside import rows_set_aside
from p2pcredit.jobs.training.comparing.past_promotions import promotions_until
from p2pcredit.jobs.training.unknown_outcomes import count_of_no_loan
from p2pcredit.models.champion.realised import Promotion
from p2pcredit.models.economics.experience import Experience
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.term_structure.fit import Watched, watch
from p2pcredit.models.training.splits import matured_loans
from p2pcredit.settings import LabelTarget, Settings
from p2pcredit.settings.sources import read_settings_file
from p2pcredit.storage.own_features import read_own_features
from p2pcredit.storage.state.model_bank import ModelArtifacts, ModelBank
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import Target
from p2pcredit.transforms.outcomes import build_outcomes

SOURCES: tuple[Table, ...] = (
    FEATURE_STORE,
    LABEL_STORE,
    silver(FEEDS["loan_terms"]),
    silver(FEEDS["loan_performance"]),
    QUARANTINE,
    CASH_FLOWS,
)


@dataclass(frozen=True)
class TrainingSnapshot:
    """Hold everything that one training rests on; all of it is named in the model's card.

    Args:
        lake: The tables at the Delta versions that the card names.
        day: The training date.
        settings: All settings.
        champion: The model that served that day; None before the first.
        by_hand: What a person fixed of features.
        promotions: The promotions of the past, whose worth is measured anew.
        catalogue: The features that there are: those of this package and the lender's own columns.
    """

    lake: Lake
    day: date
    settings: Settings
    champion: ModelArtifacts | None
    by_hand: Mapping[str, HandBins] = field(default_factory=dict)
    promotions: tuple[Promotion, ...] = ()
    catalogue: FeatureCatalogue = BUILT_IN

    @cached_property
    def features(self) -> pl.DataFrame:
        """The features known by the day, each loan once, in order of origination."""
        known = self.lake.scan(FEATURE_STORE).filter(pl.col("known_on") <= self.day).collect()
        return known.sort("snapshot_date", "loan_id").unique("loan_id", keep="first", maintain_order=True)

    @cached_property
    def outcomes(self) -> pl.DataFrame:
        """The outcomes observed of each loan by the day."""
        return self._outcomes_within(self.settings.labels)

    @cached_property
    def lifetime_outcomes(self) -> pl.DataFrame:
        """The outcomes observed of each loan within its whole contract term, with that term."""
        labels = self.settings.labels
        terms = self.features.select("loan_id", pl.col("term_months").cast(pl.Int32, strict=False))
        longest = terms["term_months"].max()
        target = LabelTarget(
            window_months=max(labels.window_months, longest if isinstance(longest, int) else 0),
            default_days=labels.default_days,
            reporting_lag_days=labels.reporting_lag_days,
        )
        return self._outcomes_within(target).join(terms, on="loan_id", how="left", maintain_order="left")

    def _outcomes_within(self, target: Target) -> pl.DataFrame:
        """Gather what had been observed of each loan by the day, within the window of a definition."""
        return collect(
            build_outcomes(
                self.lake.frame(silver(FEEDS["loan_terms"])),
                self.lake.frame(silver(FEEDS["loan_performance"])),
                self.lake.frame(LABEL_STORE),
                self.lake.frame(QUARANTINE),
                as_of=self.day,
                settings=target,
            )
        )

    def watched(self, model: ScoringModel) -> Watched:
        """Say for how long each loan was watched within its term, and which risk a model gives it.

        The last days before the training are not counted: defaults in them may not have been reported.
        """
        labels = self.settings.labels
        chances = self.features.select("loan_id").with_columns(
            pl.Series("probability_of_default", model.predict(self.features), dtype=pl.Float64)
        )
        until = self.day - timedelta(days=labels.reporting_lag_days)
        return watch(self.lifetime_outcomes, chances, until=until, window_months=labels.window_months)

    @cached_property
    def experience(self) -> Experience | None:
        """What the book had shown of losses and early repayments by the day; None of tables without cash flows.

        A model that an earlier version made names none among its tables, and is made again as it was.
        """
        if CASH_FLOWS.name not in self.versions:
            return None
        return experience_as_of(self.lake, self.settings, self.day).experience

    @cached_property
    def matured(self) -> pl.DataFrame:
        """The matured loans with their outcomes and features, oldest first."""
        return self._with_features(matured_loans(self.outcomes, self.day))

    @cached_property
    def known(self) -> pl.DataFrame:
        """All loans with what was observed of them and their features, oldest first."""
        return self._with_features(self.outcomes.sort("origination_date", "loan_id"))

    def _with_features(self, loans: pl.DataFrame) -> pl.DataFrame:
        known = self.features.drop("snapshot_date", "known_on")
        return loans.join(known, on="loan_id", how="inner", maintain_order="left")

    @cached_property
    def versions(self) -> dict[str, int]:
        """Delta versions of the tables that the model rests on."""
        return dict(self.lake.pinned or {})

    @cached_property
    def flow(self) -> list[dict[str, Any]]:
        """The rows and loans that came in by the day, step by step, and those left out at each."""
        day = pl.col("snapshot_date") <= self.day
        landed, quarantined, kept = (
            frame.filter(day).select(pl.len()).collect().item()
            for frame in (
                self.lake.scan(bronze(FEEDS["loan_terms"])),
                rows_set_aside(self.lake).filter(pl.col("feed") == "loan_terms"),
                self.lake.scan(silver(FEEDS["loan_terms"])),
            )
        )
        known = self.outcomes.filter(~pl.col("unknown_outcome"))
        closed = known.filter(pl.col("window_closed_on") <= self.day)
        labelled = closed.filter(pl.col("label").is_not_null())
        steps = (
            ("loan rows landed", landed, "rows of the feed loan_terms"),
            ("rows set aside", quarantined, "they broke a rule; see silver/quarantine"),
            ("rows kept", kept, "typed, none lost"),
            ("loans", self.outcomes.height, "each loan once"),
            ("loans with features", self.features.height, "known by the day"),
            ("outcome unknown", self.unknown_outcomes, _why_unknown(self.events_of_no_loan)),
            ("window still open", known.height - closed.height, "neither good nor bad yet; never called good"),
            ("window closed, no label", closed.height - labelled.height, "left out"),
            ("matured loans", self.matured.height, f"label {self.settings.labels.definition} known"),
            ("of them bad", int(self.matured["label"].sum() or 0), "defaulted within the window"),
        )
        return [{"step": step, "n": int(n), "note": note} for step, n, note in steps]

    @cached_property
    def unknown_outcomes(self) -> int:
        """The number of loans whose outcome cannot be known, as far as that was known by the day."""
        return int(self.outcomes["unknown_outcome"].sum())

    @cached_property
    def events_of_no_loan(self) -> int:
        """The number of events set aside by the day whose loan cannot be read."""
        return count_of_no_loan(self.lake, self.day)

    @cached_property
    def landing(self) -> list[dict[str, Any]]:
        """Per feed, the number of landed files that the rows up to the day came from, and one digest over theirs."""
        found = []
        for feed in _feeds_of(self.catalogue):
            sources = (
                self.lake.scan(bronze(feed))
                .filter(pl.col("snapshot_date") <= self.day)
                .select("source_file", "source_digest")
                .unique()
                .collect()
                .sort("source_file", "source_digest")
            )
            lines = [f"{file} {digest}" for file, digest in sources.iter_rows()]
            found.append(
                {
                    "feed": feed.name,
                    "files": len(lines),
                    "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
                }
            )
        return found

    @classmethod
    def as_of(cls, ctx: JobContext, day: date) -> TrainingSnapshot:
        """Fix the table versions of a training that starts now: what others commit meanwhile is not seen.

        Raises:
            MissingTableError: If nothing has been preprocessed.
            SettingsError: If `bins.toml` is not what it should be, in one line.
            BankError: If the champion is missing or was altered.
        """
        now = Lake(ctx.layout)
        now.require(FEATURE_STORE)
        catalogue = read_own_features(ctx.layout)
        lineage = (bronze(feed) for feed in _feeds_of(catalogue))
        versions = {table.name: found for table in (*SOURCES, *lineage) if (found := now.version(table)) is not None}
        champion_id = ctx.ledger.state().champion_on(day)
        champion = None if champion_id is None else ModelBank(ctx.layout).get(champion_id)
        lake, by_hand = Lake(ctx.layout, pinned=versions), read_hand_bins(ctx.layout.bins_file, catalogue)
        return cls(lake, day, ctx.settings, champion, by_hand, promotions_until(ctx.ledger.state(), day), catalogue)

    @classmethod
    def from_card(cls, ctx: JobContext, banked: ModelArtifacts) -> TrainingSnapshot:
        """Rebuild the snapshot on which a banked model was made, from what its card names.

        Raises:
            BankError: If the champion it was held against is gone or was altered, or its settings are none of this
            version. StorageError: If a table version it learned from is gone.
        """
        card = banked.card
        try:
            settings = Settings.model_validate({**settings_of_card(card), "alerts": ctx.settings.alerts})
        except ValidationError as error:
            raise BankError(
                f"the card of model {card.get('model_id')} holds settings that this version refuses "
                f"({error.errors()[0]['msg']}); make it again with the version that its card names"
            ) from error
        against = card.get("champion_id")
        champion = None if against is None else ModelBank(ctx.layout).get(against)
        lake = Lake(ctx.layout, pinned=card["delta_versions"])
        for name in card["delta_versions"]:
            lake.require_files(TABLES[name])
        catalogue = catalogue_of_card(card)
        fixed = parse_hand_bins(
            tables_of_hand_bins(card.get("bins_by_hand", {})), f"the card of model {card.get('model_id')}", catalogue
        )
        promotions = tuple(Promotion.from_json(held) for held in card.get("past_promotions", ()))
        return cls(lake, date.fromisoformat(card["as_of"]), settings, champion, fixed, promotions, catalogue)


def _feeds_of(catalogue: FeatureCatalogue) -> tuple[Feed, ...]:
    """List the feeds whose bronze the evidence counts and names the landed files of; no model learns from bronze."""
    return (*FEEDS.values(), *([catalogue.feed(OWN_COLUMNS.name)] if catalogue.own else []))


def read_hand_bins(file: Path, catalogue: FeatureCatalogue = BUILT_IN) -> dict[str, HandBins]:
    """Read the bins by hand of a home; none where there is no file.

    Raises:
        SettingsError: In one line naming the file, and the feature where it is of one.
    """
    try:
        return parse_hand_bins(read_settings_file(file), str(file), catalogue)
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror or error}; mend it or move it away") from error


def catalogue_of_card(card: Mapping[str, Any]) -> FeatureCatalogue:
    """Give the features that there were when a banked model was made."""
    return FeatureCatalogue(tuple(feature_from_json(one) for one in card.get("own_features", ())))


def tables_of_hand_bins(by_hand: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Read a card's bins by hand as the tables of a file: what is empty stands in none."""
    return {
        name: {key: value for key, value in hand.items() if value and key != "feature"}
        for name, hand in by_hand.items()
    }


def settings_of_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Read a card's settings; one made when two names stood for all features is read as the sets that these held."""
    training = dict(card["settings"]["training"])
    named = training.pop("feature_set", None)
    if named is not None:
        training["feature_sets"] = ["application", "wording", "state", *(["price"] if named == "priced" else [])]
    return {**card["settings"], "training": training}


def _why_unknown(of_no_loan: int) -> str:
    note = "an event of theirs is in quarantine; neither good nor bad, left out"
    return f"{note}; events there that name no loan, and may be of any: {of_no_loan}" if of_no_loan else note
