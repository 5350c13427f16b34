"""The bytes of a text file, plain or gzip, in chunks: cut-off, empty and foreign files are distinguished here."""

from __future__ import annotations

import gzip
import os
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from p2pcredit.errors import SourceError, UnreadableFileError

CHUNK_BYTES = 8 << 20
HONEST_BYTES = 64 << 20
MOST_PACKING = 100
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"
_WORKBOOK = "a spreadsheet; save its sheet as CSV in UTF-8"
_WORKBOOK_ENDINGS = frozenset({".xlsx", ".xlsm", ".xlsb", ".ods"})
_FOREIGN = {
    b"\xd0\xcf\x11\xe0\xa1\xb1": _WORKBOOK,
    b"PK\x03\x04": "a zip archive; unpack it and give the CSV inside",
    _PARQUET_MAGIC: "a Parquet file; give it the ending .parquet",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"BZh": "a bzip2 file; unpack it or pack it with gzip",
    b"\xfd7zXZ\x00": "an xz file; unpack it or pack it with gzip",
    b"\x28\xb5\x2f\xfd": "a zstd file; unpack it or pack it with gzip",
}


def most_unpacked_bytes(packed: int) -> int:
    """Bound the bytes that a packed file may unpack into. Loan data packs 5 to 30 times; a bomb, 1,000 times.

    Examples:
        >>> most_unpacked_bytes(1 << 20) >> 20
        164
    """
    return HONEST_BYTES + MOST_PACKING * packed


def read_chunks(
    path: Path, *, chunk_bytes: int = CHUNK_BYTES, when_empty: str = "download it again"
) -> Iterator[bytes]:
    """Read the text bytes of a file, unpacked, without the byte order marks before its first letter.

    Whether it is gzip is seen from its first bytes, not from its name.

    Args:
        path: A CSV file, plain or gzip.
        chunk_bytes: The most bytes of one chunk.
        when_empty: What to do about a file of 0 bytes, for the message.

    Yields:
        Non-empty chunks.

    Raises:
        UnreadableFileError: Where it is empty, cut off, damaged or another kind of file.
        SourceError: Where it is absent or the disk refuses.
    """
    seen = text_bytes = 0
    try:
        with path.open("rb") as plain:
            magic = plain.read(6)
            plain.seek(0)
            _refuse_foreign(path, magic)
            packed = magic.startswith(_GZIP_MAGIC)
            size = os.fstat(plain.fileno()).st_size
            most = most_unpacked_bytes(size)
            with gzip.GzipFile(fileobj=plain) if packed else plain as stream:
                while chunk := stream.read(chunk_bytes):
                    text = _without_marks(chunk) if seen == 0 else chunk
                    seen += len(chunk)
                    text_bytes += len(text)
                    if packed and seen > most:
                        raise UnreadableFileError(
                            f"{path} has {size} bytes and unpacks into more than {most}; no loan data packs so well, "
                            "so it is not read"
                        )
                    if text:
                        yield text
    except EOFError as error:
        found = seen or _readable_bytes(path)
        raise UnreadableFileError(
            f"{path} ends in the middle of the gzip stream; {found} bytes could be read; download it again"
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFileError(f"{path} is damaged gzip after {seen} bytes ({error}); download it again") from error
    except FileNotFoundError as error:
        raise SourceError(f"there is no file {path}; check the path") from error
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}; check that it is a readable file") from error
    if text_bytes == 0:
        raise UnreadableFileError(f"{path} has 0 bytes of text; {when_empty}")


def _without_marks(start: bytes) -> bytes:
    """Strip byte order marks from the first bytes of a text: a file that was saved twice may have two."""
    while start.startswith(b"\xef\xbb\xbf"):
        start = start[3:]
    return start


def is_parquet(path: Path) -> bool:
    """Return whether a file begins as Parquet does; False for one that cannot be opened."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    except OSError:
        return False


def check_compression_ratio(path: Path) -> None:
    """Make sure that a packed file is whole and packs as loan data does, by unpacking it once. Plain ones are let pass.

    To unpack takes neither memory nor much time, and to read the rows of a bomb takes both.

    Raises:
        UnreadableFileError, SourceError: As `read_chunks` does.
    """
    with suppress(OSError):  # the reader reports what cannot be opened
        with path.open("rb") as plain:
            packed = plain.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        if packed:
            deque(read_chunks(path), maxlen=0)


def _refuse_foreign(path: Path, magic: bytes) -> None:
    for start, advice in _FOREIGN.items():
        if magic.startswith(start):
            advice = _WORKBOOK if path.suffix.lower() in _WORKBOOK_ENDINGS else advice
            raise UnreadableFileError(f"{path} is {advice}")
    if path.suffix == ".gz" and magic and not magic.startswith(_GZIP_MAGIC):
        raise UnreadableFileError(f"{path} is not gzip, though its name says so; rename it or download it again")


def _readable_bytes(path: Path) -> int:
    """Count the bytes of a cut-off gzip stream that can be unpacked."""
    unpack = zlib.decompressobj(wbits=31)
    found = 0
    with path.open("rb") as stream, suppress(zlib.error):  # what zlib refuses could not be read
        while chunk := stream.read(1 << 16):
            found += len(unpack.decompress(chunk))
    return found


__all__ = ["CHUNK_BYTES", "check_compression_ratio", "is_parquet", "most_unpacked_bytes", "read_chunks"]
