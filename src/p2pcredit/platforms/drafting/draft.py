"""Draft a mapping from what files look like. Every guess is a line that a person can read, and mend."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.feeds import APPLICATION_FEEDS
from p2pcredit.platforms.drafting.columns import ColumnFacts, FileFacts
from p2pcredit.platforms.drafting.questions import MEANING_WORDS, Draft, Question
from p2pcredit.platforms.drafting.words import CURRENCIES, LEAKS, MEANINGS, NAMES, ROLES
from p2pcredit.platforms.mapped.schema.own_columns import prohibited_word

_FOUND_IN_OTHER = 0.5
"""From which share of keys found in another file on two columns look like one key."""
_ONE_EACH = 0.98
_LEAST_DISTINCT = 2
_ROW_NUMBER = "{row_number: file}"
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
    key = _find(loans, "loan_id") or next((one for one in loans.columns if _is_key(loans, one)), None)
    if key is None and (named := draft.answers.get("loan_id")) not in {None, _ROW_NUMBER}:
        key = loans.column(str(named))
    tape = next((file for file in others if key and _is_tape(file, loans, key)), None)
    say = draft.lines.append
    say("# Drafted by 'p2pcredit profile new'. Answer the lines that say QUESTION, then try it:")
    say(f"# p2pcredit profile check THIS_FILE {' '.join(file.path.name for file in files)}")
    say(f"name: {_name(loans.path)}")
    _draft_file(draft, loans, files)
    if len(files) > 1:
        say(f"files: {_quoted(_pattern(loans.path))}")
    _draft_tables(draft, loans, [file for file in others if file is not tape])
    used = _draft_loan(draft, loans, key)
    used |= _draft_feeds(draft, loans, used)
    if tape is not None and key is not None:
        _draft_tape(draft, tape, loans, key)
    else:
        used |= _draft_events(draft, loans, used)
    suspects = [one.name for one in loans.columns if one.name not in used and re.search(LEAKS, one.name.casefold())]
    if suspects:
        say(f"# Known only after a loan began, so no feature may be made of them: {', '.join(suspects)}")
    further = [one for one in loans.columns if one.name not in {*used, *suspects}]
    offered = _draft_own_columns(draft, loans, further)
    unused = [one.name for one in further if one.name not in offered]
    if unused:
        say(f"# Not used: {', '.join(unused)}")
    return draft


def _draft_own_columns(draft: Draft, loans: FileFacts, further: Sequence[ColumnFacts]) -> set[str]:
    """Write further columns as features, commented out: why one may be used, only a person can say."""
    lines, offered = list[str](), set[str]()
    for one in further:
        kind = _OWN_KINDS.get(one.kind)
        if kind is None or one.distinct < _LEAST_DISTINCT or _is_key(loans, one) or prohibited_word(one.name):
            continue
        plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", one.name).casefold()).strip("_")
        name = plain[:40] if plain and plain[0].isalpha() else f"f_{plain}"[:40]
        source = _dated(one) if kind == "date" else _scalar(one.name)
        side = "" if kind == "category" else ", direction: 0"
        words = _quoted(plain.replace("_", " ").capitalize())
        lines.append(f'#   {_scalar(name)}: {{source: {source}, kind: {kind}{side}, reason: {words}, basis: ""}}')
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
        _find(file, role) is not None for role in ("loan_id", "loan_amount", "term", "origination_date", "status")
    )
    unique = any(_is_key(file, one) for one in file.columns)
    return (2 * unique + roles, file.rows.height)


def _find(file: FileFacts, role: str) -> ColumnFacts | None:
    """Find the column that a role's words name, of the kind that the role needs; the first word that fits wins."""
    kinds, words = ROLES[role]
    for word in words:
        for one in file.columns:
            named = re.search(word, one.name.casefold().replace("_", " "))
            if one.kind in kinds and named and (role != "loan_id" or _is_key(file, one)):
                return one
    return None


def _is_key(file: FileFacts, one: ColumnFacts) -> bool:
    return (
        one.kind in {"text", "number", "category"} and one.filled >= _ONE_EACH and one.distinct == file.rows.height > 1
    )


def _is_tape(file: FileFacts, loans: FileFacts, key: ColumnFacts) -> bool:
    other = _same_key(file, loans, key)
    return other is not None and other.distinct < _ONE_EACH * file.rows.height and _find(file, "day") is not None


def _same_key(file: FileFacts, loans: FileFacts, key: ColumnFacts) -> ColumnFacts | None:
    """Find the column of another file that holds the most of a column's texts."""
    own = set(loans.rows[key.name].drop_nulls().str.strip_chars())
    shares = {one.name: _overlap(own, file, one) for one in file.columns if one.kind in {"text", "number", "category"}}
    best = max(shares, key=lambda name: shares[name], default=None)
    return file.column(best) if best is not None and shares[best] >= _FOUND_IN_OTHER else None


def _overlap(own: set[str], file: FileFacts, one: ColumnFacts) -> float:
    return len(own & set(file.rows[one.name].drop_nulls().str.strip_chars())) / max(len(own), 1)


def _draft_file(draft: Draft, loans: FileFacts, files: Sequence[FileFacts]) -> None:
    decimals = {one.decimal for file in files for one in file.columns if one.decimal}
    encodings = {file.encoding for file in files if file.encoding != "utf-8"}
    parts = [f"encoding: {min(encodings)}"] if encodings else []
    if decimals:
        parts.append(f"decimal: {_quoted(',' if ',' in decimals else '.')}")
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


def _draft_tables(draft: Draft, loans: FileFacts, others: Iterable[FileFacts]) -> None:
    lines = []
    for file in others:
        pairs = [
            (_overlap(set(loans.rows[own.name].drop_nulls().str.strip_chars()), file, one), own.name, one.name)
            for own in loans.columns
            if own.kind in {"text", "number", "category"} and own.distinct > 1
            for one in file.columns
            if _is_key(file, one)
        ]
        share, own, other = max(pairs, default=(0.0, "", ""))
        if share < _FOUND_IN_OTHER:
            question = f"{file.path.name} has no column of keys that the loans have; how does it belong to them?"
            draft.ask(Question(f"join {file.path.name}", question))
            continue
        matches = "" if own == other else f", matches: {_scalar(own)}"
        pattern = _quoted(_pattern(file.path))
        lines.append(
            f"  {_name(file.path)}: {{files: {pattern}, key: {_scalar(other)}{matches}}}  # {share:.0%} of keys found"
        )
    if lines:
        draft.lines += ["tables:", *lines]


def _draft_loan(draft: Draft, loans: FileFacts, key: ColumnFacts | None) -> set[str]:
    if key is None:
        choices = {"none of them; count the rows": _ROW_NUMBER, **_columns(loans, {"text", "number", "category"})}
        question = "no column has another text in each row; which one is the id of a loan?"
        draft.ask(Question("loan_id", question, "choice", choices))
        draft.lines.append("loan_id: {row_number: file}")
    else:
        draft.lines.append(f"loan_id: {_scalar(key.name)}")
    made = _find(loans, "origination_date") or next((one for one in loans.columns if one.kind == "date"), None)
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
    draft.lines.append(f"origination_date: {_dated(made, pattern)}")
    return {made.name, *([key.name] if key else [])}


def _draft_feeds(draft: Draft, loans: FileFacts, used: set[str]) -> set[str]:
    taken: set[str] = set()
    draft.lines.append("feeds:")
    for feed in APPLICATION_FEEDS:
        lines: list[str] = []
        for column in feed.columns[2:]:
            free = [one for one in loans.columns if one.name not in {*used, *taken} and one.kind != "empty"]
            if column.source in {"loan_amount", "term"}:
                found = next((one for one in [_find(loans, column.source)] if one and one.name not in taken), None)
            else:
                words = NAMES.get(column.source, f"^{column.source.replace('_', ' ')}$")
                fitting = [one for one in free if re.search(words, one.name.casefold().replace("_", " "))]
                found = next((one for one in fitting if _fits(one, column.kind)), None)
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
                    lines.append(f"    {column.source}: {_scalar(answer)}")
            elif found is not None:
                taken.add(found.name)
                lines.append(f"    {column.source}: {_source(found, column.source)}")
        if lines:
            draft.lines += [f"  {feed.name}:", *lines]
    return taken


def _fits(one: ColumnFacts, kind: Kind) -> bool:
    numbers = {Kind.NUMBER, Kind.COUNT, Kind.PERCENT}
    return one.kind == "number" if kind in numbers else one.kind == "date" if kind is Kind.DATE else True


def _source(one: ColumnFacts, column: str) -> str:
    if one.kind == "date":
        return _dated(one)
    if one.kind == "flag" and column == "home_ownership":
        return f"{{column: {_scalar(one.name)}, flag: [OWNER, NOT_OWNER]}}"
    return _scalar(one.name)


def _draft_events(draft: Draft, loans: FileFacts, used: set[str]) -> set[str]:
    say = draft.lines.append
    status, days, since = (_find(loans, role) for role in ("status", "days_past_due", "closed"))
    say("events:")
    if status is None:
        choices = {one.name: one.name for one in loans.columns if one.levels}
        question = "which column says what became of a loan?"
        named = draft.ask(Question("status", question, "choice", choices), "  ")
        if named is None:
            say("  status: COLUMN")
            say("  rules: {open: []}")
            return set()
        status = loans.column(named)
    say(f"  status: {_scalar(status.name)}")
    if since is not None and since.name not in used:
        say(f'  "on": {_dated(since)}')
    else:
        dates = {one.name: one.name for one in loans.columns if one.kind == "date" and one.name not in used}
        question = 'since when does a status hold? Write its column of days as "on"'
        named = draft.ask(Question("on", question, "choice" if dates else "by hand", dates), "  ")
        since = None if named is None else loans.column(named)
        if since is not None:
            say(f'  "on": {_dated(since)}')
    if days is not None:
        say(f"  days_past_due: {_scalar(days.name)}")
    question = "on which day were the statuses read? Write it as 'read_on: 2024-12-31'"
    if (day := draft.ask(Question("read_on", question, "day"), "  ")) is not None:
        say(f"  read_on: {day}")
    say("  rules:")
    for text, count in status.levels:
        word = _meaning(text) or draft.ask(_about_status(text, f"{count} loans"), write=False)
        rule = _rule(word, has_days=days is not None)
        say(f"    {_quoted(text)}: {rule}  # {count} loans{'' if word else ', QUESTION: what does it mean?'}")
    return {status.name, *([since.name] if since else []), *([days.name] if days else [])}


def _rule(word: str | None, *, has_days: bool) -> str:
    if word in {None, "UNKNOWN"}:
        return "unknown"
    if word == "CURRENT":
        return "[]"
    if word == "LATE":
        return "past_due" if has_days else "[{status: LATE, days_past_due: 30}]"
    late = {"DEFAULT": ", days_past_due: 90", "CHARGED_OFF": ", days_past_due: 120"}.get(word, "")
    return f"[{{status: {word}{late}}}]"


def _draft_tape(draft: Draft, tape: FileFacts, loans: FileFacts, key: ColumnFacts) -> None:
    say = draft.lines.append
    own, day = _same_key(tape, loans, key), _find(tape, "day")
    say("tape:")
    say(f"  files: {_quoted(_pattern(tape.path))}")
    say(f"  loan_id: {_scalar(own.name if own else key.name)}")
    say(f"  day: {_dated(day) if day else 'COLUMN'}")
    for name in ("days_past_due", "overdue", "balance", "principal", "interest", "paid"):
        found = _find(tape, name)
        divided = any(_find(tape, one) for one in ("principal", "interest"))
        if (
            found is not None
            and not (name == "paid" and divided)
            and not (name == "overdue" and _find(tape, "days_past_due"))
        ):
            say(f"  {name}: {_scalar(found.name)}")
    status = _find(tape, "status")
    if status is not None and status.levels:
        say(f"  status: {_scalar(status.name)}")
        say("  statuses:")
        for text, count in status.levels:
            word = _meaning(text)
            if word is None:
                further = "It is unknown as long as it is not named"
                word = draft.ask(_about_status(text, f"{count} rows", further), "    ")
            if word == "UNKNOWN":
                say(f"    # {_quoted(text)} is neither good nor bad  # {count} rows")
            elif word is not None:
                say(f"    {_quoted(text)}: {word}  # {count} rows")
    question = "what is a loan whose rows end before the tape does? Where it was paid back, write 'gone: FULLY_PAID'"
    choices = {"paid back": "FULLY_PAID", "not known": "unknown"}
    if (gone := draft.ask(Question("gone", question, "choice", choices), "  ")) is not None:
        say(f"  gone: {gone}")


def _meaning(text: str) -> str | None:
    return next((meaning for pattern, meaning in MEANINGS if re.search(pattern, text.casefold())), None)


def _about_status(text: str, count: str, further: str = "") -> Question:
    question = f"what does the status '{text}' mean ({count})? {further}".strip()
    return Question(f"status {text}", question, "choice", MEANING_WORDS)


def _columns(file: FileFacts, kinds: Collection[str] = ()) -> dict[str, str]:
    """List the columns of these kinds, all but empty ones without any."""
    return {one.name: one.name for one in file.columns if (one.kind in kinds if kinds else one.kind != "empty")}


def _dated(one: ColumnFacts, pattern: str | None = None) -> str:
    if one.kind == "month":
        column = one.name.replace('"', '""')
        last = f"last_day(as_date(\"{column}\" || '-01'))"
        return f"{{expression: {_quoted(last)}}}"
    written = pattern or next(iter(one.patterns), "iso")
    if written == "iso":
        return _scalar(one.name)
    return f"{{column: {_scalar(one.name)}, date: {_quoted(written)}}}"


def _name(path: Path) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", path.name.partition(".")[0].casefold()).strip("_")
    plain = re.sub(r"_?[0-9_]*$", "", plain) or "lender"
    return plain[:40] if plain[0].isalpha() else f"f_{plain}"[:40]


def _pattern(path: Path) -> str:
    stem, dot, ending = path.name.partition(".")
    return re.sub(r"[0-9][0-9_\-]*$", "", stem) + "*" + dot + ending


def _scalar(text: str) -> str:
    """Write a text of YAML, in quotes where it would be read as something else."""
    is_word = re.fullmatch(r"[A-Za-z][A-Za-z0-9_ ]*", text) and text.casefold() not in {
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "true",
        "false",
        "null",
    }
    return text if is_word else _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


__all__ = ["Draft", "draft_mapping"]
