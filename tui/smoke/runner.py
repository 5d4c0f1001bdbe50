"""The SUT of the embedded benchmarks: real LoadGen, a network on onnxruntime or CuPy.

`python -I -m tui.smoke.runner DIR` reads DIR/smoke.json (written by our mlcr script) and leaves
LoadGen's logs there, accuracy.txt (accuracy mode), and host.json: what the run tells of this host.
Where the engine cannot run, it ends with 1 and one line that begins with ERROR.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import signal
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tui.smoke import engines
from tui.smoke.engines import Classes, Engine, EngineError
from tui.smoke.models import MODELS, Images, Model

CALIBRATION_S = 0.3
OFFLINE_HEADROOM = 1.5
"""A guess below the real rate ends the run before min_duration: 1.0 was INVALID once."""
SERVER_QPS = 1000.0
"""A fixed rate, so that environments are compared by their tails at the same load."""
SERVER_LATENCY_MS = 100.0
MIN_QUERIES = {"SingleStream": 700, "MultiStream": 700, "Server": 700, "Offline": 1}
"""Early stopping needs 64 queries (p90), 662 (p99 estimate), 459 (Server p99 without a miss)."""


def seconds_a_call(engine: Engine, images: Images) -> float:
    """Median seconds of one call with these images, after a warm-up."""
    engine.classify(images)
    end = time.perf_counter() + CALIBRATION_S
    times: list[float] = []
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        engine.classify(images)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


class Sut:
    """Answers LoadGen's queries: at once in the streams, from a worker thread in Server."""

    def __init__(self, engine: Engine, images: Images, batch: int, threaded: bool) -> None:
        import mlperf_loadgen

        self._lg: Any = mlperf_loadgen
        self._engine, self._images, self._batch = engine, images, batch
        self._alone = [images[n : n + 1] for n in range(len(images))]  # no copy for one sample
        self.answered = 0
        self._queue: queue.SimpleQueue[list[Any] | None] | None = None
        if threaded:
            self._queue, ready = queue.SimpleQueue(), threading.Event()
            self._worker = threading.Thread(target=self._serve, args=(self._queue, ready))
            self._worker.start()
            ready.wait()

    def issue(self, samples: list[Any]) -> None:
        """LoadGen's IssueQuery."""
        if self._queue is not None:
            self._queue.put(samples)
        else:
            self._answer(samples)

    def close(self) -> None:
        """End the worker thread, where there is one."""
        if self._queue is not None:
            self._queue.put(None)
            self._worker.join()

    def _serve(self, waiting: queue.SimpleQueue[list[Any] | None], ready: threading.Event) -> None:
        # cuBLAS makes a handle for each thread, which the first query would wait for.
        self._classify(self._alone[0])
        ready.set()
        while (samples := waiting.get()) is not None:
            self._answer(samples)

    def _answer(self, samples: list[Any]) -> None:
        lg = self._lg
        for start in range(0, len(samples), self._batch):
            part = samples[start : start + self._batch]
            places = [sample.index for sample in part]
            images = self._alone[places[0]] if len(part) == 1 else self._images[places]
            classes = self._classify(images)
            address, size = classes.ctypes.data, classes.itemsize
            responses = [
                lg.QuerySampleResponse(sample.id, address + n * size, size)
                for n, sample in enumerate(part)
            ]
            lg.QuerySamplesComplete(responses)  # copies the answers before it returns
            self.answered += len(part)

    def _classify(self, images: Images) -> Classes:
        try:
            return self._engine.classify(images)
        except EngineError as error:
            # LoadGen would wait for the answer for ever, and passes no exception on.
            print(f"ERROR: {error}", flush=True)
            os._exit(1)


def test_settings(asked: dict[str, Any], engine: Engine, images: Images, batch: int) -> Any:
    """LoadGen's TestSettings: what was asked, the rest from a short calibration."""
    import mlperf_loadgen as lg

    scenario = asked["scenario"]
    settings = lg.TestSettings()
    settings.scenario = getattr(lg.TestScenario, scenario)
    accuracy = asked["mode"] == "accuracy"
    settings.mode = lg.TestMode.AccuracyOnly if accuracy else lg.TestMode.PerformanceOnly
    settings.min_duration_ms = int(asked["min_duration_s"] * 1000)
    settings.max_duration_ms = int(asked.get("max_duration_s", 0) * 1000)
    settings.min_query_count = int(asked.get("min_query_count", MIN_QUERIES[scenario]))
    settings.max_query_count = int(asked.get("max_query_count", 0))
    settings.performance_sample_count_override = int(asked.get("performance_sample_count", 0))
    latency_ms, qps = asked.get("target_latency_ms"), asked.get("target_qps")
    if scenario == "SingleStream":
        expected = latency_ms / 1e3 if latency_ms else seconds_a_call(engine, images[:1]) / 2
        settings.single_stream_expected_latency_ns = max(1, int(expected * 1e9))
    elif scenario == "MultiStream":
        # Measured with all eight: on some devices eight samples cost hardly more than one.
        expected = latency_ms / 1e3 if latency_ms else seconds_a_call(engine, images[:8]) / 2
        settings.multi_stream_samples_per_query = 8
        settings.multi_stream_expected_latency_ns = max(1, int(expected * 1e9))
    elif scenario == "Server":
        fastest = 0.4 / seconds_a_call(engine, images[:1])
        settings.server_target_qps = qps or min(SERVER_QPS, fastest)
        settings.server_target_latency_ns = int((latency_ms or SERVER_LATENCY_MS) * 1e6)
    else:
        rate = batch / seconds_a_call(engine, images[:batch])
        settings.offline_expected_qps = qps or rate * OFFLINE_HEADROOM
    return settings


def steal_ticks() -> tuple[int, int] | None:
    """Stolen and all clock ticks of all CPUs since boot, by /proc/stat; None where it has none."""
    try:
        with open("/proc/stat") as file:
            fields = [int(value) for value in file.readline().split()[1:]]
    except (OSError, ValueError):
        return None
    return (fields[7], sum(fields[:8])) if len(fields) > 7 else None


def run_loadgen(asked: dict[str, Any], model: Model, engine: Engine, folder: Path) -> None:
    """One LoadGen run into `folder`, with what it told about the host in host.json."""
    import mlperf_loadgen as lg

    images = model.images()
    scenario = asked["scenario"]
    batch = int(asked.get("batch_size", 32)) if scenario == "Offline" else 8
    print(f"INFO:smoke:model {model.label}, engine {engine.name}", flush=True)
    for size in (1, 8, batch):
        engine.classify(images[:size])
    settings = test_settings(asked, engine, images, batch)

    output = lg.LogOutputSettings()
    output.outdir = str(folder)
    output.copy_summary_to_stdout = False
    log = lg.LogSettings()
    log.log_output = output
    log.enable_trace = False

    sut = Sut(engine, images, batch, threaded=scenario == "Server")
    handle = lg.ConstructSUT(sut.issue, lambda: None)
    qsl = lg.ConstructQSL(len(images), len(images), lambda _: None, lambda _: None)
    print(f"INFO:main:starting TestScenario.{scenario}", flush=True)
    before, ticks_before = resource.getrusage(resource.RUSAGE_SELF), steal_ticks()
    start = time.monotonic()
    lg.StartTestWithLogSettings(handle, qsl, settings, log)
    seconds = time.monotonic() - start
    after, ticks_after = resource.getrusage(resource.RUSAGE_SELF), steal_ticks()
    sut.close()
    lg.DestroyQSL(qsl)
    lg.DestroySUT(handle)

    stolen = None
    if ticks_before and ticks_after and ticks_after[1] > ticks_before[1]:
        stolen = (ticks_after[0] - ticks_before[0]) / (ticks_after[1] - ticks_before[1]) * 100
    host = {
        "seconds": seconds,
        "involuntary_switches": after.ru_nivcsw - before.ru_nivcsw,
        "steal_pct": stolen,
        "cpus": len(os.sched_getaffinity(0)),
        "load_1min": os.getloadavg()[0],
    }
    (folder / "host.json").write_text(json.dumps(host, indent=1) + "\n")
    rate = sut.answered / seconds
    print(
        f"TestScenario.{scenario} qps={rate:.2f}, time={seconds:.3f}, queries={sut.answered}",
        flush=True,
    )
    print(
        f"INFO:smoke:involuntary switches {host['involuntary_switches']}, "
        f"steal {'unknown' if stolen is None else f'{stolen:.1f} %'}, "
        f"rss {after.ru_maxrss // 1024} MiB",
        flush=True,
    )


def judge_accuracy(model: Model, folder: Path) -> None:
    """Compare LoadGen's accuracy log with the right answers; writes and prints accuracy.txt."""
    labels = model.answers()
    logged = json.loads((folder / "mlperf_log_accuracy.json").read_text())
    # By image: MultiStream fills its last query up with images that it has asked before.
    answers = {one["qsl_idx"]: bytes.fromhex(one["data"]) for one in logged}
    good = sum(
        int.from_bytes(answer, sys.byteorder) == labels[index] for index, answer in answers.items()
    )
    total = len(answers)
    line = f"accuracy={100 * good / total if total else 0:.3f}%, good={good}, total={total}"
    (folder / "accuracy.txt").write_text(line + "\n")
    print(line, flush=True)


def main() -> None:
    """Run what DIR/smoke.json asks for."""
    # StartTest holds the main thread: Python's own handler would wait for its end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    folder = Path(sys.argv[1])
    asked = json.loads((folder / "smoke.json").read_text())
    name, threads = asked["model"], int(asked.get("threads", 1))
    model = MODELS[name]
    try:
        engine = engines.load(name, asked["device"], threads, asked.get("delay_us", 0))
        run_loadgen(asked, model, engine, folder)
    except EngineError as error:
        print(f"ERROR: {error}", flush=True)
        sys.exit(1)
    if asked["mode"] == "accuracy":
        judge_accuracy(model, folder)
    print(
        "INFO:smoke:not an MLPerf benchmark: it says whether LoadGen, clock and scheduler of this "
        "host can be trusted",
        flush=True,
    )


if __name__ == "__main__":
    main()
