"""What every runner can do. A runner takes a run's folder to where its command shall run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tui.engine.store import Run


@dataclass(frozen=True)
class Job:
    """A run, as its scheduler calls it."""

    run_id: str
    name: str
    """The scheduler's own name for it; here the run id."""


class Runner(Protocol):
    """Request in, files out: whatever becomes of the run is read from its folder."""

    def submit(self, run: Run) -> Job:
        """Hand the run over; returns when it is in safe hands.

        Raises:
            StartError: it could not be handed over; the run is then `failed`.
        """

    def attend(self, run: Run) -> None:
        """Make sure that someone watches the run, where it is not over."""

    def stop(self, run: Run, timeout_s: float) -> bool:
        """Ask for the end of the run and wait for it; is it over?"""
