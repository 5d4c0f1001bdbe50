"""Fields one below the other, under headings: left and right change a value, Enter asks for one.

It only asks: whoever owns the values answers by `show`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message

from widgets.choice_list import ChoiceList
from widgets.form import next_option
from widgets.rows import Cell, Column, Field, Group, Tone

COLUMNS = (
    Column("", 30, most=36),
    Column("value", 27, most=40),
    Column("default", 16, most=22, spare=1),
    Column("", 40, most=96, spare=2),
)
CHANGED, SAME = "* ", "  "
NOTHING = "–"


class FieldList(ChoiceList):
    """Groups of fields with a cursor; headings are passed over. `*` marks what is no default."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "change(-1)", "◂ value", show=False),
        Binding("right,l", "change(1)", "value", key_display="←→"),
        Binding("enter,ctrl+j", "ask", "type"),
    ]

    class Changed(Message):
        """Another value is asked for."""

        def __init__(self, name: str, value: str) -> None:
            super().__init__()
            self.name, self.value = name, value

    class Refused(Message):
        """The next value cannot be chosen; `why` says why."""

        def __init__(self, why: str) -> None:
            super().__init__()
            self.why = why

    class Asked(Message):
        """A value is to be typed."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

    def __init__(self, empty: str, *, id: str | None = None) -> None:
        super().__init__(COLUMNS, empty, id=id)
        self._lines: list[Group | Field] = []

    def show(self, groups: Sequence[Group]) -> None:
        """Show these; the cursor stays on its field, or goes to the first where that is gone."""
        here = self.field.name if self.field is not None else None
        self._lines = []
        for group in groups:
            if group.fields:
                self._lines += [group, *group.fields]
        self.set_rows(len(self._lines), self._cells)
        names = [one.name if isinstance(one, Field) else None for one in self._lines]
        first = next((n for n, one in enumerate(names) if one is not None), 0)
        self.go_to(names.index(here) if here in names else first)

    @property
    def field(self) -> Field | None:
        """The one under the cursor."""
        found = self._lines[self.cursor] if self.cursor < len(self._lines) else None
        return found if isinstance(found, Field) else None

    def _cells(self, index: int) -> tuple[Cell, ...]:
        one = self._lines[index]
        if isinstance(one, Group):
            return (Cell(one.title, quiet=True, spans=True),)
        labels = {option.value: option.label for option in one.options}
        value = labels.get(one.value) or one.value or NOTHING
        shown = f"◂ {value} ▸" if len(one.options) > 1 else value
        return (
            Cell(f"{CHANGED if one.is_changed else SAME}{one.name}"),
            Cell(shown, Tone.BAD if one.problem else Tone.PLAIN, quiet=not one.value),
            Cell(one.default or "", quiet=True),
            Cell(one.about, quiet=True),
        )

    def go_to(self, index: int) -> None:
        """Put the cursor on a field: the next one, where there is a heading."""
        index = max(0, min(index, self.count - 1))
        step = -1 if index < self.cursor else 1
        while 0 <= index < self.count and isinstance(self._lines[index], Group):
            index += step
        if index < 0:
            index = 1  # below the first heading
        super().go_to(index)

    def _scroll_to_cursor(self) -> None:
        above = self.cursor
        if above and isinstance(self._lines[above - 1], Group):
            above -= 1  # with its heading
        height = self.cursor - above + 2
        self.scroll_to_region(
            Region(0, above, 1, height), animate=False, immediate=True, force=True
        )

    def action_change(self, step: int) -> None:
        """Ask for the next value (the one before); those that are off are passed over."""
        one = self.field
        if one is None:
            return
        if not one.options:
            self.post_message(self.Refused(f"{one.name}: Enter, then type a value"))
            return
        found, passed = next_option(one.options, one.value, step)
        if found is not None:
            self.post_message(self.Changed(one.name, found.value))
        for off in passed[:1]:
            self.post_message(self.Refused(f"{one.name} {off.label or off.value}: {off.off}"))

    def action_ask(self) -> None:
        """Let the user type a value."""
        if self.field is not None:
            self.post_message(self.Asked(self.field))

    def on_choice_list_chosen(self, event: ChoiceList.Chosen) -> None:
        """A click on the field under the cursor."""
        event.stop()
        self.action_ask()
