"""LoadGen detail logs: exact values, honest verdicts, reasons that say what to change."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import DATA

from tui.engine import catalog
from tui.engine.catalog import Catalog
from tui.engine.results import invalid, read_results
from tui.engine.results.model import Reason, Result

LOADGEN = DATA / "loadgen"
EXPECTED: dict[str, tuple[str, list[str], float | None, str | None]] = {
    # case: verdict, codes of its reasons, metric, unit (read in the logs)
    "singlestream_valid": ("VALID", [], 7.220828, "ms"),
    "multistream_valid": ("VALID", [], 19.582896, "ms"),
    "server_valid": ("VALID", [], 147.947, "Queries/s"),
    "offline_valid": ("VALID", [], 817.364, "Samples/s"),
    "server_inferred_tokens_valid": ("VALID", [], 10220.6, "Tokens/s"),
    "server_invalid_latency": (
        "INVALID",
        ["latency-limit", "early-stopping"],
        195.775,
        "Queries/s",
    ),
    "server_invalid_min_duration": (
        "INVALID",
        ["min-duration", "early-stopping", "errors"],
        146.469,
        "Queries/s",
    ),
    "server_tokens_invalid_ttft": (
        "INVALID",
        ["ttft-limit", "early-stopping"],
        1583.44,
        "Tokens/s",
    ),
    "server_tokens_invalid_early_stopping_only": (
        "INVALID",
        ["early-stopping"],
        1593.24,
        "Tokens/s",
    ),
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
    "offline_invalid_min_duration": ("INVALID", ["min-duration"], 982.167, "Samples/s"),
    "offline_error_double_completion": ("ERRORS", ["errors"], 822.53, "Samples/s"),
    "server_killed_midrun": ("INCOMPLETE", ["incomplete"], None, None),
    "offline_accuracy": ("INCOMPLETE", ["no-accuracy"], None, None),
    "offline_tokens_valid": ("VALID", [], 5346.46, "Tokens/s"),
    "server_tokens_valid": ("VALID", [], 1610.01, "Tokens/s"),
}


@pytest.fixture(scope="module")
def known() -> Catalog:
    return catalog.load()


def read(path: Path, known: Catalog) -> Result:
    (found,) = read_results(path, known)
    return found


@pytest.mark.parametrize("case", EXPECTED)
def test_verdict_reasons_and_metric(case: str, known: Catalog) -> None:
    verdict, codes, value, unit = EXPECTED[case]
    result = read(LOADGEN / case, known)
    assert result.verdict == verdict
    assert [one.code for one in result.reasons] == codes
    assert (result.metric.unit if result.metric else None) == unit
    if value is not None:
        assert result.metric is not None
        assert result.metric.value == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("case", "text", "fix", "option"),
    [
        (
            "singlestream_invalid_too_few_for_early_stopping",
            "at least 64 are needed, 15 ran",
            "Raise min_query_count from 1 to 64",
            "--min_query_count=64",
        ),
        (
            "server_invalid_latency",
            "is 30.254 ms, the limit is 20 ms. 296 of 791 queries (37 %)",
            "Lower server_target_qps from 200 to about 176",
            "--server_target_qps=176",
        ),
        ("server_invalid_latency", "33044 more", "min_query_count=33835", None),
        (
            "singlestream_invalid_expected_latency_too_high",
            "at least 5 s are needed",
            "Lower singlestream_target_latency from 20 ms to 2.42 ms",
            "--singlestream_target_latency=2.42",
        ),
        (
            "offline_invalid_min_duration",
            "at least 8 s are needed",
            "Raise offline_target_qps from 100 to 1030",
            "--offline_target_qps=1030",
        ),
        (
            "server_invalid_min_duration",
            "The run lasted 2.5 s, at least 600 s are needed",
            "raise max_test_duration to 660 s",
            "--max_test_duration=660",
        ),
        (
            "server_tokens_invalid_ttft",
            "first token (TTFT) is 7.9966 ms, the limit is 0.5 ms",
            "Lower server_target_qps from 60",
            None,
        ),
        (
            "server_tokens_invalid_early_stopping_only",
            "its empty TTFT block does not mean that TTFT passed (its p99 is 10.859 ms, the limit "
            "200 ms)",
            "Raise min_query_count from 100 to 459 (about 0:02 longer). Or raise server_target_qps",
            "--min_query_count=459",
        ),
        (
            "singlestream_invalid_max_query_count",
            "200 queries ran, 5000 are needed",
            "Raise max_query_count from 200 to 5000",
            "--max_query_count=5000",
        ),
    ],
)
def test_a_reason_says_which_key_to_change_from_what_to_what(
    case: str, text: str, fix: str, option: str | None, known: Catalog
) -> None:
    reasons = read(LOADGEN / case, known).reasons
    fitting = [one for one in reasons if text in one.text and fix in (one.fix or "")]
    assert fitting, reasons
    if option:
        assert fitting[0].rerun_with == (option,)


def test_mlcrs_test_mode_is_mended_by_its_own_key(tmp_path: Path, known: Catalog) -> None:
    """There min = max = test_query_count, and a min_query_count would change nothing."""
    case = "singlestream_invalid_too_few_for_early_stopping"
    log = (LOADGEN / case / "mlperf_log_detail.txt").read_bytes()
    log = replaced(log, b"effective_min_query_count", b"15")
    log = replaced(log, b"effective_max_query_count", b"15")
    (tmp_path / "mlperf_log_detail.txt").write_bytes(log)
    (reason,) = read(tmp_path, known).reasons
    assert reason.rerun_with == ("--test_query_count=64",)
    assert "execution_mode=valid" in (reason.fix or "")


def replaced(log: bytes, key: bytes, value: bytes) -> bytes:
    """The log with another value for a key."""
    import re

    pattern = rb'("key": "' + re.escape(key) + rb'", "value": )[^,]+'
    found, count = re.subn(pattern, lambda match: match[1] + value, log)
    assert count == 1
    return found


def test_the_official_number_is_not_the_first_line_of_the_summary(known: Catalog) -> None:
    result = read(LOADGEN / "singlestream_valid", known)
    assert result.latency_ns is not None
    assert result.metric is not None
    assert result.latency_ns["p90"] == 6_997_165
    assert result.metric.value == 7.220828
    assert result.metric.name == "90th percentile latency (early-stopping estimate)"


def test_what_can_be_inferred_is_an_extra(known: Catalog) -> None:
    result = read(LOADGEN / "singlestream_valid", known)
    offline, multi = result.inferred
    assert (offline.scenario, offline.metric.value, offline.metric.unit) == (
        "Offline",
        170.121,
        "Samples/s",
    )
    assert (multi.scenario, multi.metric.value) == ("MultiStream", 8 * 10.886646)


def test_tokens_in_singlestream_are_not_read_from_the_estimate(
    tmp_path: Path, known: Catalog
) -> None:
    """LoadGen estimates over TTFT and TPOT there, not over the whole latency."""
    log = (LOADGEN / "singlestream_valid/mlperf_log_detail.txt").read_bytes()
    line = next(one for one in log.splitlines() if b'"effective_scenario"' in one)
    token = line.replace(b'"effective_scenario"', b'"requested_use_token_latencies"')
    (tmp_path / "mlperf_log_detail.txt").write_bytes(
        token.replace(b'"SingleStream"', b"true") + b"\n" + log
    )
    result = read(tmp_path, known)
    assert result.metric is not None
    assert result.metric.value == 6.997165
    assert [one.scenario for one in result.inferred] == ["Offline"]


def test_the_last_values_of_a_find_peak_run_count(tmp_path: Path, known: Catalog) -> None:
    log = (LOADGEN / "server_valid/mlperf_log_detail.txt").read_bytes()
    log = log.replace(b'"PerformanceOnly"', b'"FindPeakPerformance"')
    lines = log.splitlines(keepends=True)
    results = [one for one in lines if b'"result_' in one or b'"early_stopping' in one]
    probes = []
    for probe in range(300):  # each with another rate, each INVALID, all before the last one
        for one in results:
            one = one.replace(b'"VALID"', b'"INVALID"').replace(b"147.947", b"%d.5" % (900 - probe))
            probes.append(replaced_time(one, float(probe + 1)))
    (tmp_path / "mlperf_log_detail.txt").write_bytes(b"".join([*lines[:5], *probes, *lines[5:]]))
    result = read(tmp_path, known)
    assert (result.kind, result.loadgen_verdict) == ("find-peak", "VALID")
    assert result.metric is not None
    assert result.metric.value == 147.947
    assert result.official.ok is False
    # Also with its lines in any order: LoadGen's clock says which are the last.
    (tmp_path / "mlperf_log_detail.txt").write_bytes(b"".join([*lines, *probes]))
    again = read(tmp_path, known).metric
    assert again is not None
    assert again.value == 147.947


def replaced_time(line: bytes, time: float) -> bytes:
    """A line of another moment."""
    import re

    return re.sub(rb'"time_ms": [\d.]+', b'"time_ms": %.6f' % time, line)


def test_a_submission_run_has_the_window_of_its_performance_half(
    tmp_path: Path, known: Catalog
) -> None:
    log = (LOADGEN / "offline_valid/mlperf_log_detail.txt").read_bytes()
    log = log.replace(b'"PerformanceOnly"', b'"SubmissionRun"')
    lines = log.splitlines(keepends=True)
    power = [one for one in lines if b'"power_' in one]
    later = [
        replaced_time(one, 99_000_000.0).replace(b"11-24-2026", b"11-25-2026") for one in power
    ]
    (tmp_path / "mlperf_log_detail.txt").write_bytes(b"".join(lines))
    assert read(tmp_path, known).verdict == "INCOMPLETE"  # its accuracy half has not ended
    (tmp_path / "mlperf_log_detail.txt").write_bytes(b"".join([*lines, *later]))
    result = read(tmp_path, known)
    assert (result.kind, result.status) == ("submission-run", "complete")
    assert result.duration_s == pytest.approx(4.845, abs=1e-9)


def test_an_audit_config_makes_it_a_compliance_run(tmp_path: Path, known: Catalog) -> None:
    log = (LOADGEN / "offline_valid/mlperf_log_detail.txt").read_bytes()
    line = next(one for one in log.splitlines() if b'"sut_name"' in one)
    warning = line.replace(b'"sut_name"', b'"warning_generic_message"').replace(
        b'"is_warning": false', b'"is_warning": true'
    )
    value = b'"value": "' + line.split(b'"value": "')[1].split(b'"')[0] + b'"'
    warning = warning.replace(
        value, b'"value": "Found Audit Config file (audit.config). Overriding TestSettings."'
    )
    (tmp_path / "mlperf_log_detail.txt").write_bytes(warning + b"\n" + log)
    result = read(tmp_path, known)
    assert result.kind == "compliance"
    assert result.official.ok is False
    assert [one.code for one in result.notices] == ["audit-config"]


def test_errors_that_the_checker_lets_pass_do_not_spoil_a_run(
    tmp_path: Path, known: Catalog
) -> None:
    log = (LOADGEN / "offline_valid/mlperf_log_detail.txt").read_bytes()
    line = next(one for one in log.splitlines() if b'"effective_scenario"' in one)
    error = line.replace(b'"is_error": false', b'"is_error": true').replace(
        b'"effective_scenario"', b'"error_uncommitted_loadgen_changes"'
    )
    passed = error.replace(b'"Offline"', b'"Loadgen built with uncommitted changes!"')
    other = error.replace(b'"Offline"', b'"Multiple conf files are used."')
    path = tmp_path / "mlperf_log_detail.txt"
    path.write_bytes(passed + b"\n" + log)
    result = read(tmp_path, known)
    assert (result.verdict, result.errors) == ("VALID", 1)
    assert [one.code for one in result.notices] == ["exempt-errors"]
    path.write_bytes(other + b"\n" + log)
    assert read(tmp_path, known).verdict == "ERRORS"
    test = tmp_path / "TEST01/performance/run_1"
    test.mkdir(parents=True)
    shutil.move(path, test)
    assert read(tmp_path, known).verdict == "VALID"


def test_windows_line_ends_are_read(tmp_path: Path, known: Catalog) -> None:
    log = (LOADGEN / "server_valid/mlperf_log_detail.txt").read_bytes()
    (tmp_path / "mlperf_log_detail.txt").write_bytes(log.replace(b"\n", b"\r\n"))
    mine, theirs = read(tmp_path, known).to_json(), read(LOADGEN / "server_valid", known).to_json()
    assert {**mine, "path": ""} == {**theirs, "path": ""}


def test_the_place_of_a_log_tells_its_benchmark(tmp_path: Path, known: Catalog) -> None:
    place = tmp_path / "my-system/stable-diffusion-xl/offline/performance/run_1"
    place.mkdir(parents=True)
    shutil.copy(LOADGEN / "offline_valid/mlperf_log_detail.txt", place)
    result = read(tmp_path, known)
    assert (result.benchmark, result.system) == ("sdxl", "my-system")


def test_user_conf_tells_the_benchmark_where_the_place_does_not(
    tmp_path: Path, known: Catalog
) -> None:
    shutil.copy(LOADGEN / "offline_valid/mlperf_log_detail.txt", tmp_path)
    lines = ("# for all", "*.Offline.min_duration = 1", "resnet50.Offline.target_qps = 9")
    (tmp_path / "user.conf").write_text("\n".join(lines))
    assert read(tmp_path, known).benchmark == "resnet50"


def test_a_seed_of_a_wrong_type_is_no_seed(tmp_path: Path, known: Catalog) -> None:
    log = (LOADGEN / "offline_valid/mlperf_log_detail.txt").read_bytes()
    (tmp_path / "mlperf_log_detail.txt").write_bytes(
        replaced(log, b"effective_qsl_rng_seed", b"[1]")
    )
    checks = {one.id: one.ok for one in read(tmp_path, known).official.checks}
    assert checks["seeds"] is False


def early_stopping(case: str, tmp_path: Path, known: Catalog, **values: int) -> Reason:
    """The reason of that code, once a log's values are others."""
    log = (LOADGEN / case / "mlperf_log_detail.txt").read_bytes()
    for key, value in values.items():
        log = replaced(log, key.encode(), str(value).encode())
    (tmp_path / "mlperf_log_detail.txt").write_bytes(log)
    found = read(tmp_path, known).reasons
    return next(one for one in found if one.code == "early-stopping")


def test_a_count_that_is_high_enough_is_not_lowered(tmp_path: Path, known: Catalog) -> None:
    reason = early_stopping(
        "singlestream_invalid_too_few_for_early_stopping", tmp_path, known,
        effective_min_query_count=1024, effective_max_query_count=0, effective_max_duration_ms=1,
    )  # fmt: skip
    assert "min_query_count" not in (reason.fix or "")
    assert [one.partition("=")[0] for one in reason.rerun_with] == ["--max_test_duration"]


def test_what_ends_a_run_earlier_is_raised_too(tmp_path: Path, known: Catalog) -> None:
    reason = early_stopping(
        "singlestream_invalid_too_few_for_early_stopping", tmp_path, known,
        effective_min_query_count=10, effective_max_query_count=50, effective_max_duration_ms=0,
    )  # fmt: skip
    assert reason.rerun_with == ("--min_query_count=64", "--max_query_count=64")


def test_an_overloaded_system_is_not_given_more_load(tmp_path: Path, known: Catalog) -> None:
    log = (LOADGEN / "server_invalid_min_duration/mlperf_log_detail.txt").read_bytes()
    log = replaced(log, b"effective_max_duration_ms", b"0")
    error = next(line for line in log.splitlines() if b'"num_errors"' in line)
    said = error.replace(b'"num_errors"', b'"error_runtime"')
    said = re.sub(rb'"value": \d+', b'"value": "Ending early: Too many outstanding queries."', said)
    said = said.replace(b'"is_error": false', b'"is_error": true')
    (tmp_path / "mlperf_log_detail.txt").write_bytes(log.replace(error, said + b"\n" + error))
    reason = next(one for one in read(tmp_path, known).reasons if one.code == "min-duration")
    assert reason.rerun_with[0].startswith("--server_target_qps=")
    assert float(reason.rerun_with[0].partition("=")[2]) < 150


def test_late_queries_ask_for_more_than_loadgen_says(tmp_path: Path, known: Catalog) -> None:
    """LoadGen counts as if no further query were late: at 0.8 % late, 1 736 are not enough."""
    values = {"result_overlatency_query_count": 8, "effective_target_latency_percentile": 0.99}
    needed = invalid._needed_with_late(values, 1000)
    assert 13_000 < needed < 14_500
    assert invalid._needed_with_late({**values, "result_overlatency_query_count": 0}, 1000) == 0
