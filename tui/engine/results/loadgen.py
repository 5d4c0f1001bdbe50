"""LoadGen's `mlperf_log_detail.txt`: one JSON object a line. The summary is for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui.engine.home import read_json
from tui.engine.results.locate import DETAIL
from tui.engine.results.model import Accuracy, Check, Metric, Result
from tui.engine.scenario import Scenario, metric_rule

MARK = b":::MLLOG "
LONGEST_LINE = 100_000
"""Longer lines are lists of sample indices: nothing of them is needed."""
KINDS = {
    "PerformanceOnly": "performance",
    "AccuracyOnly": "accuracy",
    "SubmissionRun": "submission-run",
    "FindPeakPerformance": "find-peak",
}
PERCENTILES = ("50.00", "90.00", "95.00", "97.00", "99.00", "99.90")
ACCURACY = re.compile(r"accuracy=([\d.]+)%, good=(\d+), total=(\d+)")
CLOCK_DRIFT = "PerfClock and system_clock differ"
MESSAGES_KEPT = 20


def matches(path: Path) -> bool:
    """A LoadGen detail log, by its name."""
    return path.name == DETAIL


def read(path: Path) -> list[Result]:
    """The one run of a detail log; damaged lines are passed over."""
    values, errors, warnings = read_values(path)
    mode = _text(values.get("effective_test_mode"))
    scenario = _scenario(values)
    kind = KINDS.get(mode or "", "performance")
    complete = "result_validity" in values or (kind == "accuracy" and "power_end" in values)
    queries = _whole(values.get("result_query_count"))
    logged = _whole(values.get("num_errors"))
    return [
        Result(
            path=str(path),
            kind=kind,
            scenario=scenario.value if scenario else None,
            mode=mode,
            status="complete" if complete else "incomplete" if values else "corrupt",
            loadgen_version=_text(values.get("loadgen_version")),
            system=_text(values.get("sut_name")),
            loadgen_verdict=_text(values.get("result_validity")),
            metric=_metric(values, scenario) if complete else None,
            latency_ns=_latency(values, scenario),
            accuracy=_accuracy(path.with_name("accuracy.txt")) if kind == "accuracy" else None,
            has_accuracy_file=path.with_name("accuracy.txt").is_file(),
            queries=queries,
            samples=_samples(values, scenario, queries) if complete else None,
            duration_s=_duration_s(values),
            errors=max(len(errors), logged or 0),
            warnings=len(warnings),
            host_checks=_host_checks(path, values, scenario, [*errors, *warnings]),
            log_values={**values, "errors": errors[:MESSAGES_KEPT]},
        )
    ]


def read_values(path: Path) -> tuple[dict[str, Any], list[str], list[str]]:
    """The last value of every key, and the messages of all errors and warnings."""
    values: dict[str, Any] = {}
    errors: list[str] = []
    warnings: list[str] = []
    with open(path, "rb") as file:
        for line in file:
            if not line.startswith(MARK) or len(line) > LONGEST_LINE:
                continue
            try:
                entry = json.loads(line[len(MARK) :])
                key, value, about = entry["key"], entry["value"], entry["metadata"]
                if about["is_error"]:
                    errors.append(str(value))
                elif about["is_warning"]:
                    warnings.append(str(value))
                if is_usable(value):
                    values[key] = value
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # cut off or damaged: what follows may still be whole
    return values, errors, warnings


def is_usable(value: Any) -> bool:
    """Not NaN, not infinite, not a whole number beyond any float: those count as not logged."""
    return not isinstance(value, (int, float)) or abs(value) < 1e300


def min_duration_s(log: Path) -> float | None:
    """`effective_min_duration_ms` of a log that may still be written; None before it is there."""
    try:
        values, _, _ = read_values(log)
    except OSError:
        return None
    found = values.get("effective_min_duration_ms")
    return found / 1000 if isinstance(found, (int, float)) else None


def _scenario(values: Mapping[str, Any]) -> Scenario | None:
    try:
        return Scenario(values.get("effective_scenario"))
    except ValueError:
        return None


def _metric(values: Mapping[str, Any], scenario: Scenario | None) -> Metric | None:
    if scenario is None or "result_validity" not in values:
        return None
    rule = metric_rule(scenario, tokens=values.get("requested_use_token_latencies") is True)
    value = values.get(rule.key)
    # An early-stopping estimate of 0 means: too few queries for one.
    if not isinstance(value, (int, float)) or not value:
        return None
    return Metric(rule.name, value * rule.scale, rule.unit, rule.better)


def _latency(values: Mapping[str, Any], scenario: Scenario | None) -> dict[str, int | None] | None:
    multi = scenario is Scenario.MULTI_STREAM
    whole, part = ("query_", "per_query_") if multi else ("", "")
    keys = {name: f"result_{name}_{whole}latency_ns" for name in ("min", "mean", "max")}
    for percent in PERCENTILES:
        short = percent.rstrip("0").rstrip(".")
        keys[f"p{short}"] = f"result_{percent}_percentile_{part}latency_ns"
    found = {name: _whole(values.get(key)) for name, key in keys.items()}
    return found if any(value is not None for value in found.values()) else None


def _accuracy(path: Path) -> Accuracy | None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = ACCURACY.findall(text)
    return Accuracy("top-1 accuracy (%)", float(found[-1][0])) if found else None


def _samples(
    values: Mapping[str, Any], scenario: Scenario | None, queries: int | None
) -> int | None:
    each = _whole(values.get("effective_samples_per_query"))
    if scenario is Scenario.OFFLINE:
        return _whole(values.get("generated_samples_per_query")) or each
    return queries * each if queries is not None and each is not None else None


def _duration_s(values: Mapping[str, Any]) -> float | None:
    from datetime import datetime

    try:
        begin, end = (
            datetime.strptime(values[key], "%m-%d-%Y %H:%M:%S.%f")
            for key in ("power_begin", "power_end")
        )
    except (KeyError, ValueError, TypeError):
        return None
    return (end - begin).total_seconds()


def _host_checks(
    path: Path, values: Mapping[str, Any], scenario: Scenario | None, messages: list[str]
) -> tuple[Check, ...]:
    """What the run tells about LoadGen, clock and scheduler; smoke records it in host.json."""
    host = read_json(path.with_name("host.json"))
    if not isinstance(host, dict):
        return ()
    checks = []
    latency = _latency(values, scenario)
    if latency and scenario is not Scenario.OFFLINE:
        checks.append(_tail_check(latency))
    seconds, switches = host.get("seconds"), host.get("involuntary_switches")
    if isinstance(switches, int) and isinstance(seconds, float) and seconds > 0:
        rate = switches / seconds
        # 2 to 200 a second on a quiet machine, 3,800 with two busy loops on two cores
        checks.append(Check("scheduler", rate < 500, f"{rate:,.0f} involuntary switches a second"))
    stolen = host.get("steal_pct")
    checks.append(
        Check(
            "steal",
            stolen < 1 if isinstance(stolen, float) else None,
            f"{stolen:.1f} % of CPU time taken by the hypervisor"
            if isinstance(stolen, float)
            else "the kernel does not tell",
        )
    )
    drift = next((one for one in messages if CLOCK_DRIFT in one), None)
    checks.append(Check("clock", drift is None, drift or "LoadGen saw no clock drift"))
    return tuple(checks)


def _tail_check(latency: Mapping[str, int | None]) -> Check:
    """Ratio p99.9/p50: 4 on a quiet machine, 160 with two busy loops on its two cores."""
    middle, tail = latency.get("p50"), latency.get("p99.9")
    if not middle or not tail:
        return Check("tail", None, "too few queries to tell")
    ok: bool | None
    ratio = tail / middle
    if ratio < 10:
        ok, word = True, "good: below 10"
    elif ratio <= 50:
        ok, word = None, "good is below 10, bad above 50"
    else:
        ok, word = False, "something else runs here, or the hypervisor takes the CPU away"
    return Check("tail", ok, f"p99.9 is {ratio:.1f} times p50 ({word})")


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
