"""A list of fields: headings are passed over, values are asked for, the place stays."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App, ComposeResult

from tests.screens.looks import shown
from widgets.field_list import FieldList
from widgets.form import next_option
from widgets.rows import Field, Group, Option

GROUPS = [
    Group(
        "first", (Field("a", "1", (Option("1"), Option("2"), Option("3", "no"))), Field("b", ""))
    ),
    Group("empty", ()),
    Group("second", (Field("c", "x", is_changed=True, default="y", problem="wrong"),)),
]


class Fields(App[None]):
    """The list alone; what it asks for is kept."""

    def __init__(self) -> None:
        super().__init__(ansi_color=True)
        self.asked: list[Any] = []

    def compose(self) -> ComposeResult:
        yield FieldList("nothing")

    def on_mount(self) -> None:
        self.query_one(FieldList).show(GROUPS)

    def on_field_list_changed(self, event: FieldList.Changed) -> None:
        self.asked.append((event.name, event.value))

    def on_field_list_refused(self, event: FieldList.Refused) -> None:
        self.asked.append(event.why)

    def on_field_list_asked(self, event: FieldList.Asked) -> None:
        self.asked.append(event.field.name)


@pytest.fixture
def app() -> Fields:
    return Fields()


async def test_headings_are_passed_over_and_empty_groups_are_not_shown(app: Fields) -> None:
    async with app.run_test(size=(80, 10)) as pilot:
        fields = app.query_one(FieldList)
        places = []
        for key in ("home", "up", "down", "down", "down", "up", "home"):
            await pilot.press(key)
            assert fields.field is not None
            places.append(fields.field.name)
        assert places == ["a", "a", "b", "c", "c", "b", "a"]
        assert "empty" not in shown(app)


async def test_left_and_right_ask_for_the_next_value_and_enter_for_a_typed_one(
    app: Fields,
) -> None:
    async with app.run_test(size=(80, 10)) as pilot:
        await pilot.press("home", "right", "left", "enter", "down", "right")
        await pilot.pause()
        assert app.asked == [
            ("a", "2"),
            ("a", "2"),
            "a 3: no",
            "a",
            "b: Enter, then type a value",
        ]


async def test_a_changed_field_and_a_problem_have_signs(app: Fields) -> None:
    async with app.run_test(size=(80, 10)):
        assert "* c" in shown(app)
        assert "✖ x" in shown(app)
        assert "◂ 1 ▸" in shown(app)


async def test_the_cursor_stays_on_its_field_when_others_come_before_it(app: Fields) -> None:
    async with app.run_test(size=(80, 10)) as pilot:
        fields = app.query_one(FieldList)
        await pilot.press("end")
        fields.show([Group("more", (Field("z", ""), Field("y", ""))), *GROUPS])
        assert fields.field is not None
        assert fields.field.name == "c"
        fields.show([])
        await pilot.pause()
        assert fields.field is None
        assert "nothing" in shown(app)
        await pilot.press("right", "enter", "down")
        assert app.asked == []


def test_the_next_option_is_found_both_ways_and_off_ones_are_told() -> None:
    options = (Option("1"), Option("2", "off"), Option("3"))
    assert next_option(options, "1", 1) == (options[2], [options[1]])
    assert next_option(options, "1", -1) == (options[2], [])
    assert next_option(options[:2], "1", 1) == (None, [options[1]])
    assert next_option((), "1", 1) == (None, [])
