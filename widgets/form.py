"""Choices in a row: left and right change the value, up and down go to the next choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from widgets.rows import Choice, Option
from widgets.text_view import TextView
from widgets.tones import QUIET

GAP = 3


def next_option(
    options: Sequence[Option], value: str, step: int
) -> tuple[Option | None, list[Option]]:
    """The next option (the one before), and those that are off and were passed over.

    Returns:
        None where no other one can be chosen.
    """
    values = [one.value for one in options]
    at = values.index(value) if value in values else 0
    passed: list[Option] = []
    for n in range(1, len(values) + 1):
        option = options[(at + n * step) % len(values)]
        if option.off is None:
            return (option if option.value != value else None), passed
        passed.append(option)
    return None, passed


class Form(TextView, can_focus=True):
    """Several choices. It only asks: whoever owns the values answers by `show`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "change(-1)", "◂ value"),
        Binding("right,l", "change(1)", "value ▸"),
        Binding("down,j", "go(1)", "next", show=False),
        Binding("up,k", "go(-1)", "previous", show=False),
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

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._choices: tuple[Choice, ...] = ()
        self._here = 0
        self._places: list[tuple[int, int, int, str]] = []
        """Line, first and last column of each choice, and its name."""

    def show(self, choices: Sequence[Choice]) -> None:
        """Show these choices."""
        self._choices = tuple(choices)
        self._here = min(self._here, max(0, len(self._choices) - 1))
        self.redraw()

    def lines(self, width: int) -> list[Text]:
        """All choices, as many a line as there is room for."""
        lines: list[Text] = [Text(no_wrap=True)]
        self._places = []
        for nth, choice in enumerate(self._choices):
            words = self._words(choice, here=nth == self._here and self.has_focus)
            if lines[-1].cell_len and lines[-1].cell_len + GAP + words.cell_len > width:
                lines.append(Text(no_wrap=True))
            if lines[-1].cell_len:
                lines[-1].append(" " * GAP)
            start = lines[-1].cell_len
            lines[-1].append_text(words)
            self._places.append((len(lines) - 1, start, lines[-1].cell_len, choice.name))
        return lines

    def _words(self, choice: Choice, *, here: bool) -> Text:
        arrows = len(choice.options) > 1
        left, right = ("◂ ", " ▸") if arrows else ("", "")
        labels = {one.value: one.label for one in choice.options}
        shown = labels.get(choice.value) or choice.value
        return Text.assemble(
            (f"{choice.name} ", QUIET),
            (f"{left}{shown}{right}", "reverse" if here else "bold"),
        )

    def action_go(self, step: int) -> None:
        """To the next choice (the one before)."""
        if self._choices:
            self._here = (self._here + step) % len(self._choices)
            self.redraw()

    def action_change(self, step: int) -> None:
        """The next value of this choice (the one before)."""
        if self._choices:
            self.step(self._choices[self._here].name, step)

    def step(self, name: str, step: int) -> None:
        """Ask for the next (the last) value of a choice; those that are off are passed over."""
        choice = next((one for one in self._choices if one.name == name), None)
        if choice is None or not choice.options:
            return
        found, passed = next_option(choice.options, choice.value, step)
        if found is not None:
            self.post_message(self.Changed(name, found.value))
        for one in passed[:1]:
            self.post_message(self.Refused(f"{name} {one.value}: {one.off}"))

    def on_click(self, event: events.Click) -> None:
        """A click on the left arrow goes back, anywhere else in a choice forward."""
        for nth, (line, start, end, name) in enumerate(self._places):
            if line == event.y and start <= event.x < end:
                self._here = nth
                at_arrow = event.x <= start + len(name) + 2
                self.step(name, -1 if at_arrow else 1)
                self.redraw()

    def on_focus(self) -> None:
        """Show where one is."""
        self.redraw()

    def on_blur(self) -> None:
        """Nobody is here."""
        self.redraw()
