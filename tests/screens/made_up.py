"""A data root with telling runs, the same on every machine and at every time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from tests.conftest import DATA, spec_of
from tests.fakes import mlcr_repository
from tests.fakes.machine import AT, Machine
from tui.engine import catalog, events, explain, mlcr_options, needs
from tui.engine.probe import judge
from tui.engine.process import try_lock
from tui.engine.queue import queue_folder
from tui.engine.results import read_results
from tui.engine.setup import told, work
from tui.engine.setup.problem import Problem
from tui.engine.store import Run, RunState
from tui.engine.sut import SystemFacts
from tui.engine.telemetry.gpus import GpuDevice, GpuHealth, GpuProcess, GpuSnapshot
from tui.engine.telemetry.history import History
from tui.engine.telemetry.host import HostSample
from tui.engine.telemetry.reading import MEASURES, Reading
from tui.engine.telemetry.recorder import Writer
from tui.screens.frame import Clock

NOW = datetime(2026, 11, 24, 14, 22, 7, tzinfo=timezone.utc)
BOOTTIME_S = 90_000.0
CLOCK = Clock(utc=lambda: NOW, boottime_s=lambda: BOOTTIME_S)
FACTS = SystemFacts(
    host="gpu-benchmarking",
    kernel="6.8.0-1036-gcp",
    architecture="x86_64",
    cpu_model="Intel Xeon Platinum 8481C",
    cpus=26,
    memory_bytes=234 * 10**9,
    hypervisor="kvm",
    xen_role=None,
    xen_mode=None,
    product="Google Google Compute Engine",
    nvidia_driver="580.159.04",
)
ENVIRONMENT = {"environment": "bare-metal", "environment_label": "baseline (KVM guest)"}


def ago(**how: float) -> datetime:
    return NOW - timedelta(**how)


def stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def make_run(root: Path, when: datetime, state: str, **about: Any) -> Run:
    """One run's folder, of `spec_of`'s fields, its state and the files named in `about`."""
    phases, log = about.pop("phases", ()), about.pop("log", b"")
    result, cause = about.pop("result", None), about.pop("cause", None)
    telemetry = about.pop("telemetry", 0)
    spec = spec_of(["mlcr", "run-mlperf,inference"], **{**ENVIRONMENT, **about})
    name = f"{when:%Y%m%dT%H%M%SZ}-{spec.benchmark}-{spec.scenario}-1f40"
    folder = root / "runs" / name
    folder.mkdir(parents=True)
    run = Run(folder)
    stored = {"id": name, "created": stamp(when), **spec.to_json(), "host": FACTS.to_json()}
    (folder / "run.json").write_text(json.dumps(stored))
    begin = BOOTTIME_S - (NOW - when).total_seconds()
    lasted = sum(seconds for _, seconds in phases)
    final = state in ("finished", "failed", "stopped")
    (folder / "state.json").write_text(
        json.dumps(
            RunState(
                state,
                phase=phases[-1][0] if phases else None,
                created=stamp(when),
                started=stamp(when),
                ended=stamp(when + timedelta(seconds=lasted)) if final else None,
                started_boottime_s=begin,
                ended_boottime_s=begin + lasted if final else None,
                cause=cause,
            ).to_json()
        )
    )
    at = begin
    for nth, (phase, seconds) in enumerate(phases):
        events.append(run.events, events.PHASE, phase=phase, boottime_s=at, line=nth * 8 + 1)
        if phase == "loadgen":
            events.append(run.events, events.LIMITS, min_duration_s=600.0)
        at += seconds
    run.console.write_bytes(log)
    if result is not None:
        (folder / "result.json").write_text(json.dumps([result]))
    if telemetry:
        record(folder, telemetry, begin)
    return run


def make_probe(root: Path, when: datetime, console: bytes, **about: Any) -> Run:
    """A health probe that is over, judged by our own judge."""
    names = {"benchmark": "probe", "scenario": "full", "mode": "gpu0", "device": "cuda"}
    run = make_run(
        root, when, "finished", **{**names, "kind": "probe", **about}, log=console,
        phases=[("start", 1.2), ("alloc", 0.4), ("pattern", 0.5), ("gemm", 3.0)],
    )  # fmt: skip
    found = judge.judge(run, catalog.load())
    (run.folder / "result.json").write_text(json.dumps(found))
    return run


def make_probes(root: Path) -> None:
    """Two weeks of one GPU: the same every time, then its copies are slower."""
    for nth, hours in enumerate((330, 260, 190, 170, 98, 75, 51, 27, 3)):
        by = {"d2d": 1 + 0.0007 * ((nth * 5) % 4 - 1.5), "h2d_pinned": 0.91 if hours == 3 else 1.0}
        lines = []
        for line in (DATA / "probe/h100-full-2.jsonl").read_text().splitlines():
            found = json.loads(line)
            if found["probe"] == "metric" and found["name"] in by:
                scale = by[found["name"]]
                found |= {part: found[part] * scale for part in ("value", "min", "max")}
            lines.append(json.dumps(found) + "\n")
        make_probe(root, ago(hours=hours), "".join(lines).encode())


def record(folder: Path, count: int, begin: float) -> None:
    """Host and one H100 under load, a reading a second, by our own recorder's writer."""
    (told, *_) = Gpus().sample().readings
    (host,) = Host().sample().readings
    writer = Writer(folder, report=print)
    for n in range(count):
        at, is_busy = begin + n, n > 60
        gpu = replace(
            told,
            utilization_pct=88 + 7 * ((n * 7) % 11) / 10 if is_busy else 0.0,
            power_w=560.0 + 9 * ((n * 5) % 13) if is_busy else 72.0,
            memory_used_bytes=(14 if is_busy else 1) * 10**9,
            temperature_c=min(62, 34 + max(0, n - 60)),
        )
        writer.add([(at, stamp(NOW), replace(host, utilization_pct=20.0 + n % 7))])
        writer.add([(at, stamp(NOW), gpu)])
    writer.end()


def result_of(case: str, **about: Any) -> Mapping[str, Any]:
    """What our own reader makes of one of LoadGen's logs, under another name."""
    (found,) = read_results(DATA / "loadgen" / case, catalog.load())
    return {**found.to_json(), **about, "path": f"results/{case}/mlperf_log_detail.txt"}


def mlcr_log() -> bytes:
    """A real mlcr console up to where LoadGen begins, from a recording."""
    printed = b""
    for line in (DATA / "mlcr/singlestream-warm.cast").read_text().splitlines()[1:]:
        _, kind, text = json.loads(line)
        if kind == "o":
            printed += text.encode()
    return printed[: printed.index(b"\n", printed.index(b"starting TestScenario")) + 1]


BAD_MODEL = DATA / "mlcr/bad-model-file.raw"
BEFORE = [("start", 4), ("dependencies", 6), ("build", 70), ("preprocessing", 8)]


def make_all(root: Path) -> dict[str, Run]:
    """Runs that show what the screens can: live, queued, VALID, INVALID, failed, stopped."""
    resnet50 = {"benchmark": "resnet50", "device": "cuda", "installation": "official"}
    return {
        "stopped": make_run(root, ago(days=3), "stopped", phases=[("start", 9)]),
        "failed": make_run(
            root,
            ago(days=2, hours=5),
            "failed",
            **resnet50,
            phases=[*BEFORE[:2], ("scenario", 3), ("preprocessing", 6), ("benchmark", 1)],
            log=BAD_MODEL.read_bytes(),
            cause=explain.explain_log(BAD_MODEL).cause,
        ),
        "invalid": make_run(
            root,
            ago(hours=3),
            "finished",
            scenario="Server",
            phases=[*BEFORE, ("loadgen", 62), ("results", 2)],
            log=mlcr_log(),
            result=result_of("server_invalid_latency", benchmark="smoke"),
        ),
        "valid": make_run(
            root,
            ago(minutes=41),
            "finished",
            **resnet50,
            phases=[*BEFORE, ("loadgen", 612), ("results", 3)],
            log=mlcr_log(),
            telemetry=700,
            result=result_of(
                "offline_valid",
                benchmark="resnet50",
                accelerator={"name": "NVIDIA H100 80GB HBM3", "count": 1},
            ),
        ),
        "live": make_run(
            root,
            ago(seconds=346),
            "running",
            **{**resnet50, "scenario": "SingleStream"},
            phases=[*BEFORE, ("loadgen", 258)],
            log=mlcr_log(),
            telemetry=347,
        ),
    }


@contextmanager
def watched(run: Run) -> Iterator[None]:
    """As if it ran under a supervisor: it has its installation, and nobody starts another."""
    queue = queue_folder(run.folder.parents[1], run.stored_spec["installation"])
    queue.mkdir(parents=True)
    (queue / ".lock").write_text(run.id)
    locks = [try_lock(path) for path in (run.supervisor_lock, queue / ".lock")]
    try:
        yield
    finally:
        for lock in locks:
            assert lock is not None
            os.close(lock)


class Gpus:
    """Three GPUs: one as it was on an H100, one that tells little, one that fell off the bus."""

    is_any_lost = False

    def close(self) -> None:
        """Nothing to let go of."""

    def health(self, index: int) -> GpuHealth:
        return GpuHealth(compute_mode="default", ecc=True, ecc_pending=True, persistence=index > 0)

    def sample(self, **how: bool) -> GpuSnapshot:
        found = json.loads((DATA / "gpu/h100-gemm.json").read_text())
        (told,) = found["devices"]
        reading = {name: told[name] for name in MEASURES if name in told}
        lasting = {name: told[name] for name in ("pci_bus_id", "virtualization")}
        busy = GpuDevice(
            index=0, uuid=None, name=told["name"],
            processes=(GpuProcess(427, "ana", "python3 main.py", 1419771904, ours=True),),
            reading=Reading("gpu0", throttle_bits=4, **reading), **lasting,
        )  # fmt: skip
        silent = GpuDevice(
            index=1, uuid=None, name=told["name"], processes=None,
            reading=Reading("gpu1", utilization_pct=0.0, throttle_bits=1), **lasting,
        )  # fmt: skip
        lost = replace(silent, index=2, lost=True, reading=Reading("gpu2"))
        return GpuSnapshot(found["driver"], found["cuda"], (busy, silent, lost))


class Host:
    """A host that is always as busy."""

    def sample(self) -> HostSample:
        reading = Reading(
            "host", utilization_pct=34.0, memory_used_bytes=21 * 10**9,
            memory_total_bytes=234 * 10**9, steal_pct=0.0,
        )  # fmt: skip
        return HostSample(reading, (30.0, 38.0))


def with_installation(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the official installation were there, with the keys of the shipped list."""
    folder = mlcr_repository.make(root / "official")
    monkeypatch.setenv("MLPERF_TUI_INSTALLATION", str(folder))
    takes = replace(mlcr_options.snapshot(), source="mlperf-automations e23ca3af")
    monkeypatch.setattr(mlcr_options, "read", lambda *_: takes)
    monkeypatch.setattr(needs, "_free", lambda _: 120 * 10**9)


def looked_at() -> History:
    """Four minutes of the first GPU."""
    history = History()
    (told, *_) = Gpus().sample().readings
    for second in range(240):
        busy = 0.0 if second < 60 else 92 + 7 * ((second * 7) % 11) / 10
        watts = 72.0 if second < 60 else 600 + 9 * ((second * 5) % 13)
        reading = replace(told, utilization_pct=busy, power_w=watts)
        history.add(BOOTTIME_S - 240 + second, [reading])
    return history


def machine(folder: Path) -> Machine:
    """What the doctor looks at: an installation with some problems, and the same GPUs."""
    made = Machine(folder)
    made.install()
    made.tools.remove("cmake")
    made.remove("usr/lib/x86_64-linux-gnu/libGL.so.1")
    made.remember_python(made.root / AT / "mlc/bin/python", "3.10.8")
    made.write("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "schedutil")
    summary = "test_results/sut/resnet50/offline/performance/run_1/mlperf_log_summary.txt"
    made.cache("get-mlperf-inference-results-dir_5f6a7b8c", f"results/{summary}")
    made.about |= {"nvml": Gpus, "environments": tuple(catalog.load().environments.values())}
    return made


def outside() -> dict[str, Any]:
    """What the app takes from outside; its clock stands still."""
    return {"clock": CLOCK, "nvml": Gpus, "host": Host, "history": looked_at()}


SETUP_LOG = """\
Collecting onnxruntime
  Downloading onnxruntime_gpu-1.32.0-cp312-cp312-manylinux_2_28_x86_64.whl (256.4 MB)
     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 256.4/256.4 MB 41.2 MB/s eta 0:00:00
Collecting opencv-python-headless
  Downloading opencv_python_headless-4.13.0.92-cp37-abi3-manylinux_2_28_x86_64.whl (62.5 MB)
"""


class SetupWork:
    """In place of a setup: one that goes on for ever, or has failed."""

    def __init__(self, tmp: Path, *, fails: bool) -> None:
        self._fails = fails
        self.log = tmp / "setup.log"
        self.log.write_text("" if fails else SETUP_LOG)

    def __call__(self, plan: Any, outside: Any) -> Iterator[Any]:
        """What happens."""
        checks = work.CHECKS, work.CHECKS_TITLE
        if self._fails:
            problem = Problem(
                "official runs need what is missing here: cmake, Python.h",
                "install it",
                "sudo apt-get install -y cmake python3-dev",
            )
            yield told.StepChanged(*checks, told.FAILED, 0.2, problems=(problem,))
            yield told.Finished(False, 0.2, str(plan.place.folder))
            return
        yield told.StepChanged(*checks, told.DONE, 0.2, "Python 3.12.3")
        for name, seconds, words in (("venv", 2.3, "Python 3.12.3"), ("mlcflow", 1.4, "1.3.8")):
            yield told.StepChanged(name, "", told.DONE, seconds, words)
        yield told.StepChanged("engines", "", told.RUNNING)
        yield told.Printed("engines", SETUP_LOG.splitlines()[-1])
        while not outside.is_stopped():
            sleep(0.05)
