"""What every part of the server holds: the home, its settings, the clock, and who may what."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from p2pcredit.jobs.activity import record
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.pipelines import Due, due_after
from p2pcredit.serving.access import Access, Visitor
from p2pcredit.serving.limits import Rates
from p2pcredit.serving.refusals import Refusal
from p2pcredit.settings import Role, Settings
from p2pcredit.storage.layout import Layout

logger = logging.getLogger("p2pcredit.serving")
CSRF_FIELD = "csrf"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class Site:
    """One server.

    Args:
        layout: The home directory.
        settings: All settings, as they were when the server started.
        clock: Gives the present instant, aware.
        access: Lets visitors in.
        rates: How much each visitor has asked of late.
        due: Gives the pipelines that work on a snapshot date, each with the instant at which it fires.
    """

    layout: Layout
    settings: Settings
    clock: Callable[[], datetime]
    access: Access
    rates: Rates
    due: Due = due_after

    def context(self, visitor: Visitor | None = None, run_id: str = "serve") -> JobContext:
        """Build the context of a job that a visitor calls: now, and in the visitor's name."""
        name = None if visitor is None else visitor.name
        at = self.clock()
        return JobContext(
            self.layout, self.settings, run_id, at, caller=Caller.PERSON, clock=self.clock, by=name, login=name
        )

    def visitor(self, request: Request) -> Visitor | None:
        """Find out who asks; None for who shows nothing that holds."""
        address = request.client.host if request.client else ""
        return self.access.visitor(request.headers, request.cookies, address)

    def let_in(self, request: Request, role: Role) -> Visitor:
        """Let a visitor in who has this role and has not asked too much of late.

        Raises:
            Refusal: 401 for who is not known, 403 without the role, 429 for too much.
        """
        visitor = self.visitor(request)
        if visitor is None:
            self.rates.take(f"unknown {request.client.host if request.client else ''}")
            raise Refusal(
                401, "unknown_visitor", "come with a token that holds", headers={"WWW-Authenticate": "Bearer"}
            )
        self.rates.take(f"{visitor.door} {visitor.name}")
        if role not in visitor.roles:
            raise Refusal(403, "role_lacking", f"this needs the role '{role}'")
        return visitor

    def may(self, role: Role) -> Callable[[Request], Awaitable[Visitor]]:
        """Make the dependency that lets in who has this role: `Depends(site.may("read"))`."""

        async def visitor(request: Request) -> Visitor:
            return self.let_in(request, role)

        return visitor

    def may_post(self, role: Role) -> Callable[[Request], Awaitable[Visitor]]:
        """Make the dependency of a form: the role, and the form's own token, which no other site can know.

        Source: OWASP, Cross-Site Request Forgery Prevention, signed double submit; Fetch Metadata.
        """

        async def visitor(request: Request) -> Visitor:
            found = self.let_in(request, role)
            if found.door != "token":
                await _require_own_form(request, found)
            return found

        return visitor

    def audit(self, visitor: Visitor, what: str, facts: dict[str, Any], request_id: str) -> None:
        """Write the line of a change into the activity file: who, through which door, what, by which request."""
        head = {"by": visitor.name, "door": visitor.door, "request_id": request_id, "what": what}
        record(self.context(visitor), "served_change", {**head, **facts})


async def _require_own_form(request: Request, visitor: Visitor) -> None:
    elsewhere = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    shown = request.headers.get("x-csrf-token", "")
    if kind in _FORMS and not elsewhere:
        shown = str((await request.form()).get(CSRF_FIELD, shown))
    if elsewhere or not hmac.compare_digest(visitor.csrf.encode(), shown.encode("utf-8", "surrogatepass")):
        raise Refusal(403, "foreign_form", "the form is not of this page or too old; open the page again")


__all__ = ["CSRF_FIELD", "Site"]
