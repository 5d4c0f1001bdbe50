"""What MLPerf asks of a benchmark: scenarios, accuracy, latency limits, samples, units.

A benchmark's own file holds the rules of the newest round that lists it; a round's file what
differed then. Source of all figures: MLCommons' submission checker (MODEL_CONFIG) and mlperf.conf
of each round; where the rules text says otherwise, the checker's value stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from tui.engine.fields import Fields
from tui.engine.scenario import Scenario

CATEGORIES = ("datacenter", "edge")
SCENARIOS = tuple(one.value for one in Scenario)
LIMITS = ("p99", "ttft", "tpot")
"""99th percentile of the whole latency, of the first token, of each further token."""
COUNTS = ("performance", "accuracy", "dataset", "offline_least")
UNITS = ("ms", "s", "Samples/s", "Queries/s", "Tokens/s")
ByCategory = Mapping[str, tuple[Scenario, ...]]
T = TypeVar("T")


@dataclass(frozen=True)
class Rules:
    """The rules of one benchmark in one round; by scenario where a rule differs by it."""

    scenarios: ByCategory = field(default_factory=dict)
    """Required for a closed submission, by category."""
    optional_scenarios: ByCategory = field(default_factory=dict)
    """Possible beside them."""
    targets: Mapping[str, float] = field(default_factory=dict)
    """The least accuracy that counts, by metric, in the unit of its accuracy.txt."""
    scenario_targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Where a scenario has a target of its own."""
    upper_limits: Mapping[str, float] = field(default_factory=dict)
    """The most that a metric may be."""
    latency_limits_ms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By scenario, then p99, ttft or tpot."""
    token_latencies: bool = False
    """LoadGen measures first and further tokens."""
    percentiles: Mapping[str, float] = field(default_factory=dict)
    """Where a scenario's percentile is another than the round's."""
    result_keys: Mapping[str, str] = field(default_factory=dict)
    """The detail log's key of the official number, by scenario."""
    units: Mapping[str, str] = field(default_factory=dict)
    """The true unit of that number; published labels are partly wrong."""
    equal_issue_mode: bool = False
    """Every sample is issued equally often."""
    compliance_tests: tuple[str, ...] = ()
    timed: bool = True
    """min_duration holds; False: one pass over the dataset, however long it takes."""
    accuracy_samples: Mapping[str, int] = field(default_factory=dict)
    """Asked in an accuracy run, where a scenario has a number of its own."""
    samples: Mapping[str, int] = field(default_factory=dict)
    """performance: held in memory; accuracy: asked then; dataset; offline_least: of one query."""

    def scenarios_of(self, category: str) -> tuple[Scenario, ...]:
        """Required and possible ones of a category, in the field's order."""
        some = (*self.scenarios.get(category, ()), *self.optional_scenarios.get(category, ()))
        return tuple(one for one in Scenario if one in some)

    def full_set(self, scenario: str) -> int | None:
        """How many samples an accuracy run asks; None where the profile does not tell."""
        usual = self.samples.get("dataset", self.samples.get("performance"))
        return self.accuracy_samples.get(scenario) or self.samples.get("accuracy") or usual

    def targets_of(self, scenario: str) -> Mapping[str, float]:
        """The least accuracy by metric, in that scenario."""
        return self.scenario_targets.get(scenario, self.targets)


def read(fields: Fields, base: Rules) -> Rules:
    """The rules in a profile; what it does not name is as in `base`."""

    def given(key: str, value: T, before: T) -> T:
        return value if key in present else before

    present = {name for name in Rules.__dataclass_fields__ if fields.has(name)}
    return Rules(
        scenarios=given("scenarios", _by_category(fields, "scenarios"), base.scenarios),
        optional_scenarios=given(
            "optional_scenarios",
            _by_category(fields, "optional_scenarios"),
            base.optional_scenarios,
        ),
        targets=given("targets", fields.number_map("targets"), base.targets),
        scenario_targets=given(
            "scenario_targets",
            fields.map("scenario_targets", Fields.number_map, SCENARIOS),
            base.scenario_targets,
        ),
        upper_limits=given("upper_limits", fields.number_map("upper_limits"), base.upper_limits),
        latency_limits_ms=given(
            "latency_limits_ms",
            fields.map("latency_limits_ms", _limits, SCENARIOS),
            base.latency_limits_ms,
        ),
        token_latencies=fields.flag("token_latencies", base.token_latencies),
        percentiles=given(
            "percentiles", fields.number_map("percentiles", SCENARIOS), base.percentiles
        ),
        result_keys=given(
            "result_keys", fields.text_map("result_keys", SCENARIOS), base.result_keys
        ),
        units=given("units", fields.map("units", _unit, SCENARIOS), base.units),
        equal_issue_mode=fields.flag("equal_issue_mode", base.equal_issue_mode),
        compliance_tests=given(
            "compliance_tests", fields.texts("compliance_tests"), base.compliance_tests
        ),
        timed=fields.flag("timed", base.timed),
        accuracy_samples=given(
            "accuracy_samples",
            fields.map("accuracy_samples", _count, SCENARIOS),
            base.accuracy_samples,
        ),
        samples=given("samples", fields.map("samples", _count, COUNTS), base.samples),
    )


def _by_category(fields: Fields, key: str) -> dict[str, tuple[Scenario, ...]]:
    def scenarios(part: Fields, category: str) -> tuple[Scenario, ...]:
        return tuple(Scenario(one) for one in part.texts(category, SCENARIOS))

    return fields.map(key, scenarios, CATEGORIES)


def _limits(fields: Fields, scenario: str) -> dict[str, float]:
    return fields.number_map(scenario, LIMITS)


def _unit(fields: Fields, scenario: str) -> str:
    return fields.choice(scenario, UNITS)


def _count(fields: Fields, name: str) -> int:
    return fields.count(name) or 0
