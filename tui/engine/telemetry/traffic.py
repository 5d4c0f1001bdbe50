"""What a run's processes read and wrote: that a silent download lives can be seen by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tui.engine import process
from tui.engine.process import Identity
from tui.engine.telemetry.host import HostSample
from tui.engine.telemetry.sampler import HostTeller

PROC = Path("/proc")


class Traffic:
    """Bytes that the processes of a run have moved so far, those that are gone included.

    Whatever goes through a file, a pipe or a socket by read and write is counted (`rchar` and
    `wchar` of /proc/PID/io), also what the page cache had.

    Args:
        run_id: the run's id.
        keeper: its keeper.
    """

    def __init__(self, run_id: str, keeper: Identity | None) -> None:
        self._run_id, self._keeper = run_id, keeper
        self._last: dict[tuple[int, int], tuple[int, int]] = {}
        self.read_bytes = 0
        self.written_bytes = 0
        self.pids: set[int] = set()
        """Of all processes that were seen."""

    def look(self) -> None:
        """Bring the counts up to date."""
        now: dict[tuple[int, int], tuple[int, int]] = {}
        for one in process.run_processes(self._run_id, self._keeper):
            counts = _counts(one.pid)
            if counts is not None:
                now[one.pid, one.start_ticks] = counts
        for key, (read, written) in now.items():
            before = self._last.get(key, (0, 0))
            self.read_bytes += max(0, read - before[0])
            self.written_bytes += max(0, written - before[1])
        self._last = now
        self.pids |= {pid for pid, _ in now}


def _counts(pid: int) -> tuple[int, int] | None:
    try:
        text = (PROC / str(pid) / "io").read_text(encoding="ascii")
        found = dict(line.split(": ") for line in text.splitlines())
        return int(found["rchar"]), int(found["wchar"])
    except (OSError, ValueError, KeyError):
        return None  # it is gone, or another user's


class WithTraffic:
    """A host's samples, with what a run's processes moved.

    Args:
        host: tells of the host.
        traffic: of the run.
        is_quiet: nothing should be looked for now, because LoadGen measures.
    """

    def __init__(self, host: HostTeller, traffic: Traffic, is_quiet: Callable[[], bool]) -> None:
        self._host, self._traffic, self._is_quiet = host, traffic, is_quiet

    def sample(self) -> HostSample:
        """The host now."""
        found = self._host.sample()
        if not self._is_quiet():
            self._traffic.look()
            found.reading.run_read_bytes = self._traffic.read_bytes
            found.reading.run_written_bytes = self._traffic.written_bytes
        return found
