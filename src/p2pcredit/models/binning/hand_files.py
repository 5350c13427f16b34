"""Bins of a scorecard as a file that people edit: TOML, and the rows of a workbook."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.hand_bins import FORMAT, SIGNS, HandBins
from p2pcredit.errors import SettingsError
from p2pcredit.models.binning.bins import Binning
from p2pcredit.models.reference_borrower import HIDDEN

FEATURE_COLUMNS = ("feature", "use", "direction", "reason", "information value")
BIN_COLUMNS = ("feature", "bin", "up to", "level", "share of loans", "weight of evidence")
"""Of the two sheets. The last ones of each tell the reader something, and are not read back."""
_DIRECTIONS = {sign: name for name, sign in SIGNS.items()}
Row = tuple[Any, ...]


def hand_bins_of(
    binnings: Sequence[Binning], reason: str, catalogue: FeatureCatalogue = BUILT_IN
) -> dict[str, HandBins]:
    """Write the bins of a model as bins by hand, for a start: the same bounds, with one reason for all."""
    found = {}
    for binning in binnings:
        breaks = binning.edges if binning.kind == "numeric" else ()
        groups = _groups_of(binning) if binning.kind == "category" else ()
        if breaks or groups:
            contract = catalogue.named(binning.feature)
            sign = 0 if contract is None else contract.direction
            direction = _DIRECTIONS[sign] if sign else None
            found[binning.feature] = HandBins(binning.feature, reason, "free", direction, breaks, groups)
    return found


def as_toml(by_hand: Mapping[str, HandBins], binnings: Sequence[Binning] = ()) -> str:
    """Write bins by hand as TOML, with what a model found of each as comments."""
    told = {binning.feature: binning for binning in binnings}
    lines = [f"format = {FORMAT}"]
    for name, hand in by_hand.items():
        lines += ["", f"[{name}]"]
        if name in told:
            weights = ", ".join(f"{weight:+.3f}" for weight in told[name].woe)
            lines += [f"# information value {told[name].information_value:.4f}; weights of evidence {weights}"]
        if hand.breaks:
            lines.append(f"breaks = [{', '.join(_number(one) for one in hand.breaks)}]")
        if hand.groups:
            lines += ["groups = [", *(f"  {_texts(group)}," for group in hand.groups), "]"]
        if hand.direction is not None:
            lines.append(f'direction = "{hand.direction}"')
        if hand.use != "free":
            lines.append(f'use = "{hand.use}"')
        lines.append(f"reason = {_text(hand.reason)}")
    return "\n".join(lines) + "\n"


def as_sheets(by_hand: Mapping[str, HandBins], binnings: Sequence[Binning] = ()) -> dict[str, list[Row]]:
    """Write bins by hand as the rows of two sheets, `features` and `bins`, each with its head."""
    told = {binning.feature: binning for binning in binnings}
    features: list[Row] = [FEATURE_COLUMNS]
    bins: list[Row] = [BIN_COLUMNS]
    for name, hand in by_hand.items():
        found = told.get(name)
        value = None if found is None else found.information_value
        features.append((name, hand.use, hand.direction, hand.reason, value))
        uppers = [*hand.breaks, None] if hand.breaks else []
        rows: list[tuple[int, float | None, str | None]] = [
            (number, upper, None) for number, upper in enumerate(uppers, 1)
        ]
        rows += [(number, None, level) for number, group in enumerate(hand.groups, 1) for level in group]
        for number, upper, level in rows:
            shown = found is not None and number <= len(found.woe)
            share = found.shares[number - 1] if shown and found is not None and found.shares else None
            bins.append(
                (name, number, upper, level, share, found.woe[number - 1] if shown and found is not None else None)
            )
    return {"features": features, "bins": bins}


def from_sheets(sheets: Mapping[str, Sequence[Sequence[Any]]], where: str) -> dict[str, Any]:
    """Read the rows of the two sheets as the content of a file of bins; `parse_hand_bins` checks it.

    Raises:
        SettingsError: In one line, if a sheet or column is missing, or a row names no feature of the first sheet.
    """
    content: dict[str, Any] = {"format": FORMAT}
    for row in _rows(sheets, "features", FEATURE_COLUMNS[:4], where):
        name = str(row["feature"])
        if name in content:
            raise SettingsError(f"{where}: {name}: it stands twice in the sheet 'features'; keep one row")
        content[name] = {key: str(row[key]) for key in ("use", "direction", "reason") if row[key] is not None}
    breaks: dict[str, list[Any]] = {}
    groups: dict[str, dict[Any, list[str]]] = {}
    for row in _rows(sheets, "bins", BIN_COLUMNS[:4], where):
        name = str(row["feature"])
        if name not in content:
            raise SettingsError(f"{where}: {name}: the sheet 'features' has no row for it; add one with its reason")
        if row["level"] is not None:
            if row["bin"] is None:
                raise SettingsError(f"{where}: {name}: level '{row['level']}' is in no bin; give the bin's number")
            groups.setdefault(name, {}).setdefault(row["bin"], []).append(_level(row["level"]))
        elif row["up to"] is not None:
            breaks.setdefault(name, []).append(row["up to"])
    for name, bounds in breaks.items():
        content[name]["breaks"] = bounds
    for name, held in groups.items():
        if not all(isinstance(number, int | float) for number in held):
            raise SettingsError(f"{where}: {name}: the bins are not numbered; write 1, 2 and so on in the column 'bin'")
        content[name]["groups"] = [held[number] for number in sorted(held)]
    return content


def _rows(
    sheets: Mapping[str, Sequence[Sequence[Any]]], sheet: str, columns: Sequence[str], where: str
) -> list[dict[str, Any]]:
    if sheet not in sheets:
        raise SettingsError(f"{where} has no sheet '{sheet}'; start from what 'p2pcredit models bins ID --out' writes")
    head, *rows = sheets[sheet] or [()]
    names = [str(name).strip().lower() for name in head]
    missing = [column for column in columns if column not in names]
    if missing:
        raise SettingsError(f"{where}: the sheet '{sheet}' has no column '{missing[0]}'; its head must stand in row 1")
    place = {column: names.index(column) for column in columns}
    read = [{column: _cell(row[at]) if at < len(row) else None for column, at in place.items()} for row in rows]
    return [row for row in read if row["feature"] is not None]


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip() or None
    return value


def _level(value: Any) -> str:
    """Read a level that a spreadsheet may have taken for a number."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _groups_of(binning: Binning) -> tuple[tuple[str, ...], ...]:
    groups: list[list[str]] = [[] for _ in binning.woe]
    for level, place in sorted(binning.levels.items()):
        if not level.startswith(HIDDEN):
            groups[place].append(level)
    return tuple(tuple(group) for group in groups if group)


def _number(value: float) -> str:
    return f"{value:.17g}" if value != round(value, 12) else repr(value) if value % 1 else f"{value:.0f}"


def _texts(group: Sequence[str]) -> str:
    return f"[{', '.join(_text(level) for level in group)}]"


def _text(value: str) -> str:
    """Write a TOML text: as in JSON, with the one control character that JSON leaves as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


__all__ = ["as_sheets", "as_toml", "from_sheets", "hand_bins_of"]
