"""Which cells of a line are other ones than before: only they are sent to the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import get_character_cell_size
from rich.style import Style
from textual.strip import Strip

NEAR = 8
"""Changes so near to each other are sent together: to move the cursor costs as much."""


def changed(before: Strip, after: Strip) -> list[tuple[int, int]]:
    """Spans of cells, from and up to, in which two lines differ; as wide as the wider one."""
    old, new = list(_cells(before)), list(_cells(after))
    width = max(len(old), len(new))
    blank = (" ", None)
    old += [blank] * (width - len(old))
    new += [blank] * (width - len(new))
    spans: list[tuple[int, int]] = []
    for at in range(width):
        if old[at] == new[at]:
            continue
        if spans and at - spans[-1][1] < NEAR:
            spans[-1] = (spans[-1][0], at + 1)
        else:
            spans.append((at, at + 1))
    return spans


def _cells(strip: Strip) -> Iterator[tuple[str, Style | None]]:
    """Character and style of each cell; the second one of a wide character is empty."""
    for segment in strip:
        for character in segment.text:
            size = get_character_cell_size(character)
            yield from [(character, segment.style), ("", segment.style)][:size]
