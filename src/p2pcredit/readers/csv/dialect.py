"""How a raw download is written: what stands between its fields, and in which encoding its text is."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from p2pcredit.errors import UnreadableFileError

UTF_8 = "utf-8"
ANY_SEPARATOR = ",;\t|"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Of a CSV file; the quote is always the double one, doubled inside a field.

    Args:
        separators: What may stand between fields, one character each; that under which a header is found is the file's.
        encoding: A name known to `keeps_ascii`.
    """

    separators: str = ","
    encoding: str = UTF_8

    def as_utf8(self, path: Path, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Recode the text of a file, chunk by chunk, to UTF-8; a file in UTF-8 is passed on without a look.

        Raises:
            UnreadableFileError: If it is no text of this encoding.
        """
        if self.encoding == UTF_8:
            yield from chunks
            return
        decoder, seen = codecs.getincrementaldecoder(self.encoding)(), 0
        try:
            for chunk in chunks:
                if text := decoder.decode(chunk):
                    yield text.encode()
                seen += len(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise UnreadableFileError(
                f"{path} is not {self.encoding} text: byte 0x{error.object[error.start]:02x} near position "
                f"{seen + error.start}; name the encoding that it was saved in"
            ) from error


COMMAS = Dialect()
"""UTF-8 text with commas: what landing files and most public downloads are."""


def keeps_ascii(encoding: str) -> bool:
    """Test for the name of an encoding in which letters, digits and signs of ASCII are as in UTF-8.

    Examples:
        >>> [keeps_ascii(name) for name in ("windows-1252", "gb18030", "utf-16", "hex", "latin-0")]
        [True, True, False, False, False]
    """
    plain = bytes(range(128))
    try:
        return plain.decode("ascii").encode(encoding) == plain
    except (LookupError, UnicodeError):
        return False


__all__ = ["ANY_SEPARATOR", "COMMAS", "UTF_8", "Dialect", "keeps_ascii"]
