"""Was the GPU used? Runs recorded on an H100, with the windows that their consoles tell."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DATA
from tui.engine.console import ConsoleReader
from tui.engine.telemetry.detector import Detector, Seen

IDLE = {
    "mlcr_cuda_idle_offline": (11.9, 33.8),
    "mlcr_cuda_idle_singlestream": (12.7, 29.8),
    "mlcr_cpu_offline": (9.7, 28.2),
}
"""LoadGen's windows on the recorder's clock: the console's begins 1.2 s later."""
REAL = {
    "loadgen_offline": (22.5, 38.5),
    "loadgen_singlestream": (17.4, 33.4),
    "loadgen_multistream": (16.8, 32.8),
    "loadgen_server_valid": (22.6, 38.6),
    "loadgen_server_invalid": (24.0, 57.3),
}
MOST_S = 15.0
"""From LoadGen's start to the alarm."""


def recording(name: str) -> list[dict[str, Any]]:
    """A recording of the corpus, else its small copy."""
    corpus = Path(os.environ.get("MLPERF_TUI_CORPUS") or "/nonexistent") / "logs/gpu/nvml"
    for folder in (corpus, DATA / "gpu/nvml"):
        if (path := folder / f"{name}.jsonl").is_file():
            return [row for row in map(json.loads, path.read_text().splitlines()) if "t" in row]
    pytest.skip(f"{name} is in the corpus alone (MLPERF_TUI_CORPUS)")


def moments(name: str, *, named: bool = True) -> Iterator[tuple[float, list[Seen]]]:
    """What a sampler saw; without names of processes where the driver gives none."""
    ours: bool | None = False
    for row in recording(name):
        if "procs" in row:  # read twice a second, valid until the next time
            ours = bool(row["procs"])
        yield (
            row["t"],
            [
                Seen(
                    "gpu0", row["gpu"], row["pi"] / 1000, row["used"] * 2**20,
                    ours if named else None,
                )
            ],
        )  # fmt: skip


def detect(name: str, begin: float, end: float, *, named: bool = True) -> tuple[str, float | None]:
    """The answer, and how long after LoadGen's start it was first known."""
    detector, known = Detector(), None
    for at, seen in moments(name, named=named):
        if at < begin:
            detector.before(seen)
        elif at <= end:
            detector.begin(begin)
            detector.take(at, seen)
            if known is None and detector.answer != "unsure":
                known = at - begin
    return detector.answer, known


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("name", IDLE)
def test_an_idle_gpu_is_known_within_fifteen_seconds(name: str, named: bool) -> None:
    answer, known = detect(name, *IDLE[name], named=named)
    assert answer == "no"
    assert known is not None
    assert known <= MOST_S


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("name", REAL)
def test_real_work_raises_no_alarm(name: str, named: bool) -> None:
    answer, _ = detect(name, *REAL[name], named=named)
    assert answer == "yes"


def test_mlcrs_own_touch_of_the_gpu_fools_nobody() -> None:
    """0.2 s with 523 MiB, long before LoadGen, which never began in that recording."""
    touched = [at for at, (one,) in moments("mlcr_fail_segfault_cold") if one.ours]
    assert touched
    answer, known = detect("mlcr_fail_segfault_cold", max(touched) + 5, 39.0)
    assert (answer, known is not None) == ("no", True)


def test_too_short_a_window_is_unsure() -> None:
    begin, _ = IDLE["mlcr_cuda_idle_singlestream"]
    assert detect("mlcr_cuda_idle_singlestream", begin, begin + 8)[0] == "unsure"
    assert Detector().answer == "unsure"


def test_of_a_gpu_that_is_busy_with_anothers_work_it_cannot_be_told() -> None:
    detector = Detector()
    detector.begin(0.0)
    for at in range(12):
        detector.take(at, [Seen("gpu0", 98.0, 600.0, 10**10, ours=False, others=True)])
    assert detector.answer == "unsure"  # a container of ours may be taken for another's
    idle = Detector()
    idle.begin(0.0)
    for at in range(12):
        idle.take(at, [Seen("gpu0", 0.0, 72.0, 10**10, ours=False, others=True)])
    assert idle.answer == "no"
    unnamed = Detector()
    unnamed.begin(0.0)
    for at in range(12):
        unnamed.take(at, [Seen("gpu0", 98.0, 600.0, 10**10, ours=None, others=True)])
    assert unnamed.answer == "unsure"


def test_a_card_that_tells_nothing_is_unsure() -> None:
    detector = Detector()
    detector.begin(0.0)
    for at in range(12):
        detector.take(at, [Seen("gpu0", None, None, None, ours=None)])
    assert detector.answer == "unsure"


def test_the_console_tells_where_onnx_runtime_has_no_cuda() -> None:
    reader = ConsoleReader()
    text = (
        b"/x.py:1: UserWarning: Specified provider 'CUDAExecutionProvider' is not in available "
        b"provider names.Available providers: 'AzureExecutionProvider, CPUExecutionProvider'\n"
    )
    assert not list(reader.feed(b"providers: CUDAExecutionProvider\n"))
    assert not reader.findings.no_cuda
    assert not list(reader.feed(text))
    assert reader.findings.no_cuda
