"""Workbooks (.xlsx) of plain rows: written without formulas, read as values alone. Needs the extra `xlsx`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from p2pcredit.errors import MissingExtraError, SettingsError
from p2pcredit.storage.files import write_bytes_atomically

_WIDTH = 60
_MOST_BYTES = 20 << 20


def write_workbook(file: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> None:
    """Write sheets of rows, the first row of each bold and held in sight. No text becomes a formula, link or number.

    Raises:
        MissingExtraError: If the extra is not installed.
        StorageError: If the disk refuses.
    """
    try:
        import xlsxwriter
    except ImportError as error:
        raise MissingExtraError("a workbook of bins", "xlsx") from error
    buffer = BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(buffer, plain) as book:
        bold = book.add_format({"bold": True})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for column, value in enumerate(row):
                    if isinstance(value, str):
                        sheet.write_string(number, column, value, bold if number == 0 else None)
                    elif value is not None:
                        sheet.write_number(number, column, value)
            sheet.freeze_panes(1, 0)
            sheet.autofit(_WIDTH * 7)
    write_bytes_atomically(file, buffer.getvalue())


def read_workbook(file: Path) -> dict[str, list[list[Any]]]:
    """Read the values of every sheet, row by row; formulas are not calculated, their last values are read.

    Raises:
        MissingExtraError: If the extra is not installed.
        SettingsError: If there is no such file, it is too large, or no workbook.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError as error:
        raise MissingExtraError("a workbook of bins", "xlsx") from error
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise SettingsError(f"{file} is larger than {_MOST_BYTES >> 20} MB, which no workbook of bins is")
        book = CalamineWorkbook.from_object(BytesIO(file.read_bytes()))
        names = list(book.sheet_names)
        return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in names}
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror or error}") from error
    except CalamineError as error:
        raise SettingsError(f"{file} is no workbook ({error}); save it as .xlsx") from error


__all__ = ["read_workbook", "write_workbook"]
