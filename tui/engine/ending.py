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
        self._sent: int | None = None
        self._due = boottime()

    def step(self) -> bool:
        """Send the signal that is due; is there any process left?"""
        keeper, command = self._run.identity("keeper"), self._run.identity("command")
        group = command.pid if command else None
        left = process.run_processes(self._run.id, keeper)
        in_group = [one for one in left if one.group == group]
        # SIGINT is for the command's group alone: where that is gone, the rest need not wait.
        if not in_group and signal.SIGINT in (self._sent, self._steps[0][0]):
            self._steps = [one for one in self._steps if one[0] != signal.SIGINT]
            self._due = boottime()
        if boottime() < self._due:
            return bool(left)
        if keeper is not None and keeper.is_alive:
            with suppress(ProcessLookupError):
                os.kill(keeper.pid, signal.SIGCONT)  # a stopped keeper reaps nobody
        if left:
            self._sent, seconds = self._steps[0]
            targets = in_group if self._sent == signal.SIGINT else left
            process.signal_processes(targets, self._sent, group=group)
            self._due = boottime() + seconds
            self._steps = self._steps[1:] or self._steps
        return bool(left)
