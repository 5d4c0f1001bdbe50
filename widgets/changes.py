"""Which cells of a line are other ones than before: only they are sent to the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import get_character_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

NEAR = 8
"""Changes so near to each other are sent together: to move the cursor costs as much."""


def changed(before: Strip, after: Strip) -> list[tuple[int, int]]:
    """Spans of cells, from and up to, in which two lines differ; as wide as the wider one."""
    if before == after:
        return []
    places = _in_place(before, after)
    spans: list[tuple[int, int]] = []
    for at in _by_cell(before, after) if places is None else places:
        if spans and at - spans[-1][1] < NEAR:
            spans[-1] = (spans[-1][0], at + 1)
        else:
            spans.append((at, at + 1))
    return spans


def _in_place(before: Strip, after: Strip) -> list[int] | None:
    """Cells that differ, where the lines are made of the same pieces; None where they are not."""
    old, new = list(before), list(after)
    if len(old) != len(new):
        return None
    found: list[int] = []
    at = 0
    for one, other in zip(old, new):
        width = len(one.text)
        if one.style != other.style or width != len(other.text):
            return None
        if one.text != other.text:
            if not (_is_narrow(one) and _is_narrow(other)):
                return None
            found += [at + n for n, (a, b) in enumerate(zip(one.text, other.text)) if a != b]
        elif not _is_narrow(one):
            return None
        at += width
    return found


def _is_narrow(segment: Segment) -> bool:
    return segment.cell_length == len(segment.text)


def _by_cell(before: Strip, after: Strip) -> Iterable[int]:
    """Cells that differ, whatever the lines are made of."""
    old, new = list(_cells(before)), list(_cells(after))
    width = max(len(old), len(new))
    blank = (" ", None)
    old += [blank] * (width - len(old))
    new += [blank] * (width - len(new))
    return (at for at in range(width) if old[at] != new[at])


def _cells(strip: Strip) -> Iterator[tuple[str, Style | None]]:
    """Character and style of each cell; a wide character has two, which change together."""
    for segment in strip:
        for character in segment.text:
            size = get_character_cell_size(character)
            yield from [(character, segment.style), (f"{character}'s", segment.style)][:size]
