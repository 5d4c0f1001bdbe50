"""One line a device: name, bar, numbers; several in a line where there is no room for that."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from widgets.rows import Badge, Meter
from widgets.text_view import TextView
from widgets.tones import STRONG, badge_text, bar

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
        """One line each; where there is no room for that, several in a line: none is left out."""
        if len(self._meters) <= self.most:
            names = max((len(one.name) for one in self._meters), default=0)
            return [meter_text(one, names) for one in self._meters]
        packed: list[Text] = []
        for bar_width in (3, 0):
            packed = _packed([_short(one, bar_width) for one in self._meters], width)
            if len(packed) <= self.most:
                break
        return packed


def _packed(items: Sequence[Text], width: int) -> list[Text]:
    """As many in a line as there is room for."""
    lines: list[Text] = []
    for item in items:
        if lines and lines[-1].cell_len + 2 + item.cell_len <= width:
            lines[-1].append("  ").append_text(item)
        else:
            lines.append(item)
    return lines


def _short(meter: Meter, bar_width: int) -> Text:
    """The last word of its name and its level; the sign of its badge where there is one."""
    name = meter.name.rpartition(" ")[2]
    if meter.badge is not None:
        word = Badge(meter.badge.text.partition(":")[0].split()[0], meter.badge.tone)
        return Text.assemble((name, STRONG), " ").append_text(badge_text(word))
    item = Text(name, STRONG, no_wrap=True)
    if bar_width and meter.level.share is not None:
        item.append(" " + bar(meter.level.share, bar_width), "cyan")
    return item.append(" " + (meter.level.text.strip() if not bar_width else meter.level.text), "")


def meter_text(meter: Meter, width: int) -> Text:
    """Name, bar, facts and badge on one line."""
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(meter.name.ljust(width) + "  ", STRONG)
    if meter.level.share is not None:
        line.append(bar(meter.level.share, BAR) + " ", "cyan")
    line.append(meter.level.text)
    for fact in meter.facts:
        line.append("  " + fact)
    if meter.badge is not None:
        line.append("  ").append_text(badge_text(meter.badge))
    return line
