"""Host readings by psutil, and pressure by the kernel's PSI."""

from __future__ import annotations

import os
from collections.abc import Iterable
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
        disks = self._psutil.disk_io_counters(perdisk=True) or {}
        nets = self._psutil.net_io_counters(pernic=True) or {}
        found: dict[str, int] = {}
        if disks:
            some = [disks[name] for name in _devices(disks, "block")]
            found["disk_read_bytes_s"] = sum(one.read_bytes for one in some)
            found["disk_write_bytes_s"] = sum(one.write_bytes for one in some)
        if nets:
            some = [nets[name] for name in _devices(nets, "class/net")]
            found["net_received_bytes_s"] = sum(one.bytes_recv for one in some)
            found["net_sent_bytes_s"] = sum(one.bytes_sent for one in some)
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


def _devices(names: Iterable[str], kind: str, sysfs: Path = Path("/sys")) -> list[str]:
    """Those with a device behind them: what bridges, loops and mappers move is moved by these too.

    Where there is none (in a container) all but the loop back to oneself.
    """
    physical = [name for name in names if (sysfs / kind / name / "device").exists()]
    return physical or [name for name in names if name != "lo"]


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
