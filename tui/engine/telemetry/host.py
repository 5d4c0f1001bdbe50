"""Host readings by psutil, and pressure by the kernel's PSI."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui.engine.process import boottime
from tui.engine.telemetry.reading import Reading

PRESSURE = Path("/proc/pressure")


@dataclass(frozen=True)
class HostSample:
    """The host now."""

    reading: Reading
    cores_pct: tuple[float | None, ...] = ()
    """How busy each CPU was since the last sample."""

    @property
    def readings(self) -> tuple[Reading, ...]:
        """What is recorded of it."""
        return (self.reading,)


class HostSource:
    """CPU, steal, disk and network since the last sample; memory, load and pressure now."""

    def __init__(self, pressure: Path = PRESSURE) -> None:
        import psutil

        self._psutil: Any = psutil
        self._pressure = pressure
        self._cores = psutil.cpu_times(percpu=True)
        self._at = boottime()
        self._moved = self._bytes_moved()

    def sample(self) -> HostSample:
        """Now; what is a difference is None at less than a clock tick since the last."""
        cores, last = self._psutil.cpu_times(percpu=True), self._cores
        self._cores = cores
        spent = [_spent(a, b) for a, b in zip(last, cores)]
        busy = [_busy_pct(one) for one in spent]
        everything = {name: sum(one.get(name, 0.0) for one in spent) for name in spent[0]}
        total = sum(everything.values())
        memory, swap = self._psutil.virtual_memory(), self._psutil.swap_memory()
        reading = Reading(
            "host",
            utilization_pct=_busy_pct(everything),
            memory_used_bytes=memory.total - memory.available,
            memory_total_bytes=memory.total,
            busiest_core_pct=max((one for one in busy if one is not None), default=None),
            steal_pct=100 * everything.get("steal", 0) / total if total > 0 else None,
            load_1m=os.getloadavg()[0],
            swap_used_bytes=swap.used,
            cpu_pressure_pct=self._waited_pct("cpu"),
            memory_pressure_pct=self._waited_pct("memory"),
            io_pressure_pct=self._waited_pct("io"),
            **self._rates(),
        )
        return HostSample(reading, tuple(busy))

    def _bytes_moved(self) -> dict[str, int]:
        """Since boot, over all disks and networks; empty where the kernel does not tell."""
        disk, net = self._psutil.disk_io_counters(), self._psutil.net_io_counters()
        found: dict[str, int] = {}
        if disk is not None:
            found |= {"disk_read_bytes_s": disk.read_bytes, "disk_write_bytes_s": disk.write_bytes}
        if net is not None:
            found |= {
                "net_received_bytes_s": net.bytes_recv,
                "net_sent_bytes_s": net.bytes_sent,
            }
        return found

    def _rates(self) -> dict[str, Any]:
        now, moved = boottime(), self._bytes_moved()
        seconds, before = now - self._at, self._moved
        self._at, self._moved = now, moved
        if seconds <= 0:
            return {}
        # a device that went away takes its counts along: no rate then, rather than a negative one
        return {
            name: (moved[name] - before[name]) / seconds
            for name in moved
            if name in before and moved[name] >= before[name]
        }

    def _waited_pct(self, resource: str) -> float | None:
        try:
            text = (self._pressure / resource).read_text(encoding="ascii")
        except OSError:
            return None  # an older kernel, or PSI is off
        for line in text.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "some":
                fields = dict(one.split("=") for one in rest.split())
                return float(fields["avg10"])
        return None


def _spent(before: Any, now: Any) -> dict[str, float]:
    """Seconds by kind; guest time is counted in user time too."""
    return {
        name: max(0.0, getattr(now, name) - getattr(before, name))
        for name in now._fields
        if not name.startswith("guest")
    }


def _busy_pct(spent: dict[str, float]) -> float | None:
    total = sum(spent.values())
    idle = spent.get("idle", 0.0) + spent.get("iowait", 0.0)
    return 100 * (1 - idle / total) if total > 0 else None
