"""A question with yes and no, and a sheet of text over the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from widgets.line import Line
from widgets.text_view import TextView
from widgets.tones import KEY, QUIET, STRONG


class Paragraphs(TextView):
    """Lines of text, broken at words."""

    def __init__(self, paragraphs: Sequence[Text]) -> None:
        super().__init__()
        self._paragraphs = tuple(paragraphs)

    def show(self, paragraphs: Sequence[Text]) -> None:
        """Show others."""
        self._paragraphs = tuple(paragraphs)
        self.redraw()

    def lines(self, width: int) -> list[Text]:
        """The paragraphs, broken."""
        console = self.app.console
        return [line for one in self._paragraphs for line in one.wrap(console, max(10, width))]


class Confirm(ModalScreen[bool]):
    """A yes-or-no question; gives True for yes."""

    DEFAULT_CSS = """
    Confirm { align: center middle; background: transparent; }
    Confirm > Paragraphs {
        width: 66; max-width: 100%; padding: 0 1; border: round $foreground;
        background: $background;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape,q,ctrl+c,ctrl+q", "answer(False)", "no"),
    ]

    def __init__(self, question: str, consequence: str, yes: str, no: str = "no") -> None:
        super().__init__()
        answers = Text.assemble(
            _answer("y", yes, "screen.answer(True)"),
            "    ",
            _answer("n", no, "screen.answer(False)"),
        )
        self._paragraphs = (Text(question, STRONG), answers, Text(""), Text(consequence))

    def compose(self) -> ComposeResult:
        """The question."""
        yield Paragraphs(self._paragraphs)

    def action_answer(self, yes: bool) -> None:
        """Go, with the answer."""
        self.dismiss(yes)


def _answer(key: str, words: str, action: str) -> Text:
    style = Style(meta={"@click": action})
    return Text.assemble((key, KEY + style), (f" {words}", style))


class Sheet(ModalScreen[None]):
    """Text over the screen, to read; any of Esc, q, Enter closes it."""

    DEFAULT_CSS = """
    Sheet { align: center middle; background: transparent; }
    Sheet > VerticalScroll {
        width: 98; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
        border: round $foreground; background: $background; border-title-style: bold;
        scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,ctrl+j,question_mark", "close", "close"),
        Binding("y", "app.copy", "copy"),
        Binding("Y", "app.copy_to_file", "copy to a file"),
        Binding("ctrl+c,ctrl+q", "app.quit", "quit"),
    ]

    def __init__(self, title: str, paragraphs: Sequence[Text], *, copyable: str = "") -> None:
        super().__init__()
        self._title = title
        self._paragraphs = tuple(paragraphs)
        self.copyable = copyable or "\n".join(one.plain for one in paragraphs)
        """What a copy of it is."""

    def compose(self) -> ComposeResult:
        """The text, and how to leave."""
        with VerticalScroll() as box:
            box.border_title = self._title
            yield Paragraphs(self._paragraphs)
            yield Line(id="foot")

    def on_mount(self) -> None:
        """Say how to leave."""
        self.say(Text("Esc closes · y copies", QUIET))

    def say(self, words: Text) -> None:
        """Something in the last line of the sheet."""
        self.query_one("#foot", Line).show(words)

    def action_close(self) -> None:
        """Go."""
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        """With the mouse: a click beside the sheet closes it."""
        if event.widget is self:
            self.dismiss(None)
