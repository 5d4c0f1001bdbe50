"""Host readings by psutil."""

from __future__ import annotations

from typing import Any

from tui.engine.telemetry.reading import Reading


class HostSource:
    """CPU and steal since the last reading, memory now."""

    def __init__(self) -> None:
        import psutil

        self._psutil: Any = psutil
        self._last = psutil.cpu_times()

    def read(self) -> list[Reading]:
        """One reading of `host`; percentages are None at less than a clock tick since the last."""
        now, last = self._psutil.cpu_times(), self._last
        self._last = now
        # guest time is counted in user time too
        names = [name for name in now._fields if not name.startswith("guest")]
        spent = {name: getattr(now, name) - getattr(last, name) for name in names}
        total = sum(spent.values())
        idle = spent["idle"] + spent.get("iowait", 0)
        memory = self._psutil.virtual_memory()
        return [
            Reading(
                "host",
                utilization_pct=100 * (1 - idle / total) if total > 0 else None,
                memory_used_bytes=memory.total - memory.available,
                memory_total_bytes=memory.total,
                steal_pct=100 * spent.get("steal", 0) / total if total > 0 else None,
            )
        ]
