"""What the GPUs did in the last hour, kept while one looks: as curves, in memory alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from threading import Lock

from tui.engine.telemetry.reading import Reading
from tui.engine.telemetry.record import CHARTED, Point

KEPT = 3700
"""Readings a device: an hour of one a second."""


class History:
    """Filled by the sampler's thread, read by the screen's."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rows: dict[str, deque[tuple[float | None, ...]]] = {}

    def add(self, at_s: float, readings: Iterable[Reading]) -> None:
        """Keep these."""
        with self._lock:
            for one in readings:
                rows = self._rows.setdefault(one.device, deque(maxlen=KEPT))
                rows.append((at_s, *(getattr(one, name) for name in CHARTED)))

    def curves(self, device: str, since_s: float) -> dict[str, list[Point]]:
        """The device's curves since then."""
        with self._lock:
            rows = [row for row in self._rows.get(device, ()) if (row[0] or 0.0) >= since_s]
        return {
            name: [(row[0] or 0.0, row[nth], row[nth]) for row in rows]
            for nth, name in enumerate(CHARTED, 1)
        }
