"""Curves over time in braille, one widget for all of them: marks, time axis, a cursor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from rich.style import Style
from rich.text import Text

from widgets.rows import Chart, Curve, Mark
from widgets.text_view import TextView
from widgets.tones import KEY, QUIET, STRONG

LEFT = (0x00, 0x40, 0x44, 0x46, 0x47)
RIGHT = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
"""Dots of a braille cell's column, filled from below to a height of 0 to 4."""
LEFT_DOT = (0x00, 0x40, 0x04, 0x02, 0x01)
RIGHT_DOT = (0x00, 0x80, 0x20, 0x10, 0x08)
"""The one dot at that height."""
CURVE = Style(color="cyan")
ROWS = 3
MOST_ROWS = 16
NARROWEST = 72
"""Curves stand side by side where each has so many columns."""
GAP = 3


class ChartView(TextView):
    """A chart; its curves are as high as there is room for."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._chart = Chart(0.0, 1.0)
        self._height = 0

    def show(self, chart: Chart, height: int = 0) -> None:
        """Show this one, in about so many lines if that is enough."""
        self._chart, self._height = chart, height
        self.redraw()

    def lines(self, width: int) -> list[Text]:
        """All of it."""
        return chart_lines(self._chart, width, self._height)


def chart_lines(chart: Chart, width: int, height: int = 0) -> list[Text]:
    """Curves below and beside each other, then marks and time."""
    if not chart.curves:
        return []
    beside = max(1, min(len(chart.curves), (width + GAP) // (NARROWEST + GAP)))
    each = (width - (beside - 1) * GAP) // beside
    blocks_below = -(-len(chart.curves) // beside)
    rows = max(ROWS, min(MOST_ROWS, (height - 2) // blocks_below - 1))
    lines: list[Text] = []
    for begin in range(0, len(chart.curves), beside):
        shown = chart.curves[begin : begin + beside]
        blocks = [_curve_lines(one, chart, each, rows) for one in shown]
        lines += [_beside(parts, each) for parts in zip(*blocks)]
    foot = [line for line in (_mark_line(chart, each), _axis_line(chart, each)) if line.plain]
    used = min(beside, len(chart.curves))
    return [*lines, *(_beside([line] * used, each) for line in foot)]


def _beside(parts: Sequence[Text], width: int) -> Text:
    line = Text(no_wrap=True)
    for nth, part in enumerate(parts):
        line.append_text(part)
        if nth < len(parts) - 1:
            line.append(" " * (width + GAP - part.cell_len))
    return line


def _curve_lines(curve: Curve, chart: Chart, width: int, height: int) -> list[Text]:
    """Name and value, then the curve; the cursor's column stands out."""
    head = Text.assemble((curve.name, STRONG), "  ", (curve.text, QUIET), no_wrap=True)
    head.truncate(width, overflow="ellipsis")
    lines = [Text(row, CURVE) for row in curve_rows(curve, chart, width, height)]
    at = _column(chart, chart.cursor_s, width) if chart.cursor_s is not None else None
    if at is not None:
        for line in lines:
            line.stylize(Style(reverse=True), at, at + 1)
    return [head, *lines]


def curve_rows(curve: Curve, chart: Chart, width: int, rows: int = ROWS) -> list[str]:
    """Filled up to the mean, with a dot at the most; two moments a character, gaps blank."""
    means, mosts = _binned(curve, chart, width * 2)
    filled = [_height(one, curve.top, rows) for one in means]
    dots = [_height(one, curve.top, rows) for one in mosts]
    columns = [
        _column_of(rows, filled[n], dots[n], filled[n + 1], dots[n + 1])
        for n in range(0, width * 2, 2)
    ]
    return ["".join(row) for row in zip(*columns)]


@lru_cache(maxsize=4096)
def _column_of(rows: int, left: int, left_dot: int, right: int, right_dot: int) -> tuple[str, ...]:
    """One column of characters from above: two moments, each filled to a height and with a dot."""
    cells = (
        _half(left, left_dot, row, LEFT, LEFT_DOT) | _half(right, right_dot, row, RIGHT, RIGHT_DOT)
        for row in reversed(range(rows))
    )
    return tuple(chr(0x2800 + cell) if cell else " " for cell in cells)


def _half(filled: int, dot: int, row: int, fill: Sequence[int], one: Sequence[int]) -> int:
    """One half of a cell."""
    return fill[max(0, min(4, filled - row * 4))] | (
        one[dot - row * 4] if 0 < dot - row * 4 <= 4 else 0
    )


def _binned(
    curve: Curve, chart: Chart, count: int
) -> tuple[list[float | None], list[float | None]]:
    """Mean and most for each of `count` moments of the chart's time."""
    sums, counts = [0.0] * count, [0] * count
    mosts: list[float | None] = [None] * count
    scale = count / max(1e-9, chart.end_s - chart.begin_s)
    points = curve.points
    for nth, (at_s, mean, most) in enumerate(points):
        if mean is None:
            continue
        until = points[nth + 1][0] if nth + 1 < len(points) else at_s
        if until - at_s > chart.gap_s:
            until = at_s
        first = int((at_s - chart.begin_s) * scale)
        last = max(first, int((until - chart.begin_s) * scale) - 1)
        for place in range(max(0, first), min(count - 1, last) + 1):
            sums[place] += mean
            counts[place] += 1
            before, now = mosts[place], most if most is not None else mean
            mosts[place] = now if before is None else max(before, now)
    return [a / n if n else None for a, n in zip(sums, counts)], mosts


def _height(value: float | None, top: float | None, rows: int) -> int:
    """Dots from below; a value that is there has at least one, so that a gap can be told from 0."""
    if value is None or not top:
        return 0
    return max(1, round(min(1.0, max(0.0, value) / top) * rows * 4))


def _column(chart: Chart, at_s: float, width: int) -> int | None:
    share = (at_s - chart.begin_s) / max(1e-9, chart.end_s - chart.begin_s)
    return min(width - 1, int(share * width)) if 0 <= share <= 1 else None


def _mark_line(chart: Chart, width: int) -> Text:
    """What went on when: each with its name as far as there is room."""
    line = Text(no_wrap=True)
    for mark, begin, end in _placed(chart, width):
        line.append(" " * (begin - line.cell_len))
        room = end - begin
        words = mark.name[: room - 1] if room > 1 else ""
        rule = "━" if mark.strong else "─"
        line.append("╺" if mark.strong else "├", KEY if mark.strong else QUIET)
        line.append(words, STRONG if mark.strong else QUIET)
        line.append(rule * (room - 1 - len(words)), KEY if mark.strong else QUIET)
    return line


def _placed(chart: Chart, width: int) -> Iterator[tuple[Mark, int, int]]:
    """Marks with their columns; one that is shorter than a column gives way."""
    scale = width / max(1e-9, chart.end_s - chart.begin_s)
    last = 0
    for mark in chart.marks:
        begin = max(last, int((mark.begin_s - chart.begin_s) * scale))
        end = min(width, int((mark.end_s - chart.begin_s) * scale))
        if end > begin:
            yield mark, begin, end
            last = end


def _axis_line(chart: Chart, width: int) -> Text:
    """Times at their places, none over another."""
    line = ""
    for at_s, words in chart.ticks:
        at = _column(chart, at_s, width)
        if at is None:
            continue
        at = min(at, width - len(words))
        if at < len(line) + 2 and line:
            continue
        line = line.ljust(at) + words
    return Text(line, QUIET, no_wrap=True)
