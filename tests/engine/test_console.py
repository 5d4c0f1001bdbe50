"""Phases and causes of real mlcr consoles; the expected values were read in the logs by hand."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import pytest
from conftest import DATA, FAKES, finished, submit
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.engine import events
from tui.engine.console import (
    PHASES,
    ConsoleReader,
    Phase,
    decode_wait_status,
    failure_cause,
)
from tui.engine.store import RunStore

OFFICIAL = ["start", "dependencies", "scenario", "benchmark", "loadgen", "reporting", "results"]
COLD = [*OFFICIAL[:3], "preprocessing", "build", *OFFICIAL[3:]]
PART = ["scenario", "benchmark", "loadgen", "reporting"]

RECORDINGS: dict[str, tuple[list[str], str | None]] = {
    # file: phases in order, cause code of a failure
    "mlcr-timed/offline-cold.cast": (COLD, None),
    "mlcr-timed/singlestream-warm.cast": (OFFICIAL, None),
    "mlcr-timed/embedded-all-scenarios.cast": (["start", *PART * 8, "results"], None),
    "mlcr-timed/seed-aux.cast": (["dependencies"], None),
    "gpu/cast/mlcr_cpu_offline.cast": (OFFICIAL, None),
    "gpu/cast/mlcr_cuda_idle_offline.cast": (OFFICIAL, None),
    "gpu/cast/mlcr_cuda_idle_singlestream.cast": (OFFICIAL, None),
    "gpu/cast/mlcr_fail_pip_build_deps.cast": ([*OFFICIAL[:3], "build"], "script-failed"),
    "mlcr/run4-short.raw": (COLD, None),
    "mlcr/singlestream.raw": (OFFICIAL, None),
    "mlcr/offline-warm.raw": (OFFICIAL, None),
    "mlcr/all-scenarios.raw": (["start", "dependencies", *PART * 3, "results"], None),
    "mlcr/offline-norerun.raw": (["start", "dependencies", "scenario", "results"], "skipped"),
    "mlcr/wrong-variation.raw": (["start"], "mlcr-error"),
    "mlcr/bad-model-file.raw": (
        ["start", "dependencies", "scenario", "preprocessing", "benchmark"],
        "script-failed",
    ),
    "mlcr/int-killchild.raw": (OFFICIAL[:5], "killed"),
}
SMALL = [name for name in RECORDINGS if (DATA / "mlcr" / Path(name).name).is_file()]


def recorded(path: Path) -> bytes:
    if path.suffix == ".raw":
        return path.read_bytes()
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    return "".join(text for _, kind, text in map(json.loads, lines) if kind == "o").encode()


def read(data: bytes, size: int = 1 << 20) -> tuple[list[Phase], ConsoleReader]:
    reader = ConsoleReader()
    phases: list[Phase] = []
    for start in range(0, len(data), size):
        phases += reader.feed(data[start : start + size])
    phases += reader.end()
    return phases, reader


def check(path: Path, name: str) -> None:
    phases, reader = read(recorded(path))
    expected, cause = RECORDINGS[name]
    assert [one.name for one in phases] == expected
    if cause == "skipped":
        assert reader.findings.skipped
    elif cause:
        assert failure_cause(reader.findings, {"exit_code": 1, "signal": None}).code == cause


@pytest.mark.parametrize("name", SMALL)
def test_phases_and_cause_of_a_recording(name: str) -> None:
    check(DATA / "mlcr" / Path(name).name, name)


@pytest.mark.parametrize("name", RECORDINGS)
def test_phases_and_cause_of_the_whole_corpus(corpus: Path, name: str) -> None:
    check(corpus / "logs" / name, name)


def test_the_exception_is_the_cause_not_mlcrs_own_block() -> None:
    _, reader = read(recorded(DATA / "mlcr/bad-model-file.raw"))
    cause = failure_cause(reader.findings, {"exit_code": 1, "signal": None})
    assert "NoSuchFile" in cause.text
    assert "/nonexistent/resnet50_v1.onnx" in cause.text


def test_a_wrong_variation_is_named() -> None:
    _, reader = read(recorded(DATA / "mlcr/wrong-variation.raw"))
    cause = failure_cause(reader.findings, {"exit_code": 1, "signal": None})
    assert "['find-perf'] are not matching" in cause.text
    assert "dict_keys" not in cause.text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (256, "exit 1"),
        (35072, "ended by signal 9"),
        (34304, "ended by signal 6"),
        (2, "ended by signal 2"),
    ],
)
def test_return_codes_are_raw_wait_statuses(status: int, words: str) -> None:
    assert decode_wait_status(status) == words


def test_offsets_and_lines_point_to_the_line_that_tells() -> None:
    data = recorded(DATA / "mlcr/singlestream-warm.cast")
    for phase in read(data)[0]:
        line = data[phase.offset :].split(b"\n", 1)[0]
        assert data[: phase.offset].count(b"\n") == phase.line - 1
        assert line in data.split(b"\n")[phase.line - 1]


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_phases_do_not_depend_on_how_the_bytes_arrive(size: int) -> None:
    data = recorded(DATA / "mlcr/singlestream-warm.cast")
    assert read(data, size)[0] == read(data)[0]


TOKENS = [
    b"[2026-11-24 19:04:50,498 x.py : 31 INFO ] - ",
    b"* mlcr run-mlperf,inference\n",
    b"   * mlcr get,sys\n",
    b"Running loadgen scenario: Server and mode: accuracy\n",
    b"INFO:main:starting TestScenario.Server\n",
    b"TestScenario.Server qps=1\n",
    b"The MLPerf inference results are stored at /x\n",
    b"Traceback (most recent call last):\n",
    b"Error : x\n",
    b"return code = 99999\n",
    b"\x1b[0m",
    b"\r",
    b"\xff\xfe\x00",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=40))))
def test_any_bytes_give_phases_in_order_and_never_raise(parts: list[bytes]) -> None:
    data = b"".join(parts)
    phases, reader = read(data, 11)
    ranks = [PHASES.index(one.name) for one in phases]
    for before, after in itertools.pairwise(ranks):
        assert after > before or PHASES[after] == "scenario"
    assert [one.offset for one in phases] == sorted(one.offset for one in phases)
    assert failure_cause(reader.findings, None).text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(TOKENS), st.binary(max_size=40))), st.integers(0, 200))
def test_skipping_keeps_count_of_lines_and_bytes(parts: list[bytes], skipped: int) -> None:
    data = b"".join(parts)
    end = b"\nINFO:main:starting TestScenario.Offline\n"
    reader = ConsoleReader()
    reader.skip(data[:skipped])
    phases = list(reader.feed(data[skipped:] + end))
    if phases and phases[-1].name == "loadgen":
        whole = data + end
        assert whole[: phases[-1].offset].count(b"\n") == phases[-1].line - 1


def test_an_endless_line_takes_bounded_memory() -> None:
    reader = ConsoleReader()
    for _ in range(64):
        assert list(reader.feed(b"x" * (1 << 20))) == []
    assert len(reader._rest) <= 1 << 17
    reader.feed(b"\n")
    (phase,) = reader.feed(b"\nINFO:main:starting TestScenario.Offline\n")
    assert phase.offset == (64 << 20) + 1


def replay(store: RunStore, cast: Path, name: str) -> None:
    """The whole chain: a child writes the recorded bytes with their timing, 20 times as fast."""
    run = submit(store, [sys.executable, str(FAKES / "replay.py"), str(cast), "20"])
    finished(run)
    assert run.console.read_bytes() == recorded(cast)
    phases = [one for one in events.read(run.events)[0] if one["kind"] == "phase"]
    expected, cause = RECORDINGS[name]
    assert [one["phase"] for one in phases] == expected
    times = [one["boottime_s"] for one in phases]
    assert times == sorted(times)
    assert run.stored_state.cause is not None
    assert run.stored_state.cause.code == (cause or "no-result")


@pytest.mark.parametrize("name", ["singlestream-warm.cast", "embedded-all-scenarios.cast"])
def test_a_recording_replayed_by_a_real_process(store: RunStore, name: str) -> None:
    replay(store, DATA / "mlcr" / name, f"mlcr-timed/{name}")


@pytest.mark.parametrize("name", [name for name in RECORDINGS if name.endswith(".cast")])
def test_every_timed_recording_replayed(store: RunStore, corpus: Path, name: str) -> None:
    replay(store, corpus / "logs" / name, name)
