"""Prints each figure with its ratio to a named floor, measured in the same minute.

python -m perf                # all
python -m perf runs silence   # some
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from perf import app, console, doctor, form, probe, results, telemetry
from perf.made import command_run, wait
from tui.engine import home
from tui.engine.runners import runner_of
from tui.engine.store import RunStore

TUI = [sys.executable, "-m", "tui"]
MINIMAL = """\
import json, os, sys
root, rows = sys.argv[1], []
for name in sorted(os.listdir(root), reverse=True):
    row = {}
    for part in ("run.json", "state.json", "result.json"):
        with open(f"{root}/{name}/{part}", encoding="utf-8") as file:
            row[part] = json.load(file)
    rows.append(row)
print(json.dumps(rows, indent=1))
"""


def cpu_s(argv: list[str], root: Path) -> float:
    """CPU seconds of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        argv,
        env={**os.environ, "MLPERF_TUI_HOME": str(root)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def interleaved(commands: dict[str, list[str]], root: Path, rounds: int = 7) -> dict[str, float]:
    """Median CPU seconds of each command, the commands taking turns."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, argv in commands.items():
            times[name].append(cpu_s(argv, root))
    return {name: statistics.median(some) for name, some in times.items()}


def runs(root: Path) -> None:
    """`runs --json` over 1,000 runs against a script that reads and prints the same files."""
    store = RunStore(root)
    subprocess.run(
        [*TUI, "run", "smoke", "--scenario", "Server", "--set", "min_duration=1"],
        env={**os.environ, "MLPERF_TUI_HOME": str(root)},
        capture_output=True,
        check=True,
    )
    model = store.open("latest")
    parts = {
        name: home.read_json(model.folder / name)
        for name in ("run.json", "state.json", "result.json")
    }
    for n in range(999):
        folder = (
            store.runs
            / f"20250101T{n // 3600:02d}{n // 60 % 60:02d}{n % 60:02d}Z-smoke-Server-0000"
        )
        folder.mkdir()
        for name, value in parts.items():
            (folder / name).write_text(home.to_json(value))
    found = interleaved(
        {
            "minimal": [sys.executable, "-c", MINIMAL, str(store.runs)],
            "ours": [*TUI, "runs", "--json"],
        },
        root,
    )
    ratio = found["ours"] / found["minimal"]
    print(f"runs --json, 1000 runs       {found['ours'] * 1e3:7.0f} ms CPU")
    print(f"  a minimal script           {found['minimal'] * 1e3:7.0f} ms CPU   ratio {ratio:.2f}")


def dry_run(root: Path) -> None:
    """`run --dry-run` against an interpreter that does nothing."""
    found = interleaved(
        {
            "nothing": [sys.executable, "-c", "pass"],
            "ours": [*TUI, "run", "smoke", "--scenario", "Offline", "--dry-run"],
        },
        root,
    )
    ratio = found["ours"] / found["nothing"]
    print(f"run --dry-run                {found['ours'] * 1e3:7.0f} ms CPU")
    print(f"  python -c pass             {found['nothing'] * 1e3:7.0f} ms CPU   ratio {ratio:.1f}")


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_ticks(pid: int) -> int:
    """User and system clock ticks of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def silence(root: Path, seconds: float = 30) -> None:
    """Memory and CPU of keeper and supervisor beside a command that says nothing."""
    run = command_run(RunStore(root), "import time; time.sleep(1000)")
    time.sleep(3)
    floor = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"])
    time.sleep(0.5)
    keeper, supervisor = run.identity("keeper"), run.supervisor
    assert keeper is not None
    assert supervisor is not None
    pids = {"keeper": keeper.pid, "supervisor": supervisor.pid}
    before = {name: cpu_ticks(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    bare = rss_bytes(floor.pid)
    floor.kill()
    floor.wait()
    for name, pid in pids.items():
        share = (cpu_ticks(pid) - before[name]) / os.sysconf("SC_CLK_TCK") / seconds * 100
        size = rss_bytes(pid)
        print(
            f"{name:<28} {size / 1e6:7.1f} MB RSS   ratio {size / bare:.2f}   "
            f"{share:.2f} % of a core"
        )
    print(f"  python -I -S, asleep       {bare / 1e6:7.1f} MB RSS")
    runner_of(run).stop(run, 60)


FAST = """\
import sys, time
start, rate, seconds = time.monotonic(), 50_000, 4
for n in range(rate * seconds):
    sys.stdout.write("line %d of a fast log, as long as such lines are on average\\n" % n)
    if n % 500 == 0:
        time.sleep(max(0, start + n / rate - time.monotonic()))
sys.stdout.flush()
print("rate", n / (time.monotonic() - start))
"""


def lines(root: Path) -> None:
    """50,000 lines a second for four seconds: how many are missing?"""
    run = command_run(RunStore(root), FAST)
    supervisor = run.supervisor
    assert supervisor is not None
    used = 0
    while supervisor.is_alive:
        try:
            used = cpu_ticks(supervisor.pid)
        except OSError:
            break
        time.sleep(0.05)
    wait(run)
    found = run.console.read_text().splitlines()
    rate = float(found.pop().split()[1])
    lost = 200_000 - len([1 for n, one in enumerate(found) if one.startswith(f"line {n} ")])
    share = used / os.sysconf("SC_CLK_TCK") / 4 * 100
    print(
        f"lines at {rate:,.0f} a second    {lost:7d} lost of 200,000   "
        f"supervisor {share:.1f} % of a core"
    )


def mlcr(root: Path, rounds: int = 5) -> None:
    """What mlcr adds to an accuracy run of the embedded benchmark, and what we add to mlcr."""
    from tui.engine import mlcflow

    installation = mlcflow.embedded(root)
    mlcflow.register(installation)
    folder = root / "alone"
    folder.mkdir()
    (folder / "smoke.json").write_text(
        '{"model": "smoke", "device": "cpu", "scenario": "Offline", "mode": "accuracy",'
        ' "min_duration_s": 1}'
    )
    tags = "run-mlperf,inference,_accuracy-only,_full,_r5.1-dev"
    times: dict[str, list[float]] = {"alone": [], "mlcr": [], "ours": []}
    for n in range(rounds):
        commands = {
            "alone": [sys.executable, "-I", "-m", "tui.smoke.runner", str(folder)],
            "mlcr": [
                str(installation.mlcr),
                tags,
                "--scenario=Offline",
                "--quiet",
                f"--results_dir={root}/by-mlcr-{n}",
            ],
            "ours": [*TUI, "run", "smoke", "--scenario", "Offline", "--mode", "accuracy"],
        }
        for name, argv in commands.items():
            start = time.monotonic()
            subprocess.run(
                argv,
                env={**os.environ, **installation.env_vars, "MLPERF_TUI_HOME": str(root)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
                cwd=folder,
            )
            times[name].append(time.monotonic() - start)
    middle = {name: statistics.median(some) for name, some in times.items()}
    print(f"smoke's runner alone         {middle['alone']:7.2f} s")
    for name, peer in (("mlcr", "alone"), ("ours", "mlcr")):
        label = "  through mlcr" if name == "mlcr" else "  through mlperf-tui run"
        more = middle[name] - middle[peer]
        print(
            f"{label:<28} {middle[name]:7.2f} s   {more:+.2f} s, "
            f"ratio {middle[name] / middle[peer]:.2f}"
        )


MEASURES: dict[str, Callable[[Path], None]] = {
    "runs": runs,
    "dry-run": dry_run,
    "silence": silence,
    "lines": lines,
    "mlcr": mlcr,
    "results": results.measure,
    "probe": probe.measure,
    **console.FIGURES,
    "doctor": doctor.measure,
    "form": form.measure,
    **app.FIGURES,
    **telemetry.FIGURES,
}


def main() -> int:
    """Measure what was named, or all."""
    # As installed: modules compiled once. (The first round of each measure compiles them.)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    unknown = set(sys.argv[1:]) - set(MEASURES)
    if unknown:
        print(
            f"no measure {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}",
            file=sys.stderr,
        )
        return 2
    load = os.getloadavg()[0]
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs, load {load:.1f}")
    for name in sys.argv[1:] or MEASURES:
        with tempfile.TemporaryDirectory() as folder:
            MEASURES[name](Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
