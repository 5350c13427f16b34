"""Draft a mapping from what files look like. Every guess is a line that a person can read, and mend."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import polars as pl

from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.contracts.feeds import APPLICATION_FEEDS
from p2pcredit.platforms.drafting.columns import ColumnFacts, FileFacts
from p2pcredit.platforms.drafting.finding import days_past_due, find, is_key, words_of
from p2pcredit.platforms.drafting.joins import book_name, draft_tables, files_pattern, names_of_several, shown
from p2pcredit.platforms.drafting.questions import Draft, Question
from p2pcredit.platforms.drafting.statuses import about_status, closing_dates, meanings_of, rule_of
from p2pcredit.platforms.drafting.tapes import draft_tape, is_tape
from p2pcredit.platforms.drafting.telltale import TELLS_ALONE, TELLS_MUCH, Telltale, find_telltales
from p2pcredit.platforms.drafting.words import CURRENCIES, LEAKS, NAMES
from p2pcredit.platforms.drafting.writing import dated, identifier, quoted, scalar
from p2pcredit.platforms.mapped.schema.own_columns import prohibited_word

_LEAST_DISTINCT = 2
_ROW_NUMBER = "{row_number: file}"
_ARE_LOANS = "are loans"
_NEARLY_FILLED = 0.95
_FRACTIONS = 0.98
"""From which share of rates below 1 on they are fractions, not percents."""
_OWN_KINDS = {"number": "number", "category": "category", "flag": "category", "date": "date"}
"""What a column looks like -> the kind of an own column that it may be."""


def draft_mapping(files: Sequence[FileFacts], answers: Mapping[str, str] | None = None) -> Draft:
    """Write a first mapping of these files.

    Args:
        files: What they look like.
        answers: Key of a question -> what `Question.answered` made of an answer; other questions stay open.

    The file of the loans is the one with a column of ids that never repeat, and an amount; a file in which the ids of
    the loans repeat is a tape; a further one with a column of keys is a table.
    """
    draft = Draft(answers or {})
    loans = max(files, key=_looks_like_loans)
    others = [file for file in files if file is not loans]
    key = find(loans, "loan_id") or next((one for one in loans.columns if is_key(loans, one)), None)
    if key is None and (named := draft.answers.get("loan_id")) not in {None, _ROW_NUMBER}:
        key = loans.column(str(named))
    tape = next((file for file in others if key and is_tape(file, loans, key)), None)
    say = draft.lines.append
    alike = names_of_several(files)
    say("# Drafted by 'p2pcredit profile new'. Answer the lines that say QUESTION, then try it:")
    say(f"# p2pcredit profile check THIS_FILE {' '.join(shown(file, alike) for file in files)}")
    say(f"name: {book_name(loans, alike)}")
    _draft_file(draft, loans, files)
    if len(files) > 1:
        say(f"files: {quoted(files_pattern(loans, alike))}")
    joined = draft_tables(draft, loans, [file for file in others if file is not tape], alike)
    status, meanings = meanings_of(draft, loans)
    telltales = {} if tape is not None or status is None else find_telltales(loans, status.name, meanings)
    used = _draft_loan(draft, loans, key)
    used |= _draft_feeds(draft, loans, joined, used, telltales)
    if tape is not None and key is not None:
        draft_tape(draft, tape, loans, key, files_pattern(tape, alike))
    else:
        used |= _draft_events(draft, loans, used, status, meanings)
    both = [*loans.columns, *joined]
    suspects = [one.name for one in both if one.name not in used and re.search(LEAKS, words_of(_bare(one)))]
    if suspects:
        say(f"# Known only after a loan began, so no feature may be made of them: {', '.join(suspects)}")
    telling = {
        name: found for name, found in telltales.items() if found.auc >= TELLS_MUCH and name not in {*used, *suspects}
    }
    if telling:
        say("# Alone they part the loans that went bad from those paid back (area under the curve), so they were most")
        say(f"# likely written afterwards: {', '.join(f'{name} {found.auc:.2f}' for name, found in telling.items())}")
    further = [one for one in both if one.name not in {*used, *suspects, *telling}]
    offered = _draft_own_columns(draft, loans, further)
    unused = [one.name for one in further if one.name not in offered]
    if unused:
        say(f"# Not used: {', '.join(unused)}")
    return draft


def _draft_own_columns(draft: Draft, loans: FileFacts, further: Sequence[ColumnFacts]) -> set[str]:
    """Write further columns as features, commented out: why one may be used, only a person can say."""
    lines, offered, names = list[str](), set[str](), set[str]()
    for one in further:
        kind = _OWN_KINDS.get(one.kind)
        if (
            kind is None
            or one.distinct < _LEAST_DISTINCT
            or (one.name in loans.rows.columns and is_key(loans, one))
            or prohibited_word(one.name)
        ):
            continue
        plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", _bare(one)).casefold()).strip("_")
        name = plain[:40] if plain and plain[0].isalpha() else f"f_{plain}"[:40]
        if name in names and (table := one.name.rpartition(".")[0]):
            name = f"{table}_{name}"[:40]
        names.add(name)
        source = dated(one) if kind == "date" else scalar(one.name)
        side = "" if kind == "category" else ", direction: 0"
        words = quoted(plain.replace("_", " ").capitalize())
        lines.append(f'#   {scalar(name)}: {{source: {source}, kind: {kind}{side}, reason: {words}, basis: ""}}')
        offered.add(one.name)
    if lines:
        draft.lines += [
            "# Further columns may be features of your own. Uncomment those known when the loan was made, say under",
            "# 'basis' why each may be used, under 'reason' what a borrower reads, and as 'direction' 1 where more is",
            "# riskier, -1 where more is safer.",
            "# features:",
            *lines,
        ]
    return offered


def _looks_like_loans(file: FileFacts) -> tuple[int, int]:
    roles = sum(
        find(file, role) is not None for role in ("loan_id", "loan_amount", "term", "origination_date", "status")
    )
    unique = any(is_key(file, one) for one in file.columns)
    return (2 * unique + roles, file.rows.height)


def _draft_file(draft: Draft, loans: FileFacts, files: Sequence[FileFacts]) -> None:
    decimals = {one.decimal for file in files for one in file.columns if one.decimal}
    encodings = {file.encoding for file in files if file.encoding != "utf-8"}
    parts = [f"encoding: {min(encodings)}"] if encodings else []
    if decimals:
        parts.append(f"decimal: {quoted(',' if ',' in decimals else '.')}")
    if parts:
        draft.lines.append(f"file: {{{', '.join(parts)}}}")
    signs = {code for one in loans.columns for sign, code in CURRENCIES.items() if sign in one.example}
    levels = {code for one in loans.columns for text, _ in one.levels if (code := text.upper()) in CURRENCIES.values()}
    if len(signs | levels) == 1:
        draft.lines.append(f"currency: {min(signs | levels)}")
    else:
        question = "which currency are the amounts in? Write it as 'currency: EUR'"
        if (named := draft.ask(Question("currency", question, "currency"))) is not None:
            draft.lines.append(f"currency: {named}")


def _draft_loan(draft: Draft, loans: FileFacts, key: ColumnFacts | None) -> set[str]:
    if key is None:
        choices = {"none of them; count the rows": _ROW_NUMBER, **_columns(loans, {"text", "number", "category"})}
        question = "no column has another text in each row; which one is the id of a loan?"
        draft.ask(Question("loan_id", question, "choice", choices))
        draft.lines.append("loan_id: {row_number: file}")
    else:
        draft.lines.append(f"loan_id: {scalar(key.name)}")
    made = find(loans, "origination_date") or next((one for one in loans.columns if one.kind == "date"), None)
    if made is None:
        question = "which column is the day on which a loan was paid out?"
        named = draft.ask(Question("origination_date", question, "choice", _columns(loans)))
        if named is None:
            draft.lines.append("origination_date: COLUMN")
            return {key.name} if key else set()
        made = loans.column(named)
    pattern = None
    if len(made.patterns) > 1:
        question = f"is {made.example} in {made.name} written as {' or '.join(made.patterns)}?"
        choices = {one: one for one in made.patterns}
        pattern = draft.ask(Question("origination_date.date", question, "choice", choices))
    draft.lines.append(f"origination_date: {dated(made, pattern)}")
    return {made.name, *([key.name] if key else [])}


def _draft_feeds(
    draft: Draft,
    loans: FileFacts,
    joined: Sequence[ColumnFacts],
    used: set[str],
    telltales: Mapping[str, Telltale],
) -> set[str]:
    taken: set[str] = set()
    written_later = {name for name, found in telltales.items() if found.auc >= TELLS_ALONE}
    needed: list[ColumnFacts] = []
    draft.lines.append("feeds:")
    for feed in APPLICATION_FEEDS:
        lines: list[str] = []
        for column in feed.columns[2:]:
            both = [*loans.columns, *joined]
            free = [one for one in both if one.name not in {*used, *taken, *written_later} and one.kind != "empty"]
            if column.source in {"loan_amount", "term"}:
                found = next((one for one in [find(loans, column.source)] if one and one.name not in taken), None)
            else:
                words = NAMES.get(column.source, f"^{column.source.replace('_', ' ')}$")
                fitting = [one for one in free if re.search(words, words_of(_bare(one)))]
                found = next((one for one in fitting if _fits(one, column)), None)
            if found is None and column.source in {"loan_amount", "term"}:
                is_term = column.source == "term"
                question = Question(
                    column.source,
                    f"no column is plainly the {column.source.replace('_', ' ')}; which is it?",
                    "months" if is_term else "choice",
                    _columns(loans, {"number", "category"} if is_term else {"number"}),
                )
                answer = draft.ask(question, write=False)
                if answer is None:
                    lines.append(f"    # QUESTION: {question.text}")
                    lines.append(f"    {column.source}: {'{value: 36}' if is_term else 'COLUMN'}")
                elif answer.startswith("{"):
                    lines.append(f"    {column.source}: {answer}")
                else:
                    taken.add(answer)
                    lines.append(f"    {column.source}: {scalar(answer)}")
            elif found is not None:
                taken.add(found.name)
                if (tells := telltales.get(found.name)) is not None and tells.auc >= TELLS_MUCH:
                    lines.append(f"    # QUESTION: {_ask_of_telltale(draft, tells).text}")
                lines.append(f"    {column.source}: {_source(found, column.source, loans)}")
                needed += [found] if column.source in {"loan_amount", "term"} else []
        if lines:
            draft.lines += [f"  {feed.name}:", *lines]
    _draft_only(draft, [one for one in needed if one.filled < _NEARLY_FILLED])
    return taken


def _ask_of_telltale(draft: Draft, tells: Telltale) -> Question:
    """Ask whether a column that nearly tells the outcome is as it was when the loan was made; only a person knows."""
    question = Question(
        f"telltale {tells.name}",
        f"{tells.name} alone parts the loans that went bad from those paid back (area under the curve "
        f"{tells.auc:.2f}); is it as agreed when the loan was made? What the end of a loan changed must not be learned",
    )
    draft.ask(question, write=False)
    return question


def _draft_only(draft: Draft, gaps: Sequence[ColumnFacts]) -> None:
    """Ask whether rows without an amount or a term are loans at all: cards and overdrafts have none."""
    if not gaps:
        return
    condition = quoted(" AND ".join(f"{identifier(one.name)} IS NOT NULL" for one in gaps))
    names = " or ".join(one.name for one in gaps)
    question = Question(
        "only",
        f"{1 - min(one.filled for one in gaps):.0%} of rows have no {names}; where they are no loans with a term, "
        f"leave them out: 'only: {condition}'",
        "choice",
        {"leave them out": condition, "they are loans": _ARE_LOANS},
    )
    answer = draft.ask(question)
    if answer not in {None, _ARE_LOANS}:
        draft.lines.append(f"only: {answer}")


def _bare(one: ColumnFacts) -> str:
    """Give the name of a column without that of its table."""
    return one.name.rpartition(".")[2]


def _fits(one: ColumnFacts, column: Column) -> bool:
    """Return whether a column may be one of a feed: of its kind, and with texts that the contract lists, if it does."""
    if column.kind in {Kind.NUMBER, Kind.COUNT, Kind.PERCENT}:
        return one.kind == "number"
    if column.kind is Kind.DATE:
        return one.kind == "date"
    if column.allowed:
        return any(text.upper() in column.allowed for text, _ in one.levels)
    return column.kind is not Kind.TEXT or one.kind != "number"


def _source(one: ColumnFacts, column: str, loans: FileFacts) -> str:
    if column == "interest_rate" and one.name in loans.rows.columns:
        rates = (
            loans.rows[one.name].str.strip_chars().str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        )
        if rates.count() and (rates < 1).sum() >= _FRACTIONS * rates.count():
            return f"{{column: {scalar(one.name)}, times: 100, round: 4}}  # fractions, made percents"
    if one.kind == "date":
        return dated(one)
    if one.kind == "flag" and column == "home_ownership":
        return f"{{column: {scalar(one.name)}, flag: [OWNER, NOT_OWNER]}}"
    return scalar(one.name)


def _draft_events(
    draft: Draft, loans: FileFacts, used: set[str], status: ColumnFacts | None, meanings: Mapping[str, str]
) -> set[str]:
    say = draft.lines.append
    since, days = find(loans, "closed"), days_past_due(loans)
    say("events:")
    if status is None:
        choices = {one.name: one.name for one in loans.columns if one.levels}
        draft.ask(Question("status", "which column says what became of a loan?", "choice", choices), "  ")
        say("  status: COLUMN")
        say("  rules: {open: []}")
        return set()
    say(f"  status: {scalar(status.name)}")
    if since is None or since.name in used:
        dates = {one.name: one.name for one in loans.columns if one.kind == "date" and one.name not in used}
        question = 'since when does a status hold? Write its column of days as "on"'
        named = draft.ask(Question("on", question, "choice" if dates else "by hand", dates), "  ")
        since = None if named is None else loans.column(named)
    if since is not None:
        say(f'  "on": {closing_dates(draft, loans, status, since, meanings)}')
    if days is not None:
        say(f"  days_past_due: {days[1]}")
    question = "on which day were the statuses read? Write it as 'read_on: 2024-12-31'"
    if (day := draft.ask(Question("read_on", question, "day"), "  ")) is not None:
        say(f"  read_on: {day}")
    say("  rules:")
    if blanks := loans.rows.height - sum(count for _, count in status.levels):
        say(f'    "": unknown  # {blanks} loans have no status')
    for text, count in status.levels:
        word = meanings.get(text) or draft.ask(about_status(text, f"{count} loans"), write=False)
        rule = rule_of(word, has_days=days is not None)
        say(f"    {quoted(text)}: {rule}  # {count} loans{'' if word else ', QUESTION: what does it mean?'}")
    return {status.name, *([since.name] if since else []), *([days[0].name] if days else [])}


def _columns(file: FileFacts, kinds: Collection[str] = ()) -> dict[str, str]:
    """List the columns of these kinds, all but empty ones without any."""
    return {one.name: one.name for one in file.columns if (one.kind in kinds if kinds else one.kind != "empty")}


__all__ = ["Draft", "draft_mapping"]
