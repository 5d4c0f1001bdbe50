"""Carries out a fix that is ours and safe."""

from __future__ import annotations

from tui.engine import process
from tui.engine.doctor.check import Fix

LIMIT_S = 120.0


def repair(fix: Fix) -> str:
    """Run its command: no terminal, a session of its own, killed after two minutes.

    Returns:
        What went wrong, in words; "" where all went well.
    """
    if not fix.is_safe:
        return fix.by_hand
    try:
        answer = process.output_of(fix.argv, LIMIT_S, fix.env_vars)
    except OSError as error:
        return f"{fix.argv[0]}: {error.strerror}"
    if answer.code is None:
        return f"not over after {LIMIT_S:.0f} s, so it was ended"
    return f"it ended with {answer.code}: {answer.last_line}" if answer.code else ""
