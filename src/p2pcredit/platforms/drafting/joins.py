"""Draft how further files belong to the loans: by keys that the loans, or a table that was joined before, have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from p2pcredit.platforms.drafting.columns import ColumnFacts, FileFacts
from p2pcredit.platforms.drafting.finding import FOUND_IN_OTHER, find, is_key, overlap, words_of
from p2pcredit.platforms.drafting.questions import Draft, Question
from p2pcredit.platforms.drafting.writing import name_of, pattern_of, quoted, scalar

_KEYS = frozenset({"text", "number", "category"})
_NEARLY_ALL = 0.95
_MANY_TEXTS = 30
"""Fewer different numbers, such as terms, stand in most columns of serial numbers: that proves no key."""
_NO_KEYS = ("loan_amount", "term", "status", "days_past_due", "balance")


@dataclass(frozen=True, slots=True)
class _Match:
    """A column of the loans (`own`), or of a joined table, whose texts are keys of another file (`other`)."""

    alike: bool
    share: float
    own: str
    other: str


@dataclass(frozen=True, slots=True)
class _Known:
    """A column that a key may be compared with, under its name in a mapping."""

    name: str
    column: ColumnFacts
    file: FileFacts

    @property
    def texts(self) -> set[str]:
        return set(self.file.rows[self.column.name].drop_nulls().str.strip_chars())


def draft_tables(
    draft: Draft, loans: FileFacts, others: Iterable[FileFacts], alike: Collection[str]
) -> list[ColumnFacts]:
    """Write the tables whose keys the loans have, and list their other columns under the names of a mapping.

    A key of another name is asked about, since serial numbers are found in other serial numbers by chance.
    """
    lines, columns = list[str](), list[ColumnFacts]()
    roles = {found.name for role in _NO_KEYS if (found := find(loans, role)) is not None}
    known = [_Known(one.name, one, loans) for one in loans.columns if one.name not in roles]
    left = list(others)
    while left:
        matches = {id(file): _best(known, file) for file in left}
        file = max(left, key=lambda one: (matches[id(one)].alike, matches[id(one)].share))
        best = matches[id(file)]
        left.remove(file)
        if not best.own:
            question = f"{shown(file, alike)} has no column of keys that the loans have; how does it belong to them?"
            draft.ask(Question(f"join {shown(file, alike)}", question))
            continue
        name = book_name(file, alike)
        for one in file.columns:
            if one.name != best.other and (one.kind == "number" or not is_key(file, one)):
                columns.append(replace(one, name=f"{name}.{one.name}"))
                known.append(_Known(f"{name}.{one.name}", one, file))
        by = "" if best.own == best.other else f", matches: {scalar(best.own)}"
        pattern = quoted(files_pattern(file, alike))
        if not best.alike:
            question = f"do {best.own} and {best.other} of {shown(file, alike)} say the same? Their names differ"
            lines.append(f"  # QUESTION: {question}")
            draft.ask(Question(f"join {shown(file, alike)}", question), write=False)
        lines.append(f"  {name}: {{files: {pattern}, key: {scalar(best.other)}{by}}}  # {best.share:.0%} of keys found")
    if lines:
        draft.lines += ["tables:", *lines]
    theirs = {one.name for one in loans.columns}
    return [one for one in columns if one.kind != "empty" and one.name.partition(".")[2] not in theirs]


def _best(known: Sequence[_Known], file: FileFacts) -> _Match:
    """Find the column whose texts are keys of a file: of the same name first, else by nearly all of many texts."""
    found = [_Match(alike=False, share=0.0, own="", other="")]
    keys = [one for one in file.columns if is_key(file, one)]
    for own in known if keys else ():
        if own.column.kind in _KEYS and own.column.distinct > 1:
            texts, whole = own.texts, own.file.is_whole and file.is_whole
            enough = own.column.distinct > _MANY_TEXTS or own.column.kind != "number"
            for key in keys:
                share, named = overlap(texts, file, key, whole=whole), _is_alike(own.name, key.name)
                if share >= FOUND_IN_OTHER if named else share >= _NEARLY_ALL and enough:
                    found.append(_Match(named, share, own.name, key.name))
    return max(found, key=lambda match: (match.alike, match.share, match.own, match.other))


def _is_alike(own: str, other: str) -> bool:
    """Return whether the words of a name are among those of another: `Client`, `Client No`."""
    mine, theirs = set(words_of(own.rpartition(".")[2]).split()), set(words_of(other).split())
    return mine <= theirs or theirs <= mine


def names_of_several(files: Sequence[FileFacts]) -> set[str]:
    """List the names of files that several of them have, in directories of their own."""
    names = [file.path.name for file in files]
    return {name for name in names if names.count(name) > 1}


def shown(file: FileFacts, alike: Collection[str]) -> str:
    """Name a file, with its directory where another has its name."""
    return f"{file.path.parent.name}/{file.path.name}" if file.path.name in alike else file.path.name


def book_name(file: FileFacts, alike: Collection[str]) -> str:
    """Make the name of a table, or of the mapping, of that of a file."""
    return name_of(file.path.parent if file.path.name in alike else file.path)


def files_pattern(file: FileFacts, alike: Collection[str]) -> str:
    """Write how a file, and that of another month, is named."""
    directory = f"{file.path.parent.name}/" if file.path.name in alike else ""
    return directory + pattern_of(file.path)


__all__ = ["book_name", "draft_tables", "files_pattern", "names_of_several", "shown"]
