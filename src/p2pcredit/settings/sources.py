"""Where settings come from: the text of `p2pcredit.toml` and the variables `P2P_*`, read strictly, key by key."""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from p2pcredit.errors import SettingsError
from p2pcredit.names import similar_name

PREFIX = "P2P_"
SEPARATOR = "__"
OTHER_VARIABLES = (
    "P2P_HOME",
    "P2P_DAG_START",
    "P2P_DAG_END",
    "P2P_DAG_CATCHUP",
    "P2P_DAG_SIMULATED_TIME",
    "P2P_WAIT_MINUTES",
    "P2P_FEED_WAIT_MINUTES",
    "P2P_MONITORING_WAIT_MINUTES",
    "P2P_RETRIES",
    "P2P_RETRY_SECONDS",
    "P2P_DAG_CRON_PREPROCESSING",
    "P2P_DAG_CRON_INFERENCE",
    "P2P_DAG_CRON_MONITORING",
    "P2P_DAG_TIMEZONE",
    "P2P_DAG_POOL",
    "P2P_DAG_QUEUE",
    "P2P_DAG_TASK_TIMEOUT_MINUTES",
    "P2P_DAG_DEADLINE_MINUTES",
    "P2P_PAGES_URL",
    "P2P_PAGES_TOKEN_FILE",
    "P2P_PAGES_IN",
)
"""Variables with the prefix that are no settings: where home is, how the DAGs run, where their pages are shown."""

RENAMED = {
    "monitoring.refresh_bads_growth": "monitoring.retrain_at_new_bads_share",
    "training.feature_set": "training.feature_sets",
    "training.leak_auc": "training.max_single_feature_auc",
    "training.more_evidence_growth": "training.evidence_growth_share",
    "training.no_worse_margin": "training.noninferiority_margin",
}
"""Settings of earlier versions -> what they are called now; values mean the same but for those of `NEW_VALUES`."""

NEW_VALUES = {
    "training.feature_sets": 'a list: ["application"], or ["application", "price"] for what was \'priced\'; wording '
    "and state, which were in both, are sets of their own",
}
"""Settings that took another kind of value with their name."""

_MOST_BYTES = 1 << 20
_PLACE = re.compile(r" \(at line (\d+), column \d+\)$")
_TWICE = ("Cannot overwrite a value", "Cannot declare", "Cannot mutate", "Cannot redefine")
_SHOWABLE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,60}")
Groups = Mapping[str, Iterable[str] | None]
"""Each setting or group at the top, with the names in the group, or None where it is a plain value."""


def read_settings_file(file: Path) -> dict[str, Any]:
    """Parse a settings file: UTF-8 with or without a byte-order mark; empty where there is none.

    Raises:
        SettingsError: If it is no ordinary file, too large, no UTF-8, or no TOML, or a key stands in it twice.
        OSError: As the disk says it.
    """
    if not os.path.lexists(file):
        return {}
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise SettingsError(f"{file} is not an ordinary file; settings must not be passed over, so move it away")
    if found.st_size > _MOST_BYTES:
        raise SettingsError(f"{file} has {found.st_size} bytes, where settings have at most {_MOST_BYTES}")
    data = file.read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SettingsError(f"{file} is UTF-16 text; save it as UTF-8")
    try:
        text = data.decode("utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not UTF-8 text; save it as UTF-8") from error
    try:
        return tomllib.loads(text + "\n")  # else a key that stands twice in the last line is named without its line
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_worded(file, text, error)) from None
    except RecursionError as error:
        raise SettingsError(f"{file} is nested too deeply for settings; write plain groups and values") from error


def _worded(file: Path, text: str, error: tomllib.TOMLDecodeError) -> str:
    """Say what is wrong with a file, by its line; of a value, which may be secret, nothing is shown."""
    said = str(error)
    place = _PLACE.search(said)
    if place is None or not said.startswith(_TWICE):
        return f"{file} is not valid TOML: {said}"
    number = int(place[1])
    line = text.split("\n")[number - 1]
    key = line.partition("=")[0].strip().strip("[]\"' ")
    named = f" '{key}'" if all(map(_SHOWABLE.fullmatch, key.split("."))) else ""
    return f"{file}, line {number}: the key{named} stands there a second time; keep one of the two"


def refuse_unknown_variables(environ: Mapping[str, str], groups: Groups) -> None:
    """Check that every variable with our prefix is read by something: a misspelt one must not be passed over.

    Args:
        environ: The process's environment.
        groups: The settings there are.

    Raises:
        SettingsError: Naming the variable and the similar one, a setting that two variables say, or a JSON object in
            one of them that holds a key twice.
    """
    known = {_variable(group, name): group for group, names in groups.items() for name in (None, *(names or ()))}
    seen: dict[str, str] = {}
    for variable in sorted(name for name in environ if name.upper().startswith(PREFIX)):
        if variable in OTHER_VARIABLES:
            continue
        plain = variable.upper()
        if plain not in known:
            raise SettingsError(_unknown_variable(variable, [*known, *OTHER_VARIABLES], groups))
        if plain in seen:
            raise SettingsError(f"the variables {seen[plain]} and {variable} say the same setting; keep {plain}")
        seen[plain] = variable
        _refuse_double_keys(variable, environ[variable])


def _variable(group: str, name: str | None) -> str:
    return PREFIX + (group if name is None else f"{group}{SEPARATOR}{name}").upper()


def _unknown_variable(variable: str, known: list[str], groups: Groups) -> str:
    close = similar_name(variable.replace(SEPARATOR, "_"), (name.replace(SEPARATOR, "_") for name in known))
    meant = next((name for name in known if name.replace(SEPARATOR, "_") == close), None)
    said = f"the variable {variable} sets nothing"
    new = {_variable(*old.split(".")): _variable(*now.split(".")) for old, now in RENAMED.items()}.get(variable.upper())
    if new is not None:
        return f"{said}: that setting is now called {new}, so set that{_new_value(variable, PREFIX)}"
    if meant is not None:
        return f"{said}; perhaps {meant} was meant, else remove it"
    written = f"{PREFIX}<GROUP>{SEPARATOR}<NAME>"
    return f"{said}; write {written} (groups are {', '.join(sorted(groups))}) or remove it"


def unparsable_variable(environ: Mapping[str, str], group: str) -> str | None:
    """Name the first variable of a group that should be JSON and is not: a list, or the whole group.

    Args:
        environ: The process's environment.
        group: The group of which a variable could not be parsed.

    Examples:
        >>> unparsable_variable({"P2P_LABELS__WINDOW_MONTHS": "12", "P2P_LABELS__TERMS": "36,60"}, "labels")
        'P2P_LABELS__TERMS'
    """
    begin = _variable(group, None)
    for variable in sorted(environ):
        if variable.upper() == begin or variable.upper().startswith(begin + SEPARATOR):
            try:
                json.loads(environ[variable])
            except (ValueError, RecursionError):
                return variable
    return None


def _refuse_double_keys(variable: str, text: str) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            named = f" '{twice}'" if _SHOWABLE.fullmatch(twice) else ""
            raise SettingsError(f"the variable {variable} holds the key{named} twice; keep one of the two")
        return dict(pairs)

    try:
        json.loads(text, object_pairs_hook=once)
    except SettingsError:
        raise
    except (ValueError, RecursionError):
        return  # plain text, or reported with the other values that do not fit


def unknown_key(place: str, key: str, known: Iterable[str]) -> str:
    """Word the refusal of a key in a group, with its new name or the similar one.

    Examples:
        >>> unknown_key("labels", "window", ["window_months", "default_days"])
        "unknown setting 'labels.window', perhaps 'window_months' was meant; known in 'labels' are window_months, \
default_days"
    """
    names = list(known)
    new = RENAMED.get(f"{place}.{key}")
    if new is not None:
        return f"unknown setting '{place}.{key}': it is now called '{new}', so write that{_new_value(new)}"
    close = similar_name(key, names) or next((name for name in names if name.startswith(key) or key in name), None)
    meant = "" if close is None else f", perhaps '{close}' was meant"
    named = f"'{place}.{key}'" if _SHOWABLE.fullmatch(key) else f"in '{place}'"
    return f"unknown setting {named}{meant}; known in '{place}' are {', '.join(names)}"


def _new_value(name: str, prefix: str = "") -> str:
    """Say what a renamed setting now holds; nothing where its values mean the same."""
    plain = name.upper().removeprefix(prefix).lower().replace(SEPARATOR, ".")
    told = NEW_VALUES.get(RENAMED.get(plain, plain))
    return "" if told is None else f", as {told}"


__all__ = ["OTHER_VARIABLES", "read_settings_file", "refuse_unknown_variables", "unknown_key", "unparsable_variable"]
