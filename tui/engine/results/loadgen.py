"""LoadGen's `mlperf_log_detail.txt`: one JSON object a line. The summary is for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
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
BEGIN = b':::MLLOG {"key": "'
CLEAN = b', "metadata": {"is_error": false, "is_warning": false, "file": "'
"""Stands in every line that is neither an error nor a warning."""
RESULTS = (b"result_", b"early_")
"""Keys that begin so are all read; of the others those below."""
NEEDED = frozenset(
    f"{part}_{name}".encode()
    for part, names in {
        "effective": "test_mode scenario samples_per_query target_qps target_latency_ns "
        "target_latency_percentile min_duration_ms max_duration_ms min_query_count max_query_count "
        "qsl_rng_seed sample_index_rng_seed schedule_rng_seed performance_sample_count "
        "sample_concatenate_permutation accuracy_sample_count",
        "requested": "use_token_latencies server_ttft_latency server_tpot_latency "
        "single_stream_expected_latency_ns multi_stream_expected_latency_ns",
        "loadgen": "version",
        "sut": "name",
        "qsl": "reported_total_count",
        "generated": "samples_per_query",
        "power": "begin end",
        "num": "errors",
    }.items()
    for name in names.split()
)
LONG_VALUES = (b'"loaded_qsl_set"', b'"loadgen_file_sha1"')
"""Keys whose values (lists of samples, of files) nothing here needs."""
UNMARKED = re.compile(rb'"pid": \d+, "tid": \S+, "ts": \d+ns : ')
"""The text lines of LoadGen before v1.0, which some logs of v1.0 still hold."""
AUDIT = "Found Audit Config file"
PERCENTILES = ("50.00", "90.00", "95.00", "97.00", "99.00", "99.90")
TOKENS = ("result_first_token_mean_latency_ns", "result_time_to_output_token_mean")
WINDOW = ("power_begin", "power_end")
LONGEST_METADATA = 1_000
"""So near the end of a line its metadata stand."""
LAST_KEY = "result_99.90_percentile_latency_ns"
"""Written near the end of every block of results, in every round and scenario."""


@dataclass
class Log:
    """What a detail log holds: the last value of each key by LoadGen's own clock."""

    values: dict[str, Any] = field(default_factory=dict)
    times: dict[str, bytes] = field(default_factory=dict)
    """LoadGen's milliseconds of each value, as they stand there."""
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
    for line in chain.from_iterable(text.blocks(path)):
        if line.startswith(BEGIN) and CLEAN in line[-LONGEST_METADATA:]:
            key = line[len(BEGIN) : line.find(b'"', len(BEGIN))]
            if key not in NEEDED and not key.startswith(RESULTS):
                is_damaged = not line.endswith((b"}}", b"}}\r"))
                log.damaged += is_damaged
                continue
        found = LINE.fullmatch(line)
        if found is not None:
            is_damaged = False
            _take(log, *found.groups())
        else:
            is_damaged = not _take_unusual(log, line)
            log.damaged += is_damaged
    if is_damaged and not text.ends_with_newline(path):
        log.is_cut = True
        log.damaged -= 1
    return log


def _take(
    log: Log,
    name: bytes,
    digits: bytes | None,
    words: bytes | None,
    flag: bytes | None,
    time: bytes,
    is_error: bytes,
    is_warning: bytes,
) -> None:
    """A line as LINE takes it apart."""
    value: Any
    if digits is not None:
        value = int(digits) if digits.isdigit() else float(digits)
    elif words is not None:
        value = words.decode("utf-8", errors="replace")
    else:
        value = flag == b"true"
    if is_error == b"true" or is_warning == b"true":
        _note(log, value, is_error=is_error == b"true")
    key = name.decode()
    if key in log.values or key in WINDOW or (digits is not None and b"e" in digits):
        _keep(log, key, value, time)
    else:  # nearly always
        log.values[key], log.times[key] = value, time


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
        if about["is_error"] or about["is_warning"] is True:
            _note(log, value, is_error=about["is_error"])
        _keep(log, name, value, str(text.number(time) or 0.0).encode())
    except (ValueError, KeyError, TypeError, RecursionError):
        return False  # what follows may still be whole
    return True


def _note(log: Log, value: Any, *, is_error: bool) -> None:
    """Count an error or a warning, and keep the first ones' words."""
    if is_error:
        log.error_count += 1
        if len(log.errors) < MESSAGES_KEPT:
            log.errors.append(_message(value))
        return
    log.warning_count += 1
    if len(log.warnings) < MESSAGES_KEPT:
        log.warnings[_message(value)] = None


def _keep(log: Log, name: str, value: Any, time: bytes) -> None:
    """Of values under one key the last one by LoadGen's clock."""
    if not text.is_usable(value):
        return
    if name in WINDOW and isinstance(value, str):
        log.windows = [*log.windows[-2 * MESSAGES_KEPT :], (float(time), name, value)]
    if name not in log.values:
        if len(log.values) >= MOST_KEYS:
            return
    elif float(time) < float(log.times[name]):
        return
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
    multi, has_tokens = Scenario.MULTI_STREAM, any(one in values for one in TOKENS)
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
        latency_ns=_spread(values, LATENCY if scenario is not multi else QUERY_LATENCY),
        ttft_ns=_spread(values, TTFT) if has_tokens else None,
        tpot_ns=_spread(values, TPOT) if has_tokens else None,
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
    verdict_at = float(times["result_validity"])
    is_whole = float(times[LAST_KEY]) >= verdict_at
    if kind == model.SUBMISSION_RUN:  # its accuracy half comes after the results
        return is_whole and any(at > verdict_at for at, name, _ in log.windows if name[-1] == "d")
    return is_whole


def _choose_window(log: Log) -> None:
    """The measured window: the last one before the verdict (a SubmissionRun has another after)."""
    verdict_at = log.times.get("result_validity")
    if verdict_at is None or len(log.windows) <= len(WINDOW):
        return
    for at, name, value in sorted(log.windows):
        if at <= float(verdict_at):
            log.values[name] = value


def scenario_of(values: Mapping[str, Any]) -> Scenario | None:
    """LoadGen's word for the scenario; None where it is none we know."""
    try:
        return Scenario(values.get("effective_scenario"))
    except ValueError:
        return None


def is_audit(result: Result) -> bool:
    """LoadGen found an audit.config: a compliance test, whatever its folder is called."""
    return any(AUDIT in one for one in result.warning_messages)


def _names(extreme: str, percentile: str) -> dict[str, str]:
    """The keys of min, mean, max and the percentiles."""
    found = {name: extreme.format(name) for name in ("min", "mean", "max")}
    for percent in PERCENTILES:
        found[f"p{percent.rstrip('0').rstrip('.')}"] = percentile.format(percent)
    return found


LATENCY = _names("result_{}_latency_ns", "result_{}_percentile_latency_ns")
QUERY_LATENCY = _names(
    "result_{}_query_latency_ns", "result_{}_percentile_per_query_latency_ns"
)  # fmt: skip
TTFT = _names("result_first_token_{}_latency_ns", "result_first_token_{}_percentile_latency_ns")
TPOT = _names("result_time_to_output_token_{}", "result_time_per_output_token_{}_percentile_ns")


def _spread(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, int | None] | None:
    """Min, mean, max and percentiles under such keys; None where there is none of them."""
    found = {name: text.whole(values.get(key)) for name, key in names.items()}
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
