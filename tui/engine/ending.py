"""Brings a run's processes to an end, gently and then hard, until none is left."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from tui.engine import process
from tui.engine.process import boottime
from tui.engine.store import Run

FIRMLY = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
"""Signal, and seconds until the next: for what a command left behind."""
GENTLY = ((signal.SIGINT, 5.0), *FIRMLY)
"""For a command that is asked to stop."""


class Ending:
    """Brings a run's processes to an end: one signal after the other until none is left."""

    def __init__(self, run: Run, steps: tuple[tuple[int, float], ...]) -> None:
        self._run, self._steps = run, list(steps)
        self._due = boottime()

    def step(self) -> bool:
        """Send the signal that is due; is there any process left?"""
        keeper, command = self._run.identity("keeper"), self._run.identity("command")
        left = process.run_processes(self._run.id, keeper)
        if boottime() >= self._due and keeper is not None and keeper.is_alive:
            with suppress(ProcessLookupError):
                os.kill(keeper.pid, signal.SIGCONT)  # a stopped keeper reaps nobody
        if left and boottime() >= self._due:
            number, seconds = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
            # SIGINT is for the command alone; what escaped it is dealt with from TERM on.
            group = command.pid if command else None
            chosen = [one for one in left if one.group == group] or left
            process.signal_processes(
                chosen if number == signal.SIGINT else left, number, group=group
            )
            self._due = boottime() + seconds
        return bool(left)
