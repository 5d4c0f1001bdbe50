"""One of several, over the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from widgets.choice_list import ChoiceList
from widgets.line import Line
from widgets.rows import Cell, Column
from widgets.tones import QUIET


class Pick(ModalScreen["int | None"]):
    """A list to choose from; gives the row's number, None where nothing is wanted."""

    DEFAULT_CSS = """
    Pick { align: center middle; background: transparent; }
    Pick > Vertical {
        width: 98; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
        border: round $foreground; background: $background; border-title-style: bold;
    }
    Pick ChoiceList { height: auto; max-height: 20; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,ctrl+j", "choose", "choose"),
        Binding("escape,q", "leave", "back"),
        Binding("ctrl+c,ctrl+q", "app.quit", "quit"),
    ]

    def __init__(
        self, title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], empty: str
    ) -> None:
        super().__init__()
        self._title, self._rows = title, tuple(rows)
        self._list = ChoiceList(columns, empty)

    def compose(self) -> ComposeResult:
        """The list, and how to leave."""
        with Vertical() as box:
            box.border_title = self._title
            yield self._list
            yield Line(id="foot")

    def on_mount(self) -> None:
        """Fill the list."""
        self._list.styles.height = max(2, len(self._rows) + 1)
        self._list.set_rows(len(self._rows), self._rows.__getitem__)
        self.set_focus(self._list)
        self.query_one("#foot", Line).show(Text("Enter chooses · Esc closes", QUIET))

    def action_choose(self) -> None:
        """Go, with the row under the cursor."""
        self.dismiss(self._list.cursor if self._rows else None)

    def on_choice_list_chosen(self) -> None:
        """With the mouse."""
        self.action_choose()

    def action_leave(self) -> None:
        """Go, with nothing."""
        self.dismiss(None)
