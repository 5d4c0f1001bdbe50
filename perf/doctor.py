"""An examination of this machine, against the second for which it compares the clocks."""

from __future__ import annotations

import resource
import statistics
import time
from pathlib import Path

from tui.engine import catalog, doctor
from tui.engine.doctor import CHECKS, Outside
from tui.engine.doctor.clock import MEASURED_S
from tui.engine.doctor.examination import run_checks

ROUNDS = 5
SLOWEST = 3


def measure(root: Path) -> None:
    """Wall and CPU of all checks together, and which alone take longest."""
    world = doctor.outside(root, catalog.load().environments.values())
    walls, cpus = zip(*(_timed(world) for _ in range(ROUNDS)))
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    print(
        f"doctor, {len(CHECKS)} checks           {wall:7.2f} s wall   of 3 s; "
        f"ratio {wall / MEASURED_S:.2f} to the clocks' second   {cpu * 1e3:.0f} ms CPU"
    )
    alone = []
    for one in CHECKS:
        begun = time.monotonic()
        list(run_checks([one], world))
        alone.append((time.monotonic() - begun, one.id))
    for seconds, name in sorted(alone, reverse=True)[:SLOWEST]:
        print(f"  {name:<26} {seconds * 1e3:7.0f} ms alone")


def _timed(world: Outside) -> tuple[float, float]:
    begun, cpu = time.monotonic(), _cpu_s()
    list(doctor.examine(world))
    return time.monotonic() - begun, _cpu_s() - cpu


def _cpu_s() -> float:
    """Of this process and of the commands that it asked."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)
