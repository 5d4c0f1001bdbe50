"""A file that LoadGen wrote, as it is: searchable, however long."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.present.log import loadgen_look
from tui.screens.log_frame import LogFrame
from widgets.line import Line, Rule
from widgets.log_view import LogView
from widgets.tones import QUIET, STRONG


class RawScreen(LogFrame):
    """A raw log, from its beginning."""

    NAME = "Raw log"
    HELP = (
        "The file as LoadGen wrote it; errors are red, warnings yellow. / looks for a word, n and "
        "N go to the next hit and the one before, g and G to the two ends."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "app.copy", "copy path"),
        Binding("escape", "leave", "back"),
    ]

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path

    def body(self) -> ComposeResult:
        """Its name, the text."""
        yield Line(id="head")
        yield Rule()
        yield LogView()

    def on_mount(self) -> None:
        """From the beginning."""
        self.query_one("#head", Line).show(
            Text(self._path.name, STRONG), Text(str(self._path.parent), QUIET)
        )
        view = self.query_one(LogView)
        view.show(self._log, loadgen_look, live=False)
        self.set_focus(view)
        self.call_after_refresh(view.action_start)

    def action_leave(self) -> None:
        """Back; a search ends first."""
        if not self.end_search():
            self.app.pop_screen()

    def copyable(self) -> tuple[str, str] | None:
        """Where it lies."""
        return "the path", str(self._path)
