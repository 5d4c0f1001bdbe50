"""The only module that writes to stdout: text, JSON, CSV, Markdown. Talk goes to stderr."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from widgets.rows import Badge, Panel

COLOURS = {"GOOD": "32", "BAD": "31", "WARNING": "33", "ACTIVE": "36"}
"""Terminal colour of a tone, by its name."""
ASCII = str.maketrans(
    {
        **{"·": "-", "–": "-", "…": "...", "µ": "u", "°": " ", "≥": ">=", "─": "-"},
        **{"✔": "+", "✖": "x", "▲": "!"},
    }
)


def prepare() -> None:
    """Never fail on a character that the terminal cannot show."""
    # A stream that was closed before we started is None.
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@lru_cache(maxsize=8)
def is_ascii_only(stream: TextIO) -> bool:
    """The locale promises ASCII at most, so signs are written in it."""
    named = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG")
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    return named in ("C", "POSIX") or not encoding.startswith("utf")


def has_colour(stream: TextIO) -> bool:
    """A terminal that wants colour."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return stream.isatty() and not plain


def line(text: str = "") -> None:
    """One line of data."""
    sys.stdout.write(_plain(text, sys.stdout) + "\n")


def raw(data: bytes) -> None:
    """Bytes as they are: a console log."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def document(value: Any) -> None:
    """One JSON document."""
    line(json.dumps(value, indent=1, ensure_ascii=not _is_utf8()))


def array(values: Iterable[Any]) -> None:
    """One JSON document: an array, each value on a line of its own as soon as it is known."""
    begun = False
    try:
        for value in values:
            line(f"{',' if begun else '['}{json.dumps(value, ensure_ascii=not _is_utf8())}")
            begun = True
    finally:
        if begun:
            line("]")


def event(value: Any) -> None:
    """One JSON object on one line, at once."""
    line(json.dumps(value, ensure_ascii=not _is_utf8()))
    sys.stdout.flush()


def talk(text: str) -> None:
    """Progress and messages, on stderr."""
    try:
        sys.stderr.write(_plain(text, sys.stderr) + "\n")
        sys.stderr.flush()
    except OSError:  # nobody reads it any more, or its disk is full
        silence(sys.stderr)


def is_capable(stream: TextIO) -> bool:
    """A terminal that can rewrite a line."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def silence(stream: TextIO) -> None:
    """Nobody reads it any more: let what is left of it go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def status(text: str) -> None:
    """Rewrite the current line of a terminal on stderr; "" removes it."""
    sys.stderr.write("\r\x1b[K" + _plain(text, sys.stderr))
    sys.stderr.flush()


def complain(text: str) -> None:
    """What went wrong, on stderr."""
    talk(f"mlperf-tui: {text}")


def badge(one: Badge, stream: TextIO) -> str:
    """Sign and word, in colour where there is some."""
    sign = one.tone.sign(ascii_only=is_ascii_only(stream))
    text = f"{sign} {one.text}" if sign.strip() else one.text
    colour = COLOURS.get(one.tone.name)
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and has_colour(stream) else text


def panel(one: Panel) -> None:
    """A panel as a readable block."""
    from widgets.rows import Badge, Fact, Tone

    line(f"{one.title}   {badge(one.badge, sys.stdout)}".rstrip())
    for text in (one.headline, *one.notes):
        wrapped(text)
    for reason in one.reasons:
        wrapped(badge(Badge(reason.text, Tone.BAD), sys.stdout), "  ", "    ")
        if reason.fix:
            wrapped(f"To change: {reason.fix}", "    ")
    spreads = (
        Fact(each.label, f"{each.text}  {limit}".rstrip())
        for each in one.spreads
        for limit in [badge(Badge(each.limit_text, each.tone), sys.stdout) if each.limit else ""]
    )
    gauges = (Fact(each.label, each.text, each.tone) for each in one.gauges)
    facts = (*spreads, *gauges, *one.facts)
    width = max((len(fact.label) for fact in facts), default=0)
    for fact in facts:
        value = badge(Badge(fact.value, fact.tone), sys.stdout)
        wrapped(value, f"  {fact.label.ljust(width)}  ", " " * (width + 4))


def wrapped(text: str, first: str = "", rest: str | None = None) -> None:
    """A text in lines no longer than the terminal; into a pipe, in one line."""
    if not text:
        return
    if not sys.stdout.isatty():
        line(first + text)
        return
    import textwrap

    wrapper = textwrap.TextWrapper(
        width=terminal_width(),
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    # Where a value is laid out with two spaces, lines break there alone: never within "p99 7 602".
    kept = "  ".join(part.replace(" ", "\u00a0") for part in text.split("  "))
    for one in wrapper.wrap(kept if "  " in text else text):
        line(one.replace("\u00a0", " "))


def terminal_width() -> int:
    """Columns of the terminal."""
    import shutil

    return shutil.get_terminal_size().columns


def table(head: Sequence[str], rows: Iterable[Sequence[Badge]], spare: Sequence[str] = ()) -> None:
    """Rows in columns, under their names.

    Args:
        head: the columns' names.
        rows: the cells.
        spare: columns to leave out, the first ones first, where the terminal is too narrow.
    """
    lines = [list(head), *([badge(cell, sys.stdout) for cell in row] for row in rows)]
    left_out = list(spare)
    while True:
        widths = [max(map(_width, column)) for column in zip(*lines)]
        too_wide = sum(widths) + 2 * len(widths) - 2 > terminal_width()
        if not (left_out and sys.stdout.isatty() and too_wide):
            break
        place = lines[0].index(left_out.pop(0))
        for row in lines:
            del row[place]
    for row in lines:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths))
        line("  ".join(cells).rstrip())


def comma_separated(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """CSV with a header."""
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    sys.stdout.write(text.getvalue())


def markdown(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A Markdown table."""
    line("| " + " | ".join(head) + " |")
    line("|" + " --- |" * len(head))
    for row in rows:
        cells = ("" if cell is None else str(cell).replace("|", "\\|") for cell in row)
        line("| " + " | ".join(cells) + " |")


def _width(cell: str) -> int:
    """Columns that a cell takes, without its colour."""
    return len(cell.split("m", 1)[1].removesuffix("\x1b[0m")) if cell[:1] == "\x1b" else len(cell)


def _plain(text: str, stream: TextIO) -> str:
    return text.translate(ASCII) if is_ascii_only(stream) else text


def _is_utf8() -> bool:
    return not is_ascii_only(sys.stdout)
