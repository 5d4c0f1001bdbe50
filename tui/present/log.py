"""Lines of an mlcr console log -> how they stand."""

from __future__ import annotations

import re

from widgets.rows import Tone

LEVEL = re.compile(r"^(?:\[[^\]]* (INFO|WARN|ERROR|DEBUG) *\] - |(INFO|WARNING|ERROR|DEBUG):)")
WRONG = re.compile(
    r"^(?:Traceback \(most|\w*(?:Error|Exception)\b.*:|(?:fatal|error|Error) ?: )|\bKilled\b"
    r"|return code = [1-9]|No space left on device"
)
TONES = {
    "ERROR": Tone.BAD,
    "WARN": Tone.WARNING,
    "WARNING": Tone.WARNING,
    "DEBUG": Tone.UNKNOWN,
}


def line_tone(text: str) -> Tone:
    """By the level in mlcr's prefix or Python's, else by the words that tell of a failure."""
    level = LEVEL.match(text)
    if level and (level[1] or level[2]) in TONES:
        return TONES[level[1] or level[2]]
    return Tone.BAD if WRONG.search(text) else Tone.PLAIN
