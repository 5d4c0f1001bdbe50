"""The steps of something long: done with their times, the present one, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from widgets.rows import Step
from widgets.text_view import TextView
from widgets.tones import QUIET, STRONG, STYLES

GAP = "  "


class Steps(TextView):
    """Steps beside each other; where there is no room the oldest are left out."""

    DEFAULT_CSS = """
    Steps { height: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._steps: tuple[Step, ...] = ()

    def show(self, steps: Sequence[Step]) -> None:
        """Show these."""
        self._steps = tuple(steps)
        self.redraw()

    def lines(self, width: int) -> list[Text]:
        """One line."""
        parts = [step_text(one) for one in self._steps]
        left_out = False
        while len(parts) > 1 and _width(parts) + (3 if left_out else 0) > width:
            parts.pop(0)
            left_out = True
        line = Text(GAP, no_wrap=True).join(parts)
        if left_out:
            line = Text.assemble(("… ", QUIET), line)
        line.truncate(width, overflow="ellipsis")
        return [line]


def _width(parts: Sequence[Text]) -> int:
    return sum(one.cell_len for one in parts) + len(GAP) * (len(parts) - 1)


def step_text(step: Step) -> Text:
    """A step that goes on is marked in front, one that is over behind its name."""
    if step.here:
        return Text.assemble(("▶ ", "cyan"), (step.name, STRONG), " ", step.time)
    sign = step.tone.sign(ascii_only=False)
    return Text.assemble((step.name, QUIET), " ", (sign, STYLES[step.tone]), f" {step.time}")
