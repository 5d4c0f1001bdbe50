"""Console logs: explaining a big one, and following one that grows."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

from perf.made import command_run
from tui.engine import explain
from tui.engine.console import ConsoleReader
from tui.engine.store import RunStore

RECORDED = Path(__file__).parents[1] / "tests/data/mlcr"
LOG_BYTES = 100_000_000
GROWING = """\
import sys, time
lines = open({path!r}, "rb").read().split(b"\\n")[:-1]
start, rate, seconds = time.monotonic(), 1000, 20
for n in range(rate * seconds):
    sys.stdout.buffer.write(lines[n % len(lines)] + b"\\n")
    if n % 50 == 0:
        sys.stdout.flush()
        time.sleep(max(0, start + n / rate - time.monotonic()))
"""


def big(root: Path) -> None:
    """`explain` on 100 MB: of real lines, and of lines that tell nothing."""
    real = (RECORDED / "bad-model-file.raw").read_bytes()
    nothing = b"a line of a tool that has nothing to tell, of about the usual length\n" * 1000
    for name, part in (("real lines", real), ("lines that tell nothing", nothing)):
        path = root / "log.txt"
        with open(path, "wb") as file:
            for _ in range(LOG_BYTES // len(part)):
                file.write(part)
        floor = _cpu(_count_lines, path)
        used = _cpu(explain.explain_log, path)
        print(f"explain, 100 MB of {name:<24} {used:5.2f} s CPU   ratio to counting its lines "
              f"{used / floor:.0f}")  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"  peak memory {peak / 1e3:.0f} MB (the floor holds the whole log)")


def _count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def _cpu(what: Callable[[Path], object], path: Path) -> float:
    """CPU seconds, the least of three."""
    found = []
    for _ in range(3):
        before = time.process_time()
        what(path)
        found.append(time.process_time() - before)
    return min(found)


def phases(root: Path) -> None:
    """Following 1,000 real lines a second: the reader alone, and all of the supervisor."""
    path = RECORDED / "bad-model-file.raw"
    lines = path.read_bytes().split(b"\n")[:-1]
    reader, seconds = ConsoleReader(), 20
    before = time.process_time()
    for second in range(seconds):
        for part in range(4):  # as the supervisor does, four times a second
            some = [lines[(second * 1000 + part * 250 + n) % len(lines)] for n in range(250)]
            for _ in reader.feed(b"\n".join(some) + b"\n"):
                pass
    share = (time.process_time() - before) / seconds * 100
    print(f"phases at 1,000 lines a second {share:5.2f} % of a core (the reader alone)")
    run = command_run(RunStore(root), GROWING.format(path=str(path)))
    supervisor = run.supervisor
    assert supervisor is not None
    used, start = 0, time.monotonic()
    while supervisor.is_alive:
        try:
            fields = Path(f"/proc/{supervisor.pid}/stat").read_text().rpartition(")")[2].split()
            used = int(fields[11]) + int(fields[12])
        except OSError:
            break
        time.sleep(0.1)
    took = time.monotonic() - start
    whole = used / os.sysconf("SC_CLK_TCK") / took * 100
    print(f"  all of the supervisor        {whole:5.2f} % of a core, telemetry and start included")


FIGURES: dict[str, Callable[[Path], None]] = {"explain": big, "phases": phases}
