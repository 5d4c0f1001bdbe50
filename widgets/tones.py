"""How tones, bars and rules look: in the terminal's own colours, and never by colour alone."""

from __future__ import annotations

import re

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from widgets.rows import Badge, Tone

STYLES = {
    Tone.GOOD: Style(color="green"),
    Tone.BAD: Style(color="red", bold=True),
    Tone.WARNING: Style(color="yellow"),
    Tone.ACTIVE: Style(color="cyan"),
    Tone.WAITING: Style(color="cyan"),
    Tone.STOPPED: Style(color="magenta"),
    Tone.UNKNOWN: Style(dim=True),
    Tone.PLAIN: Style.null(),
}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
QUIET = Style(dim=True)
STRONG = Style(bold=True)
KEY = Style(color="cyan", bold=True)
EIGHTHS = " ▏▎▍▌▋▊▉█"


def badge_text(badge: Badge) -> Text:
    """Sign and word."""
    sign = badge.tone.sign(ascii_only=False)
    text = f"{sign} {badge.text}" if sign.strip() and badge.text else badge.text or sign
    return Text(text, STYLES[badge.tone])


def bar(share: float | None, width: int) -> str:
    """A bar of `width` characters, in eighths; blank where the share is not known."""
    if share is None:
        return " " * width
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (EIGHTHS[rest] if rest else "")).ljust(width)


def between(left: Text, right: Text, width: int) -> Text:
    """Two texts at the ends of a line; the left one is cut where there is no room."""
    room = width - right.cell_len - 1
    if left.cell_len > room:
        left = left.copy()
        left.truncate(max(0, room), overflow="ellipsis")
    space = max(1, width - left.cell_len - right.cell_len)
    return Text.assemble(left, " " * space, right, no_wrap=True)


def strip_of(text: Text, console: Console) -> Strip:
    """A text as one line of the screen, without control characters.

    Every segment has a style: Textual's filters ask for it.
    """
    text.end = ""
    if CONTROL.search(text.plain):  # a process's name may hold anything
        text = text.copy()
        text.plain = CONTROL.sub("·", text.plain)
    base = console.get_style(text.style)  # render() leaves it out where there are no spans
    segments = (Segment(one.text, base + one.style) for one in text.render(console))
    return Strip(segments, text.cell_len)


def blank(width: int) -> Strip:
    """An empty line of the screen."""
    return Strip([Segment(" " * width, Style.null())], width)


ASCII = str.maketrans(
    {
        **{tone.value[0]: tone.value[1] for tone in Tone},
        **dict.fromkeys("█▉▊▋▌▍▎", "#"),
        "▏": " ",
        **dict.fromkeys("━╸", "="),
        **dict.fromkeys("─╺—–", "-"),
        **dict.fromkeys("│┃▐▕", "|"),
        **dict.fromkeys("▁▂▃▄▅▆▇▀▔", "_"),
        **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼┿", "+"),
        "┄": ".",
        "▶": ">",
        "▸": ">",
        "◂": "<",
        "…": ".",
        "·": "-",
        "≥": ">",
        "±": "~",
        "µ": "u",
        "°": " ",
        "↑": "^",
        "↓": "v",
        "←": "<",
        "→": ">",
        "␣": "_",
        **{chr(0x2800 + dots): " .:|"[min(3, bin(dots).count("1"))] for dots in range(256)},
    }
)
"""One character each: a line keeps its width."""


def to_ascii(text: str) -> str:
    """The text in ASCII alone, as wide as before; what has no likeness becomes `?`."""
    plain = text.translate(ASCII)
    return plain if plain.isascii() else "".join(c if c.isascii() else "?" for c in plain)
