"""One line that is rewritten in place: nothing is laid out again, few bytes are sent."""

from __future__ import annotations

from rich.text import Text

from widgets.text_view import TextView
from widgets.tones import QUIET, between


class Line(TextView):
    """A text at the left and one at the right."""

    DEFAULT_CSS = """
    Line { height: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left, self._right = Text(), Text()

    def show(self, left: Text | str, right: Text | str = "") -> None:
        """Show these."""
        self._left = Text(left) if isinstance(left, str) else left
        self._right = Text(right) if isinstance(right, str) else right
        self.redraw()

    def lines(self, width: int) -> list[Text]:
        """The two, at the ends of the line."""
        return [between(self._left, self._right, width)]


class Rule(Line):
    """A horizontal rule, with words at its right end."""

    def lines(self, width: int) -> list[Text]:
        """The rule."""
        words = Text(" ").append_text(self._right) if self._right else Text()
        room = max(0, width - self._left.cell_len - words.cell_len)
        return [Text.assemble(self._left, ("─" * room, QUIET), words)]
