"""What is sent to the terminal: the cells that changed, and no others."""

from __future__ import annotations

import io
import re

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.terminal import Changes
from widgets.changes import changed

BOLD = Style(bold=True)


def strip(*parts: str | tuple[str, Style]) -> Strip:
    return Strip([Segment(one) if isinstance(one, str) else Segment(*one) for one in parts])


def test_only_what_differs_is_told_and_near_changes_go_together() -> None:
    assert changed(strip("the same"), strip("the same")) == []
    assert changed(strip("GPU  9 %"), strip("GPU 10 %")) == [(4, 6)]
    assert changed(strip("a" * 40), strip("b" + "a" * 38 + "b")) == [(0, 1), (39, 40)]
    assert changed(strip("abcdef"), strip("xbcdex")) == [(0, 6)]


def test_another_look_is_a_change_too() -> None:
    assert changed(strip("ab", "cd"), strip("ab", ("cd", BOLD))) == [(2, 4)]
    assert changed(strip("abcd"), strip("ab", ("cd", BOLD))) == [(2, 4)]


def test_a_line_that_is_shorter_or_longer_now_differs_to_its_end() -> None:
    assert changed(strip("long line"), strip("long")) == [(5, 9)]
    assert changed(strip("long"), strip("long line")) == [(5, 9)]


def test_wide_characters_take_two_cells() -> None:
    assert changed(strip("漢x"), strip("漢y")) == [(2, 3)]
    assert changed(strip("漢xx"), strip("字xx")) == [(0, 2)]
    assert changed(strip("ab漢"), strip("ab12")) == [(2, 4)]


def test_an_update_begins_at_its_first_changed_cell_not_at_the_left_of_its_part() -> None:
    line = strip("0123456789" * 10)
    update = Changes([{0: line}, {0: line}], [(0, 97, 100), (1, 50, 52)], [[100], [100]])
    sent = update.render_segments(Console(file=io.StringIO()))
    assert re.findall(r"\x1b\[(\d+);(\d+)H([^\x1b]*)", sent) == [
        ("1", "98", "789"),
        ("2", "51", "01"),
    ]


def test_an_update_over_several_parts_crops_each_of_them() -> None:
    chops = [{0: strip("aaaaa"), 5: None, 10: strip("bbbbb")}]
    update = Changes(chops, [(0, 3, 12)], [[5, 10, 15]])
    sent = update.render_segments(Console(file=io.StringIO()))
    assert re.findall(r";(\d+)H([^\x1b]*)", sent) == [("4", "aa"), ("11", "bb")]
