"""A screen with a log in it: search, hits, lines that tell of an error, where one is."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget
from textual.worker import get_current_worker

from tui.engine.log_index import LogIndex
from tui.present import metrics
from tui.screens.frame import FrameScreen
from widgets.line import Rule
from widgets.log_view import LogView
from widgets.rows import Tone
from widgets.tones import QUIET

if TYPE_CHECKING:
    from widgets.prompt import Prompt


class LogFrame(FrameScreen):
    """Holds one `LogView` and, above it, one `Rule` that says where one is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "search", priority=True),
        Binding("n", "hit(1)", "next hit", show=False),
        Binding("N", "hit(-1)", "hit before", show=False),
        Binding("right_square_bracket", "mark(1)", "next error", key_display="]", show=False),
        Binding("left_square_bracket", "mark(-1)", "error before", key_display="[", show=False),
    ]

    class Found(Message):
        """A search has an answer, or is on its way."""

        def __init__(self, word: str, line: int | None, share: float, *, wrapped: bool) -> None:
            super().__init__()
            self.word, self.line, self.share = word, line, share
            self.wrapped = wrapped
            """The search went on from the other end of the log."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self._log = LogIndex(log)
        self._gone = Event()
        self._place = LogView.Moved(0, 0, True)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self._gone.set()
        self._log.close()

    @property
    def is_growing(self) -> bool:
        """The log may still get longer."""
        return False

    @property
    def resting_place(self) -> Widget:
        """Where keys go when nothing is typed."""
        return self.query_one(LogView)

    def show_rule(self) -> None:
        """Where one is in the log, and what is looked for."""
        place = self._place
        words = f"line {metrics.grouped(place.lines)}"
        if place.following:
            words += " · following" if self.is_growing else " · end"
        else:
            words = f"line {metrics.grouped(place.top + 1)} of {metrics.grouped(place.lines)}"
        if word := self.query_one(LogView).word:
            words = f"/{word} · {words}"
        self.query_one(Rule).show("", Text(words, QUIET))

    @on(LogView.Moved)
    def _moved(self, event: LogView.Moved) -> None:
        self._place = event
        self.show_rule()

    def end_search(self) -> bool:
        """Forget the word that is looked for; was there one?"""
        view = self.query_one(LogView)
        if not view.word:
            return False
        view.highlight("")
        self.show_rule()
        return True

    async def action_search(self) -> None:
        """Type a word to look for."""
        await self.ask("/", "", self.query_one(Rule))

    async def on_prompt_sent(self, event: Prompt.Sent) -> None:
        """Look for the word."""
        view = self.query_one(LogView)
        await self.close_prompt(self.resting_place)
        if not event.text:
            self.action_hit(1)  # the last word again
        else:
            view.highlight(event.text)
            self._look_for(self._log.copy(), event.text, view.top, backwards=False)

    async def on_prompt_left(self) -> None:
        """Nothing is wanted."""
        await self.close_prompt(self.resting_place)

    def action_hit(self, step: int) -> None:
        """The next hit (the one before)."""
        view = self.query_one(LogView)
        if not view.word:
            self.say("/ looks for a word first")
            return
        here = view.marked if view.marked is not None else view.top
        self._look_for(self._log.copy(), view.word, here + step, backwards=step < 0)

    @work(thread=True, exclusive=True, group="search")
    def _look_for(self, log: LogIndex, word: str, line: int, *, backwards: bool) -> None:
        """Scan piece by piece, so that another key ends it."""
        worker = get_current_worker()
        with closing(log):
            start = log.lines - 1 if backwards else 0
            for begin, wrapped in ((line, False), (start, True)):
                for found, share in log.search(word.encode(), begin, backwards=backwards):
                    if worker.is_cancelled or self._gone.is_set():
                        return
                    if found is not None or share < 1 or wrapped:
                        self.post_message(self.Found(word, found, share, wrapped=wrapped))
                    if found is not None:
                        return

    @on(Found)
    def _found(self, event: Found) -> None:
        if event.line is not None:
            self.heard()
            self.query_one(LogView).go_to(event.line)
            if event.wrapped:
                self.say("went on from the other end of the log")
        elif event.share >= 1:
            self.say(f"no line has '{event.word}'", Tone.WARNING)
        else:
            self.say(f"looking for '{event.word}': {100 * event.share:.0f} %")

    def action_mark(self, step: int) -> None:
        """The next line that tells of a failure (the one before)."""
        view = self.query_one(LogView)
        here = view.marked if view.marked is not None else view.top - (step > 0)
        other_end = self._log.lines if step < 0 else -1
        for begin in (here, other_end):
            line = self._log.next_mark(begin, backwards=step < 0)
            if line is not None:
                view.go_to(line)
                if begin == other_end:
                    self.say("went on from the other end of the log")
                return
        self.say("no line tells of an error")
