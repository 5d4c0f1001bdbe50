"""Everything that shows lines of text, with made-up rows."""

from __future__ import annotations

from typing import Any

import pytest
from rich.text import Text
from textual.app import App, ComposeResult

from widgets.elapsed import progress
from widgets.line import Line
from widgets.meters import Meters
from widgets.panel import panel_lines
from widgets.rows import Badge, Chart, Curve, Fact, Level, Mark, Meter, Panel, Reason, Step, Tone
from widgets.steps import Steps
from widgets.tones import bar, between, to_ascii
from widgets.trend import chart_lines, curve_rows


def plain(lines: Any) -> list[str]:
    return [line.plain.rstrip() for line in lines]


def test_a_bar_is_as_long_as_its_share_in_eighths() -> None:
    assert bar(0, 4) == "    "
    assert bar(1, 4) == "████"
    assert bar(0.5, 4) == "██  "
    assert bar(0.53, 4) == "██▏ "
    assert bar(7, 4) == "████"
    assert bar(None, 4) == "    "


def test_progress_never_passes_its_end_and_is_blank_without_a_minimum() -> None:
    assert progress(0.5, "half", 20).plain == "━━━━━━──────  half"
    assert progress(1.7, "longer words", 20).plain == "━━━━━━  longer words"
    assert progress(0.21, "some", 20).plain == "━━╸─────────  some"
    assert progress(None, "", 16).plain == ""


def test_two_ends_of_a_line_and_the_left_one_gives_way() -> None:
    assert between(Text("left"), Text("right"), 14).plain == "left     right"
    assert between(Text("a long left"), Text("right"), 14).plain == "a long … right"


def test_steps_leave_out_the_oldest_where_there_is_no_room() -> None:
    steps = Steps()
    done = [Step(f"step{n}", "0:10", Tone.GOOD) for n in range(4)]
    steps._steps = (*done, Step("last", "1:00 of ≥10:00", Tone.PLAIN, here=True))
    assert plain(steps.lines(90)) == [
        "step0 ✔ 0:10  step1 ✔ 0:10  step2 ✔ 0:10  step3 ✔ 0:10  ▶ last 1:00 of ≥10:00"
    ]
    assert plain(steps.lines(50)) == ["… step3 ✔ 0:10  ▶ last 1:00 of ≥10:00"]
    assert plain(steps.lines(10)) == ["… ▶ last …"]


LOST = Badge("lost: it has fallen off the bus", Tone.BAD)


def test_meters_line_up_and_stand_closer_where_there_is_no_room() -> None:
    meters = Meters(3)
    meters._meters = tuple(Meter(f"GPU {n}", Level(n / 8, f"{n} %"), ("12 W",)) for n in range(8))
    assert plain(meters.lines(80)) == [
        "0     0 %  1 ▍   1 %  2 ▊   2 %  3 █▏  3 %  4 █▌  4 %  5 █▉  5 %  6 ██▎ 6 %",
        "7 ██▋ 7 %",
    ]
    meters._meters = tuple(
        Meter(f"GPU {n}", Level(0.9, "92 %"), badge=LOST if n == 15 else None) for n in range(16)
    )
    meters.most = 2
    assert plain(meters.lines(80)) == [
        "0 92 %  1 92 %  2 92 %  3 92 %  4 92 %  5 92 %  6 92 %  7 92 %  8 92 %  9 92 %",
        "10 92 %  11 92 %  12 92 %  13 92 %  14 92 %  15 ✖ lost",
    ]
    meters._meters = tuple(Meter(f"GPU {n}", Level(n / 8, f"{n} %"), ("12 W",)) for n in range(2))
    assert plain(meters.lines(80)) == ["GPU 0           0 %  12 W", "GPU 1  █        1 %  12 W"]
    meters._meters = (Meter("GPU", Level(None, "no driver here")),)
    assert plain(meters.lines(80)) == ["GPU  no driver here"]


def test_a_panel_says_why_first_and_breaks_values_where_they_are_laid_out() -> None:
    panel = Panel(
        "a run",
        Badge("INVALID", Tone.BAD),
        headline="12 Samples/s",
        notes=("unverified",),
        facts=(Fact("latency", "min 1  p50 2  p99 3 000 ms"), Fact("ok", "fine", Tone.GOOD)),
        reasons=(Reason("too few queries ran for that", "ask for more of them"),),
    )
    assert plain(panel_lines(panel, 30)) == [
        "a run                ✖ INVALID",
        "✖ too few queries ran for that",
        "  Change: ask for more of them",
        "12 Samples/s",
        "unverified",
        "latency  min 1  p50 2",
        "         p99 3 000 ms",
        "ok       ✔ fine",
    ]


def test_a_word_that_is_longer_than_the_line_is_broken() -> None:
    panel = Panel("", Badge("", Tone.PLAIN), facts=(Fact("log", "/a" * 30),))
    lines = plain(panel_lines(panel, 30, heading=False))
    assert "".join(line[5:] for line in lines) == "/a" * 30


def drawn(*values: float | None, width: int, gap_s: float = 0.5) -> list[str]:
    """Of values a second apart, one row."""
    points = [(float(n), one, one) for n, one in enumerate(values)]
    chart = Chart(0.0, float(len(values)), gap_s=gap_s)
    return curve_rows(Curve("x", points, 100.0, ""), chart, width, rows=1)


def test_a_curve_keeps_gaps_and_peaks() -> None:
    assert drawn(*[100.0] * 4, width=2) == ["⣿⣿"]
    assert drawn(100.0, None, None, 100.0, width=2) == ["⡇⢸"]
    assert drawn(0.0, 0.0, width=1) == ["⣀"]  # there, and not a gap
    (peak,) = drawn(*(100.0 if n == 500 else 0.0 for n in range(1000)), width=20)
    assert [cell for cell in peak if cell != "⣀"] in (["⣁"], ["⣈"])  # a dot at the most


def test_a_value_holds_until_the_next_but_not_over_a_gap() -> None:
    assert drawn(100.0, 100.0, width=2, gap_s=1.5) == ["⣿⡇"]
    assert drawn(100.0, 100.0, width=2, gap_s=0.5) == ["⡇⡇"]


def test_a_chart_has_curves_beside_each_other_marks_and_time() -> None:
    points = [(float(n), 50.0, 60.0) for n in range(100)]
    curves = tuple(Curve(name, points, 100.0, "50 %") for name in ("util", "power"))
    marks = (Mark("deps", 0, 20), Mark("LoadGen", 20, 90, strong=True), Mark("x", 90, 90.1))
    chart = Chart(0, 100, curves, marks, ((0, "0:00"), (50, "0:50"), (100, "1:40")), cursor_s=50)
    narrow = [line.plain for line in chart_lines(chart, 40)]
    assert [line for line in narrow if "50 %" in line] == ["util  50 %", "power  50 %"]
    assert narrow[-2].startswith("├deps───╺LoadGen━")
    assert narrow[-1] == "0:00                0:50            1:40"
    wide = [line.plain for line in chart_lines(chart, 160)]
    assert len(wide) == 6
    assert wide[0].split() == ["util", "50", "%", "power", "50", "%"]
    assert not chart_lines(Chart(0, 1), 80)


def test_ascii_keeps_the_width_and_the_meaning() -> None:
    text = "✔ VALID ✖ no ▲ care ● runs ○ waits ■ stopped ━━╸── ██▍ ≥10 … · µs ▶ ◂▸ 漢"
    plain_text = to_ascii(text)
    assert plain_text.isascii()
    assert len(plain_text) == len(text)
    assert plain_text.startswith("+ VALID x no ! care * runs o waits # stopped ===-- ###")


class LineApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Line()


@pytest.mark.parametrize("size", [(40, 3), (10, 3), (3, 1)])
async def test_a_line_fits_whatever_the_width(size: tuple[int, int]) -> None:
    app = LineApp(ansi_color=True)
    async with app.run_test(size=size) as pilot:
        app.query_one(Line).show(Text("some words at the left"), Text("right"))
        await pilot.pause()
        strip = app.query_one(Line).render_line(0)
        assert strip.cell_length == size[0]


def test_no_control_character_reaches_the_terminal() -> None:
    from rich.console import Console

    from widgets.tones import strip_of

    strip = strip_of(Text("python3 -c \n\x1b]0;title\x07import x\x9b31m", "bold"), Console())
    assert strip.text == "python3 -c ··]0;titleimport x·31m"  # BEL is dropped by Rich
