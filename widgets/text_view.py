"""The base of everything that shows some lines of text: only what changed is sent."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from widgets.changes import changed
from widgets.tones import blank, strip_of


class TextView(Widget):
    """Some lines, as high as they need. A subclass says in `lines` what they are."""

    DEFAULT_CSS = """
    TextView { height: auto; width: 1fr; }
    """
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._strips: list[Strip] = []
        self._width = 0

    def lines(self, width: int) -> Sequence[Text]:
        """What is shown, at that width."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Call this when `lines` would give something else."""
        width = self.content_size.width
        if not self.is_attached or not width:
            return
        old, self._strips = self._strips, self._rendered(width)
        if len(old) != len(self._strips) or width != self._width:
            self._width = width
            self.refresh(layout=True)
            return
        for y, (before, after) in enumerate(zip(old, self._strips)):
            for begin, end in changed(before, after):
                self.refresh(Region(begin, y, end - begin, 1))

    def _rendered(self, width: int) -> list[Strip]:
        console = self.app.console
        return [strip_of(line, console) for line in self.lines(width)]

    def on_resize(self) -> None:
        """Lines break elsewhere."""
        self.redraw()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All there is."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """One row a line."""
        if width != self._width or not self._strips:
            self._strips, self._width = self._rendered(width), width
        return len(self._strips)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.size.width
        if y < len(self._strips):
            return self._strips[y].adjust_cell_length(width, Style.null())
        return blank(width)
