"""How long a part of LoadGen's will take: by its own settings, before it has ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui.engine.results import loadgen, text


@dataclass(frozen=True)
class Limits:
    """What LoadGen was told; seconds."""

    min_duration_s: float
    max_duration_s: float | None = None
    """None: without an end of its own."""
    expected_s: float | None = None
    """By the rate or latency that it was told to expect."""


def of_log(path: Path) -> Limits | None:
    """From a detail log that may still be written; None before its settings are there."""
    try:
        values = loadgen.read_log(path).values
    except OSError:
        return None
    least = _number(values, "effective_min_duration_ms")
    if least is None:
        return None
    latency = _number(values, "effective_target_latency_ns")
    return _limits(
        str(values.get("effective_scenario")),
        least / 1000,
        _seconds(_number(values, "effective_max_duration_ms")),
        queries=_number(values, "effective_min_query_count"),
        samples=_number(values, "effective_samples_per_query"),
        target_qps=_number(values, "effective_target_qps"),
        target_latency_s=latency / 1e9 if latency else None,
    )


def of_user_conf(conf: Mapping[str, str], scenario: str | None) -> Limits | None:
    """From the lines that mlcr prints beforehand (durations and latencies in ms)."""
    least = _parsed(conf, "min_duration")
    if least is None or scenario is None:
        return None
    queries, latency = _parsed(conf, "min_query_count"), _parsed(conf, "target_latency")
    return _limits(
        scenario,
        least / 1000,
        _seconds(_parsed(conf, "max_duration")),
        queries=queries,
        samples=queries,
        target_qps=_parsed(conf, "target_qps"),
        target_latency_s=latency / 1000 if latency else None,
    )


def _limits(
    scenario: str,
    least_s: float,
    most_s: float | None,
    *,
    queries: float | None,
    samples: float | None,
    target_qps: float | None,
    target_latency_s: float | None,
) -> Limits:
    """LoadGen goes on until both the least time and the least number of queries are reached."""
    expected = None
    if scenario in ("SingleStream", "MultiStream"):
        if queries and target_latency_s:
            expected = queries * target_latency_s
    elif target_qps:
        count = samples if scenario == "Offline" else queries  # Offline: one query of all samples
        expected = count / target_qps if count else None
    if expected is not None:
        expected = max(expected, least_s)
        expected = min(expected, most_s) if most_s else expected
    return Limits(least_s, most_s, expected)


def _number(values: Mapping[str, Any], name: str) -> float | None:
    found = text.number(values.get(name))
    return float(found) if found is not None else None


def _parsed(conf: Mapping[str, str], name: str) -> float | None:
    try:
        found = float(conf[name])
    except (KeyError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _seconds(milliseconds: float | None) -> float | None:
    return milliseconds / 1000 if milliseconds else None
