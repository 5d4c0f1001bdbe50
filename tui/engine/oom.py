"""Was something killed for lack of memory? By the kernel's log, and the counts of the cgroup."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tui.engine.kernel_log import KMSG, records_since

KILLED = re.compile(r"(?:Out of memory|Memory cgroup out of memory): Killed process (\d+) "
                    r"\(([^)]*)\)(?:.*?anon-rss:(\d+)kB)?")  # fmt: skip
CGROUPS = Path("/sys/fs/cgroup")
SELF = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Kill:
    """A process that the kernel killed for lack of memory."""

    pid: int
    command: str
    held_bytes: int | None
    """Its own memory then, where that is told."""

    def __str__(self) -> str:
        held = f", which held {self.held_bytes / 1e9:,.1f} GB" if self.held_bytes else ""
        return f"the kernel killed {self.command} (pid {self.pid}) for lack of memory{held}"


def kills(since_s: float, path: str = KMSG) -> list[Kill]:
    """Since a moment (CLOCK_BOOTTIME, seconds); [] where the log may not be read."""
    found = (KILLED.search(text) for text in records_since(since_s, path))
    return [
        Kill(int(one[1]), one[2], int(one[3]) * 1024 if one[3] else None) for one in found if one
    ]


def cgroup_kills(cgroups: Path = CGROUPS, me: Path = SELF) -> int | None:
    """How often this control group ran out of memory so far; None where nothing tells."""
    try:
        own = next(
            line.split(":", 2)[2].strip()
            for line in me.read_text(errors="replace").splitlines()
            if line.startswith("0::")
        )
        text = (cgroups / own.lstrip("/") / "memory.events").read_text(errors="replace")
        return int(dict(line.split() for line in text.splitlines())["oom_kill"])
    except (OSError, StopIteration, KeyError, ValueError):
        return None
