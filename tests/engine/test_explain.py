"""Logs as people save and paste them: whole, cut off, several runs in one, in odd forms."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.engine import explain
from tui.engine.explain import Explanation

STAMP = "[2026-11-24 14:38:{:02},214 main.py : 124 {}] - "
BEGIN = STAMP.format(1, "INFO ") + "* mlcr run-mlperf,inference,_short\n"
DEPENDENCY = STAMP.format(2, "INFO ") + "  * mlcr get,something\n"
PART = "Running loadgen scenario: Offline and mode: performance\n"
LOADGEN = "INFO:main:starting TestScenario.Offline\n"
ENDED = "TestScenario.Offline qps=1.0, mean=1.0, time=3.5, queries=1\n"
RESULTS = STAMP.format(9, "INFO ") + "x\nThe MLPerf inference results are stored at /x\n"
SKIPPED = STAMP.format(3, "WARN ") + "Run files exist, skipping run...\n"
WHOLE = BEGIN + DEPENDENCY + PART + LOADGEN + ENDED + RESULTS
KILLED = "Error : Native run script failed inside MLC script (name = x, return code = 35072)\n"


def told(text: str | bytes) -> Explanation:
    return explain.explain_stream(io.BytesIO(text if isinstance(text, bytes) else text.encode()))


@pytest.mark.parametrize(
    ("text", "outcome", "code"),
    [
        (WHOLE, "finished", None),
        (WHOLE + BEGIN + PART + LOADGEN, "unknown", None),
        (WHOLE + BEGIN + PART + LOADGEN + "Killed\n", "killed", "killed"),
        (BEGIN + PART + SKIPPED + RESULTS, "skipped", "skipped"),
        (BEGIN + PART + SKIPPED + RESULTS + WHOLE, "finished", None),
        (BEGIN + "Downloading from https://developer.download.nvidia.com/compute/cuda/x.run\n",
         "unknown", "cuda-toolkit"),
        (BEGIN + "bash: nvcc: command not found\n" + DEPENDENCY + PART + LOADGEN, "unknown", None),
        (BEGIN + "Traceback (most recent call last):\n  x\nKeyboardInterrupt\n", "interrupted",
         "interrupted"),
        (BEGIN + LOADGEN + '^C\nScript done on x [COMMAND_EXIT_CODE="130"]\n', "interrupted",
         "interrupted"),
        (BEGIN + LOADGEN + 'Script done on x [COMMAND_EXIT_CODE="130"]\n', "interrupted",
         "interrupted"),
        (BEGIN + LOADGEN + 'Script done on x [COMMAND_EXIT_CODE="143"]\n', "killed", "killed"),
        (BEGIN + LOADGEN + 'Script done on x [COMMAND_EXIT_CODE="137"]\n', "killed", "killed"),
        (KILLED, "killed", "killed"),
        (BEGIN + "Traceback (most recent call last):\n  x\nKeyError: 'a'\n", "failed", "unknown"),
        ("", "unknown", None),
    ],
)  # fmt: skip
def test_the_outcome_is_that_of_the_last_run(text: str, outcome: str, code: str | None) -> None:
    found = told(text)
    assert (found.outcome, found.cause and found.cause.code) == (outcome, code)


def test_a_second_run_in_a_log_has_its_own_phases() -> None:
    names = [one.name for one in told(WHOLE + BEGIN + PART + LOADGEN).phases]
    assert names[-3:] == ["start", "scenario", "loadgen"]


def test_only_the_part_that_was_not_measured_is_called_old() -> None:
    accuracy = PART.replace("performance", "accuracy")
    found = told(BEGIN + PART + LOADGEN + ENDED + accuracy + SKIPPED + RESULTS)
    assert found.cause is not None
    assert "the accuracy part" in found.cause.text


@pytest.mark.parametrize(
    "line",
    [
        "I0519 12:00:00.123456  4242 main_bert.cc:212] Starting running actual test.\n",
        "[I] Starting running actual test.\n",
        "2026-09-01 10:00:00,123 INFO Starting Benchmark run\n",
        "INFO:Llama-70B-MAIN:Starting Benchmark run\n",
        "Running LoadGen test...\n",
        "Running Loadgen test...\n",
    ],
)
def test_loadgen_of_other_benchmarks_is_seen_to_begin_and_end(line: str) -> None:
    for end in ("Done!\n", "Test Done!\n", DEPENDENCY, "INFO:x:Run Completed!\n"):
        names = [one.name for one in told(BEGIN + PART + line + end).phases]
        assert names == ["start", "scenario", "loadgen", "reporting"], end


def test_the_time_of_loadgen_is_the_benchmarks_own() -> None:
    seconds = {one.name: one.seconds for one in told(WHOLE).phases}
    assert seconds["loadgen"] == 3.5


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_what_powershell_writes_is_read(encoding: str) -> None:
    bom = "" if encoding == "utf-16" else "\ufeff"
    assert told((bom + WHOLE).encode(encoding)).outcome == "finished"


def test_line_ends_of_windows_change_nothing() -> None:
    assert told(WHOLE.replace("\n", "\r\n")) == told(WHOLE)


def cast(*events: list[object], version: int = 2, head: str = "") -> bytes:
    first = {"version": version, "width": 80, "height": 24, "env": {"x": head}}
    return "".join(json.dumps(one) + "\n" for one in (first, *events)).encode()


def test_an_asciicast_tells_when_things_happened() -> None:
    found = told(cast([1.0, "o", BEGIN], [4.5, "o", LOADGEN], [20.0, "o", ENDED]))
    assert [one.seconds for one in found.phases] == [3.5, 15.5, 0.0]
    assert found.silence is not None
    assert found.silence.seconds == 15.5
    steps = told(cast([1.0, "o", BEGIN], [3.5, "o", LOADGEN], [15.5, "o", ENDED], version=3))
    assert [one.seconds for one in steps.phases] == [3.5, 15.5, 0.0]


def test_a_mark_in_an_asciicast_is_no_exit_code() -> None:
    assert told(cast([1, "o", WHOLE], [2, "m", "chapter 12 begins"])).outcome == "finished"
    assert told(cast([1, "o", BEGIN], [2, "m", "exit 143"])).outcome == "killed"
    assert told(cast([1, "o", BEGIN], [2, "x", "0"], version=3)).outcome == "finished"


def test_a_long_head_of_an_asciicast_is_still_one() -> None:
    assert told(cast([1, "o", WHOLE], head="x" * 100_000)).outcome == "finished"


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 5000,
        cast() + b"[" * 5000 + b"\n",
        cast() + b'[0.1,"o","\\ud83d"]\n',
        cast() + b'[1,"x","' + b"9" * 5000 + b'"]\n',
        cast() + b"[1" + b"0" * 400 + b',"o","x"]\n',
        cast() + b'[NaN,"o","x"]\n[null,1,2]\n{}\n7\n',
        b"\xff\xfe\x00",
        b"\0" * 5000,
    ],
)
def test_broken_recordings_do_no_harm(data: bytes) -> None:
    assert told(data).outcome in explain.OUTCOMES


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([WHOLE, BEGIN, PART, LOADGEN, ENDED, SKIPPED, KILLED, "\0", "^C"])))
def test_any_mixture_of_lines_has_an_outcome(parts: list[str]) -> None:
    found = told("".join(parts))
    assert found.outcome in explain.OUTCOMES
    assert json.dumps(found.to_json())
