"""The probe on a real GPU: how long, how repeatable, and against torch on the same card."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tui.engine.probe import history
from tui.engine.store import Run, RunStore

PROBES = 5
STEPS = ("start", "alloc", "launch", "transfer", "memory", "pattern", "gemm", "sustained")
TUI = [sys.executable, "-m", "tui"]
REFERENCE = Path(__file__).with_name("torch_reference.py")


def measure(root: Path) -> None:
    """Wall time of full and quick, spread over five probes, torch before and after, cancel."""
    if not os.path.exists("/dev/nvidiactl"):
        print("probe: no NVIDIA GPU here")
        return
    environment = {**os.environ, "MLPERF_TUI_HOME": str(root)}
    peers = [_torch()]
    walls = [_timed([*TUI, "probe", "--json"], environment) for _ in range(PROBES)]
    peers.append(_torch())
    quick = [_timed([*TUI, "probe", "--quick", "--json"], environment) for _ in range(3)]
    print(
        f"probe, full        {statistics.median(walls):7.2f} s wall, of 20 s; most {max(walls):.2f}"
    )
    print(
        f"probe, quick       {statistics.median(quick):7.2f} s wall, of 5 s; most {max(quick):.2f}"
    )
    _compare(RunStore(root), [one for one in peers if one])
    _cancel(root, environment)


def _timed(argv: list[str], environment: dict[str, str]) -> float:
    start = time.monotonic()
    done = subprocess.run(argv, env=environment, capture_output=True, text=True)
    if done.returncode == 1:
        sys.exit(done.stdout + done.stderr)
    return time.monotonic() - start


def _torch() -> dict[str, float]:
    done = subprocess.run([sys.executable, str(REFERENCE)], capture_output=True, text=True)
    if done.returncode:
        print(f"no torch to compare with: {done.stderr.strip().rpartition(chr(10))[2]}")
        return {}
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _compare(store: RunStore, peers: list[dict[str, float]]) -> None:
    """The median of the full ones, their spread, and the ratio to torch's mean."""
    full: list[dict[str, Any]] = [
        one.result for one in history.past(store) if not one.result["quick"]
    ]
    for row in full[0]["metrics"]:
        values = [
            other["value"]
            for one in full
            for other in one["metrics"]
            if other["name"] == row["name"]
        ]
        cv = 100 * statistics.stdev(values) / statistics.fmean(values)
        middle = statistics.median(values)
        line = f"  {row['name']:<18} {middle:12,.5g} {row['unit']:<8} cv {cv:6.2f} %"
        theirs = [one[row["name"]] for one in peers if row["name"] in one]
        if theirs:
            torch = statistics.fmean(theirs)
            line += f"   torch {torch:,.5g}   ratio {middle / torch:.3f}"
        print(line)


def _has_come_to(run: Run, step: str) -> bool:
    """A short step may be over before it is seen."""
    state = run.stored_state
    return state.is_final or (
        state.phase in STEPS and STEPS.index(state.phase) >= STEPS.index(step)
    )


def _cancel(root: Path, environment: dict[str, str]) -> None:
    """From `stop` to the end of everything, in the middle of several steps."""
    store, times = RunStore(root), []
    for step in ("pattern", "gemm", "sustained"):
        following = subprocess.Popen(
            [*TUI, "probe"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        before = store.ids()[:1]
        while store.ids()[:1] == before or not _has_come_to(store.open("latest"), step):
            time.sleep(0.01)
        start = time.monotonic()
        subprocess.run([*TUI, "stop", "latest"], env=environment, capture_output=True, check=True)
        times.append(time.monotonic() - start)
        following.wait()
    print(f"cancel             {max(times):7.2f} s at most, of 1 s, the start of `stop` included")
