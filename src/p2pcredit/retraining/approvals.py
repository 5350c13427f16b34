"""Promotions that wait for a person's approval, and the approvals given: what ledger lines add up to.

A promotion that needs approval is a proposal: its model does not serve until a line says that it is approved. Which
approval it needs stands in its own line, so that a change of settings changes nothing of the past.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from p2pcredit.errors import UsageError
from p2pcredit.retraining.people import is_same_person

NO_APPROVAL, FOUR_EYES = "none", "four_eyes"


class ProposalStatus(StrEnum):
    """What became of a proposal: it waits, a person approved or refused it, or a later model took its place."""

    WAITS = "waits"
    APPROVED = "approved"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


class ApprovalStanding(StrEnum):
    """Where an approval stands on a day: it holds, it ends soon, or it has lapsed."""

    HOLDS = "holds"
    ENDS_SOON = "ends_soon"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A promotion that needs approval.

    Args:
        model_id: The model.
        number: The ledger line of the promotion.
        asked_on: The day on which that line was written.
        approval: Which approval it needs: `named` or `four_eyes`.
        why: Why it was promoted.
        proposed_by: Who trained or promoted it.
        replaces: The champion then; None where there was none.
        status: What became of it.
        ended_by: Who refused it; None for other ends.
        ended_why: Why it was refused; empty for other ends.
        ended_on: The day on which it was approved or refused; None where neither happened.
    """

    model_id: str
    number: int
    asked_on: date
    approval: str
    why: str
    proposed_by: str | None = None
    replaces: str | None = None
    status: ProposalStatus = ProposalStatus.WAITS
    ended_by: str | None = None
    ended_why: str = ""
    ended_on: date | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval that a person gave.

    Args:
        model_id: The model.
        number: The ledger line.
        approved_on: The day on which that line was written.
        by: Who approved.
        why: Why.
        until: The last day on which it holds; None where it has no end.
        conditions: Under which conditions; empty where under none.
    """

    model_id: str
    number: int
    approved_on: date
    by: str
    why: str
    until: date | None = None
    conditions: str = ""

    def standing(self, day: date, notice_days: int) -> ApprovalStanding:
        """Say where it stands on a day: its last day is the last on which it holds.

        Examples:
            >>> given = Approval("m", 1, date(2024, 1, 1), "Ada", "sound", until=date(2024, 1, 31))
            >>> [str(given.standing(date(2024, 1, day), 10)) for day in (20, 21, 31)]
            ['holds', 'ends_soon', 'ends_soon']
            >>> str(given.standing(date(2024, 2, 1), 10))
            'lapsed'
        """
        if self.until is None:
            return ApprovalStanding.HOLDS
        if day > self.until:
            return ApprovalStanding.LAPSED
        soon = day.toordinal() + notice_days >= self.until.toordinal()
        return ApprovalStanding.ENDS_SOON if soon else ApprovalStanding.HOLDS


@dataclass(frozen=True, slots=True)
class Approvals:
    """All proposals and approvals, in the order of their lines."""

    proposals: tuple[Proposal, ...] = ()
    given: tuple[Approval, ...] = ()

    @property
    def waiting(self) -> tuple[Proposal, ...]:
        """The proposals that wait, oldest first."""
        return tuple(one for one in self.proposals if one.status is ProposalStatus.WAITS)

    def waiting_of(self, model_id: str) -> Proposal | None:
        """Return the proposal of a model that waits; None where none does."""
        return next((one for one in self.waiting if one.model_id == model_id), None)

    def last_of(self, model_id: str) -> Approval | None:
        """Return the newest approval of a model; None where it was never approved."""
        return next((one for one in reversed(self.given) if one.model_id == model_id), None)

    def after_proposal(self, proposal: Proposal) -> Approvals:
        """Add a proposal. One of the same model that waits is superseded by it."""
        before = self._ending(proposal.model_id, proposal.number).proposals
        return replace(self, proposals=(*before, proposal))

    def _ending(self, model_id: str | None, number: int) -> Approvals:
        """Supersede what waits and was proposed before a line: of one model, or of all where None."""
        return replace(
            self,
            proposals=tuple(
                replace(one, status=ProposalStatus.SUPERSEDED)
                if one.status is ProposalStatus.WAITS
                and one.number < number
                and (model_id is None or one.model_id == model_id)
                else one
                for one in self.proposals
            ),
        )

    def after_takeover(self, number: int) -> Approvals:
        """Supersede what was proposed before the model of this line came to serve; what came later still waits."""
        return self._ending(None, number)

    def after_approval(self, approval: Approval) -> Approvals:
        """Add an approval. The proposal of its model is approved; those made before that one are superseded."""
        given = (*self.given, approval)
        waited = self.waiting_of(approval.model_id)
        if waited is None:
            return replace(self, given=given)
        done = replace(waited, status=ProposalStatus.APPROVED, ended_on=approval.approved_on)
        proposals = tuple(done if one is waited else one for one in self.proposals)
        return replace(self, proposals=proposals, given=given).after_takeover(waited.number)

    def after_refusal(self, model_id: str, by: str | None, why: str, day: date) -> Approvals:
        """End the waiting of a model's proposal; nothing changes where none waits."""
        waited = self.waiting_of(model_id)
        if waited is None:
            return self
        done = replace(waited, status=ProposalStatus.REFUSED, ended_by=by, ended_why=why, ended_on=day)
        return replace(self, proposals=tuple(done if one is waited else one for one in self.proposals))


def require_other_person(approver: str, makers: Mapping[str, str | None]) -> None:
    """Hold an approver against those who made a model: four eyes are those of two persons.

    Args:
        approver: Who approves.
        makers: What a person did, such as `trained it` -> that person's name, `schedule`, or None where not known.

    Raises:
        UsageError: If the approver is one of them.

    Examples:
        >>> require_other_person("Ada", {"developed it": "Grace", "trained it": "schedule"})
        >>> require_other_person("ada", {"developed it": "Ada", "trained it": "schedule"})
        Traceback (most recent call last):
        ...
        p2pcredit.errors.UsageError: ada developed it; with four eyes another person must approve
    """
    for did, name in makers.items():
        if is_same_person(approver, name):
            raise UsageError(f"{approver} {did}; with four eyes another person must approve")


def waiting_in_words(proposal: Proposal, champion: str | None) -> str:
    """Say that a proposal waits, what serves meanwhile, and what ends the waiting.

    Examples:
        >>> waiting_in_words(Proposal("m2", 7, date(2024, 1, 15), "named", "better", replaces="m1"), "m1")[:79]
        'm2 waits for approval (named) since 2024-01-15; the champion m1 goes on scoring'
    """
    serves = "nothing serves, so nothing is scored" if champion is None else f"the champion {champion} goes on scoring"
    return (
        f"{proposal.model_id} waits for approval ({proposal.approval}) since {proposal.asked_on}; {serves}; 'p2pcredit "
        f"models approve {proposal.model_id} --by NAME --why TEXT' lets it serve, 'models refuse' ends the waiting"
    )


def approval_in_words(approval: Approval, day: date, notice_days: int) -> str:
    """Say where an approval stands on a day, and what to do where it ends.

    Examples:
        >>> given = Approval("m1", 9, date(2024, 1, 15), "Ada", "sound", until=date(2024, 3, 31))
        >>> approval_in_words(given, date(2024, 2, 1), 30)
        'm1 was approved by Ada on 2024-01-15, until 2024-03-31'
        >>> approval_in_words(given, date(2024, 4, 1), 30)[:57]
        'the approval of m1 by Ada lapsed on 2024-04-01, 1 day ago'
    """
    of = approval.model_id
    standing = approval.standing(day, notice_days)
    if approval.until is None:
        return f"{of} was approved by {approval.by} on {approval.approved_on}"
    renew = f"'p2pcredit models approve {of} --by NAME --why TEXT' renews it, 'models rollback' ends its service"
    if standing is ApprovalStanding.LAPSED:
        ended = approval.until + timedelta(days=1)
        days = (day - approval.until).days
        ago = f"{days} day{'s' if days != 1 else ''} ago"
        return f"the approval of {of} by {approval.by} lapsed on {ended}, {ago}; it goes on scoring; {renew}"
    if standing is ApprovalStanding.ENDS_SOON:
        return f"the approval of {of} by {approval.by} ends on {approval.until}; {renew}"
    return f"{of} was approved by {approval.by} on {approval.approved_on}, until {approval.until}"


__all__ = [
    "FOUR_EYES",
    "NO_APPROVAL",
    "Approval",
    "ApprovalStanding",
    "Approvals",
    "Proposal",
    "ProposalStatus",
    "approval_in_words",
    "require_other_person",
    "waiting_in_words",
]
