"""What the receipts of complete days keep of each feed, and what of it was accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from p2pcredit.monitoring.feeds.shapes import FeedDay
from p2pcredit.storage.tables.day_receipts import Facts

Acceptance = dict[str, str]
"""`feed`, `column` (empty for the whole feed), `why`, `by` (empty where not known), `digest` of its file."""

Accepted = Mapping[date, list[Acceptance]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a feed on a day: its shape, and digest and size of the landing file (empty and 0: not known)."""

    shape: FeedDay
    digest: str = ""
    size: int = 0

    def as_json(self) -> Facts:
        """Give it as a day's receipt keeps it."""
        return {**self.shape.as_json(), "digest": self.digest, "size": self.size}


def seen_in_receipts(receipts: Mapping[date, Facts], feed: str) -> dict[date, Seen]:
    """Read what the receipts of days keep of a feed; days whose receipts say nothing of it are left out."""
    found: dict[date, Seen] = {}
    for day, facts in receipts.items():
        feeds = facts.get("feeds")
        content = feeds.get(feed) if isinstance(feeds, dict) else None
        shape = FeedDay.from_json(content)
        if shape is not None and isinstance(content, dict):
            found[day] = Seen(shape, str(content.get("digest", "")), int(content.get("size", 0)))
    return found


def kept_acceptances(facts: Facts | None, digests: Mapping[str, str]) -> list[Acceptance]:
    """Read from a day's receipt what was accepted of it; what landed anew since is judged again."""
    entries = (facts or {}).get("accepted_drift")
    whole = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    kept = [{key: str(entry.get(key, "")) for key in ("feed", "column", "why", "by", "digest")} for entry in whole]
    return [entry for entry in kept if digests.get(entry["feed"], entry["digest"]) == entry["digest"]]


def receipt_facts(
    seen: Mapping[str, Mapping[date, Seen]], day: date, before: Facts | None, accepted: Accepted
) -> Facts:
    """Give what the receipt of a day keeps besides rows: the shape of each feed, and what was accepted of it."""
    facts: Facts = {"feeds": {feed: of_feed[day].as_json() for feed, of_feed in seen.items() if day in of_feed}}
    digests = {feed: of_feed[day].digest for feed, of_feed in seen.items() if day in of_feed}
    kept = accepted.get(day) or kept_acceptances(before, digests)
    return facts | ({"accepted_drift": kept} if kept else {})


__all__ = ["Acceptance", "Accepted", "Seen", "kept_acceptances", "receipt_facts", "seen_in_receipts"]
