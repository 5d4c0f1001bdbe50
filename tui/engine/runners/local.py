"""This machine: a detached supervisor a run."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import replace

from tui.engine import events, process
from tui.engine.errors import StartError
from tui.engine.home import utc_now
from tui.engine.queue import queue_of
from tui.engine.runners.base import Job
from tui.engine.store import Cause, Run

SUPERVISOR = "tui.engine.supervisor"
POLL_S = 0.1
PATIENCE_S = 30.0
STOPPED_PATIENCE_S = 3.0
"""For a supervisor that is stopped itself (SIGSTOP)."""


class LocalRunner:
    """Starts supervisors; everything else is theirs."""

    def submit(self, run: Run) -> Job:
        """Take the run's ticket, start its supervisor, and wait until that has taken over."""
        try:
            queue_of(run).enter(run)  # here, so that a series keeps its order
        except OSError as error:
            problem: str | None = f"{error.strerror}: {error.filename}"
        else:
            problem = self._start_supervisor(run)
        if problem and not run.is_watched():
            with suppress(OSError):
                queue_of(run).leave(run)
            state = replace(run.stored_state, state="failed", ended=utc_now())
            cause = Cause("supervisor", f"its supervisor could not be started: {problem}")
            run.write_state(replace(state, cause=cause), durable=True)
            raise StartError(f"{run.id}: {cause.text}")
        return Job(run.id, run.id)

    def attend(self, run: Run) -> None:
        """Start a supervisor again where one is missing."""
        if run.stored_state.is_final or run.is_watched():
            return
        problem = self._start_supervisor(run)
        if problem and not run.is_watched() and not run.stored_state.is_final:
            raise StartError(f"{run.id}: its supervisor could not be started again: {problem}")

    def stop(self, run: Run, timeout_s: float) -> bool:
        """Leave a stop request in the folder and see that a supervisor acts on it."""
        end = time.monotonic() + timeout_s
        asked_at = time.monotonic()
        asked = False
        while time.monotonic() < end:
            self.attend(run)
            state = run.stored_state
            if state.is_final:
                return True
            asked = asked or self._ask(run)
            if not asked:  # a full disk must not keep anyone from stopping what fills it
                self._signal_supervisor(run, signal.SIGUSR1)
            if state.state != "stopping" and time.monotonic() > asked_at + self._patience_s(run):
                self._signal_supervisor(run, signal.SIGKILL)  # it stopped or hangs: replace it
                asked_at = time.monotonic()
            time.sleep(POLL_S)
        return run.stored_state.is_final

    def _patience_s(self, run: Run) -> float:
        """How long a supervisor may take to turn to a stop request before it is replaced."""
        supervisor = run.supervisor
        found = process.proc_stat(supervisor.pid) if supervisor else None
        return STOPPED_PATIENCE_S if found is not None and found.state in "tT" else PATIENCE_S

    def _ask(self, run: Run) -> bool:
        try:
            offset = run.console.stat().st_size if run.console.exists() else 0
            events.append(run.events, events.STOP, offset=offset)
        except OSError:
            return False
        return True

    def _start_supervisor(self, run: Run) -> str | None:
        return process.start_detached([SUPERVISOR, str(run.folder)], run.folder / "supervisor.log")

    def _signal_supervisor(self, run: Run, number: int) -> None:
        """The run does not notice: its supervisor is replaceable."""
        found = run.supervisor
        if found is not None and found.is_alive:
            with suppress(ProcessLookupError):
                os.kill(found.pid, number)
