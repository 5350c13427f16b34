"""Draw plain SVG: boxes, bars, lines and texts on a white card that reads the same on light and dark pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from html import escape

INK, SOFT, RULE = "#1f2933", "#5b6875", "#cbd2d9"
BLUE, PALE, GREEN, RED, AMBER = "#1f6feb", "#d6e4fb", "#2e8555", "#c0392b", "#f6e3b4"
_FONT = "font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\""


@dataclass
class Drawing:
    """An SVG drawing of a given size, built up by the methods below.

    Args:
        title: What the picture shows, for those who cannot see it.
        width, height: In pixels.
    """

    title: str
    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: int = 14,
        color: str = INK,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Write words with their baseline at (x, y)."""
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{color}" text-anchor="{anchor}"{weight}>'
            f"{escape(words)}</text>"
        )

    def bar(self, x: float, y: float, width: float, height: float, fill: str, stroke: str = "none") -> None:
        """Draw a filled rectangle."""
        self.parts.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="4" fill="{fill}" '
            f'stroke="{stroke}"/>'
        )

    def box(self, x: float, y: float, width: float, height: float, lines: list[str], *, fill: str = PALE) -> None:
        """Draw a box with centred lines of text, the first in bold."""
        self.bar(x, y, width, height, fill, BLUE if fill == PALE else RULE)
        top = y + height / 2 - 9 * (len(lines) - 1) + 5
        for place, line in enumerate(lines):
            size = 14 if place == 0 else 12
            self.text(x + width / 2, top + 18 * place, line, size=size, anchor="middle", bold=place == 0)

    def line(self, x1: float, y1: float, x2: float, y2: float, color: str = RULE, *, dashed: bool = False) -> None:
        """Draw a line."""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{color}" stroke-width="1.5"{dash}/>'
        )

    def arrow(self, x1: float, y1: float, x2: float, y2: float, color: str = SOFT) -> None:
        """Draw a straight arrow from the first point to the second."""
        self.parts.append(
            f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{color}" stroke-width="1.5" '
            'marker-end="url(#head)"/>'
        )

    def dot(self, x: float, y: float, color: str) -> None:
        """Draw a dot."""
        self.parts.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="6" fill="{color}"/>')

    def svg(self) -> str:
        """Give the drawing as the text of an SVG file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img" {_FONT}>\n<title>{escape(self.title)}</title>\n'
            '<defs><marker id="head" markerWidth="9" markerHeight="9" refX="8" refY="4.5" orient="auto">'
            f'<path d="M0,0.5 L8.5,4.5 L0,8.5 z" fill="{SOFT}"/></marker></defs>\n'
            f'<rect width="{self.width}" height="{self.height}" rx="8" fill="#ffffff"/>\n'
        )
        return head + "\n".join(self.parts) + "\n</svg>\n"


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Places dates between two x coordinates.

    Examples:
        >>> TimeAxis(date(2024, 1, 1), date(2024, 1, 11), 0, 100).x(date(2024, 1, 6))
        50.0
    """

    first: date
    last: date
    left: float
    right: float

    def x(self, day: date) -> float:
        """Give the x coordinate of a day."""
        share = (day - self.first).days / (self.last - self.first).days
        return self.left + share * (self.right - self.left)

    def draw(self, drawing: Drawing, y: float, marks: list[date], written: str = "%b %Y") -> None:
        """Draw the axis with its marks below it."""
        drawing.line(self.left, y, self.right, y, SOFT)
        for day in marks:
            drawing.line(self.x(day), y, self.x(day), y + 6, SOFT)
            drawing.text(self.x(day), y + 22, f"{day:{written}}", size=12, color=SOFT, anchor="middle")


__all__ = ["AMBER", "BLUE", "GREEN", "INK", "PALE", "RED", "RULE", "SOFT", "Drawing", "TimeAxis"]
