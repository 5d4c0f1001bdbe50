"""Figures of telemetry: GPUs are a stub of the driver's library below the unmodified bindings."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from perf.made import command_run, finished_run
from perf.terminal import Terminal
from tests.fakes import nvml
from tui.engine.runners import runner_of
from tui.engine.store import RunStore
from tui.engine.telemetry.reading import Reading
from tui.engine.telemetry.record import Record
from tui.engine.telemetry.recorder import Writer
from tui.engine.telemetry.summary import summarize

TUI = [sys.executable, "-m", "tui"]
GPUS = 8
OURS = """\
import resource, sys, time
from pathlib import Path
from tui.engine.telemetry.nvml import NvmlSource
from tui.engine.telemetry.recorder import Recorder
from tui.engine.telemetry.whose import Whose
recorder = Recorder(Path(sys.argv[1]), Whose("none", None), print)
recorder.start()
recorder.enter("loadgen")
time.sleep(2)
before = resource.getrusage(resource.RUSAGE_SELF)
time.sleep(float(sys.argv[2]))
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
"""
SAMPLER = """\
import resource, sys, time
from tui.engine.telemetry.nvml import NvmlSource
source, seconds = NvmlSource(), float(sys.argv[2])
def used():
    now = resource.getrusage(resource.RUSAGE_SELF)
    return now.ru_utime + now.ru_stime
source.sample()
before, nth = used(), 0
for nth in range(int(seconds * 10)):
    source.sample(slow=nth % 5 == 0, counters=nth % 100 == 0)
    time.sleep(0.1)
print(used() - before)
"""
BARE = """\
import resource, sys, time
import pynvml as n
n.nvmlInit()
cards = [n.nvmlDeviceGetHandleByIndex(k) for k in range(n.nvmlDeviceGetCount())]
def used():
    now = resource.getrusage(resource.RUSAGE_SELF)
    return now.ru_utime + now.ru_stime
before = used()
for nth in range(int(float(sys.argv[2]) * 10)):
    for card in cards:
        n.nvmlDeviceGetUtilizationRates(card)
        n.nvmlDeviceGetMemoryInfo(card, n.nvmlMemory_v2)
        n.nvmlDeviceGetFieldValues(card, [186, 82])
        n.nvmlDeviceGetTemperature(card, 0)
        n.nvmlDeviceGetClockInfo(card, 1)
        n.nvmlDeviceGetClockInfo(card, 2)
        n.nvmlDeviceGetCurrentClocksEventReasons(card)
    time.sleep(0.1)
print(used() - before)
"""


@contextmanager
def gpus(folder: Path, *, change: bool = True) -> Iterator[Path]:
    """Eight busy GPUs that say something else every second; the file that says what."""
    folder.mkdir(exist_ok=True)
    nvml.build(folder)
    told, stop = folder / "gpus", threading.Event()
    told.write_text(nvml.busy(GPUS))
    os.environ["LD_LIBRARY_PATH"], os.environ["NVML_STUB"] = str(folder), str(told)

    def go_on() -> None:
        second = 0
        while not stop.wait(1.0):
            second += 1
            new = folder / "new"
            new.write_text(nvml.busy(GPUS, second))
            new.rename(told)

    thread = threading.Thread(target=go_on)
    if change:
        thread.start()
    try:
        yield told
    finally:
        stop.set()
        if change:
            thread.join()
        del os.environ["LD_LIBRARY_PATH"], os.environ["NVML_STUB"]


def sampling(root: Path, seconds: float = 20) -> None:
    """Eight GPUs, ten times a second: our sampler and the whole recorder, against bare calls."""
    with gpus(root / "stub", change=False):
        for name, code in (
            ("sampler", SAMPLER), ("recorder, host and files", OURS), ("  the bare calls", BARE)
        ):  # fmt: skip
            (root / "run").mkdir(exist_ok=True)
            argv = [sys.executable, "-c", code, str(root / "run"), str(seconds)]
            used = float(subprocess.check_output(argv, text=True))
            print(f"{GPUS} GPUs at 10 Hz, {name:26} {100 * used / seconds:5.2f} % of a core")
    print("  asked                                  < 1 %")


def gpu_screen(root: Path, seconds: float = 60) -> None:
    """Eight busy GPUs at 200x50, once a second: bytes sent and CPU; beside it nvitop, if found."""
    nvitop = shutil.which("nvitop")
    with gpus(root / "stub"):
        watch("GPU screen, 8 busy GPUs", TUI, root, "4", "H100", seconds)
        if nvitop:
            watch("  nvitop", [nvitop, "--monitor", "full"], root, "", "H100", seconds)
        else:
            print("  nvitop is not on PATH (measured with 1.7.2: 2.4 kB/s, 0.78 CPU s a minute)")
    with gpus(root / "stub", change=False):
        watch("GPU screen, nothing changes", TUI, root, "4", "H100", 20)


def watch(name: str, argv: list[str], root: Path, keys: str, words: str, seconds: float) -> None:
    """What a program sends and needs while one looks on."""
    terminal = Terminal(argv, root)
    terminal.until("Enter" if keys else words)
    terminal.drain(2)
    if keys:
        terminal.press(keys)
    terminal.drain(8)
    bytes_before, cpu_before = terminal.count, terminal.cpu_s()
    terminal.drain(seconds)
    sent = (terminal.count - bytes_before) / seconds
    cpu = (terminal.cpu_s() - cpu_before) / seconds * 60
    terminal.close()
    print(f"{name:<28} {sent:7.0f} B/s   {cpu:.2f} CPU s a minute")


def hung(root: Path, rounds: int = 5) -> None:
    """The driver hangs in a call: seconds from q to the end of the app."""
    times = []
    with gpus(root / "stub", change=False) as told:
        for _ in range(rounds):
            told.write_text(nvml.busy(GPUS))
            terminal = Terminal(TUI, root)
            terminal.until("H100")
            terminal.press("4")
            terminal.until("index")
            told.write_text("delay_us.nvmlDeviceGetUtilizationRates 20000000\n" + nvml.busy(GPUS))
            terminal.until("no answer")
            begin = time.monotonic()
            terminal.press("q")
            while os.waitpid(terminal.pid, os.WNOHANG) == (0, 0):
                terminal.read(0.01)
            times.append(time.monotonic() - begin)
    print(
        f"NVML hung: q ends after      {statistics.median(times):7.2f} s, {max(times):.2f} at most"
    )
    print("  asked                          < 1 s")


def long_record(root: Path, hours: int = 10) -> None:
    """A record of ten hours and eight GPUs: opened, zoomed, summed up; beside reading its bytes."""
    run = finished_run(root, 0, b"")
    begin = run.stored_state.started_boottime_s or 0.0
    writer = Writer(run.folder, report=print)
    told = Reading("gpu0", utilization_pct=90.0, memory_used_bytes=14 * 10**9, power_w=600.0,
                   memory_total_bytes=80 * 10**9, power_limit_w=700.0, temperature_c=60.0,
                   sm_clock_mhz=1410, throttle_bits=4)  # fmt: skip
    at = 0.0
    while at < hours * 3600:
        rows = [
            (begin + at, "2026-11-24T14:22:07.000Z",
             replace(told, device=f"gpu{n}", power_w=560.0 + (at * 7 + n) % 90))
            for n in range(GPUS)
        ]  # fmt: skip
        writer.add(rows)
        at += 0.1 if at < 3600 else 1.0
    writer.end()
    size = (run.folder / "telemetry.csv").stat().st_size
    print(f"record of {hours} h, {GPUS} GPUs: {size / 1e6:.0f} MB")

    def timed(what: str, asked: str, task: object, rounds: int = 5) -> None:
        times = []
        for _ in range(rounds):
            before = time.process_time()
            task()  # type: ignore[operator]
            times.append(time.process_time() - before)
        print(f"  {what:26} {statistics.median(times) * 1e3:7.0f} ms CPU   ({asked})")

    def opened() -> None:
        record = Record(run.folder)
        assert record.span is not None
        record.overview.read()
        record.curves(record.devices[0], *record.span)
        record.limits(record.devices[0])

    middle = begin + 1800
    record = Record(run.folder)
    timed("opened", "asked: < 500", opened)
    timed(
        "15 minutes at 10 Hz", "asked: < 150", lambda: record.curves("gpu3", middle, middle + 900)
    )
    timed("a minute", "asked: < 150", lambda: record.curves("gpu3", middle, middle + 60))
    timed("summed up, once at its end", "", lambda: summarize(run.folder / "telemetry.csv"), 1)
    timed("  reading its bytes", "floor", lambda: (run.folder / "telemetry.csv").read_bytes())


def in_app(root: Path) -> None:
    """A run on eight GPUs: what its screen and the record screen send."""
    with gpus(root / "stub"):
        run = command_run(
            RunStore(root), "import time; print('silent', flush=True); time.sleep(99)"
        )
        watch("run screen, 8 busy GPUs", TUI, root, "2\r", "H100", 30)
        runner_of(run).stop(run, 30)


FIGURES = {
    "sampling": sampling,
    "gpu-screen": gpu_screen,
    "hung": hung,
    "long-record": long_record,
    "gpu-run": in_app,
}
