"""The scenarios, and the numbers that LoadGen's detail log can hold for them.

Which number counts in which round is data (`profiles/rounds`, `profiles/benchmarks`); here stands
what each one is: its name, its unit, which way is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Scenario(str, Enum):
    """How LoadGen sends queries; spelled as everywhere in the field."""

    SINGLE_STREAM = "SingleStream"
    MULTI_STREAM = "MultiStream"
    SERVER = "Server"
    OFFLINE = "Offline"
    INTERACTIVE = "Interactive"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Number:
    """A value of the detail log that can be an official number."""

    name: str
    """What it is, in words; {p} stands for the percentile."""
    unit: str
    better: str
    """higher or lower."""
    scale: float = 1.0
    """What the logged value is multiplied by to be in `unit`."""


_ESTIMATE = "{p}th percentile latency (early-stopping estimate)"
_QUERY_ESTIMATE = "{p}th percentile query latency (early-stopping estimate)"
NUMBERS: dict[str, Number] = {
    "early_stopping_latency_ss": Number(_ESTIMATE, "ms", "lower", 1e-6),
    "early_stopping_latency_ms": Number(_QUERY_ESTIMATE, "ms", "lower", 1e-6),
    "result_90.00_percentile_latency_ns": Number("90th percentile latency", "ms", "lower", 1e-6),
    "result_99.00_percentile_per_query_latency_ns": Number(
        "99th percentile query latency", "ms", "lower", 1e-6
    ),
    "result_mean_latency_ns": Number("mean latency", "ms", "lower", 1e-6),
    "effective_samples_per_query": Number("streams (samples per query)", "Streams", "higher"),
    "result_scheduled_samples_per_sec": Number("scheduled rate", "Queries/s", "higher"),
    "result_completed_samples_per_sec": Number("completed rate", "Queries/s", "higher"),
    "result_completed_tokens_per_second": Number("completed token rate", "Tokens/s", "higher"),
    "result_inferred_completed_tokens_per_second": Number(
        "completed token rate (inferred from samples)", "Tokens/s", "higher"
    ),
    "result_samples_per_second": Number("rate", "Samples/s", "higher"),
    "result_tokens_per_second": Number("token rate", "Tokens/s", "higher"),
    "result_inferred_tokens_per_second": Number(
        "token rate (inferred from samples)", "Tokens/s", "higher"
    ),
    "result_qps_without_loadgen_overhead": Number(
        "rate, inferred from SingleStream", "Samples/s", "higher"
    ),
}
"""By the detail log's key. Source: RESULT_FIELD_NEW and RESULT_FIELD_BENCHMARK_OVERWRITE of
MLCommons' submission checker, rounds v1.0 to v6.1. `early_stopping_latency_ms` is the MultiStream
one: ms stands for it, and its value is in ns."""
