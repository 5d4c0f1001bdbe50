"""Curves over time in braille, gaps left blank: one widget for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from widgets.rows import Trend
from widgets.text_view import TextView
from widgets.tones import QUIET, STRONG

LEFT = (0x00, 0x40, 0x44, 0x46, 0x47)
RIGHT = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
"""Dots of a braille cell's column, filled from below to a height of 0 to 4."""
ROWS = 3


class Trends(TextView):
    """Curves one below the other, each under its name and latest value."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._trends: tuple[Trend, ...] = ()

    def show(self, trends: Sequence[Trend]) -> None:
        """Show these."""
        self._trends = tuple(trends)
        self.redraw()

    def lines(self, width: int) -> list[Text]:
        """All of them."""
        return [line for one in self._trends for line in trend_lines(one, width)]


def trend_lines(trend: Trend, width: int) -> list[Text]:
    """Name and value, then the curve."""
    head = Text.assemble((trend.name, STRONG), "  ", (trend.text, QUIET), no_wrap=True)
    return [head, *(Text(row, "cyan") for row in curve(trend, width))]


def curve(trend: Trend, width: int, rows: int = ROWS) -> list[str]:
    """The values as filled braille, two a character, the latest at the right."""
    heights = [_height(one, trend.top, rows) for one in _thinned(trend.values, width * 2)]
    heights = [0] * (width * 2 - len(heights)) + heights
    lines = []
    for row in reversed(range(rows)):
        dots = [max(0, min(4, height - row * 4)) for height in heights]
        lines.append(
            "".join(chr(0x2800 + LEFT[a] + RIGHT[b]) for a, b in zip(dots[::2], dots[1::2]))
        )
    return lines


def _height(value: float | None, top: float | None, rows: int) -> int:
    """Dots from below; a value that is there has at least one, so that a gap can be told from 0."""
    if value is None or not top:
        return 0
    return max(1, round(min(1.0, max(0.0, value) / top) * rows * 4))


def _thinned(values: Sequence[float | None], most: int) -> list[float | None]:
    """At most so many: of each stretch the highest, so that no peak is lost."""
    if len(values) <= most:
        return list(values)
    found = []
    for place in range(most):
        part = values[place * len(values) // most : (place + 1) * len(values) // most]
        known = [one for one in part if one is not None]
        found.append(max(known) if known else None)
    return found
