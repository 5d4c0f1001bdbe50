"""Panels as text: heading, headline, why and what to change, labelled values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text

from widgets.rows import Badge, Fact, Panel, Reason, Tone
from widgets.spread import gauge_line, spread_line
from widgets.text_view import TextView
from widgets.tones import KEY, QUIET, STRONG, badge_text, between


class PanelView(TextView):
    """Panels one below the other, as high as they need to be."""

    def __init__(self, *, heading: bool = True, id: str | None = None) -> None:
        super().__init__(id=id)
        self._heading = heading
        self._panels: tuple[Panel, ...] = ()

    def show(self, panels: Sequence[Panel]) -> None:
        """Show these."""
        self._panels = tuple(panels)
        self.redraw()

    def lines(self, width: int) -> list[Text]:
        """All panels."""
        return [
            line for one in self._panels for line in panel_lines(one, width, heading=self._heading)
        ]


def panel_lines(panel: Panel, width: int, *, heading: bool = True) -> list[Text]:
    """A panel in lines of that width: reasons first of all, facts in a column of their own."""
    lines: list[Text] = []
    if heading:
        lines.append(between(Text(panel.title, STRONG), badge_text(panel.badge), width))
    for reason in panel.reasons:
        lines += _reason(reason, width)
    if panel.headline:
        lines += _wrapped(Text(panel.headline, STRONG), width)
    for note in panel.notes:
        lines += _wrapped(Text(note, QUIET), width)
    return [*lines, *_labelled(panel, width)]


def _reason(reason: Reason, width: int) -> Iterable[Text]:
    yield from _wrapped(badge_text(Badge(reason.text, Tone.BAD)), width)
    if reason.fix:
        for nth, line in enumerate(_wrapped(Text(reason.fix), width - 10)):
            yield Text.assemble(("  Change: " if not nth else " " * 10, KEY), line)


def _labelled(panel: Panel, width: int) -> Iterable[Text]:
    """Everything with a label at the left, in one column."""
    labels = [one.label for one in panel.spreads]
    labels += [one.label for one in panel.gauges]
    labels += [one.label for one in panel.facts]
    label_width = max(map(len, labels), default=0)
    room = max(20, width - label_width - 2)
    for spread in panel.spreads:
        yield from _facts([Fact(spread.label, spread.text)], label_width, width)
        if len(spread.points) > 1:
            yield Text.assemble(" " * (label_width + 2), spread_line(spread, room))
    for gauge in panel.gauges:
        yield Text.assemble((gauge.label.ljust(label_width), QUIET), "  ", gauge_line(gauge, room))
    yield from _facts(panel.facts, label_width, width, stale=panel.stale)


def _facts(
    facts: Sequence[Fact], label_width: int, width: int, *, stale: bool = False
) -> Iterable[Text]:
    for fact in facts:
        value = Text(fact.value, QUIET) if stale else badge_text(Badge(fact.value, fact.tone))
        room = max(20, width - label_width - 2)
        for nth, part in enumerate(_wrapped(value, room)):
            label = fact.label if not nth else ""
            yield Text.assemble((label.ljust(label_width), QUIET), "  ", part)


def _wrapped(value: Text, room: int) -> list[Text]:
    """In lines of at most `room`; where a value is laid out with two spaces, they break there."""
    room = max(1, room)
    if value.cell_len <= room:
        return [value]
    kept = value.plain.split("  ")
    if len(kept) == 1:
        return [Text(line, value.style) for line in _by_words(value.plain.split(" "), room, " ")]
    return [Text(line, value.style) for line in _by_words(kept, room, "  ")]


def _by_words(words: Iterable[str], room: int, glue: str) -> list[str]:
    lines = [""]
    for word in words:
        longer = f"{lines[-1]}{glue}{word}" if lines[-1] else word
        if len(longer) <= room:
            lines[-1] = longer
            continue
        if not lines[-1]:
            lines.pop()
        lines += [word[at : at + room] for at in range(0, max(1, len(word)), room)]
    return lines
