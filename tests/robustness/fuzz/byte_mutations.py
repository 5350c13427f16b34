"""What can befall a written file: its text, its encoding, its bytes, its packing."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from random import Random


def _at_some_place(*inserts: str) -> Callable[[str, Random], str]:
    def change(text: str, luck: Random) -> str:
        for _ in range(luck.randint(1, 3)):
            at = luck.randrange(len(text) + 1)
            text = text[:at] + luck.choice(inserts) + text[at:]
        return text

    return change


def _delete_letters(letters: str) -> Callable[[str, Random], str]:
    def change(text: str, luck: Random) -> str:
        places = [at for at, letter in enumerate(text) if letter in letters]
        gone = set(luck.sample(places, min(len(places), luck.randint(1, 2))))
        return "".join(letter for at, letter in enumerate(text) if at not in gone)

    return change


def _mixed_ends(text: str, luck: Random) -> str:
    return "".join(luck.choice(["\n", "\r\n", "\r", "\u2028", "\n\n"]) if letter == "\n" else letter for letter in text)


def _swap_lines(text: str, luck: Random) -> str:
    lines = text.split("\n")
    luck.shuffle(lines)
    return "\n".join(lines)


def _cut_text(text: str, luck: Random) -> str:
    return text[: luck.randrange(len(text) + 1)]


TEXT_MUTATIONS: dict[str, Callable[[str, Random], str]] = {
    "stray quotes": _at_some_place('"', '""', '"""', "'"),
    "stray line ends": _at_some_place("\n", "\r", "\r\n", "\n\n", "\u2028"),
    "stray commas": _at_some_place(",", ",,", ";"),
    "stray zero letters": _at_some_place("\0"),
    "stray byte order marks": _at_some_place("\ufeff"),
    "lost quotes": _delete_letters('"'),
    "lost line ends": _delete_letters("\n"),
    "lost commas": _delete_letters(","),
    "mixed line ends": _mixed_ends,
    "shuffled lines": _swap_lines,
    "cut text": _cut_text,
    "note above the header": lambda text, luck: "Notes offered by Prospectus\n" + text,
    "footer": lambda text, luck: text + luck.choice(["Total: 5\n", "Total: 5", "\n\n5 rows\n", "# end", "\x1a"]),
}


def _encoded(*encodings: str) -> Callable[[bytes, Random], bytes]:
    def change(data: bytes, luck: Random) -> bytes:
        return data.decode("utf-8", "replace").encode(luck.choice(encodings), "replace")

    return change


def _half_encoded(data: bytes, luck: Random) -> bytes:
    lines = data.split(b"\n")
    at = luck.randrange(len(lines))
    return b"\n".join([*lines[:at], *(_encoded("cp1252", "latin-1", "utf-16-le")(line, luck) for line in lines[at:])])


def flip(data: bytes, luck: Random) -> bytes:
    """Change up to eight bytes."""
    changed = bytearray(data)
    for _ in range(luck.randint(1, 8) if data else 0):
        changed[luck.randrange(len(changed))] = luck.randrange(256)
    return bytes(changed)


def cut(data: bytes, luck: Random) -> bytes:
    """Lose the end."""
    return data[: luck.randrange(max(len(data), 1))]


def _lose_a_piece(data: bytes, luck: Random) -> bytes:
    at = luck.randrange(len(data) + 1)
    return data[:at] + data[at + luck.choice([1, 7, 100]) :]


BYTE_MUTATIONS: dict[str, Callable[[bytes, Random], bytes]] = {
    "UTF-16": _encoded("utf-16", "utf-16-le", "utf-16-be", "utf-32"),
    "one byte a letter": _encoded("latin-1", "cp1252", "cp437", "shift-jis"),
    "mixed encodings": _half_encoded,
    "byte order mark": lambda data, luck: b"\xef\xbb\xbf" * luck.randint(1, 2) + data,
    "only a byte order mark": lambda data, luck: b"\xef\xbb\xbf",
    "flipped bytes": flip,
    "cut bytes": cut,
    "a lost piece": _lose_a_piece,
    "nothing": lambda data, luck: b"",
    "zero bytes": lambda data, luck: data + b"\0" * luck.randint(1, 5_000),
    "foreign": lambda data, luck: (
        luck.choice([b"PK\x03\x04", b"%PDF-1.4\n", b"<html>", b"\x7fELF", b"BZh9", b"{}"]) + data
    ),
}

GZIP_MUTATIONS: dict[str, Callable[[bytes, Random], bytes]] = {
    "flipped bytes in gzip": flip,
    "cut gzip": cut,
    "two gzip members": lambda data, luck: data + gzip.compress(b""),
    "letters after gzip": lambda data, luck: data + b"trailing",
    "zero bytes after gzip": lambda data, luck: data + b"\0" * 9,
    "gzip of gzip": lambda data, luck: gzip.compress(data),
}
