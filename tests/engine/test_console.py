"""Phases, outcome and cause of real mlcr consoles; what is expected was read in them by hand."""

from __future__ import annotations

import io
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DATA, FAKES, finished, submit
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.engine import events, explain
from tui.engine.causes import decode_wait_status, failure_cause
from tui.engine.console import PHASES, ConsoleReader, Phase
from tui.engine.store import RunStore

OFFICIAL = ["start", "dependencies", "scenario", "benchmark", "loadgen", "reporting", "results"]
COLD = [*OFFICIAL[:3], "preprocessing", "build", *OFFICIAL[3:]]
PART = ["scenario", "benchmark", "loadgen", "reporting"]
NO_COMMAND = ("finished", None, None)

RECORDINGS: dict[str, tuple[list[str], str, str | None, int | None]] = {
    # file: phases in order, outcome, code and line of the cause
    "mlcr-timed/offline-cold.cast": (COLD, "finished", None, None),
    "mlcr-timed/singlestream-warm.cast": (OFFICIAL, "finished", None, None),
    "mlcr-timed/embedded-all-scenarios.cast": (
        ["start", *PART * 8, "results"], "finished", None, None,
    ),
    "mlcr-timed/seed-aux.cast": (OFFICIAL[:2], "finished", None, None),
    "gpu/cast/mlcr_cpu_offline.cast": (OFFICIAL, "finished", None, None),
    "gpu/cast/mlcr_cuda_idle_offline.cast": (OFFICIAL, "finished", None, None),
    "gpu/cast/mlcr_cuda_idle_singlestream.cast": (OFFICIAL, "finished", None, None),
    "gpu/cast/mlcr_fail_pip_build_deps.cast": (
        [*OFFICIAL[:3], "build"], "failed", "pip-none-found", 290,
    ),
    "gpu/cast/mlcr_fail_segfault_cold.cast": (
        [*OFFICIAL[:3], "preprocessing", "build", "benchmark"], "failed", "segfault", 695,
    ),
    **{
        f"gpu/cast/loadgen_{name}.cast": ([], *NO_COMMAND)
        for name in ("multistream", "offline", "server_invalid", "server_valid", "singlestream")
    },
    "mlcr/run4-short.raw": (COLD, "finished", None, None),
    **{
        f"mlcr/{name}.raw": (OFFICIAL, "finished", None, None)
        for name in (
            "singlestream", "offline-warm", "bad-imagenet-path", "json-nojson", "server-q200",
            "perf-only-offline-500",
        )
    },
    "mlcr/all-scenarios.raw": (
        ["start", "dependencies", *PART * 3, "results"], "finished", None, None,
    ),
    # The performance part was not measured anew, the accuracy part was.
    "mlcr/perf-acc.raw": (
        [*OFFICIAL[:3], *PART, "accuracy", "results"], "skipped", "skipped", 86,
    ),
    "mlcr/offline-norerun.raw": ([*OFFICIAL[:3], "results"], "skipped", "skipped", 86),
    "mlcr/wrong-key.raw": (OFFICIAL[:2], "finished", None, None),
    "mlcr/wrong-model.raw": (OFFICIAL[:3], "failed", "variations", 36),
    "mlcr/wrong-variation.raw": (["start"], "failed", "variations", 6),
    "mlcr/wrong-tag.raw": (["start"], "failed", "no-script", 4),
    "mlcr/cuda-device.raw": (OFFICIAL[:2], "failed", "no-driver", 59),
    "mlcr/docker-mode.raw": (OFFICIAL[:3], "failed", "network", 31),
    "mlcr/missing-model-download.raw": (OFFICIAL[:3], "failed", "network", 84),
    "mlcr/get-loadgen-pip.raw": (OFFICIAL[:2], "failed", "compiler-download", 14),
    "mlcr/nvidia-tensorrt.raw": (OFFICIAL[:2], "failed", "compiler-download", 23),
    "mlcr/run1-no-network.raw": (OFFICIAL[:2], "failed", "git-damaged", 85),
    "mlcr/bad-model-file.raw": (
        [*OFFICIAL[:3], "preprocessing", "benchmark"], "failed", "model-missing", 196,
    ),
    "mlcr/int-ctrlc.raw": (OFFICIAL[:5], "interrupted", "interrupted", 152),
    "mlcr/int-killchild.raw": (OFFICIAL[:5], "killed", "killed", 152),
    "mlcr/fake-run-print-deps.raw": (OFFICIAL[:2], "finished", None, None),
    "mlcr/detect-cpu.raw": (OFFICIAL[:2], "finished", None, None),
    "mlcr/detect-os-1.raw": (["start"], "finished", None, None),
    "mlcr/detect-sudo.raw": (["start"], "finished", None, None),
    "mlcr/get-gcc.raw": (OFFICIAL[:2], "finished", None, None),
    "mlcr/seed-aux.raw": (OFFICIAL[:2], "finished", None, None),
    "mlcr/help-script.raw": ([], *NO_COMMAND),
    "mlcr/mlc-pull-repo-local-insteadOf.raw": ([], *NO_COMMAND),
}  # fmt: skip
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
    found = explain.explain_log(path)
    phases, outcome, cause, line = RECORDINGS[name]
    assert [one.name for one in found.phases] == phases
    assert (found.outcome, found.cause and found.cause.code) == (outcome, cause)
    assert (found.cause and found.cause.line) == line
    if found.cause is not None:
        assert found.cause.text
        assert found.cause.fix or outcome == "interrupted"


@pytest.mark.parametrize("name", SMALL)
def test_phases_outcome_and_cause_of_a_recording(name: str) -> None:
    check(DATA / "mlcr" / Path(name).name, name)


@pytest.mark.parametrize("name", RECORDINGS)
def test_phases_outcome_and_cause_of_the_whole_corpus(corpus: Path, name: str) -> None:
    check(corpus / "logs" / name, name)


def test_no_recording_is_left_out(corpus: Path) -> None:
    lying = {
        f"{path.parent.relative_to(corpus / 'logs')}/{path.name}"
        for folder in ("mlcr", "mlcr-timed", "gpu/cast")
        for path in (corpus / "logs" / folder).glob("*.[rc]a*")
    }
    assert lying == set(RECORDINGS)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (256, "exit 1"),
        (35072, "ended by signal 9 (KILL)"),
        (35584, "ended by signal 11 (SEGV)"),
        (34304, "ended by signal 6 (ABRT)"),
        (2, "ended by signal 2 (INT)"),
        (9, "ended by signal 9 (KILL)"),
        (65280, "exit 255"),
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
        assert after > before or PHASES[after] in ("scenario", "start")
    assert [one.offset for one in phases] == sorted(one.offset for one in phases)
    assert failure_cause(reader.findings, reader.evidence()).text
    assert explain.explain_stream(io.BytesIO(data)).outcome in explain.OUTCOMES


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
    assert list(reader.feed(b"\n")) == []
    (phase,) = reader.feed(b"INFO:main:starting TestScenario.Offline\n")
    assert phase.offset == (64 << 20) + 1


def test_a_gigabyte_is_read_in_bounded_memory() -> None:
    # As a process, for its peak; mostly a line that tells nothing, with errors in between.
    code = """
import resource, sys
from tui.engine.console import ConsoleReader
reader = ConsoleReader()
part = (b"x" * 99 + b"\\n") * 10485 + b"Error: something is wrong\\n"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(1024):
    for _ in reader.feed(part):
        pass
evidence = reader.evidence()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, len(evidence.text))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    grown_kb, kept = map(int, done.stdout.split())
    assert grown_kb < 24 * 1024
    assert kept < 3 << 20


def replay(store: RunStore, cast: Path, name: str) -> None:
    """The whole chain: a child writes the recorded bytes with their timing, 20 times as fast."""
    run = submit(store, [sys.executable, str(FAKES / "replay.py"), str(cast), "20"])
    finished(run)
    assert run.console.read_bytes() == recorded(cast)
    phases = [one for one in events.read(run.events)[0] if one["kind"] == "phase"]
    expected, outcome, cause, line = RECORDINGS[name]
    assert [one["phase"] for one in phases] == expected
    times = [one["boottime_s"] for one in phases]
    assert times == sorted(times)
    assert run.stored_state.cause is not None
    assert run.stored_state.cause.code == (cause or "no-result")
    assert run.stored_state.cause.line == line
    explained = explain.explain_run(run)
    assert explained.outcome == (outcome if cause else "failed")  # it left no result
    assert all(one.seconds is not None for one in explained.phases)


@pytest.mark.parametrize(
    "name",
    [
        "mlcr-timed/singlestream-warm.cast",
        "mlcr-timed/embedded-all-scenarios.cast",
        "gpu/cast/mlcr_fail_segfault_cold.cast",
    ],
)
def test_a_recording_replayed_by_a_real_process(store: RunStore, name: str) -> None:
    replay(store, DATA / "mlcr" / Path(name).name, name)


@pytest.mark.parametrize("name", [name for name in RECORDINGS if name.endswith(".cast")])
def test_every_timed_recording_replayed(store: RunStore, corpus: Path, name: str) -> None:
    replay(store, corpus / "logs" / name, name)
