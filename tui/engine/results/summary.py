"""LoadGen's `mlperf_log_summary.txt`: read only where the detail log is missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tui.engine.results import model, text
from tui.engine.results.model import Result

NAME = re.compile(r"(.*[._-])?summary\.txt")
BEGIN = b"================================================"
TITLE = "MLPerf Results Summary"
LARGEST = 1_000_000
"""A real one has at most 4 kB."""
PAIR = re.compile(r"\s*([A-Za-z0-9][\w .()/%]*?)\s*:\s*(.*?)\s*")
COUNTED = re.compile(r"(No|\d+) (warning|ERROR|error)s? encountered", re.IGNORECASE)
KEYS = {
    "SUT name": "sut_name",
    "Samples per second": "result_samples_per_second",
    "Scheduled samples per second": "result_scheduled_samples_per_sec",
    "Completed samples per second": "result_completed_samples_per_sec",
    "Tokens per second": "result_tokens_per_second",
    "Tokens per second (inferred)": "result_inferred_tokens_per_second",
    "Completed tokens per second": "result_completed_tokens_per_second",
    "Completed tokens per second (inferred)": "result_inferred_completed_tokens_per_second",
    "QPS w/o loadgen overhead": "result_qps_without_loadgen_overhead",
    "samples_per_query": "effective_samples_per_query",
    "target_qps": "effective_target_qps",
    "target_latency (ns)": "effective_target_latency_ns",
    "ttft_latency (ns)": "requested_server_ttft_latency",
    "tpot_latency (ns)": "requested_server_tpot_latency",
    "min_duration (ms)": "effective_min_duration_ms",
    "max_duration (ms)": "effective_max_duration_ms",
    "min_query_count": "effective_min_query_count",
    "max_query_count": "effective_max_query_count",
    "qsl_rng_seed": "effective_qsl_rng_seed",
    "sample_index_rng_seed": "effective_sample_index_rng_seed",
    "schedule_rng_seed": "effective_schedule_rng_seed",
    "performance_sample_count": "effective_performance_sample_count",
    "accuracy_sample_count": "effective_accuracy_sample_count",
}
"""The detail log's key of each line."""
ANSWERS = {
    "Performance constraints satisfied": "result_perf_constraints_met",
    "Min duration satisfied": "result_min_duration_met",
    "Min queries satisfied": "result_min_queries_met",
    "Early stopping satisfied": "early_stopping_met",
}
SPREADS = (
    (re.compile(r"(Min|Max|Mean) latency \(ns\)"), "latency"),
    (re.compile(r"([\d.]+) percentile latency \(ns\)"), "latency"),
    (re.compile(r"(Min|Max|Mean) First Token latency \(ns\)"), "ttft"),
    (re.compile(r"([\d.]+) percentile first token latency \(ns\)"), "ttft"),
    (re.compile(r"(Min|Max|Mean) Time (?:to|per) Output Token \(ns\)"), "tpot"),
    (re.compile(r"([\d.]+) percentile time to output token \(ns\)"), "tpot"),
)
NAMES = ("min", "mean", "max", "p50", "p90", "p95", "p97", "p99", "p99.9")
ESTIMATE = re.compile(r"Early stopping (\d{1,3}(?:\.\d{1,9})?)(?:th|st|nd|rd) percentile estimate")
PROCESSED = re.compile(r"[Pp]rocessed (?:at least \d+ queries \((\d+)\)|(\d+) queries)")
DIGITS = re.compile(r"-?\d{1,25}(\.\d{1,25})?(e[+-]?\d{1,3})?")
SECTIONS = {
    "Recommendations:": "result_invalid_reason",
    "Early Stopping Result:": "early_stopping_result",
    "TTFT Early Stopping Result:": "early_stopping_ttft_result",
    "TPOT Early Stopping Result:": "early_stopping_tpot_result",
}
KINDS = {
    "AccuracyOnly": model.ACCURACY,
    "SubmissionRun": model.SUBMISSION_RUN,
    "FindPeakPerformance": model.FIND_PEAK,
}


def matches(path: Path) -> bool:
    """A LoadGen summary, by its name or its first line."""
    if path.suffix != ".txt":
        return False
    return NAME.fullmatch(path.name) is not None or _begins_so(path)


def _begins_so(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(BEGIN)) == BEGIN
    except OSError:
        return False


def beside(detail: Path) -> Path | None:
    """Where the summary of a detail log lies; None where its name has no place for it."""
    head, found, tail = detail.name.rpartition("detail")
    return detail.with_name(f"{head}summary{tail}") if found else None


def read(path: Path) -> list[Result]:
    """The one run of a summary, as far as a summary tells.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        found = file.read(LARGEST).decode("utf-8", errors="replace")
    return [result_of(found, path)]


def result_of(found: str, path: Path) -> Result:
    """The run that a summary tells of, not yet judged."""
    page = _Page()
    for line in found.splitlines():
        page.take(line)
    values = page.log_values()
    is_ended = page.errors is not None
    mode = page.mode or ("AccuracyOnly" if is_ended and not page.has_title else None)
    is_whole = is_ended and (not page.has_title or "result_validity" in values)
    scenario = text.word(values.get("effective_scenario"))
    broken = model.CORRUPT if found.strip() and not page.has_title else model.INCOMPLETE
    return Result(
        path=str(path),
        source="summary",
        kind=KINDS.get(mode or "", model.PERFORMANCE),
        scenario=scenario,
        mode=mode,
        status=model.COMPLETE if is_whole else broken,
        system=text.word(values.get("sut_name")),
        loadgen_verdict=text.word(values.get("result_validity")),
        latency_ns=page.spread("query" if scenario == "MultiStream" else "latency"),
        ttft_ns=page.spread("ttft"),
        tpot_ns=page.spread("tpot"),
        queries=page.queries,
        errors=page.errors,
        warnings=page.warnings,
        log_values=values,
    )


class _Page:
    """A summary, line by line; values under the detail log's keys."""

    def __init__(self) -> None:
        self.has_title = False
        self.mode: str | None = None
        self.errors: int | None = None
        """None until the line that ends a summary."""
        self.warnings: int | None = None
        self.queries: int | None = None
        self._values: dict[str, Any] = {}
        self._spreads: dict[str, dict[str, int]] = {}
        self._block = "latency"
        self._section: str | None = None

    def take(self, line: str) -> None:
        """One line."""
        self.has_title |= line.strip() == TITLE
        if counted := COUNTED.match(line):
            # LoadGen writes "No errors", never 0: a 0 would be a damaged number.
            amount = 0 if counted[1] == "No" else max(1, int(counted[1][:18]))
            if counted[2].lower() == "error":
                self.errors = amount
            else:
                self.warnings = amount
        elif line in SECTIONS:
            self._section = SECTIONS[line]
        elif line.startswith("Per-"):
            self._block = "query" if line.startswith("Per-query") else "latency"
        elif not line.strip() or line.startswith("="):
            self._block = "latency"
        else:
            self._take_text(line)
            if pair := PAIR.fullmatch(line.removeprefix(" * ")):
                self._take_pair(*pair.groups())

    def _take_text(self, line: str) -> None:
        if self._section and line.startswith(" "):
            before = self._values.get(self._section, "")
            self._values[self._section] = f"{before} {line.strip()}"[: text.ENDS_KEPT]
        if counted := PROCESSED.search(line):
            self.queries = int((counted[1] or counted[2])[:18])

    def _take_pair(self, name: str, value: str) -> None:
        values = self._values
        if name == "Scenario":
            values["effective_scenario"] = value.replace(" ", "")
        elif name == "Mode":
            self.mode = "PerformanceOnly" if value == "Performance" else text.word(value)
        elif name == "Result is":
            if values.get("result_validity") != "INVALID":  # of two, the worse one
                values["result_validity"] = value
        elif name in ANSWERS:
            values[ANSWERS[name]] = value.lower() == "yes"
        elif name in KEYS:
            found = value if name == "SUT name" else _number(value)
            if isinstance(found, float) and name.endswith("samples per second"):
                found = float(f"{found:.6g}")  # as the detail log has it, and MLCommons publishes
            if found is not None:
                values.setdefault(KEYS[name], found)
        elif estimate := ESTIMATE.match(name):
            self._take_estimate(estimate[1], value)
        else:
            self._take_spread(name, value)

    def _take_estimate(self, percent: str, value: str) -> None:
        is_single = self._values.get("effective_scenario") == "SingleStream"
        # MultiStream is estimated at the 99th percentile: "99th" to v4.1, "99.0th" since.
        of_single = is_single and float(percent) != 99
        found = _number(value)
        if found is not None:
            self._values[f"early_stopping_latency_{'ss' if of_single else 'ms'}"] = found

    def _take_spread(self, name: str, value: str) -> None:
        for pattern, which in SPREADS:
            found, amount = pattern.fullmatch(name), text.whole(_number(value))
            if found and amount is not None:
                word = found[1].lower()
                short = f"p{word.rstrip('0').rstrip('.')}" if word[0].isdigit() else word
                which = self._block if which == "latency" else which
                self._spreads.setdefault(which, {})[short] = amount
                return

    def spread(self, which: str) -> dict[str, int | None] | None:
        """Min, mean, max and percentiles in ns; None where the page has none."""
        found = self._spreads.get(which)
        return {name: found.get(name) for name in NAMES} if found else None

    def log_values(self) -> dict[str, Any]:
        """What the detail log would have held, as far as it stands here."""
        values = dict(self._values)
        if "requested_server_ttft_latency" in values:
            values["requested_use_token_latencies"] = True
        for which, part in (("latency", ""), ("query", "per_query_")):
            for percent, short in (("90.00", "p90"), ("99.00", "p99")):
                found = self._spreads.get(which, {}).get(short)
                if found is not None:
                    values[f"result_{percent}_percentile_{part}latency_ns"] = found
        for which, part in (("latency", ""), ("query", "query_")):
            if "mean" in self._spreads.get(which, {}):
                values[f"result_mean_{part}latency_ns"] = self._spreads[which]["mean"]
        return values


def _number(value: str) -> float | int | None:
    """A number as LoadGen prints it: also true, false, and 1.04211e+06."""
    if value in ("true", "false"):
        return int(value == "true")
    if not DIGITS.fullmatch(value):
        return None
    found = float(value) if "." in value or "e" in value else int(value)
    return found if text.is_usable(found) else None
