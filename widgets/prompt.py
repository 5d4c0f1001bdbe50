"""A line to type into, made only when it is asked for."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from widgets.line import Line


class Field(Input):
    """An input that takes keys in the order they came, however many arrive at once.

    Textual gives Enter, Backspace and the like to bindings, some messages after the printable keys
    that were typed behind them. And Enter that was typed before the terminal was set up is a ^j.
    """

    ACTIONS: ClassVar[dict[str, str]] = {
        "enter": "submit",
        "ctrl+j": "submit",
        "backspace": "delete_left",
        "delete": "delete_right",
        "ctrl+u": "delete_left_all",
        "ctrl+w": "delete_left_word",
        "left": "cursor_left",
        "right": "cursor_right",
        "home": "home",
        "end": "end",
    }

    def __init__(self, text: str) -> None:
        super().__init__(text, compact=True, select_on_focus=False)
        self.cursor_blink = False
        self.takes_lines = False
        """Several lines that are pasted are told as a whole; else the first one is taken."""
        self._is_sent = False

    async def on_key(self, event: events.Key) -> None:
        """Act at once; what comes after Enter is not text any more."""
        name = self.ACTIONS.get(event.key)
        if name is None and not (self._is_sent and event.is_printable):
            return
        event.prevent_default().stop()
        if name == "submit":
            self._is_sent = True
        if name is not None and not (self._is_sent and name != "submit"):
            await self.run_action(name)

    def on_paste(self, event: events.Paste) -> None:
        """Several lines do not fit into one."""
        if self.takes_lines and len(event.text.splitlines()) > 1:
            event.prevent_default().stop()
            self.post_message(Prompt.Pasted(event.text))

    def again(self) -> None:
        """It was refused: one types on."""
        self._is_sent = False


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

    class Pasted(Message):
        """Several lines were pasted."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, label: str, text: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._label = label
        self.field = Field(text)
        """Where one types; whoever shows the prompt gives it the focus."""

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
