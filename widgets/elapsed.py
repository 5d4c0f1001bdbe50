"""Time against a known minimum: a line of progress that never claims to be at its end too early."""

from __future__ import annotations

from rich.text import Text

from widgets.text_view import TextView
from widgets.tones import QUIET


class Elapsed(TextView):
    """A line that fills up to the minimum, with words at its right; blank where none is known."""

    DEFAULT_CSS = """
    Elapsed { height: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._share: float | None = None
        self._words = ""

    def show(self, share: float | None, words: str) -> None:
        """Show a share of the minimum, 0 to 1 and more; None: nothing to measure against."""
        self._share, self._words = share, words
        self.redraw()

    def lines(self, width: int) -> list[Text]:
        """The line."""
        return [progress(self._share, self._words, width)]


def progress(share: float | None, words: str, width: int) -> Text:
    """The line as text."""
    if share is None:
        return Text(words, QUIET, no_wrap=True)
    # As long as it may be, but for longer words: where they change, the line should not.
    room = max(4, min(width * 3 // 5, width - len(words) - 2))
    halves = int(max(0.0, min(1.0, share)) * room * 2)
    done = "━" * (halves // 2) + ("╸" if halves % 2 else "")
    return Text.assemble(
        (done, "cyan"), ("─" * (room - len(done)), "dim"), "  ", words, no_wrap=True
    )
