"""Damage of every kind: nothing raises, nothing becomes VALID, memory stays bounded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DATA, missing, unprivileged
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.engine import catalog
from tui.engine.catalog import Catalog
from tui.engine.results import endpoints, loadgen, read_results, summary
from tui.engine.results.model import Result

LOADGEN = DATA / "loadgen"
NOT_VALID = (
    "server_invalid_latency",
    "offline_error_double_completion",
    "server_tokens_invalid_ttft",
    "singlestream_invalid_too_few_for_early_stopping",
    "server_killed_midrun",
)
VALID = (LOADGEN / "singlestream_valid/mlperf_log_detail.txt").read_bytes()


@pytest.fixture(scope="module")
def known() -> Catalog:
    return catalog.load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


def read(path: Path, known: Catalog) -> Result:
    (found,) = read_results(path, known)
    json.dumps(found.to_json(), allow_nan=False)
    return found


def damaged(draw: st.DataObject, whole: bytes) -> bytes:
    """Cut, doubled, shuffled, with junk put in or written over."""
    lines = whole.splitlines(keepends=True)
    order = draw.draw(st.sampled_from(["as it is", "doubled", "backwards", "shuffled"]))
    if order == "doubled":
        lines = [line for line in lines for _ in range(2)]
    elif order == "backwards":
        lines = lines[::-1]
    elif order == "shuffled":
        lines = draw.draw(st.permutations(lines))
    found = b"".join(lines)
    junk = draw.draw(st.binary(max_size=60))
    where = draw.draw(st.integers(0, len(found)))
    how = draw.draw(st.sampled_from(["cut", "put in", "written over"]))
    rest = {
        "cut": b"",
        "put in": found[where:],
        "written over": found[where + len(junk) :],
    }[how]
    return found[:where] + junk + rest


@settings(max_examples=150, deadline=None)
@given(data=st.data(), case=st.sampled_from(NOT_VALID))
def test_no_damage_raises_or_turns_a_run_valid(
    folder: Path, known: Catalog, data: st.DataObject, case: str
) -> None:
    path = folder / "mlperf_log_detail.txt"
    path.write_bytes(damaged(data, (LOADGEN / case / path.name).read_bytes()))
    assert read(path, known).verdict != "VALID"


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_damage_of_a_summary_turns_a_run_valid(
    folder: Path, known: Catalog, data: st.DataObject
) -> None:
    place = folder / "alone"
    place.mkdir(exist_ok=True)
    path = place / "mlperf_log_summary.txt"
    case = data.draw(st.sampled_from(["server_invalid_latency", "server_killed_midrun"]))
    path.write_bytes(damaged(data, (LOADGEN / case / path.name).read_bytes()))
    assert read(path, known).verdict != "VALID"


@pytest.mark.parametrize("case", NOT_VALID[:4])
def test_a_log_cut_at_any_byte_is_not_valid(case: str, folder: Path) -> None:
    whole = (LOADGEN / case / "mlperf_log_detail.txt").read_bytes()
    path = folder / "mlperf_log_detail.txt"
    begin = whole.index(b'"power_begin"')
    for where in range(begin, len(whole)):  # before it there is no verdict at all
        path.write_bytes(whole[:where])
        (found,) = loadgen.read(path)
        valid = found.loadgen_verdict == "VALID" and found.status == "complete"
        assert not (valid and not found.errors), where


@settings(max_examples=60, deadline=None)
@given(where=st.integers(0, VALID.index(b"result_99.90_percentile_latency_ns")))
def test_a_truncated_valid_log_is_incomplete(folder: Path, known: Catalog, where: int) -> None:
    path = folder / "mlperf_log_detail.txt"
    path.write_bytes(VALID[:where])
    assert read(path, known).verdict == "INCOMPLETE"


@settings(max_examples=100, deadline=None)
@given(
    junk=st.binary(max_size=400), name=st.sampled_from(["detail", "summary", "json", "accuracy"])
)
def test_junk_of_any_name_is_read_without_a_traceback(
    folder: Path, known: Catalog, junk: bytes, name: str
) -> None:
    place = folder / name
    place.mkdir(exist_ok=True)
    if name == "json":
        (place / "result_summary.json").write_bytes(junk)
        assert [one.status for one in endpoints.read(place / "result_summary.json")] != ["complete"]
        return
    if name == "accuracy":
        shutil.copy(LOADGEN / "offline_accuracy/mlperf_log_detail.txt", place)
        for side in ("accuracy.txt", "spl.txt", "user.conf", "system_meta.json", "host.json"):
            (place / side).write_bytes(junk)
    else:
        (place / f"mlperf_log_{name}.txt").write_bytes(junk)
    assert read(place, known).verdict != "VALID"


LINE = (
    b':::MLLOG {"key": %s, "value": %s, "time_ms": 1.0, '
    b'"metadata": {"is_error": false, "is_warning": false}}'
)


@pytest.mark.parametrize(
    "line",
    [
        b':::MLLOG {"key": "result_validity", "value": "VALID"}',
        b":::MLLOG []",
        b":::MLLOG 5",
        b":::MLLOG {",
        b"\x00\xff\xfe",
        LINE % (b"[]", b"1"),
        LINE % (b'"result_query_count"', b"NaN"),
        LINE % (b'"result_query_count"', b"1e999"),
        LINE % (b'"result_query_count"', b'{"a": [1, 2]}'),
        LINE % (b'"effective_qsl_rng_seed"', b'"text"'),
        LINE % (b'"power_begin"', b"5"),
        LINE % (b'"of_the_future"', b"[null, true]"),
        b":::MLLOG " + b"[" * 90_000,
        LINE % (b'"result_samples_per_second"', b"1" + b"0" * 400),
        LINE % (b'"result_samples_per_second"', b"9" * 5000),
    ],
    ids=range(15),
)
def test_odd_lines_are_no_traceback(tmp_path: Path, known: Catalog, line: bytes) -> None:
    path = tmp_path / "mlperf_log_detail.txt"
    path.write_bytes(line + b"\n")
    assert read(path, known).verdict == "INCOMPLETE"
    path.write_bytes(VALID + line + b"\n")
    assert read(path, known).verdict in ("VALID", "INCOMPLETE")


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "null", "true", '"x"', "-5", "0"]
)
def test_a_number_that_is_none_is_null(tmp_path: Path, known: Catalog, value: str) -> None:
    log = (LOADGEN / "offline_valid/mlperf_log_detail.txt").read_bytes()
    log = log.replace(b"817.364", value.encode())
    for name in (b"p99", b"result_99.00_percentile_latency_ns"):
        log = log.replace(name + b'", "value": 4794747212', name + b'", "value": NaN')
    (tmp_path / "mlperf_log_detail.txt").write_bytes(log)
    result = read(tmp_path, known)
    assert result.metric is None
    assert result.latency_ns is not None
    assert result.latency_ns["p99"] is None


def test_keys_of_the_future_and_unknown_benchmarks_are_no_obstacle(
    tmp_path: Path, known: Catalog
) -> None:
    place = tmp_path / "sys/model-of-2030/offline/performance/run_1"
    place.mkdir(parents=True)
    log = (LOADGEN / "offline_valid/mlperf_log_detail.txt").read_bytes()
    line = next(one for one in log.splitlines() if b'"sut_name"' in one)
    seed = log.replace(
        b'"effective_qsl_rng_seed", "value": 0', b'"effective_qsl_rng_seed", "value": 7'
    )
    (place / "mlperf_log_detail.txt").write_bytes(
        line.replace(b'"sut_name"', b'"effective_key_of_2030"') + b"\n" + seed
    )
    result = read(tmp_path, known)
    assert (result.verdict, result.benchmark, result.round) == ("VALID", "model-of-2030", None)
    assert {one.id: one.ok for one in result.official.checks}["benchmark"] is False


def test_a_scenario_nobody_knows_has_no_number(tmp_path: Path, known: Catalog) -> None:
    log = (LOADGEN / "offline_valid/mlperf_log_detail.txt").read_bytes()
    (tmp_path / "mlperf_log_detail.txt").write_bytes(log.replace(b'"Offline"', b'"Burst"'))
    result = read(tmp_path, known)
    assert (result.scenario, result.metric, result.loadgen_verdict) == (None, None, "VALID")


def test_a_damaged_valid_log_is_not_trusted(tmp_path: Path, known: Catalog) -> None:
    lines = VALID.splitlines(keepends=True)
    lines[20] = b"\x00" * 40 + b"\n"
    (tmp_path / "mlperf_log_detail.txt").write_bytes(b"".join(lines))
    result = read(tmp_path, known)
    assert (result.status, result.verdict, result.loadgen_verdict) == (
        "corrupt",
        "INCOMPLETE",
        "VALID",
    )
    assert [one.code for one in result.reasons] == ["damaged"]
    assert result.metric is not None  # what is known stays known


def test_permission_denied_is_said_by_name(tmp_path: Path, known: Catalog) -> None:
    """As an unprivileged user: root may read everything."""
    for name in ("open", "closed", "folder"):
        (tmp_path / name).mkdir()
        shutil.copy(LOADGEN / "offline_valid/mlperf_log_detail.txt", tmp_path / name)
    (tmp_path / "closed/mlperf_log_detail.txt").chmod(0)
    (tmp_path / "folder").chmod(0)
    for one in (tmp_path, *tmp_path.parents):
        if one.owner() == tmp_path.owner() and one.stat().st_mode & 5 != 5:
            one.chmod(one.stat().st_mode | 0o055)
    argv = [*unprivileged(), sys.executable, "-m", "tui", "results", str(tmp_path), "--json"]
    env = {**os.environ, "MLPERF_TUI_HOME": str(tmp_path / "none"), "HOME": str(tmp_path)}
    done = subprocess.run(argv, env=env, cwd="/", capture_output=True, text=True, check=False)
    (tmp_path / "folder").chmod(0o700)
    assert done.returncode == 0, done.stderr
    found = {
        Path(one["path"]).relative_to(tmp_path).parts[0]: one for one in json.loads(done.stdout)
    }
    assert found["open"]["verdict"] == "VALID"
    for name in ("closed", "folder"):
        assert found[name]["status"] == "corrupt"
        assert "Permission denied" in found[name]["reasons"][0]["text"]


PROBE = """
import resource, sys
from pathlib import Path
from tui.engine.results import loadgen, accuracy
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path = Path(sys.argv[1])
found = accuracy.read(path, {}, {}) if path.name == "accuracy.txt" else loadgen.read(path)[0]
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
word = found.values[0].value if path.name == "accuracy.txt" else found.status
print((after - before) * 1024, word)
"""
MOST_BYTES = 80_000_000


def growth(path: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(path)], capture_output=True, text=True, check=True
    )
    size, words = done.stdout.split()
    return int(size), words


@pytest.mark.parametrize("kind", ["many lines", "one line", "no line"])
def test_a_log_of_a_gigabyte_is_read_in_bounded_memory(kind: str, tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < 3e9:
        missing("there is no room for a log of 1 GB")
    path = tmp_path / "mlperf_log_detail.txt"
    head, tail = VALID[: VALID.index(b"\n") + 1], VALID[VALID.index(b"\n") + 1 :]
    message = next(one for one in VALID.splitlines() if b'"generic_message"' in one) + b"\n"
    block = message * (1_000_000 // len(message) + 1)
    with open(path, "wb") as file:
        file.write(head)
        if kind == "many lines":
            for _ in range(1000):
                file.write(block)
        elif kind == "one line":
            start, end = message.split(b'"Starting performance mode"')
            file.write(start.replace(b"generic_message", b"loaded_qsl_set") + b"[1")
            for _ in range(1000):
                file.write(b",2" * 500_000)
            file.write(b"]" + end)
        else:
            file.truncate(1_000_000_000)
            file.seek(0, os.SEEK_END)
        file.write(tail)
    size, status = growth(path)
    path.unlink()
    assert size < MOST_BYTES
    assert status == ("complete" if kind != "no line" else "corrupt")


def test_an_accuracy_txt_of_100_mb_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "accuracy.txt"
    with open(path, "wb") as file:
        for _ in range(100):
            file.write(b"1.0\n" * 125_000 + b"x" * 500_000)
        file.write(b"\naccuracy=76.128%, good=38064, total=50000\n")
    size, value = growth(path)
    assert size < MOST_BYTES
    assert value == "76.128"


def test_the_accuracy_log_and_the_trace_are_never_opened(
    tmp_path: Path, known: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(LOADGEN / "offline_accuracy/mlperf_log_detail.txt", tmp_path)
    for name in ("mlperf_log_accuracy.json", "mlperf_log_trace.json"):
        os.mkfifo(tmp_path / name)  # whoever opens it hangs
    assert read(tmp_path, known).kind == "accuracy"


def test_a_summary_that_is_huge_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "mlperf_log_summary.txt"
    page = (LOADGEN / "singlestream_valid/mlperf_log_summary.txt").read_bytes()
    path.write_bytes(page.replace(b"\nNo errors", b"\n" + b"x" * 2_000_000 + b"\nNo errors"))
    assert summary.read(path)[0].status == "incomplete"
