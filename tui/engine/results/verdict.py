"""Our judgement of a result: VALID only without a LoadGen error; else why, and what to change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tui.engine.catalog import Benchmark
from tui.engine.results.model import Check, Official, Reason, Result

RATE_KEY = {"Server": "server_target_qps", "Offline": "offline_target_qps"}
LATENCY_KEY = {
    "SingleStream": "singlestream_target_latency",
    "MultiStream": "multistream_target_latency",
}


def judge(result: Result) -> Result:
    """The result with verdict and reasons."""
    reasons = tuple(_reasons(result))
    return replace(result, verdict=_verdict(result), reasons=reasons)


def official(benchmark: Benchmark | None) -> Official:
    """Would it pass as a closed-division run? Only a benchmark that is none of MLPerf's is told."""
    if benchmark is None or benchmark.official:
        return Official()
    check = Check("benchmark", False, f"{benchmark.name} is not an MLPerf benchmark")
    return Official(ok=False, checks=(check,))


def _verdict(result: Result) -> str:
    if result.status != "complete":
        return "INCOMPLETE"
    if result.loadgen_verdict == "INVALID":
        return "INVALID"
    if result.errors:
        return "ERRORS"
    if result.kind == "accuracy":
        if result.accuracy is None:
            return "INCOMPLETE"
        return "INVALID" if result.accuracy.ok is False else "VALID"
    return "VALID" if result.loadgen_verdict == "VALID" else "INCOMPLETE"


def _reasons(result: Result) -> Iterator[Reason]:
    values = result.log_values
    if "unreadable" in values:
        yield Reason("unreadable", f"The log cannot be read: {values['unreadable']}.")
    elif result.status == "corrupt":
        yield Reason("corrupt", "The log holds no line that LoadGen wrote.")
    elif result.status == "incomplete":
        yield Reason(
            "incomplete",
            "The run did not end: LoadGen wrote no verdict.",
            "Run it again; if it is still running, wait for its end.",
        )
    elif result.loadgen_verdict == "INVALID":
        yield from _invalid(result, values)
    if result.errors:
        said = "; ".join(dict.fromkeys(values.get("errors", ())))
        yield Reason("errors", f"LoadGen logged {result.errors} error(s): {said}")
    if result.kind == "accuracy" and result.status == "complete":
        yield from _accuracy(result)


def _accuracy(result: Result) -> Iterator[Reason]:
    found = result.accuracy
    if found is None and result.has_accuracy_file:
        yield Reason(
            "unknown-accuracy",
            "The accuracy.txt beside the log has a form that is not understood here yet.",
            "Read it; its number is not judged.",
        )
    elif found is None:
        yield Reason(
            "no-accuracy",
            "There is no accuracy.txt beside the log: the answers were not compared.",
            "Run the benchmark's accuracy script on mlperf_log_accuracy.json.",
        )
    elif found.ok is False:
        yield Reason(
            "below-target",
            f"{found.metric} is {found.value:g}, the target is {found.target:g}.",
            "Check precision, preprocessing and the model file.",
        )


def _invalid(result: Result, values: Mapping[str, Any]) -> Iterator[Reason]:
    scenario = result.scenario or ""
    said = str(values.get("result_invalid_reason", ""))
    if values.get("result_perf_constraints_met") is False or "to improve latency" in said:
        yield Reason(
            "latency-limit",
            "Too many answers came later than the latency limit" + _limit(values) + ".",
            f"Lower {RATE_KEY.get(scenario, 'target_qps')}{_now(values)}.",
        )
    if values.get("result_min_duration_met") is False:
        yield Reason("min-duration", _short_run(values), _longer(scenario, values))
    if values.get("result_min_queries_met") is False:
        yield Reason(
            "min-queries",
            f"{result.queries} queries ran, {values.get('effective_min_query_count')} are needed.",
            "Raise max_query_count or max_test_duration, or remove them.",
        )
    if values.get("early_stopping_met") is False:
        yield _early_stopping(str(values.get("early_stopping_result", "")), result.queries)


def _limit(values: Mapping[str, Any]) -> str:
    limit = values.get("effective_target_latency_ns")
    return f" of {limit / 1e6:g} ms" if isinstance(limit, (int, float)) and limit else ""


def _now(values: Mapping[str, Any]) -> str:
    rate = values.get("effective_target_qps")
    return f" (now {rate:g})" if isinstance(rate, (int, float)) else ""


def _short_run(values: Mapping[str, Any]) -> str:
    needed = values.get("effective_min_duration_ms")
    if not isinstance(needed, (int, float)):
        return "The run was shorter than min_duration."
    return f"The run was shorter than min_duration ({needed / 1000:g} s)."


def _longer(scenario: str, values: Mapping[str, Any]) -> str:
    key = LATENCY_KEY.get(scenario)
    if key:
        return f"Lower {key}, so that LoadGen prepares more queries."
    return (
        f"Raise {RATE_KEY.get(scenario, 'target_qps')}{_now(values)}, so that the run lasts longer."
    )


def _early_stopping(said: str, queries: int | None) -> Reason:
    if match := re.search(r"Need to process at least (\d+) queries", said):
        needed = int(match[1])
        ran = f"{queries} queries ran; " if queries is not None else ""
        text = f"Too few queries for early stopping: {ran}{needed} are needed."
        return Reason("early-stopping", text, f"Set min_query_count={needed} or more.")
    if match := re.search(r"at least (\d+) more queries", said):
        more = int(match[1])
        text = (
            "Too few queries for early stopping: at least "
            f"{more} more are needed, all of them within the limit."
        )
        total = f"min_query_count={queries + more}" if queries is not None else "min_query_count"
        return Reason("early-stopping", text, f"Set {total} or more, or lower the target rate.")
    return Reason(
        "early-stopping",
        "Early stopping was not met: the tail cannot be told with 99 % confidence.",
        "Raise min_query_count, or lower the target rate.",
    )
