"""Put texts on one line and cut them, as messages, receipts and alerts hold them."""

from __future__ import annotations

LONGEST_EXAMPLE = 60
"""So many characters of a value that was found are shown in a message."""


def one_line(text: object, limit: int = 300) -> str:
    """Put a text on one line, blanks made single, cut to `limit` characters with three points at its end.

    What no terminal should be given, such as the beginning of a control sequence, stands as its escape.

    Examples:
        >>> one_line("a\\n  b", 9), one_line("a long text", 9), one_line("\\x1b[2J", 9)
        ('a b', 'a long...', '\\\\x1b[2J')
    """
    words = " ".join(str(text).split())
    if not words.isprintable():
        words = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)
    return words if len(words) <= limit else words[: limit - 3] + "..."


__all__ = ["LONGEST_EXAMPLE", "one_line"]
