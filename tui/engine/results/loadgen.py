"""LoadGen's `mlperf_log_detail.txt`: one JSON object a line. The summary is for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui.engine.results import model, text
from tui.engine.results.model import Result
from tui.engine.scenario import Scenario

NAME = re.compile(r"(.*[._-])?detail\.txt")
"""LoadGen's `mlperf_log_detail.txt`, also with a prefix, a date or a suffix of its settings."""
MARK = b":::MLLOG "
KINDS = {
    "PerformanceOnly": model.PERFORMANCE,
    "AccuracyOnly": model.ACCURACY,
    "SubmissionRun": model.SUBMISSION_RUN,
    "FindPeakPerformance": model.FIND_PEAK,
}
MESSAGES_KEPT = 20
MOST_KEYS = 2_000
"""LoadGen has 161; a log with more is none of its own."""
LINE = re.compile(
    rb':::MLLOG \{"key": "([\w.]+)", "value": '
    rb'(?:(-?\d{1,20}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?)|"([^"\\\x00-\x1f]*)"|(true|false)), '
    rb'"time_ms": (\d{1,20}\.\d{1,20}), "namespace": "[\w:]*", "event_type": "\w*", "metadata": '
    rb'\{"is_error": (true|false), "is_warning": (true|false), "file": "[^"\\]*", '
    rb'"line_no": \d+, "pid": \d+, "tid": \d+\}\}\s*'
)
"""A line as LoadGen writes nearly all of them: read without a JSON parser."""
LONG_VALUES = (b'"loaded_qsl_set"', b'"loadgen_file_sha1"')
"""Keys whose values (lists of samples, of files) nothing here needs."""
UNMARKED = re.compile(rb'"pid": \d+, "tid": \S+, "ts": \d+ns : ')
"""The text lines of LoadGen before v1.0, which some logs of v1.0 still hold."""
AUDIT = "Found Audit Config file"
PERCENTILES = ("50.00", "90.00", "95.00", "97.00", "99.00", "99.90")
LAST_KEY = "result_99.90_percentile_latency_ns"
"""Written near the end of every block of results, in every round and scenario."""


@dataclass
class Log:
    """What a detail log holds: the last value of each key by LoadGen's own clock."""

    values: dict[str, Any] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    """LoadGen's milliseconds of each value."""
    windows: list[tuple[float, str, str]] = field(default_factory=list)
    """Every power_begin and power_end: time, key, value."""
    errors: list[str] = field(default_factory=list)
    """The first error messages."""
    error_count: int = 0
    warnings: dict[str, None] = field(default_factory=dict)
    """The first warning messages, each once, in their order."""
    warning_count: int = 0
    damaged: int = 0
    """Lines that are no line of LoadGen's."""
    unmarked: int = 0
    """Text lines as LoadGen wrote them before v1.0."""
    is_cut: bool = False
    """The last line was not written to its end."""


def matches(path: Path) -> bool:
    """A LoadGen detail log, by its name or its first bytes."""
    if path.suffix != ".txt":  # a console log may begin with LoadGen's lines, too
        return False
    return NAME.fullmatch(path.name) is not None or _begins(path, MARK)


def _begins(path: Path, mark: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(mark)) == mark
    except OSError:
        return False


def read(path: Path) -> list[Result]:
    """The one run of a detail log.

    Raises:
        OSError: it cannot be read.
    """
    return [result_of(read_log(path), path)]


def read_log(path: Path) -> Log:
    """Every line of a log of any size, in bounded memory.

    Raises:
        OSError: it cannot be read.
    """
    log = Log()
    is_damaged = False
    for line in text.lines(path):
        found = LINE.fullmatch(line)
        if found is None:
            is_damaged = not _take_unusual(log, line)
            log.damaged += is_damaged
            continue
        is_damaged = False
        name, digits, words, flag, time, is_error, is_warning = found.groups()
        value: Any
        if digits is not None:
            value = float(digits) if b"." in digits or b"e" in digits else int(digits)
        elif words is not None:
            value = words.decode("utf-8", errors="replace")
        else:
            value = flag == b"true"
        _keep(log, name.decode(), value, float(time), is_error == b"true", is_warning == b"true")
    if is_damaged and not text.ends_with_newline(path):
        log.is_cut = True
        log.damaged -= 1
    return log


def _take_unusual(log: Log, line: bytes) -> bool:
    """A line that LINE does not know: long, escaped, with NaN; False: it is none of LoadGen's."""
    if not line or line.isspace():
        return True
    if UNMARKED.match(line):
        log.unmarked += 1
        return True
    if not line.startswith(MARK):
        return False
    if len(line) > 2 * text.ENDS_KEPT or any(one in line[:60] for one in LONG_VALUES):
        return line.rstrip().endswith(b"}}") and b'"is_error": false' in line[-text.ENDS_KEPT :]
    try:
        entry = json.loads(line[len(MARK) :])
        about = entry["metadata"]
        name, value, time = entry["key"], entry["value"], entry["time_ms"]
        if not isinstance(name, str) or not isinstance(about["is_error"], bool):
            raise TypeError
        is_warning = about["is_warning"] is True
        _keep(log, name, value, text.number(time) or 0.0, about["is_error"], is_warning)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False  # what follows may still be whole
    return True


def _keep(log: Log, name: str, value: Any, time: float, is_error: bool, is_warning: bool) -> None:
    if is_error:
        log.error_count += 1
        if len(log.errors) < MESSAGES_KEPT:
            log.errors.append(_message(value))
    elif is_warning:
        log.warning_count += 1
        if len(log.warnings) < MESSAGES_KEPT:
            log.warnings[_message(value)] = None
    if not text.is_usable(value):
        return
    if name in ("power_begin", "power_end") and isinstance(value, str):
        log.windows = [*log.windows[-2 * MESSAGES_KEPT :], (time, name, value)]
    if time >= log.times.get(name, 0.0) and (name in log.values or len(log.values) < MOST_KEYS):
        log.values[name], log.times[name] = value, time


def _message(value: Any) -> str:
    return str(value)[: text.ENDS_KEPT]


def result_of(log: Log, path: Path) -> Result:
    """The run that a log tells of, not yet judged."""
    values = log.values
    _choose_window(log)
    mode = text.word(values.get("effective_test_mode"))
    kind = KINDS.get(mode or "", model.PERFORMANCE)
    scenario = scenario_of(values)
    is_complete = _is_complete(log, kind)
    queries = text.whole(values.get("result_query_count"))
    status = model.COMPLETE if is_complete else model.INCOMPLETE if values else model.CORRUPT
    if log.damaged > 0:
        status = model.CORRUPT
    return Result(
        path=str(path),
        kind=kind,
        scenario=scenario.value if scenario else None,
        mode=mode,
        status=status,
        loadgen_version=text.word(values.get("loadgen_version")),
        system=text.word(values.get("sut_name")),
        loadgen_verdict=text.word(values.get("result_validity")),
        latency_ns=_latency(values, scenario),
        ttft_ns=_spread(values, "result_first_token_{}_latency_ns",
                        "result_first_token_{}_percentile_latency_ns"),
        tpot_ns=_spread(values, "result_time_to_output_token_{}",
                        "result_time_per_output_token_{}_percentile_ns"),
        queries=queries,
        samples=_samples(values, scenario, queries) if is_complete else None,
        duration_s=_duration_s(values),
        errors=max(log.error_count, text.whole(values.get("num_errors")) or 0),
        warnings=log.warning_count,
        log_values={
            **values,
            "damaged_lines": log.damaged,
            "is_before_v1": bool(log.unmarked and not values),
        },
        error_messages=tuple(log.errors),
        warning_messages=tuple(log.warnings),
    )  # fmt: skip


def _is_complete(log: Log, kind: str) -> bool:
    """LoadGen wrote its results to their end; each run of it has one end."""
    values, times = log.values, log.times
    if kind == model.ACCURACY:
        return "power_end" in values and not log.is_cut
    if "result_validity" not in values or LAST_KEY not in values or log.is_cut:
        return False
    verdict_at = times["result_validity"]
    is_whole = times[LAST_KEY] >= verdict_at
    if kind == model.SUBMISSION_RUN:  # its accuracy half comes after the results
        return is_whole and any(at > verdict_at for at, name, _ in log.windows if name[-1] == "d")
    return is_whole


def _choose_window(log: Log) -> None:
    """The measured window: the last one before the verdict (a SubmissionRun has another after)."""
    verdict_at = log.times.get("result_validity")
    if verdict_at is None:
        return
    for at, name, value in sorted(log.windows):
        if at <= verdict_at:
            log.values[name] = value


def min_duration_s(path: Path) -> float | None:
    """`effective_min_duration_ms` of a log that may still be written; None before it is there."""
    try:
        found = text.number(read_log(path).values.get("effective_min_duration_ms"))
    except OSError:
        return None
    return found / 1000 if found is not None else None


def scenario_of(values: Mapping[str, Any]) -> Scenario | None:
    """LoadGen's word for the scenario; None where it is none we know."""
    try:
        return Scenario(values.get("effective_scenario"))
    except ValueError:
        return None


def is_audit(result: Result) -> bool:
    """LoadGen found an audit.config: a compliance test, whatever its folder is called."""
    return any(AUDIT in one for one in result.warning_messages)


def _latency(values: Mapping[str, Any], scenario: Scenario | None) -> dict[str, int | None] | None:
    if scenario is Scenario.MULTI_STREAM:
        extremes = "result_{}_query_latency_ns", "result_{}_percentile_per_query_latency_ns"
        return _spread(values, *extremes)
    return _spread(values, "result_{}_latency_ns", "result_{}_percentile_latency_ns")


def _spread(
    values: Mapping[str, Any], extreme: str, percentile: str
) -> dict[str, int | None] | None:
    """Min, mean, max and percentiles under such keys; None where there is none of them."""
    found = {name: text.whole(values.get(extreme.format(name))) for name in ("min", "mean", "max")}
    for percent in PERCENTILES:
        short = percent.rstrip("0").rstrip(".")
        found[f"p{short}"] = text.whole(values.get(percentile.format(percent)))
    return found if any(value is not None for value in found.values()) else None


def _samples(
    values: Mapping[str, Any], scenario: Scenario | None, queries: int | None
) -> int | None:
    each = text.whole(values.get("effective_samples_per_query"))
    if scenario is Scenario.OFFLINE:
        return text.whole(values.get("generated_samples_per_query")) or each
    return queries * each if queries is not None and each is not None else None


def _duration_s(values: Mapping[str, Any]) -> float | None:
    """From power_begin to power_end: the measured window by the wall clock."""
    begin, end = (text.moment(values.get(name)) for name in ("power_begin", "power_end"))
    if begin is None or end is None:
        return None
    return (end - begin).total_seconds()
