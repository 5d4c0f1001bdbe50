"""Records a run: telemetry.csv, every reading; telemetry-10s.csv, min, mean, max of ten seconds.

Inside LoadGen's window, for its first hour, the GPUs are read ten times a second: power and clocks
move every 100 ms, utilization every 200 ms. Otherwise once a second, as the host always is. Slower
things are read twice a second, counters every ten seconds and at the ends of phases.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from tui.engine import home
from tui.engine.process import boottime, proc_stat
from tui.engine.telemetry import detector
from tui.engine.telemetry.detector import Detector, Seen
from tui.engine.telemetry.gpus import GpuDevice, GpuProcess, GpuSnapshot
from tui.engine.telemetry.host import HostSample, HostSource
from tui.engine.telemetry.nvml import NvmlSource
from tui.engine.telemetry.reading import COUNTERS, GAUGES, MEASURES, Reading
from tui.engine.telemetry.sampler import GpuSource, HostTeller, Sampler, host_sampler
from tui.engine.telemetry.summary import LONGEST_GAP_S
from tui.engine.telemetry.whose import Whose

PERIOD_S, FAST_S = 1.0, 0.1
FAST_FOR_S = 3600.0
SLOW_S = 0.5
COUNTERS_S = 10.0
FLUSH_S = 1.0
SUMMARY_S = 10.0
SEEN_OFTEN = 8
"""So many readings in which another's process is on a GPU make it one: a list may be old."""
LOADGEN = "loadgen"
NO_GPU = "no GPU telemetry: "
COLUMNS = ("time", "boottime_s", "device", *MEASURES)
LATEST = ("throttle_bits", *COUNTERS)
SUMMARY_COLUMNS = (
    "time",
    "boottime_s",
    "device",
    *(f"{kind}_{name}" for name in GAUGES for kind in ("min", "mean", "max")),
    *LATEST,
)
"""Of the throttle bits those that were set at any time, of counters the last value."""


class Recorder:
    """Samples in threads of its own, so that a hanging driver call stops nothing else.

    Args:
        folder: the run's folder.
        whose: tells the run's processes from others.
        report: takes one sentence a problem; called from the recorder's threads.
        wants_gpu: the run asked for a GPU.
        nvml: connects to the GPUs.
        host: connects to the host.
        was_used: `gpu_used` is known to be `yes` already.
        told: takes the answer whether a GPU is used, whenever it changes.
        met: takes what GPUs there are, whenever others are found.
    """

    def __init__(
        self,
        folder: Path,
        whose: Whose,
        report: Callable[[str], None],
        *,
        wants_gpu: bool = False,
        nvml: Callable[[], GpuSource] = NvmlSource,
        host: Callable[[], HostTeller] = HostSource,
        was_used: bool = False,
        told: Callable[[str, list[str]], None] = lambda answer, devices: None,
        met: Callable[[GpuSnapshot], None] = lambda snapshot: None,
    ) -> None:
        self._folder, self._whose, self._report = folder, whose, report
        self._wants_gpu, self._was_used = wants_gpu, was_used
        self._told, self._met = told, met
        self._uuids: list[str | None] | None = None
        self._gpu: Sampler[GpuSnapshot] = Sampler(
            nvml, self._take, PERIOD_S, self._heard_gpus, lambda source: bool(source.is_any_lost)
        )
        self._host: Sampler[HostSample] = host_sampler(host, PERIOD_S)
        self._host_at: float | None = None
        self._watch = _Watch(report)
        self._detector = Detector()
        self._answer: tuple[str, list[str]] = ("", [])
        self._mine: set[int] = set()
        self._strange: dict[tuple[str, int], int] = {}
        """How often another's process was seen on a device."""
        self._loadgen_since: float | None = None
        self._slow_due = self._counters_due = 0.0
        self._has_asked_counters = self._are_counters_read = False
        self._rows: list[tuple[float, str, Reading]] = []
        self._lock = threading.Lock()
        self._writer = Writer(folder, report)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, name="telemetry", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._gpu.start()
        self._host.start()
        self._thread.start()

    def stop(self) -> None:
        """End, with the last counters; a hanging driver is waited for a second at most."""
        if self._thread.ident is None:
            return
        self._ask_counters()
        end = boottime() + 1.0
        while self._gpu.latest.error is None and not self._are_counters_read:
            if boottime() > end:
                break
            self._stop.wait(0.02)
        self._gpu.stop()
        self._host.stop()
        self._stop.set()
        self._thread.join(2)

    def enter(self, phase: str) -> None:
        """The run is in this phase from now on."""
        inside = phase == LOADGEN
        if inside and self._loadgen_since is None:
            self._loadgen_since = boottime()
            self._detector.begin(self._loadgen_since)
        elif not inside:
            self._loadgen_since = None
        self._gpu.set_period(FAST_S if inside else PERIOD_S)
        self._ask_counters()

    def no_cuda(self) -> None:
        """The command said that it goes on without the GPU."""
        if self._wants_gpu:
            self._report(
                "the GPU was asked for, but ONNX Runtime has no CUDA here and goes on with the CPU"
            )

    def _ask_counters(self) -> None:
        self._are_counters_read = False
        self._slow_due = self._counters_due = 0.0
        self._gpu.set_period(self._gpu.latest.period_s)  # now, not in a second

    # --- in the GPUs' thread --------------------------------------------------------------------

    def _take(self, source: GpuSource) -> GpuSnapshot:
        now = boottime()
        slow, counters = now >= self._slow_due, now >= self._counters_due
        if slow:
            self._slow_due = now + SLOW_S
        if counters:
            self._counters_due = now + COUNTERS_S
        self._has_asked_counters = counters
        return source.sample(slow=slow, counters=counters)

    def _heard_gpus(self, snapshot: GpuSnapshot, at_s: float) -> None:
        self._keep(at_s, snapshot.readings)
        if self._has_asked_counters:
            self._are_counters_read = True
        uuids = [one.uuid for one in snapshot.devices]
        if uuids != self._uuids:
            self._uuids = uuids
            self._met(snapshot)
        since = self._loadgen_since
        if since is not None and at_s - since > FAST_FOR_S and self._gpu.latest.period_s < PERIOD_S:
            self._gpu.set_period(PERIOD_S)
        names_some = any(one.processes for one in snapshot.devices)
        seen = [
            self._seen(one, names_some) for one in snapshot.devices if not (one.lost or one.closed)
        ]
        if since is None:
            self._detector.before(seen)
            return
        self._detector.take(at_s, seen)
        self._tell_use()
        self._tell_others(snapshot.devices)

    def _seen(self, device: GpuDevice, names_some: bool) -> Seen:
        """A process that cannot be found (of another pid namespace, of a vGPU) is nobody's."""
        processes, reading = device.processes, device.reading
        pids = _found(processes or ())
        ours = self._whose.ours(pids)
        self._mine |= ours
        # A container without the host's pids is told of no process at all, however busy the GPU.
        named = bool(processes) and len(pids) == len(processes or ())
        is_quiet = (reading.utilization_pct or 0) <= detector.IDLE_PCT
        if processes == () and (names_some or is_quiet or not self._wants_gpu):
            named = True
        return Seen(
            reading.device,
            reading.utilization_pct,
            reading.power_w,
            reading.memory_used_bytes,
            ours=bool(ours) if named else (True if ours else None),
            others=bool(set(pids) - self._mine),
        )

    def _tell_use(self) -> None:
        answer, used = self._detector.answer, sorted(self._detector.used)
        if (answer, used) == self._answer or (self._was_used and answer != detector.YES):
            return
        self._answer = (answer, used)
        self._told(answer, used)
        if answer == detector.NO and self._wants_gpu:
            self._report(
                "the GPU was asked for, but no GPU does anything: this measures the CPU "
                "(is a CPU-only framework installed over the GPU one?)"
            )

    def _tell_others(self, devices: Iterable[GpuDevice]) -> None:
        for device in devices:
            name = device.reading.device
            if name not in self._detector.used or not device.processes:
                continue
            there = set(_found(device.processes)) - self._mine
            for one in device.processes:
                if one.pid not in there:
                    continue
                self._strange[name, one.pid] = self._strange.get((name, one.pid), 0) + 1
                if self._strange[name, one.pid] != SEEN_OFTEN:
                    continue
                who = " ".join((one.command or "unknown").split())[:80]
                self._report(
                    f"another process is on GPU {device.index} too: pid {one.pid} "
                    f"({one.user or '?'}: {who}); what is measured is not this run's alone"
                )

    # --- in the writer's thread -----------------------------------------------------------------

    def _keep(self, at_s: float, readings: Sequence[Reading]) -> None:
        time = home.utc_now()
        with self._lock:
            self._rows += [(at_s, time, one) for one in readings]

    def _write(self) -> None:
        try:
            while not self._stop.wait(FLUSH_S):
                self._flush()
            self._flush()
            self._writer.end()
        except Exception as error:  # whatever happens here, the run goes on and says so
            self._report(f"telemetry ended: {error!r}")

    def _flush(self) -> None:
        host = self._host.latest
        if host.sample is not None and host.at_s is not None and host.at_s != self._host_at:
            self._host_at = host.at_s
            self._keep(host.at_s, host.sample.readings)
        with self._lock:
            rows, self._rows = self._rows, []
        self._writer.add(sorted(rows, key=lambda row: row[0]))
        self._watch.look(self._gpu)


def _found(processes: Iterable[GpuProcess]) -> list[int]:
    """Pids of those that are processes here."""
    return [one.pid for one in processes if one.pid > 0 and proc_stat(one.pid) is not None]


class _Watch:
    """Tells when the driver falls silent, comes back, and when a GPU is lost."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._error: str | None = None
        self._silent_since: float | None = None
        self._lost: set[int] = set()
        self._uuids: dict[int, str] = {}

    def look(self, sampler: Sampler[GpuSnapshot]) -> None:
        latest, now, clock = sampler.latest, boottime(), home.utc_now()[11:19]
        if latest.error != self._error:
            self._error = latest.error
            self._report(
                f"{NO_GPU}{latest.error} ({clock} UTC)"
                if latest.error
                else f"GPU telemetry goes on ({clock} UTC)"
            )
        silent = latest.silent_s(now)
        if silent is not None and self._silent_since is None:
            self._silent_since = now - silent
            self._report(f"the NVIDIA driver gives no answer ({clock} UTC)")
        elif silent is None and self._silent_since is not None and latest.error is None:
            gap, self._silent_since = now - self._silent_since, None
            self._report(f"the NVIDIA driver answers again, after {gap:.0f} s ({clock} UTC)")
        if latest.sample is not None:
            self._tell_others(latest.sample.devices, clock)
            self._tell_lost(latest.sample.devices, clock)

    def _tell_others(self, devices: Sequence[GpuDevice], clock: str) -> None:
        """NVML counts anew when its driver begins anew: a number may be another card then."""
        for one in devices:
            if one.uuid is None:
                continue
            before = self._uuids.setdefault(one.index, one.uuid)
            if before != one.uuid:
                self._uuids[one.index] = one.uuid
                self._lost.discard(one.index)
                self._report(f"GPU {one.index} is another card since {clock} UTC: {one.uuid}")

    def _tell_lost(self, devices: Sequence[GpuDevice], clock: str) -> None:
        lost = {one.index for one in devices if one.lost}
        there = {one.index for one in devices if not one.lost}
        for index in sorted(lost - self._lost):
            self._report(f"GPU {index} is lost since {clock} UTC: it has fallen off the bus")
        for index in sorted(self._lost & there):
            self._report(f"GPU {index} is back ({clock} UTC)")
        self._lost = (self._lost | lost) - there


class Writer:
    """Appends whole rows to both files; on a full disk the run goes on."""

    def __init__(self, folder: Path, report: Callable[[str], None]) -> None:
        self._folder, self._report = folder, report
        self._window: dict[str, list[tuple[float, Reading]]] = {}
        self._window_due: float | None = None
        self._last: tuple[float, str] = (0.0, "")
        self._is_full = False

    def add(self, rows: Sequence[tuple[float, str, Reading]]) -> None:
        """Some readings, each with its times."""
        text = []
        for at_s, time, one in rows:
            if self._window_due is not None and at_s >= self._window_due:
                self.end()
            if self._window_due is None:
                self._window_due = at_s + SUMMARY_S
            self._window.setdefault(one.device, []).append((at_s, one))
            self._last = (at_s, time)
            values = [getattr(one, name) for name in MEASURES]
            text.append(_line(time, at_s, one.device, values))
        self._append("telemetry.csv", COLUMNS, text)

    def end(self) -> None:
        """Sum up what came since the last time."""
        at_s, time = self._last
        text = [
            _line(time, at_s, device, list(_summed_up(readings)))
            for device, readings in self._window.items()
        ]
        self._window, self._window_due = {}, None
        self._append("telemetry-10s.csv", SUMMARY_COLUMNS, text)

    def _append(self, name: str, columns: Sequence[str], lines: list[str]) -> None:
        if not lines:
            return
        path = self._folder / name
        if not path.exists() or not path.stat().st_size:
            lines.insert(0, ",".join(columns) + "\n")
        try:
            home.append_whole(path, "".join(lines).encode())
        except OSError as error:
            if not self._is_full:
                self._is_full = True
                self._report(f"telemetry is not written: {error.strerror}")


def _summed_up(timed: Sequence[tuple[float, Reading]]) -> Iterable[Any]:
    """Means are over time: a reading holds until the next one, the last as long as that before."""
    readings = [one for _, one in timed]
    lasting = [min(b - a, LONGEST_GAP_S) for (a, _), (b, _) in itertools.pairwise(timed)]
    lasting.append(lasting[-1] if lasting else PERIOD_S)
    for name in GAUGES:
        known = [
            (value, max(seconds, 1e-3))
            for one, seconds in zip(readings, lasting)
            if (value := getattr(one, name)) is not None
        ]
        if known:
            values = [value for value, _ in known]
            mean = sum(value * s for value, s in known) / sum(s for _, s in known)
            yield from (min(values), mean, max(values))
        else:
            yield from (None, None, None)
    bits = [one.throttle_bits for one in readings if one.throttle_bits is not None]
    together = 0
    for some in bits:
        together |= some
    yield together if bits else None
    for name in COUNTERS:
        values = [value for one in readings if (value := getattr(one, name)) is not None]
        yield values[-1] if values else None


def _line(time: str, at_s: float, device: str, values: Sequence[Any]) -> str:
    cells = ("" if one is None else f"{one:.2f}" if isinstance(one, float) else str(one)
             for one in values)  # fmt: skip
    return f"{time},{at_s:.3f},{device},{','.join(cells)}\n"
