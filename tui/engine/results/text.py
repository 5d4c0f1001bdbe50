"""Reads foreign files without trusting them: bounded lines, bounded memory, no surprises."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

BLOCK = 1 << 18
LONGEST_LINE = 100_000
"""Longer lines are lists of sample indices: of them only the two ends are kept."""
ENDS_KEPT = 2_000
MOMENT = re.compile(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d\.\d{1,6}", re.ASCII)
SMALL_FILE = 4_000_000
"""Side files (descriptions, configurations) are read whole, up to this size."""


def _without_waiting(path: str, flags: int) -> int:
    """A named pipe that nobody writes into is empty, and does not hang us."""
    return os.open(path, flags | os.O_NONBLOCK)


def blocks(path: Path) -> Iterator[list[bytes]]:
    """The lines of a file of any size, without their ends, some at a time.

    Memory is bounded whatever the file holds: of a line much longer than `LONGEST_LINE` its first
    and last `ENDS_KEPT` bytes are given, as one. The last line is given also if it is cut off.

    Raises:
        OSError: it cannot be read.
    """
    rest = b""
    with open(path, "rb", buffering=0, opener=_without_waiting) as file:
        while block := file.read(BLOCK):
            parts = (rest + block if rest else block).split(b"\n")
            rest = parts.pop()
            if len(rest) > LONGEST_LINE:
                rest = rest[:ENDS_KEPT] + rest[-ENDS_KEPT:]
            yield parts
    if rest:
        yield [rest]


def lines(path: Path) -> Iterator[bytes]:
    """The same, line by line.

    Raises:
        OSError: it cannot be read.
    """
    for block in blocks(path):
        yield from block


def ends_with_newline(path: Path) -> bool:
    """The last line was written whole. An empty file: yes.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def small(path: Path) -> str | None:
    """A side file as text; None where there is none, it cannot be read, or is far too large."""
    try:
        with open(path, "rb", buffering=0, opener=_without_waiting) as file:
            found = file.read(SMALL_FILE + 1)
    except OSError:
        return None
    return found.decode("utf-8", errors="replace") if len(found) <= SMALL_FILE else None


def json_object(path: Path) -> dict[str, Any] | None:
    """A side file as a JSON object; None where it is none."""
    found = small(path)
    if found is None:
        return None
    try:
        value = json.loads(found)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def is_usable(value: Any) -> bool:
    """Not NaN, not infinite, not a whole number beyond any float: those count as not logged."""
    return not isinstance(value, (int, float)) or abs(value) < 1e300


def number(value: Any) -> float | None:
    """A number as it is; None for anything else, also for NaN, Infinity, true and false."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if is_usable(value) else None


def whole(value: Any) -> int | None:
    """A number as a whole one; None for anything else."""
    found = number(value)
    return int(found) if found is not None else None


def positive(value: Any) -> float | None:
    """A number above 0; None for anything else."""
    found = number(value)
    return found if found is not None and found > 0 else None


def word(value: Any) -> str | None:
    """A text that is not empty; None for anything else."""
    return value if isinstance(value, str) and value else None


def moment(value: Any) -> datetime | None:
    """LoadGen's and the power analyzer's `MM-DD-YYYY HH:MM:SS.mmm` (UTC); None for the rest.

    By hand: strptime takes ten times as long, and a submission has thousands.
    """
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        return None
    from datetime import datetime

    try:
        return datetime(
            int(value[6:10]), int(value[:2]), int(value[3:5]),
            int(value[11:13]), int(value[14:16]), int(value[17:19]), int(value[20:].ljust(6, "0")),
        )  # fmt: skip
    except ValueError:
        return None
