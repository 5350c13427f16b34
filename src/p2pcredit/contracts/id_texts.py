"""How loan ids are written that became numbers: patterns for whole files at landing and for single rows in silver."""

from __future__ import annotations

WHOLE_DIGITS = 15
"""So many digits a number with decimals keeps."""

NO_DECIMALS = r"(?:\.0*|,0{1,2})\z"
"""Decimals that say nothing; three noughts after a comma may be a group of digits."""

WHOLE_ID = rf"^([0-9]{{1,{WHOLE_DIGITS}}}){NO_DECIMALS}"
"""An id that became a number with decimals and lost nothing: `68407277.0`, or `68407277,0`."""

SCIENTIFIC_ID = r"^[+-]?[0-9](?:[.,][0-9]+[eE][+-]?|[eE]\+)[0-9]+\z"
"""An id that lost digits in scientific notation, as programs write it: `6.84E+07`."""

ROUNDED_ID = rf"^[0-9]{{{WHOLE_DIGITS + 1},}}\.0*\z"
"""An id that lost digits because a number with decimals does not keep so many."""

BARE_POWER_ID = r"^[0-9]+[eE][0-9]{1,3}\z"
"""An id such as `7e7`: a number that lost digits where all other ids are numbers, an id where others are names."""

INVISIBLE = r"[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
"""A control character, or one without width: two ids may differ by it alone and look the same."""

__all__ = ["BARE_POWER_ID", "INVISIBLE", "NO_DECIMALS", "ROUNDED_ID", "SCIENTIFIC_ID", "WHOLE_DIGITS", "WHOLE_ID"]
