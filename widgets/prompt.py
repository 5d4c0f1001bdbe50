"""A line to type into, made only when it is asked for."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from widgets.line import Line


class Prompt(Horizontal):
    """A label and an input; Enter sends, Esc leaves, every change is told."""

    DEFAULT_CSS = """
    Prompt { height: 1; }
    Prompt Line { width: auto; }
    Prompt Input, Prompt Input:focus {
        width: 1fr; height: 1; border: none; padding: 0; background: $background;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "back")]

    class Changed(Message):
        """The text is another one."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Sent(Message):
        """Enter was pressed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """Esc was pressed."""

    def __init__(self, label: str, text: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._label = label
        self.field = Input(text, compact=True, select_on_focus=False)
        """Where one types; whoever shows the prompt gives it the focus."""
        self.field.cursor_blink = False

    def compose(self) -> ComposeResult:
        """Label and input."""
        label = Line()
        label.styles.width = len(self._label) + 1
        label.show(Text(self._label, "dim"))
        yield label
        yield self.field

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the new text."""
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Tell that it is complete."""
        event.stop()
        self.post_message(self.Sent(event.value))

    def action_leave(self) -> None:
        """Tell that nothing is wanted."""
        self.post_message(self.Left())
