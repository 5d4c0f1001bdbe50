"""What a run's processes read and wrote: that a silent download lives can be seen by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tui.engine import process
from tui.engine.process import Identity, ProcStat, boottime
from tui.engine.telemetry.host import HostSample
from tui.engine.telemetry.sampler import HostTeller

PROC = Path("/proc")
LOOK_S = 2.0


class Traffic:
    """Bytes that the processes below a keeper have moved so far, those that are gone included.

    Whatever goes through a file, a pipe or a socket by read and write is counted (`rchar` and
    `wchar` of /proc/PID/io), also what the page cache had.

    Args:
        keeper: the run's keeper; None: there is nothing to count.
    """

    def __init__(self, keeper: Identity | None) -> None:
        self._keeper = keeper
        self._due = 0.0
        self._last: dict[tuple[int, int], tuple[int, int]] = {}
        self.read_bytes = 0
        self.written_bytes = 0
        self.pids: set[int] = set()
        """Of all processes that were seen."""

    def look(self) -> None:
        """Bring the counts up to date; seldom, for there may be thousands of processes."""
        if boottime() < self._due:
            return
        self._due = boottime() + LOOK_S
        now: dict[tuple[int, int], tuple[int, int]] = {}
        for one in self._tree():
            counts = _counts(one.pid)
            if counts is not None:
                now[one.pid, one.start_ticks] = counts
        for key, (read, written) in now.items():
            before = self._last.get(key, (0, 0))
            self.read_bytes += max(0, read - before[0])
            self.written_bytes += max(0, written - before[1])
        self._last = now
        self.pids |= {pid for pid, _ in now}

    def _tree(self) -> Iterator[ProcStat]:
        """Below the keeper, or in its session: far cheaper to find than by all environments."""
        everyone = list(process.all_processes())
        keeper = self._keeper.pid if self._keeper is not None else -1
        below = process.descendants(keeper, everyone)
        return (one for one in everyone if one.pid in below or one.session == keeper)


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
