"""A list of rows with a cursor; only the rows that are seen are made.

Enter is bound by whoever owns the list, with a word for what it does there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from widgets.changes import changed
from widgets.rows import Cell, Column, Tone
from widgets.tones import QUIET, STRONG, STYLES, bar, blank, strip_of

GAP = 2
BAR = 6
HERE, ELSEWHERE = "▶ ", "  "


class ChoiceList(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows in columns. `row` is asked for a row when it is drawn."""

    DEFAULT_CSS = """
    ChoiceList {
        height: 1fr;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home,g", "go(0)", "first", show=False),
        Binding("end,G", "last", "last", show=False),
    ]
    cursor: reactive[int] = reactive(0, repaint=False)
    """The row where the cursor is, from 0."""

    class Highlighted(Message):
        """The cursor has moved, or the row under it is another one."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    class Chosen(Message):
        """A click on the row under the cursor."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(
        self, columns: Sequence[Column], empty: str, *, heading: bool = True, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._empty = empty
        self._heading = heading
        self._count = 0
        self._row: Callable[[int], Sequence[Cell]] = lambda _: ()
        self._shown: tuple[tuple[Column, int, int], ...] = ()
        """Of each column that has room: itself, its place in the row, its width."""
        self._laid_out = -1
        self._drawn: dict[int, Strip] = {}
        """The lines of the screen as they were last drawn."""

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._count

    def set_rows(
        self, count: int, row: Callable[[int], Sequence[Cell]], *, empty: str | None = None
    ) -> None:
        """Other rows; the cursor stays at its place where that is still there.

        Args:
            count: how many.
            row: gives the cells of one, in the order of the columns.
            empty: what to say where there are none.
        """
        same = count == self._count and empty in (None, self._empty)
        self._count, self._row = count, row
        if same and self._drawn:
            self._refresh_changed()
            return
        if empty is not None:
            self._empty = empty
        self.virtual_size = Size(1, count + self._heading)
        self.cursor = max(0, min(self.cursor, count - 1))
        self.refresh()

    def _refresh_changed(self) -> None:
        """Only the cells that are other ones than those that were drawn."""
        for y, before in list(self._drawn.items()):
            for begin, end in changed(before, self.render_line(y)):
                self.refresh(Region(begin, y, end - begin, 1))

    def go_to(self, index: int) -> None:
        """Put the cursor on a row."""
        self.cursor = max(0, min(index, self._count - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        """Bring the cursor into view."""
        if old != new and self.is_attached:
            self._scroll_to_cursor()
            self.refresh()
            self.post_message(self.Highlighted(new))

    def _scroll_to_cursor(self) -> None:
        row = self.cursor + self._heading
        above = row - self._heading if self.cursor else 0
        self.scroll_to_region(
            Region(0, above, 1, row - above + 1), animate=False, immediate=True, force=True
        )

    def on_resize(self) -> None:
        """The cursor stays in view."""
        self._drawn.clear()
        self._scroll_to_cursor()

    def _columns_for(self, width: int) -> tuple[tuple[Column, int, int], ...]:
        kept = list(enumerate(self._columns))
        while True:
            needed = sum(one.width for _, one in kept) + GAP * (len(kept) - 1)
            spare = [item for item in kept if item[1].spare]
            if needed <= width or not spare:
                break
            kept.remove(max(spare, key=lambda item: item[1].spare))
        left, shown = max(0, width - needed), []
        for place, one in reversed(kept):
            more = min(left, max(0, one.most - one.width))
            left -= more
            shown.append((one, place, one.width + more))
        return tuple(reversed(shown))

    def render_line(self, y: int) -> Strip:
        """One line of the screen; the heading stays at the top."""
        self._drawn[y] = line = self._rendered(y)
        return line

    def _rendered(self, y: int) -> Strip:
        width = self.size.width - self.scrollbar_size_vertical
        if width != self._laid_out:
            self._shown, self._laid_out = self._columns_for(width - len(HERE)), width
        if self._heading and y == 0:
            return self._line(
                [Cell(one.title, quiet=True) for one in self._columns], ELSEWHERE, Style.null()
            ).adjust_cell_length(width, Style.null())
        index = self.scroll_offset.y + y - self._heading
        if not self._count and index == 0:
            return Strip([Segment(ELSEWHERE + self._empty, QUIET)]).adjust_cell_length(
                width, Style.null()
            )
        if not 0 <= index < self._count:
            return blank(width)
        here = index == self.cursor
        style = (Style(reverse=True) if self.has_focus else STRONG) if here else Style.null()
        line = self._line(self._row(index), HERE if here else ELSEWHERE, style)
        return line.adjust_cell_length(width, style)

    def _line(self, cells: Sequence[Cell], mark: str, style: Style) -> Strip:
        line = Text(mark, style, no_wrap=True, end="")
        for nth, (column, place, width) in enumerate(self._shown):
            if nth:
                line.append(" " * GAP, style)
            cell = cells[place] if place < len(cells) else Cell("")
            if cell.spans:
                wide = Column(column.title, self._laid_out - line.cell_len)
                line.append_text(self._cell(cell, wide, wide.width, style))
                break
            line.append_text(self._cell(cell, column, width, style))
        return strip_of(line, self.app.console)

    def _cell(self, cell: Cell, column: Column, width: int, style: Style) -> Text:
        sign = cell.tone.sign(ascii_only=False)
        words = f"{sign} {cell.text}" if cell.tone is not Tone.PLAIN else cell.text
        if cell.share is not None:
            words = bar(cell.share, BAR) + words
        own = QUIET if cell.quiet else STYLES[cell.tone]
        text = Text(words, style if style.reverse else own + style, no_wrap=True)
        text.truncate(width, overflow="ellipsis")
        space = " " * (width - text.cell_len)
        filler = Text(space, style)
        return filler.append_text(text) if column.right else text.append_text(filler)

    # --- moving -------------------------------------------------------------------------------

    def action_move(self, rows: int) -> None:
        """Some rows down (up, where negative)."""
        self.go_to(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Some screens down (up, where negative)."""
        self.go_to(self.cursor + pages * max(1, self.size.height - self._heading - 1))

    def action_go(self, index: int) -> None:
        """To a row."""
        self.go_to(index)

    def action_last(self) -> None:
        """To the last row."""
        self.go_to(self._count - 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows down."""
        event.prevent_default().stop()
        self.action_move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows up."""
        event.prevent_default().stop()
        self.action_move(-3)

    def on_click(self, event: events.Click) -> None:
        """A click goes to a row; on the row under the cursor it chooses."""
        index = self.scroll_offset.y + event.y - self._heading
        if event.y < self._heading or not 0 <= index < self._count:
            return
        if index == self.cursor:
            self.post_message(self.Chosen(index))
        else:
            self.go_to(index)

    def watch_has_focus(self, _has_focus: bool) -> None:
        """The cursor line looks otherwise."""
        super().watch_has_focus(_has_focus)
        self.refresh()
