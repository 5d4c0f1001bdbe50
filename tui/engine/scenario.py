"""The scenarios, and the rule of each: MLCommons' metric, its key in the detail log, its unit.

Source: MLCommons' submission checker (`constants.py`, RESULT_FIELD_NEW) for rounds v4.1 to v6.1.
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
class MetricRule:
    """How the official number of a scenario is read."""

    name: str
    """What the number is, in words."""
    key: str
    """The detail log's key."""
    unit: str
    """ms, Samples/s, Tokens/s."""
    better: str
    """higher or lower."""
    scale: float = 1.0
    """What the logged value is multiplied by to be in `unit`."""


_SERVER = MetricRule("completed rate", "result_completed_samples_per_sec", "Samples/s", "higher")
_SERVER_TOKENS = MetricRule(
    "completed token rate", "result_completed_tokens_per_second", "Tokens/s", "higher"
)

RULES: dict[Scenario, MetricRule] = {
    Scenario.SINGLE_STREAM: MetricRule(
        "90th percentile latency (early-stopping estimate)",
        "early_stopping_latency_ss",
        "ms",
        "lower",
        1e-6,
    ),
    Scenario.MULTI_STREAM: MetricRule(
        "99th percentile query latency (early-stopping estimate)",
        "early_stopping_latency_ms",
        "ms",
        "lower",
        1e-6,
    ),
    Scenario.SERVER: _SERVER,
    Scenario.INTERACTIVE: _SERVER,
    Scenario.OFFLINE: MetricRule("rate", "result_samples_per_second", "Samples/s", "higher"),
}

TOKEN_RULES: dict[Scenario, MetricRule] = {
    Scenario.SERVER: _SERVER_TOKENS,
    Scenario.INTERACTIVE: _SERVER_TOKENS,
    Scenario.OFFLINE: MetricRule("token rate", "result_tokens_per_second", "Tokens/s", "higher"),
}
"""For benchmarks counted in tokens (LoadGen's use_token_latencies)."""


def metric_rule(scenario: Scenario, *, tokens: bool) -> MetricRule:
    """The rule for `scenario`; `tokens` for benchmarks counted in tokens."""
    return (TOKEN_RULES if tokens else {}).get(scenario) or RULES[scenario]
