"""`results` over a submission of the size of the v5.1 closed tree."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

RESULTS, LOGS = 498, 1501
"""Of the v5.1 closed tree."""
CHECKER_MS = 1000 * 11.9 / LOGS
"""CPU per detail log of MLCommons' submission checker (tag v5.1) on that tree, 2 cores."""
DATA = Path(__file__).parents[1] / "tests/data"
MODELS = (
    "resnet", "retinanet", "bert-99", "3d-unet-99", "llama2-70b-99", "llama3.1-8b", "rgat",
    "whisper", "mixtral-8x7b", "stable-diffusion-xl",
)  # fmt: skip
PLAIN = """\
import json, os, sys
for folder, _, names in os.walk(sys.argv[1]):
    if "mlperf_log_detail.txt" in names:
        with open(os.path.join(folder, "mlperf_log_detail.txt"), encoding="utf-8") as file:
            found = [json.loads(line[8:]) for line in file if line.startswith(":::MLLOG ")]
"""
"""The floor: every line of every log through a JSON parser, and nothing said."""


def corpus() -> Path:
    """Real published cases where there are some, else the small ones of the tests."""
    named = os.environ.get("MLPERF_TUI_CORPUS")
    return Path(named) / "logs/published" if named else DATA / "published"


def cases() -> list[tuple[Path, Path | None]]:
    """A performance run and an accuracy run, wherever both have a detail log."""
    found = []
    for run in sorted(corpus().rglob("performance/run_1/mlperf_log_detail.txt")):
        accuracy = run.parents[2] / "accuracy/mlperf_log_detail.txt"
        found.append((run.parent, accuracy.parent if accuracy.is_file() else None))
    return found


def build(root: Path) -> tuple[int, int]:
    """A submission of so many results and logs, in the layout to v5.1.

    Returns:
        Detail logs made, and their bytes.
    """
    logs = size = 0
    some = cases()
    accuracies = cycle([one for _, one in some if one is not None])
    closed = root / "closed/Submitter"
    for number, (run, accuracy) in enumerate(islice(cycle(some), RESULTS)):
        place = Path(f"system-{number // len(MODELS)}", MODELS[number % len(MODELS)], "Offline")
        parts = [
            (closed / "results" / place / "performance/run_1", run),
            (closed / "results" / place / "accuracy", accuracy or next(accuracies)),
        ]
        tests = LOGS - 2 * RESULTS
        if number < tests:
            parts.append((closed / "compliance" / place / "TEST01/performance/run_1", run))
        if number < tests - RESULTS:
            parts.append((closed / "compliance" / place / "TEST04/performance/run_1", run))
        for to, source in parts:
            to.mkdir(parents=True)
            for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt", "accuracy.txt"):
                if (source / name).is_file():
                    shutil.copyfile(source / name, to / name)
            logs += 1
            size += (to / "mlperf_log_detail.txt").stat().st_size
        test = closed / "compliance" / place / "TEST01"
        if test.is_dir():
            (test / "verify_accuracy.txt").write_text("TEST PASS\n")
            (test / "verify_performance.txt").write_text("TEST PASS\n")
    for number in range(RESULTS // len(MODELS) + 1):
        path = closed / f"systems/system-{number}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            json.dumps({"accelerator_model_name": "NVIDIA L4", "accelerators_per_node": 1})
        )
    return logs, size


def cpu_s(argv: list[str]) -> float:
    """CPU seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def first_result_cpu_s(argv: list[str]) -> float:
    """CPU seconds until the first line is printed."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        process.kill()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def largest_log(root: Path) -> Path:
    """A log of 1 GB."""
    whole = (DATA / "loadgen/singlestream_valid/mlperf_log_detail.txt").read_bytes()
    head, _, tail = whole.partition(b"\n")
    message = next(one for one in whole.splitlines() if b'"generic_message"' in one) + b"\n"
    path = root / "large/mlperf_log_detail.txt"
    path.parent.mkdir()
    with open(path, "wb") as file:
        file.write(head + b"\n")
        for _ in range(1000):
            file.write(message * (1_000_000 // len(message)))
        file.write(tail)
    return path


def rss_growth_mb(path: Path) -> tuple[float, float]:
    """Megabytes above the start, and seconds, that reading one log takes."""
    code = (
        "import resource, sys; from pathlib import Path; from tui.engine.results import loadgen\n"
        "size = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = size(); loadgen.read(Path(sys.argv[1])); print((size() - before) / 1000)"
    )
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    return float(done.stdout), time.monotonic() - begin


def measure(root: Path) -> None:
    """Print the figures."""
    for line in figures(root):
        print(line)


def figures(root: Path) -> Iterator[str]:
    """The lines to print."""
    logs, size = build(root / "tree")
    ours = [sys.executable, "-m", "tui", "results", str(root / "tree")]
    plain = [sys.executable, "-c", PLAIN, str(root / "tree")]
    yield f"results: {logs} detail logs, {size / logs / 1000:.0f} kB each"
    floor = min(cpu_s(plain) for _ in range(3))
    for form in ("--json", "--csv", None):
        took = min(cpu_s([*ours, form] if form else ours) for _ in range(3))
        each = 1000 * took / logs
        yield (
            f"  {form or 'text':7} {each:.2f} ms of CPU a log; {took / floor:.1f} x every line "
            f"through json.loads; 1/{CHECKER_MS / each:.1f} of MLCommons' checker "
            f"({CHECKER_MS:.1f} ms, v5.1, measured once)"
        )
    yield f"  first result as text after {first_result_cpu_s(ours):.2f} s of CPU"
    grown, seconds = rss_growth_mb(largest_log(root))
    yield f"  a log of 1 GB: {grown:.0f} MB above the start, {seconds:.0f} s"
