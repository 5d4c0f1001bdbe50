"""What all screens have: keys in the last line, a word to the user, help, something to copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from tui.engine.process import boottime
from tui.engine.store import Run
from widgets.key_line import KeyLine
from widgets.line import Line
from widgets.meters import Meters
from widgets.rows import Badge, Meter, Tone
from widgets.tones import badge_text

FEW_METERS, MORE_METERS, TALL = 2, 8, 40
"""GPU lines at most, on a terminal of so many rows more."""


@dataclass(frozen=True)
class Clock:
    """What time it is: a parameter, so that a screen can be drawn as of any moment."""

    utc: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    boottime_s: Callable[[], float] = boottime


class FrameScreen(Screen[None]):
    """A screen with a line of keys."""

    HELP: ClassVar[str] = ""
    """What one does here, in a few sentences."""
    NAME: ClassVar[str] = ""
    """As the tabs and the help call it."""

    def body(self) -> ComposeResult:
        """What lies above the keys."""
        yield from ()

    def compose(self) -> ComposeResult:
        """The body and the keys."""
        yield from self.body()
        yield KeyLine()

    def say(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Tell the user something, in place of the keys, until the next key is pressed."""
        words = badge_text(Badge(text, tone)) if tone is not Tone.PLAIN else Text(text)
        self.query_one(KeyLine).say(words)

    @property
    def said(self) -> str:
        """What the user is told now."""
        return self.query_one(KeyLine).message

    def heard(self) -> None:
        """A key was pressed or the mouse: what was said has been read."""
        if self.said:
            self.query_one(KeyLine).say(Text())

    is_typing = False
    """A prompt is open: keys are text."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While one types, no key of the screen means anything."""
        return not self.is_typing

    async def ask(self, label: str, text: str, before: Widget, *, id: str | None = None) -> None:
        """Let the user type into a prompt; what is typed ahead is not lost."""
        if self.is_typing:
            return
        self.is_typing = True
        from widgets.prompt import Prompt  # costs some ms, and most never type

        prompt = Prompt(label, text, id=id)
        await self.mount(prompt, before=before)
        self.set_focus(prompt.field)

    async def close_prompt(self, focus: Widget) -> None:
        """Enough typed: the keys go to another place again."""
        await self.query("Prompt").remove()
        self.is_typing = False
        self.set_focus(focus)

    def copyable(self) -> tuple[str, str] | None:
        """What `y` copies here: its name and its text; None where there is nothing."""
        return None


STOP_TIMEOUT_S = 60.0


def stop(run: Run) -> str:
    """Stop a run and wait for its end; what went wrong, in words, else nothing."""
    from tui.engine.errors import MlperfTuiError
    from tui.engine.runners import runner_of

    try:
        over = runner_of(run).stop(run, STOP_TIMEOUT_S)
    except (MlperfTuiError, OSError) as error:
        return str(error)
    return "" if over else f"not over after {STOP_TIMEOUT_S:.0f} s"


def in_words(error: Exception) -> str:
    """An error for the user of a screen, where choices have no dashes before their names."""
    return str(error).removeprefix("--set ").removeprefix("--variation ").removeprefix("--")


class TabScreen(FrameScreen):
    """A screen that is reached by its tab: the machine above, the tabs below that."""

    STRIP: ClassVar[bool] = True
    """A line a GPU is shown above the body."""

    class Seen(Message):
        """The screen is seen now: the app writes its two lines at the top."""

    class SetupWanted(Message):
        """An official installation is to be made."""

    def action_setup(self) -> None:
        """Make the installation that official runs use."""
        self.post_message(self.SetupWanted())

    def on_screen_resume(self) -> None:
        """Ask for the lines at the top."""
        self.post_message(self.Seen())

    def compose(self) -> ComposeResult:
        """Machine, tabs, body, keys."""
        yield Line(id="top")
        yield Line(id="tabs")
        if self.STRIP:
            yield Meters(FEW_METERS, id="strip")
        yield from super().compose()

    @property
    def is_complete(self) -> bool:
        """Its lines at the top are there: not before it is mounted, not while the app ends."""
        return self.is_mounted and len(self.query("#top, #tabs, #strip")) == 2 + self.STRIP

    def set_strip(self, meters: Sequence[Meter]) -> None:
        """What the GPUs do; nothing where there is none."""
        if self.STRIP:
            strip = self.query_one("#strip", Meters)
            strip.most = MORE_METERS if self.app.size.height >= TALL else FEW_METERS
            strip.display = bool(meters)
            strip.show(meters)

    def set_top(self, left: Text, right: Text, tabs: Text) -> None:
        """The two lines at the top."""
        self.query_one("#top", Line).show(left, right)
        self.query_one("#tabs", Line).show(tabs)
