"""Lists and forms alone, with made-up rows."""

from __future__ import annotations

from typing import Any

import pytest
from textual import on
from textual.app import App, ComposeResult

from widgets.choice_list import ChoiceList
from widgets.form import Form
from widgets.rows import Cell, Choice, Column, Option, Tone

COLUMNS = (
    Column("name", 8, most=12),
    Column("what", 10, spare=1),
    Column("number", 8, right=True),
)


class ListApp(App[None]):
    def __init__(self, count: int) -> None:
        super().__init__(ansi_color=True)
        self.count, self.asked, self.told = count, set[int](), list[Any]()

    def compose(self) -> ComposeResult:
        yield ChoiceList(COLUMNS, "Nothing here.")

    def on_mount(self) -> None:
        rows = self.query_one(ChoiceList)
        rows.set_rows(self.count, self.row)
        self.screen.set_focus(rows)

    def row(self, index: int) -> tuple[Cell, ...]:
        self.asked.add(index)
        tone = Tone.BAD if index == 2 else Tone.PLAIN
        return Cell(f"row{index}", tone), Cell("something", quiet=True), Cell(str(index * 10))

    @on(ChoiceList.Highlighted)
    @on(ChoiceList.Chosen)
    def keep(self, message: Any) -> None:
        self.told.append((type(message).__name__, message.index))

    def lines(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


async def test_of_ten_thousand_rows_only_those_in_view_are_made() -> None:
    app = ListApp(10_000)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        assert app.lines()[0] == "  name          what          number"
        assert app.lines()[1].startswith("▶ row0          something          0")
        assert "✖ row2" in app.lines()[3]
        await pilot.press("end")
        assert app.lines()[9].startswith("▶ row9999")
        assert app.lines()[0].startswith("  name")
        await pilot.press("home", "pagedown", "down", "up")
        assert app.query_one(ChoiceList).cursor == 8
        assert len(app.asked) < 60


@pytest.mark.parametrize("count", [0, 1, 8, 9, 10, 30])
async def test_the_cursor_is_always_in_view(count: int) -> None:
    app = ListApp(count)
    async with app.run_test(size=(40, 10)) as pilot:
        rows = app.query_one(ChoiceList)
        for key in ("down", "end", "up", "pageup", "G", "g", "pagedown", "end", "k"):
            await pilot.press(key)
            assert 0 <= rows.cursor < max(1, count)
            if count:
                here = [line for line in app.lines()[1:] if line.startswith("▶ ")]
                assert len(here) == 1
                assert here[0].startswith(f"▶ row{rows.cursor}") or "✖ row2" in here[0]
        if not count:
            assert app.lines()[1] == "  Nothing here."


async def test_narrow_lists_leave_out_what_is_spare_and_cut_nothing_else() -> None:
    app = ListApp(3)
    async with app.run_test(size=(24, 6)) as pilot:
        await pilot.pause()
        assert app.lines()[0] == "  name            number"
        assert app.lines()[2] == "  row1                10"


async def test_a_click_goes_to_a_row_and_a_second_one_chooses_it() -> None:
    app = ListApp(30)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("pagedown", "pagedown")
        top = app.query_one(ChoiceList).scroll_offset.y
        app.told.clear()
        await pilot.click(ChoiceList, offset=(3, 4))
        await pilot.click(ChoiceList, offset=(3, 4))
        await pilot.click(ChoiceList, offset=(3, 0))  # the heading: nothing
        await pilot.pause()
        assert app.told == [("Highlighted", top + 3), ("Chosen", top + 3)]


async def test_fewer_rows_take_the_cursor_with_them() -> None:
    app = ListApp(30)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("end")
        rows = app.query_one(ChoiceList)
        rows.set_rows(3, app.row)
        await pilot.pause()
        assert rows.cursor == 2
        assert app.lines()[3].startswith("▶")
        rows.set_rows(0, app.row, empty="All gone.")
        await pilot.pause()
        assert app.lines()[1] == "  All gone."


CHOICES = (
    Choice("scenario", "Offline", tuple(map(Option, ("Offline", "Server", "SingleStream")))),
    Choice("device", "cpu", (Option("cpu"), Option("cuda", off="no driver here"))),
    Choice("alone", "only", (Option("only"),)),
    Choice("where", "here", (Option("here", label="this place"), Option("there"))),
)


class FormApp(App[None]):
    def __init__(self) -> None:
        super().__init__(ansi_color=True)
        self.told = list[Any]()

    def compose(self) -> ComposeResult:
        yield Form()

    def on_mount(self) -> None:
        form = self.query_one(Form)
        form.show(CHOICES)
        self.screen.set_focus(form)

    @on(Form.Changed)
    def changed(self, message: Form.Changed) -> None:
        self.told.append((message.name, message.value))

    @on(Form.Refused)
    def refused(self, message: Form.Refused) -> None:
        self.told.append(message.why)

    def lines(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


async def test_keys_ask_for_the_next_value_and_pass_over_what_is_off() -> None:
    app = FormApp()
    async with app.run_test(size=(80, 6)) as pilot:
        await pilot.press("right", "left")  # the form only asks: Offline stays
        await pilot.press("down", "right", "down", "right", "down", "left")
        await pilot.pause()
        assert app.told == [
            ("scenario", "Server"),
            ("scenario", "SingleStream"),
            "device cuda: no driver here",
            ("where", "there"),
        ]


async def test_choices_break_into_lines_and_show_labels() -> None:
    app = FormApp()
    async with app.run_test(size=(44, 6)) as pilot:
        await pilot.pause()
        assert app.lines()[:2] == [
            "scenario ◂ Offline ▸   device ◂ cpu ▸",
            "alone only   where ◂ this place ▸",
        ]


async def test_a_click_on_the_arrows_goes_back_and_forth() -> None:
    app = FormApp()
    async with app.run_test(size=(80, 6)) as pilot:
        await pilot.pause()
        line = app.lines()[0]
        await pilot.click(Form, offset=(line.index("◂"), 0))
        await pilot.click(Form, offset=(line.index("▸"), 0))
        await pilot.click(Form, offset=(line.index("◂ this"), 0))
        await pilot.pause()
        assert app.told == [
            ("scenario", "SingleStream"),
            ("scenario", "Server"),
            ("where", "there"),
        ]
