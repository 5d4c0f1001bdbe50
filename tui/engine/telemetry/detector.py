"""Was the GPU used at all? Neither `--device=cuda`, nor the SUT's name, nor a VALID result tell.

Looked at is LoadGen's window alone: long before it mlcr itself touches the GPU for an instant, to
list the devices. Limits were found on an H100 (docs/telemetry.md).
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

YES, NO, UNSURE = "yes", "no", "unsure"
SETTLE_S = 5.0
"""After LoadGen's start the model may still be on its way to the GPU."""
ENOUGH_S = 5.0
"""So long nothing must happen before it is said to be idle."""
IDLE_PCT = 3.0
IDLE_W = 10.0
IDLE_BYTES = 16 * 2**20
BUSY_PCT = 10.0
BUSY_W = 30.0
BUSY_BYTES = 300 * 2**20
KEPT = 600
"""Moments before the window that are remembered."""
T = TypeVar("T", int, float)


@dataclass(frozen=True)
class Seen:
    """One GPU at one moment."""

    device: str
    utilization_pct: float | None
    power_w: float | None
    memory_used_bytes: int | None
    ours: bool | None
    """A process of the run computes on it; None where the driver names no processes."""
    others: bool = False
    """Another's process does: what the GPU does then proves nothing."""


class _Tally:
    """What one GPU did inside the window, so far."""

    def __init__(self) -> None:
        self.utilization_pct: float | None = None
        self.memory_used_bytes: int | None = None
        self.power_w = 0.0
        self.powers = 0
        self.is_named = True
        self.has_others = False

    def add(self, one: Seen) -> None:
        self.utilization_pct = _most(self.utilization_pct, one.utilization_pct)
        self.memory_used_bytes = _most(self.memory_used_bytes, one.memory_used_bytes)
        if one.power_w is not None:
            self.power_w += one.power_w
            self.powers += 1
        self.is_named &= one.ours is not None
        self.has_others |= one.others

    @property
    def mean_power_w(self) -> float | None:
        return self.power_w / self.powers if self.powers else None


class Detector:
    """Takes what is seen of the GPUs, before and inside LoadGen's window."""

    def __init__(self) -> None:
        self._before: dict[str, deque[Seen]] = {}
        self._inside: dict[str, _Tally] = {}
        self._began_s: float | None = None
        self._first_s = self._last_s = 0.0
        self.used: set[str] = set()
        """Devices that the run was seen to use."""

    def before(self, seen: Sequence[Seen]) -> None:
        """A moment before LoadGen's window: how the GPUs are without the run's work."""
        for one in seen:
            if not one.ours and not one.others:
                self._before.setdefault(one.device, deque(maxlen=KEPT)).append(one)

    def begin(self, at_s: float) -> None:
        """LoadGen begins; further windows of the same run count together with the first."""
        if self._began_s is None:
            self._began_s = at_s

    def take(self, at_s: float, seen: Sequence[Seen]) -> None:
        """A moment inside the window."""
        self.used |= {one.device for one in seen if one.ours or self._must_be_ours(one)}
        if self._began_s is None or at_s < self._began_s + SETTLE_S:
            return
        self._first_s, self._last_s = self._first_s or at_s, at_s
        for one in seen:
            self._inside.setdefault(one.device, _Tally()).add(one)

    @property
    def answer(self) -> str:
        """`yes`, `no` or `unsure`, by what was seen so far."""
        if self.used:
            return YES
        enough = self._last_s - self._first_s >= ENOUGH_S
        idle = self._inside and all(map(self._is_idle, self._inside))
        return NO if enough and idle else UNSURE

    def _must_be_ours(self, one: Seen) -> bool:
        """Where the driver names no processes: what the GPU does tells."""
        if one.ours is not None or one.others:
            return False
        power_w, memory = self._baseline(one.device)
        return (
            (one.utilization_pct or 0) > BUSY_PCT
            or _above(one.memory_used_bytes, memory, BUSY_BYTES)
            or _above(one.power_w, power_w, BUSY_W)
        )

    def _is_idle(self, device: str) -> bool:
        """Nothing of the run was on it: no process, nor utilization, nor memory, nor power."""
        tally = self._inside[device]
        if tally.has_others:
            # Ours would be named; but a container of ours may be taken for another's.
            return tally.is_named and (tally.utilization_pct or 0) <= IDLE_PCT
        told = (tally.utilization_pct, tally.memory_used_bytes, tally.mean_power_w)
        power_w, memory = self._baseline(device)
        return (
            any(one is not None for one in told)
            and (tally.utilization_pct or 0) <= IDLE_PCT
            and not _above(tally.memory_used_bytes, memory, IDLE_BYTES)
            and not _above(tally.mean_power_w, power_w, IDLE_W)
        )

    def _baseline(self, device: str) -> tuple[float | None, float | None]:
        """Power and used memory without the run's work: medians, None where nothing was seen."""
        seen = self._before.get(device, ())
        return (
            _median([one.power_w for one in seen if one.power_w is not None]),
            _median([one.memory_used_bytes for one in seen if one.memory_used_bytes is not None]),
        )


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _most(before: T | None, value: T | None) -> T | None:
    if before is None or value is None:
        return before if value is None else value
    return max(before, value)


def _above(value: float | None, base: float | None, most: float) -> bool:
    return value is not None and base is not None and value > base + most
