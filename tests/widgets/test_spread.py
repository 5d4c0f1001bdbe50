"""A distribution and a gauge in one line, at any width."""

from __future__ import annotations

import pytest

from widgets.panel import panel_lines
from widgets.rows import Badge, Fact, Gauge, Panel, Spread, Tone
from widgets.spread import gauge_line, spread_line

POINTS = ((1.0, 0.0), (10.0, 0.5), (20.0, 0.9), (50.0, 0.99), (60.0, 0.999), (100.0, 1.0))


def spread(**fields: object) -> Spread:
    values = {"label": "latency", "points": POINTS, "text": "min 1 …", **fields}
    return Spread(**values)  # type: ignore[arg-type]


def test_the_axis_is_logarithmic() -> None:
    line = spread_line(spread(), 41).plain
    assert (line[0], line[-1], len(line)) == ("├", "┤", 41)
    assert line.index("●") == 20  # ten times the least, a tenth of the greatest
    assert line[21:26] == "━" * 5
    assert line.count("┿") == 3


@pytest.mark.parametrize(("limit", "where"), [(10.0, 20), (100.0, 40), (1.0, 0)])
def test_the_limit_is_marked_and_named(limit: float, where: int) -> None:
    words = "  ✔ ┃ limit 15 ms"
    shown = spread(limit=limit, limit_text="limit 15 ms", tone=Tone.GOOD)
    line = spread_line(shown, 41 + len(words)).plain
    assert line.endswith(words)
    assert line[:41].index("┃") == where


def test_a_limit_beyond_the_values_widens_the_axis() -> None:
    line = spread_line(spread(limit=1e4, limit_text="limit"), 60).plain
    axis = line[: line.rindex("  ┃")]
    assert axis.rstrip().endswith("┃")
    assert axis.index("┤") < len(axis) // 2 + 1


@pytest.mark.parametrize("width", range(0, 130, 7))
def test_no_width_is_too_small_or_too_large(width: int) -> None:
    shown = spread(limit=30.0, limit_text="limit 30 ms")
    assert spread_line(shown, width).cell_len <= max(width, len("┃ limit 30 ms"))
    panel = Panel("", Badge("", Tone.PLAIN), spreads=(shown,), facts=(Fact("ran", "5"),))
    assert panel_lines(panel, max(1, width))


@pytest.mark.parametrize(
    "points",
    [((5.0, 0.0), (5.0, 1.0)), ((0.0, 0.0), (1e12, 1.0)), ((7.0, 0.5), (9.0, 0.99))],
)
def test_odd_points_are_drawn(points: tuple[tuple[float, float], ...]) -> None:
    assert spread_line(spread(points=points), 40).cell_len == 40


def test_a_gauge_marks_what_is_asked_for() -> None:
    short = gauge_line(Gauge("accuracy", 74.0, "acc 74", 75.0, None, Tone.BAD), 60).plain
    enough = gauge_line(Gauge("accuracy", 76.1, "acc 76.1", 75.0, None, Tone.GOOD), 60).plain
    assert short.startswith("✖ acc 74  █")
    assert short.index("┃") > short.rindex("█")
    assert enough.startswith("✔ acc 76.1  █")
    assert enough.index("┃") < enough.rindex("█")


def test_a_window_has_two_marks_and_a_narrow_place_none() -> None:
    gauge = Gauge("accuracy", 23.7, "FID 23.7", 23.0, 23.95, Tone.GOOD)
    assert gauge_line(gauge, 60).plain.count("┃") == 2
    assert gauge_line(gauge, 20).plain == "✔ FID 23.7"
    assert gauge_line(Gauge("accuracy", 1.0, "score 1"), 60).plain == "score 1"
