"""The terminal that the app runs in: its colours, its characters, and how it is left."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable

from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from textual._compositor import ChopsUpdate
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

from widgets.tones import to_ascii

LOOK_S = 1.0
LAST_RESORT_S = 2.0
"""A terminal that is gone may keep the app from ending: then it ends without it."""
TERMINAL = Theme(
    name="terminal",
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_cyan",
    accent="ansi_cyan",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "border-blurred": "ansi_default",
        "block-cursor-foreground": "ansi_default",
        "block-cursor-background": "ansi_default",
        "block-cursor-text-style": "reverse",
        "input-cursor-background": "ansi_default",
        "input-cursor-foreground": "ansi_default",
        "input-cursor-text-style": "reverse",
        "scrollbar": "ansi_bright_black",
        "scrollbar-hover": "ansi_white",
        "scrollbar-active": "ansi_white",
        "scrollbar-background": "ansi_default",
        "scrollbar-background-hover": "ansi_default",
        "scrollbar-background-active": "ansi_default",
        "scrollbar-corner-color": "ansi_default",
    },
)
"""The terminal's own colours: they fit any background, need few bytes, and obey NO_COLOR."""


class Changes(ChopsUpdate):
    """What changed on the screen, and only that.

    Textual (8.2) sends each part of a line from its left edge on, however far at the right the
    change is: for a curve that grows that is twenty times as much.
    """

    def render_segments(self, console: Console) -> str:
        """What is written to the terminal."""
        found = []
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items()):
                if strip is None or x >= last or end <= first:
                    continue
                begin = max(x, first)
                found.append(Control.move_to(begin, y).segment.text)
                found.append(strip.crop(begin - x, min(end, last) - x).render(console))
        return "".join(found)


class Ascii(LineFilter):
    """Everything that is shown in ASCII, one character for one."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The line in ASCII."""
        return [
            segment if segment.text.isascii() else segment._replace(text=to_ascii(segment.text))
            for segment in segments
        ]


def end_by_signal(leave: Callable[..., None], *, has_terminal: bool) -> None:
    """Leave in good order on SIGTERM, SIGHUP, SIGINT, and where the terminal vanishes.

    Textual 8.2 leaves the terminal raw on the first two, and spins where HUP is ignored.

    Args:
        leave: the app's `exit`; takes `return_code`.
        has_terminal: there is one that can vanish.
    """

    def end(number: int) -> None:
        watchdog = threading.Timer(LAST_RESORT_S, os._exit, (128 + number,))
        watchdog.daemon = True
        watchdog.start()
        leave(return_code=128 + number)

    if threading.current_thread() is threading.main_thread():
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, end, number)
    if has_terminal:
        threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    """Where the terminal is gone without a SIGHUP, Textual would spin on it, or block."""
    while os.isatty(0):
        time.sleep(LOOK_S)
    os.kill(os.getpid(), signal.SIGHUP)
    time.sleep(LAST_RESORT_S)
    os._exit(128 + signal.SIGHUP)
