"""LoadGen detail logs: exact values, honest verdicts, reasons that say what to change."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.engine import catalog
from tui.engine.results import judged, loadgen, read_results
from tui.engine.results.model import Result

NOTHING_KNOWN = catalog.Catalog({}, {}, {})
METRIC_KEYS = {
    "SingleStream": ("early_stopping_latency_ss", 1e-6),
    "MultiStream": ("early_stopping_latency_ms", 1e-6),
    "Server": ("result_completed_samples_per_sec", 1),
    "Offline": ("result_samples_per_second", 1),
}
TOKEN_KEYS = {
    "Server": "result_completed_tokens_per_second",
    "Offline": "result_tokens_per_second",
}

EXPECTED: dict[str, tuple[str, list[str], float | None, str | None]] = {
    # case: verdict, codes of its reasons, metric, unit (read in the logs)
    "singlestream_valid": ("VALID", [], 7.220828, "ms"),
    "multistream_valid": ("VALID", [], 19.582896, "ms"),
    "server_valid": ("VALID", [], 147.947, "Samples/s"),
    "offline_valid": ("VALID", [], 817.364, "Samples/s"),
    "server_invalid_latency": ("INVALID", ["latency-limit", "early-stopping"], None, "Samples/s"),
    "singlestream_invalid_too_few_for_early_stopping": ("INVALID", ["early-stopping"], None, None),
    "singlestream_invalid_expected_latency_too_high": (
        "INVALID",
        ["min-duration", "errors"],
        4.168718,
        "ms",
    ),
    "singlestream_invalid_max_query_count": (
        "INVALID",
        ["min-duration", "min-queries", "errors"],
        5.212582,
        "ms",
    ),
    "offline_invalid_min_duration": ("INVALID", ["min-duration"], None, "Samples/s"),
    "offline_error_double_completion": ("ERRORS", ["errors"], None, "Samples/s"),
    "server_killed_midrun": ("INCOMPLETE", ["incomplete"], None, None),
    "offline_accuracy": ("INCOMPLETE", ["no-accuracy"], None, None),
    "offline_tokens_valid": ("VALID", [], 5346.46, "Tokens/s"),
    "server_tokens_valid": ("VALID", [], 1610.01, "Tokens/s"),
}


def read(path: Path) -> Result:
    (found,) = read_results(path, NOTHING_KNOWN)
    return found


@pytest.mark.parametrize("case", EXPECTED)
def test_verdict_reasons_and_metric(case: str) -> None:
    verdict, codes, value, unit = EXPECTED[case]
    result = read(DATA / "loadgen" / case)
    assert result.verdict == verdict
    assert [one.code for one in result.reasons] == codes
    assert (result.metric.unit if result.metric else None) == unit
    if value is not None:
        assert result.metric is not None
        assert result.metric.value == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(
    ("case", "text", "fix"),
    [
        ("singlestream_invalid_too_few_for_early_stopping", "15 queries ran; 64", "count=64"),
        ("server_invalid_latency", "limit of", "Lower server_target_qps (now"),
        ("server_invalid_latency", "33044 more", "min_query_count=33835"),
        (
            "singlestream_invalid_expected_latency_too_high",
            "min_duration (",
            "Lower singlestream_target_latency",
        ),
        ("offline_invalid_min_duration", "min_duration (", "Raise offline_target_qps (now"),
    ],
)
def test_a_reason_says_what_to_change(case: str, text: str, fix: str) -> None:
    reasons = read(DATA / "loadgen" / case).reasons
    assert any(text in one.text and fix in (one.fix or "") for one in reasons), reasons


def test_the_official_number_is_not_the_first_line_of_the_summary() -> None:
    result = read(DATA / "loadgen/singlestream_valid")
    assert result.latency_ns is not None
    assert result.metric is not None
    assert result.latency_ns["p90"] == 6_997_165
    assert result.metric.value == pytest.approx(7.220828, rel=1e-12)


def manifest(corpus: Path) -> list[dict[str, Any]]:
    return list(json.loads((corpus / "logs/loadgen/MANIFEST.json").read_text()))


def test_every_case_of_the_corpus_agrees_with_its_manifest(corpus: Path) -> None:
    cases = manifest(corpus)
    assert len(cases) == 31
    for case in cases:
        result = read(corpus / "logs/loadgen" / case["case"])
        detail = case["detail"]
        name = case["case"]
        assert result.loadgen_verdict == case["result"], name
        assert result.errors == (case["errors"] or 0), name
        assert result.scenario == detail["effective_scenario"], name
        assert result.mode == detail["effective_test_mode"], name
        assert result.queries == detail.get("result_query_count"), name
        if case["result"] == "VALID":
            assert result.verdict == ("ERRORS" if case["errors"] else "VALID"), name
        if case["result"] == "INVALID":
            assert result.verdict == "INVALID", name
            assert result.reasons, name
        key, scale = METRIC_KEYS[detail["effective_scenario"]]
        if result.metric is not None and result.metric.unit == "Tokens/s":
            key = TOKEN_KEYS[detail["effective_scenario"]]
        if detail.get(key):
            assert result.metric is not None, name
            assert result.metric.value == pytest.approx(detail[key] * scale, rel=1e-9), name


def test_every_mlcr_results_tree_of_the_corpus_is_read(corpus: Path) -> None:
    found = read_results(corpus / "logs/mlcr/results", NOTHING_KNOWN)
    assert len(found) > 5
    assert {one.benchmark for one in found} == {"resnet50"}
    assert all(one.scenario for one in found)


WHOLE = (DATA / "loadgen/server_invalid_latency/mlperf_log_detail.txt").read_bytes()
VALID = (DATA / "loadgen/singlestream_valid/mlperf_log_detail.txt").read_bytes()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_damage_raises_or_turns_a_run_valid(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = WHOLE.splitlines(keepends=True)
    junk = data.draw(st.binary(max_size=60), label="junk")
    where = data.draw(st.integers(0, len(WHOLE)), label="where")
    lines = data.draw(st.sampled_from([lines, lines * 2, lines[::-1]]), label="lines")
    damaged = b"".join(lines)
    damaged = (
        damaged[:where] + junk + data.draw(st.sampled_from([b"", damaged[where:]]), label="rest")
    )
    path = tmp_path_factory.mktemp("damaged") / "mlperf_log_detail.txt"
    path.write_bytes(damaged)
    for result in loadgen.read(path):
        assert judged(result, path, NOTHING_KNOWN).verdict != "VALID"


@settings(max_examples=60, deadline=None)
@given(where=st.integers(0, VALID.index(b'"result_validity"')))
def test_a_truncated_valid_log_is_incomplete(
    tmp_path_factory: pytest.TempPathFactory, where: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "mlperf_log_detail.txt"
    path.write_bytes(VALID[:where])
    assert read(path).verdict == "INCOMPLETE"


@pytest.mark.parametrize(
    "line",
    [
        b':::MLLOG {"key": "result_validity", "value": "VALID"}',
        b":::MLLOG []",
        b":::MLLOG 5",
        b":::MLLOG {",
        b"\x00\xff\xfe",
        b':::MLLOG {"key": [], "value": 1, "metadata": {"is_error": false, "is_warning": false}}',
        b':::MLLOG {"key": "result_query_count", "value": NaN, "metadata": '
        b'{"is_error": false, "is_warning": false}}',
        b':::MLLOG {"key": "result_query_count", "value": 1e999, "metadata": '
        b'{"is_error": false, "is_warning": false}}',
        b":::MLLOG " + b"[" * 90_000,
        b':::MLLOG {"key": "result_samples_per_second", "value": 1' + b"0" * 400 + b', "metadata": '
        b'{"is_error": false, "is_warning": false}}',
    ],
    ids=range(10),
)
def test_foreign_lines_are_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "mlperf_log_detail.txt"
    path.write_bytes(line + b"\n")
    assert read(path).verdict == "INCOMPLETE"


def test_the_place_of_a_log_tells_its_benchmark(tmp_path: Path) -> None:
    place = tmp_path / "my-system/resnet50/Offline/performance/run_1"
    place.mkdir(parents=True)
    (place / "mlperf_log_detail.txt").write_bytes(VALID)
    result = read(tmp_path)
    assert (result.benchmark, result.system) == ("resnet50", "my-system")


def test_what_cannot_be_read_is_reported_by_name(tmp_path: Path) -> None:
    for name in ("dangling", "pipe", "good"):
        (tmp_path / name).mkdir()
    (tmp_path / "dangling/mlperf_log_detail.txt").symlink_to("/nowhere")
    os.mkfifo(tmp_path / "pipe/mlperf_log_detail.txt")
    (tmp_path / "good/mlperf_log_detail.txt").write_bytes(VALID)
    dangling, good = read_results(tmp_path, NOTHING_KNOWN)
    assert good.verdict == "VALID"
    assert (dangling.status, dangling.verdict) == ("corrupt", "INCOMPLETE")
    assert "No such file or directory" in dangling.reasons[0].text
    assert dangling.path.endswith("dangling/mlperf_log_detail.txt")


@pytest.mark.parametrize(
    ("text", "code"), [(None, "no-accuracy"), ('{"exact_match": 83.67}', "unknown-accuracy")]
)
def test_accuracy_that_is_not_known_is_not_called_invalid(
    tmp_path: Path, text: str | None, code: str
) -> None:
    log = (DATA / "loadgen/offline_accuracy/mlperf_log_detail.txt").read_bytes()
    (tmp_path / "mlperf_log_detail.txt").write_bytes(log)
    if text:
        (tmp_path / "accuracy.txt").write_text(text)
    result = read(tmp_path)
    assert result.verdict == "INCOMPLETE"
    assert [one.code for one in result.reasons] == [code]
