"""One reading of one device: what every telemetry source gives."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol


class SourceUnavailable(Exception):
    """A source has nothing to read here; the text says why, in words for a user."""


@dataclass(frozen=True)
class Reading:
    """Unknown is None, never 0."""

    device: str
    """`host`, or `gpu0` … by NVML index."""
    utilization_pct: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    sm_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    steal_pct: float | None = None
    """Host only: time the hypervisor took away."""


MEASURES = tuple(one.name for one in fields(Reading) if one.name != "device")
"""The numbers of a reading; their unit is the end of their name."""


class Source(Protocol):
    """Where readings come from."""

    def read(self) -> list[Reading]:
        """One reading a device, now."""
