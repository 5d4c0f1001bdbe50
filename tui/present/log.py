"""Lines of an mlcr console log -> how they are shown."""

from __future__ import annotations

import re

from widgets.rows import LineLook, Tone

PREFIX = re.compile(r"\[\d{4}-\d\d-\d\d (\d\d:\d\d:\d\d),\d+ [^\]]*?(INFO|WARN|ERROR|DEBUG) *\] - ")
"""mlcr's: date, time, its own file and line, level. The time and a level that matters are kept."""
LEVEL = re.compile(r"(INFO|WARNING|ERROR|DEBUG):")
"""Python's, as the reference implementations print it."""
WRONG = re.compile(
    r"^(?:Traceback \(most|\w*(?:Error|Exception)\b.*:|(?:fatal|error|Error) ?: )|\bKilled\b"
    r"|return code = [1-9]|No space left on device"
)
MARK = ":::MLLOG "
"""Begins every line of LoadGen's detail log."""
TONES = {
    "ERROR": Tone.BAD,
    "WARN": Tone.WARNING,
    "WARNING": Tone.WARNING,
    "DEBUG": Tone.UNKNOWN,
}


def line_look(text: str) -> LineLook:
    """By the level in mlcr's prefix or Python's, else by the words that tell of a failure."""
    prefix = PREFIX.match(text)
    if prefix:
        level = f"{prefix[2]} " if prefix[2] != "INFO" else ""
        words = text[prefix.end() :]
        tone = TONES.get(prefix[2], Tone.BAD if WRONG.search(words) else Tone.PLAIN)
        return LineLook(tone, prefix.end(), f"[{prefix[1]}] {level}")
    level_word = LEVEL.match(text)
    if level_word and level_word[1] in TONES:
        return LineLook(TONES[level_word[1]])
    return LineLook(Tone.BAD if WRONG.search(text) else Tone.PLAIN)


def loadgen_look(text: str) -> LineLook:
    """LoadGen's own logs: errors and warnings of the detail log, verdicts of the summary."""
    cut = len(MARK) if text.startswith(MARK) else 0
    if '"is_error": true' in text or "INVALID" in text or text.endswith(": NO"):
        return LineLook(Tone.BAD, cut)
    if '"is_warning": true' in text:
        return LineLook(Tone.WARNING, cut)
    return LineLook(Tone.PLAIN, cut)
