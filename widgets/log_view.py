"""Bounded, followable, searchable text of a growing log: only the lines that are seen are read."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Protocol

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from widgets.ansi import MOST_COLUMNS, Pieces, parse_line
from widgets.rows import LineLook
from widgets.tones import QUIET, STYLES, blank, strip_of

BUSY_S = 0.1
QUIET_S = 0.25
FLOOD_S = 0.2
"""More than a screen at a time: nobody reads that; five pictures a second will do."""
QUIET_AFTER_S = 1.0
CACHED_STRIPS = 512
HIT = Style(reverse=True)
MARK = Style(bold=True, underline=True)


def _without(pieces: Pieces, count: int) -> Pieces:
    """The pieces without the first characters."""
    left: Pieces = []
    for text, style in pieces:
        if count < len(text):
            left.append((text[count:], style))
        count = max(0, count - len(text))
    return left


class Lines(Protocol):
    """What a log must offer; `tui.engine.log_index.LogIndex` is one."""

    @property
    def lines(self) -> int:
        """Lines so far."""

    @property
    def is_last_open(self) -> bool:
        """The last line may still grow."""

    def poll(self) -> bool:
        """Take in what was added; is there more?"""

    def window(self, first: int, count: int) -> Sequence[bytes]:
        """Raw lines."""

    def search(
        self, word: bytes, line: int, *, backwards: bool = False
    ) -> Iterator[tuple[int | None, float]]:
        """(None, share scanned) until (line or None, 1.0)."""


class LogView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows a `Lines`; follows its end until the user moves up, and again when at the end."""

    DEFAULT_CSS = """
    LogView {
        height: 1fr;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "follow"),
        Binding("g", "start", "start", show=False),
        Binding("G", "latest", "end", show=False),
        Binding("home", "start", "start", show=False),
        Binding("end", "latest", "end", show=False),
        Binding("up,k", "up", "up", show=False),
        Binding("down,j", "down", "down", show=False),
        Binding("left", "scroll_left", "left", show=False),
        Binding("right", "scroll_right", "right", show=False),
        Binding("pageup,ctrl+b", "page_up", "page up", show=False),
        Binding("pagedown,space", "page_down", "page down", show=False),
    ]

    class Moved(Message):
        """The place, the length or the mode of the view has changed."""

        def __init__(self, top: int, lines: int, following: bool) -> None:
            super().__init__()
            self.top, self.lines, self.following = top, lines, following
            """First line shown, from 0; lines in all; does the view stay at the end?"""

        def can_replace(self, message: Message) -> bool:
            """Only the latest matters."""
            return isinstance(message, LogView.Moved)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._log: Lines | None = None
        self._look_of: Callable[[str], LineLook] = lambda _: LineLook()
        self._strips: OrderedDict[int, Strip] = OrderedDict()
        self._known_lines = 0
        self._open_line: bytes | None = None
        self._word = ""
        self._timer: Timer | None = None
        self._grew_at = 0.0
        self._flooded = False
        self.marked: int | None = None
        """The line that was jumped to, until one moves."""
        self.following = True
        """The view stays at the end of the log."""
        self.live = False
        """The log may still grow."""

    def show(self, log: Lines, look: Callable[[str], LineLook], *, live: bool) -> None:
        """Show a log, from its end.

        Args:
            log: its lines.
            look: how a line is shown, from its text without colours.
            live: it may still grow.
        """
        self._log, self._look_of, self.live = log, look, live
        self._strips.clear()
        self.following = True
        self._look()

    # --- growth -------------------------------------------------------------------------------

    def _look(self) -> None:
        """Take in what was added, and look again in a while."""
        if self._log is None or not self.is_attached:
            return
        more = self._log.poll()
        if self._take_in():
            self._grew_at = time.monotonic()
        if self.live or more:
            self._timer = self.set_timer(self._pause_s(catching_up=more), self._look)

    def _pause_s(self, *, catching_up: bool) -> float:
        if catching_up and not self.live:
            return 0.01
        if time.monotonic() - self._grew_at > QUIET_AFTER_S:
            return QUIET_S
        return FLOOD_S if self._flooded else BUSY_S

    def finish(self) -> None:
        """The log is complete: what is left of it is taken in, then nobody looks any more."""
        if self.live:
            self.live = False
            if self._timer is not None:
                self._timer.stop()
            self._look()

    def _take_in(self) -> bool:
        """Bring the view up to date; has anything changed?"""
        assert self._log is not None
        lines = self._log.lines
        if lines == self._known_lines:
            return self._renew_last_line()
        if lines < self._known_lines:
            self._strips.clear()  # it was cut, and begins anew
        self._strips.pop(self._known_lines - 1, None)  # it has grown until its end came
        before, self._known_lines = self._known_lines, lines
        self._open_line = None
        self._set_length(lines)
        if self.following:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
        if not 0 <= self.scroll_offset.y <= before - self.size.height:
            self.refresh()  # some of it is seen
        self._flooded = lines - before > self.size.height
        self._tell()
        return True

    def _set_length(self, lines: int) -> None:
        """Where there is a scrollbar, it alone changes: no layout, no repaint of the lines."""
        length = Size(MOST_COLUMNS, lines)
        if self.show_vertical_scrollbar and lines > self.size.height:
            self.set_reactive(ScrollView.virtual_size, length)
            self.vertical_scrollbar.window_virtual_size = lines
        else:
            self.virtual_size = length

    def _renew_last_line(self) -> bool:
        """A progress bar without a newline: repaint that row alone."""
        assert self._log is not None
        if not self._log.is_last_open:
            return False
        last = self._known_lines - 1
        (raw,) = self._log.window(last, 1) or (b"",)
        if raw == self._open_line:
            return False
        self._open_line = raw
        row = last - self.scroll_offset.y
        if 0 <= row < self.size.height:
            self.refresh_line(row)
        return True

    def _tell(self) -> None:
        self.post_message(self.Moved(self.scroll_offset.y, self._known_lines, self.following))

    # --- what is shown ------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        left, top = self.scroll_offset
        width = self.size.width
        line = top + y
        if self._log is None or line >= self._known_lines:
            return blank(width)
        return self._strip(line).crop_extend(left, left + width, Style.null())

    def _strip(self, line: int) -> Strip:
        strip = self._strips.get(line)
        if strip is None:
            self._fetch(line)
            strip = self._strips.get(line, Strip([]))
        last = self._known_lines - 1
        if line == last and self._log is not None and self._log.is_last_open:
            del self._strips[line]  # it may look otherwise the next time
        return strip

    def _fetch(self, line: int) -> None:
        """Read and parse the lines from `line` to the end of the screen that are not known."""
        assert self._log is not None
        bottom = self.scroll_offset.y + self.size.height
        for number, raw in enumerate(self._log.window(line, max(1, bottom - line)), line):
            if number not in self._strips:
                self._strips[number] = self._parsed(raw, marked=number == self.marked)
        while len(self._strips) > CACHED_STRIPS:
            self._strips.popitem(last=False)

    def _parsed(self, raw: bytes, *, marked: bool) -> Strip:
        pieces = parse_line(raw) or [(" ", Style.null())]
        text = "".join(text for text, _ in pieces)
        look = self._look_of(text)
        base = STYLES[look.tone] + (MARK if marked else Style.null())
        if look.cut:
            pieces = [(look.instead, QUIET), *_without(pieces, look.cut)]
        if self._word and self._word.lower() in text.lower():
            return self._with_hits(pieces, base)
        return Strip([Segment(text, base + style) for text, style in pieces])

    def _with_hits(self, pieces: list[tuple[str, Style]], base: Style) -> Strip:
        line = Text.assemble(*((text, base + style) for text, style in pieces), end="")
        line.highlight_words([self._word], HIT, case_sensitive=False)
        return strip_of(line, self.app.console)

    def on_resize(self) -> None:
        """Stay at the end where we were there."""
        if self.following:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)

    # --- moving -------------------------------------------------------------------------------

    def go_to(self, line: int) -> None:
        """Bring a line (from 0) into view, a third from the top, and mark it."""
        self.following = False
        self._mark(line)
        self.scroll_to(y=max(0, line - self.size.height // 3), animate=False, immediate=True)
        self._tell()

    def _mark(self, line: int | None) -> None:
        for one in (self.marked, line):
            if one is not None:
                self._strips.pop(one, None)
        self.marked = line
        self.refresh()

    def _move(self, rows: int) -> None:
        self._mark(None)
        top = max(0, min(self.max_scroll_y, self.scroll_offset.y + rows))
        self.following = rows > 0 and top >= self.max_scroll_y
        self.scroll_to(y=top, animate=False, immediate=True)
        self._tell()

    def action_up(self) -> None:
        """One line up."""
        self._move(-1)

    def action_down(self) -> None:
        """One line down."""
        self._move(1)

    def action_page_up(self) -> None:
        """A screen up."""
        self._move(1 - self.size.height)

    def action_page_down(self) -> None:
        """A screen down."""
        self._move(self.size.height - 1)

    def action_start(self) -> None:
        """To the first line."""
        self._mark(None)
        self.following = False
        self.scroll_to(y=0, animate=False, immediate=True)
        self._tell()

    def action_latest(self) -> None:
        """To the last line, and stay there."""
        self._mark(None)
        self.following = True
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)
        self._tell()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A log that is complete has nothing to follow."""
        return self.live or action != "follow"

    def action_follow(self) -> None:
        """Stay at the end, or stay here."""
        if self.following:
            self.following = False
            self._tell()
        else:
            self.action_latest()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up."""
        event.prevent_default().stop()
        self._move(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down."""
        event.prevent_default().stop()
        self._move(3)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The scrollbar was dragged: up means to read, to the end means to follow."""
        super().watch_scroll_y(old_value, new_value)
        if self.vertical_scrollbar.grabbed is not None:
            self.following = new_value >= self.max_scroll_y
            self._tell()

    # --- searching ----------------------------------------------------------------------------

    @property
    def word(self) -> str:
        """What is looked for and highlighted; "" for nothing."""
        return self._word

    def highlight(self, word: str) -> None:
        """Highlight a word wherever it is seen; "" ends that."""
        if word != self._word:
            self._word = word
            self._strips.clear()
            self.refresh()

    @property
    def top(self) -> int:
        """The first line that is shown, from 0."""
        return self.scroll_offset.y
