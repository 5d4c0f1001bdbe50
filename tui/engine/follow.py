"""A run's folder -> a stream of events, live or afterwards. Reads only.

Whoever iterates sees to the supervisor on every `Tick` (`Runner.attend`): without one, nobody would
ever write the final state of a run whose supervisor was killed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any

from tui.engine import events
from tui.engine.store import Run, RunState
from tui.engine.telemetry.record import RowReader

POLL_S = 0.2
TICK_S = 1.0
READ_BYTES = 1 << 20


@dataclass(frozen=True)
class LogLines:
    """Bytes that the command printed; may end within a line."""

    offset: int
    data: bytes


@dataclass(frozen=True)
class PhaseChanged:
    """The run entered a phase."""

    phase: str
    scenario: str | None
    mode: str | None
    boottime_s: float | None
    line: int


@dataclass(frozen=True)
class Reading:
    """One row of telemetry.csv, by column; numbers as numbers, unknown None."""

    values: dict[str, str | float | None]


@dataclass(frozen=True)
class Limits:
    """What LoadGen's part will take."""

    min_duration_s: float
    max_duration_s: float | None = None
    expected_s: float | None = None


@dataclass(frozen=True)
class Doing:
    """What goes on inside the phase (`console.Activity`)."""

    kind: str
    what: str
    percent: float | None = None
    count: int | None = None
    depth: int | None = None


@dataclass(frozen=True)
class WasSilent:
    """The longest silence of the phase that has ended."""

    phase: str
    seconds: float
    line: int


@dataclass(frozen=True)
class GpuUsed:
    """Whether a GPU is used inside LoadGen's window: `yes`, `no` or `unsure`."""

    answer: str


@dataclass(frozen=True)
class Alert:
    """Something that a user should know."""

    text: str


@dataclass(frozen=True)
class StateChanged:
    """The run's state; the last event of a stream has a final one."""

    state: RunState


@dataclass(frozen=True)
class Tick:
    """A second has passed: for what shows time, and for seeing to the supervisor."""


RunEvent = (
    LogLines
    | PhaseChanged
    | Limits
    | Doing
    | WasSilent
    | GpuUsed
    | Reading
    | Alert
    | StateChanged
    | Tick
)


def follow(run: Run, *, log: bool = True, from_offset: int = 0) -> Iterator[RunEvent]:
    """Everything that happened and happens to a run, until it is over and all is told.

    Args:
        run: the run.
        log: give LogLines too.
        from_offset: byte of console.log to begin at.
    """
    follower = _Follower(run, from_offset if log else None)
    while not follower.is_over:
        yield from follower.look()
        if not follower.is_over:
            time.sleep(POLL_S)


def batches(run: Run, stop: Event) -> Iterator[list[RunEvent]]:
    """The same in lists of what came since the last one; ends early by `stop`.

    Without the log, and of the readings only the last ones and what comes: of a long run there are
    hundreds of thousands.
    """
    follower = _Follower(run, None, latest_only=True)
    while not (follower.is_over or stop.is_set()):
        found = list(follower.look())
        if found:
            yield found
        if not follower.is_over:
            stop.wait(POLL_S)


class _Follower:
    """What of a run's folder has been told so far."""

    def __init__(self, run: Run, log_offset: int | None, *, latest_only: bool = False) -> None:
        self._run, self._log_offset = run, log_offset
        self._event_offset = 0
        self._state: RunState | None = None
        self._ticked = time.monotonic()
        self._telemetry = RowReader(run.folder / "telemetry.csv", from_end=latest_only)
        self.is_over = False

    def look(self) -> Iterator[RunEvent]:
        """What is new."""
        state = self._run.stored_state  # first: what was written before it is then read below
        found, self._event_offset = events.read(self._run.events, self._event_offset)
        for one in found:
            yield from _told(one)
        for row in self._telemetry.rows():
            yield Reading(row)
        if self._log_offset is not None:
            for part in log_lines(self._run, self._log_offset):
                self._log_offset = part.offset + len(part.data)
                yield part
        if state != self._state:
            self._state = state
            yield StateChanged(state)
        if state.is_final:
            self.is_over = True
        elif time.monotonic() - self._ticked >= TICK_S:
            self._ticked = time.monotonic()
            yield Tick()


def _told(event: dict[str, Any]) -> Iterator[RunEvent]:
    if event["kind"] == events.PHASE:
        yield PhaseChanged(
            event["phase"],
            event.get("scenario"),
            event.get("mode"),
            event.get("boottime_s"),
            event.get("line", 0),
        )
    elif event["kind"] == events.LIMITS:
        yield Limits(event["min_duration_s"], event.get("max_duration_s"), event.get("expected_s"))
    elif event["kind"] == events.DOING:
        yield Doing(
            str(event.get("activity")),
            event["what"],
            event.get("percent"),
            event.get("count"),
            event.get("depth"),
        )
    elif event["kind"] == events.SILENCE:
        yield WasSilent(str(event.get("phase")), event["seconds"], event.get("line", 0))
    elif event["kind"] == events.GPU_USED:
        yield GpuUsed(event["answer"])
    elif event["kind"] == events.ALERT:
        yield Alert(event["text"])


def log_lines(run: Run, offset: int = 0) -> Iterator[LogLines]:
    """What is in console.log from byte `offset` on, in parts of a megabyte at most."""
    with open(run.console, "rb", buffering=0) as file:
        file.seek(offset)
        while data := file.read(READ_BYTES):
            yield LogLines(offset, data)
            offset += len(data)
