"""One line a device: name, bar, numbers. As many as there is room for; the rest are counted."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from widgets.rows import Meter
from widgets.text_view import TextView
from widgets.tones import QUIET, badge_text, bar

BAR = 8


class Meters(TextView):
    """Meters one below the other."""

    def __init__(self, most: int, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.most = most
        """Lines at most."""
        self._meters: tuple[Meter, ...] = ()

    def show(self, meters: Sequence[Meter]) -> None:
        """Show these."""
        self._meters = tuple(meters)
        self.redraw()

    def lines(self, width: int) -> list[Text]:
        """One line each, and one that counts those without room."""
        shown, more = self._meters, len(self._meters) - self.most
        if more > 0:
            shown = shown[: self.most - 1]
        names = max((len(one.name) for one in shown), default=0)
        lines = [meter_text(one, names) for one in shown]
        if more > 0:
            lines.append(Text(f"… and {more + 1} more", QUIET))
        return lines


def meter_text(meter: Meter, width: int) -> Text:
    """Name, bar, facts and badge on one line."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(meter.name.ljust(width) + "  ", "bold")
    if meter.level.share is not None:
        line.append(bar(meter.level.share, BAR) + " ", "cyan")
    line.append(meter.level.text)
    for fact in meter.facts:
        line.append("  " + fact)
    if meter.badge is not None:
        line.append("  ").append_text(badge_text(meter.badge))
    return line
