"""What records does a CSV text hold? The rule of docs/reference/landing-files.md, read once more, letter by letter."""

from __future__ import annotations

from typing import NamedTuple

MOST_LINES = 1_000


class Record(NamedTuple):
    """The fields of a record (none where nothing can be read of it), and its text as it stands."""

    fields: tuple[str, ...]
    raw: str


def fields_alone(line: str, separator: str = ",") -> tuple[str, ...]:
    """Split one line, read by itself: an open quote ends with it, letters after a closing quote belong on."""
    fields: list[str] = []
    at = 0
    while True:
        value = ""
        if line[at : at + 1] == '"':
            at += 1
            while at < len(line):
                if line[at] != '"':
                    end = line.find('"', at)
                    end = len(line) if end < 0 else end
                    value, at = value + line[at:end], end
                elif line[at + 1 : at + 2] == '"':
                    value, at = value + '"', at + 2
                else:
                    at += 1
                    break
        end = line.find(separator, at)
        rest = line[at:] if end < 0 else line[at:end]
        if "\r" in rest:
            return ()
        fields.append(value + rest)
        if end < 0:
            return tuple(fields)
        at = end + 1


def _strict(text: str, at: int, separator: str) -> tuple[tuple[str, ...], int] | None:
    """Split the record that starts at `at`; return its fields and its end, None where its quotes are damaged."""
    fields: list[str] = []
    while True:
        if text[at : at + 1] == '"':
            start, at = at + 1, at + 1
            while True:
                at = text.find('"', at)
                if at < 0:
                    return None
                if text[at + 1 : at + 2] != '"':
                    break
                at += 2
            fields.append(text[start:at].replace('""', '"'))
            at += 1
            ends = at
            while text[ends : ends + 1] == "\r":
                ends += 1
            if ends == len(text):
                return tuple(fields), ends
            if text[ends] == "\n":
                return tuple(fields), ends + 1
            if text[at] != separator:
                return None
            at += 1
            continue
        mark, newline = text.find(separator, at), text.find("\n", at)
        newline = len(text) if newline < 0 else newline
        last = mark < 0 or newline < mark
        value = text[at:newline].rstrip("\r") if last else text[at:mark]
        if "\r" in value:
            return None
        fields.append(value)
        if last:
            return tuple(fields), min(newline + 1, len(text))
        at = mark + 1


def records_of(text: str, width: int, separator: str = ",") -> list[Record]:
    """List every record of the text below its header, blank lines apart."""
    found: list[Record] = []
    at = 0
    while at < len(text):
        newline = text.find("\n", at)
        line_end = len(text) if newline < 0 else newline + 1
        read = _strict(text, at, separator)
        if read is not None and read[1] > line_end:
            lines = text.count("\n", at, read[1]) + (not text[: read[1]].endswith("\n"))
            if len(read[0]) != width or lines > MOST_LINES:
                read = None
        fields, end = read if read is not None else (None, line_end)
        raw = text[at:end].rstrip("\r\n")
        if raw:
            found.append(Record(fields_alone(raw, separator) if fields is None else fields, raw))
        at = end
    return found
