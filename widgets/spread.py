"""A distribution and a gauge, each drawn in one line of any width."""

from __future__ import annotations

import math
from itertools import pairwise

from rich.text import Text

from widgets.rows import Badge, Gauge, Spread
from widgets.tones import QUIET, STYLES, badge_text

LEAST, MIDDLE, TICK, GREATEST, LIMIT = "├", "●", "┿", "┤", "┃"
BODY, TAIL = "━", "┄"
LINES = ((0.5, "─"), (0.9, BODY), (0.99, "─"), (1.0, TAIL))
"""How the line is drawn up to that share: below the middle, the body, the tail, the last ones."""
WIDEST = 60
SMALLEST = 10
GAUGE = 20
BELOW, ABOVE = 0.05, 0.02
"""So much below the target and above it a gauge shows."""


def spread_line(spread: Spread, width: int) -> Text:
    """The known points on a logarithmic axis, from the least to the greatest.

    A dot is the middle, ticks are the other points; the limit is a bar, its words at the right.
    """
    words = Text()
    if spread.limit and spread.limit_text:
        words = badge_text(Badge(f"{LIMIT} {spread.limit_text}", spread.tone))
        words = Text("  ").append_text(words)
    room = min(WIDEST, width - words.cell_len)
    if room < SMALLEST:
        return Text(words.plain.strip(), QUIET)
    line = Text("".join(_axis(spread, room)), no_wrap=True)
    if words:
        at = line.plain.index(LIMIT)
        line.stylize(STYLES[spread.tone], at, at + 1)
    return line.append_text(words)


def _axis(spread: Spread, room: int) -> list[str]:
    values = [value for value, _ in spread.points]
    low, high = values[0], values[-1]
    if spread.limit:
        low, high = min(low, spread.limit), max(high, spread.limit)
    low = max(low, high * 1e-9)
    scale = math.log(high / low) or 1.0

    def column(value: float) -> int:
        return round(math.log(max(value, low) / low) / scale * (room - 1))

    cells = [" "] * room
    for (begin, _), (end, share) in pairwise(spread.points):
        line = next(sign for upto, sign in LINES if share <= upto)
        for at in range(column(begin), column(end) + 1):
            cells[at] = line
    for value, share in spread.points:  # the middle last: it is never hidden
        if 0.5 < share < 1:
            cells[column(value)] = TICK
    cells[column(values[0])], cells[column(values[-1])] = LEAST, GREATEST
    for value, share in spread.points:
        if share == 0.5:
            cells[column(value)] = MIDDLE
    if spread.limit:
        cells[column(spread.limit)] = LIMIT
    return cells


def gauge_line(gauge: Gauge, width: int) -> Text:
    """Words, then a bar from a bit below the least (or below the most) to a bit above it."""
    words = badge_text(Badge(gauge.text, gauge.tone))
    mark = gauge.least if gauge.least is not None else gauge.most
    if mark is None or not mark or width < words.cell_len + GAUGE + 2:
        return words
    top = gauge.most if gauge.most is not None else mark
    low, high = mark * (1 - BELOW), top * (1 + ABOVE)

    def column(value: float) -> int:
        return max(0, min(GAUGE - 1, round((value - low) / (high - low) * (GAUGE - 1))))

    filled = column(gauge.value)
    bar = ["█" if at <= filled else "─" for at in range(GAUGE)]
    for limit in (gauge.least, gauge.most):
        if limit is not None:
            bar[column(limit)] = LIMIT
    return Text.assemble(words, "  ", ("".join(bar), QUIET), no_wrap=True)
