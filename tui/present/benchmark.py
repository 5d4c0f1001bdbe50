"""A benchmark -> the contract's object and a row of the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tui.engine.catalog import Benchmark
from tui.engine.rules import CATEGORIES, Rules
from tui.engine.scenario import Scenario
from tui.present import metrics

COLUMNS = ("benchmark", "what it is", "scenarios", "needs")


SHORT = {
    Scenario.SINGLE_STREAM: "SS",
    Scenario.MULTI_STREAM: "MS",
    Scenario.SERVER: "Srv",
    Scenario.OFFLINE: "Off",
    Scenario.INTERACTIVE: "Int",
}
"""The scenarios in a narrow list."""


def to_json(one: Benchmark, rounds: Sequence[str]) -> dict[str, Any]:
    """The object of `benchmarks --json`; `rounds`: those that list it."""
    rules = one.rules
    return {
        "name": one.name,
        "title": one.title,
        "about": one.about or None,
        "area": one.area,
        "task": one.task,
        "dataset": one.dataset,
        "official": one.official,
        "installation": one.installation,
        "submission_name": one.submission_name,
        "loadgen_model": one.loadgen_model,
        "reference_quality": one.reference_quality,
        "parameters": one.parameters,
        "entered": one.entered,
        "retired": one.retired,
        "rounds": list(rounds),
        "scenarios": {
            category: [scenario.value for scenario in rules.scenarios_of(category)]
            for category in CATEGORIES
        },
        "required": {
            category: [scenario.value for scenario in rules.scenarios.get(category, ())]
            for category in CATEGORIES
        },
        "also_runs": [scenario.value for scenario in one.also_runs],
        "devices": list(one.devices),
        "targets": [
            {
                "metric": metric,
                "value": value,
                "upper": rules.upper_limits.get(metric),
                "scenarios": {
                    scenario: own[metric]
                    for scenario, own in rules.scenario_targets.items()
                    if metric in own
                },
            }
            for metric, value in _targets(rules).items()
        ],
        "latency_limits_ms": {name: dict(some) for name, some in rules.latency_limits_ms.items()},
        "percentiles": dict(rules.percentiles),
        "units": dict(rules.units),
        "samples": dict(rules.samples),
        "compliance_tests": list(rules.compliance_tests),
        "needs": asdict(one.needs),
        "mlcr": dict(one.mlcr) or None,
    }


def _targets(rules: Rules) -> dict[str, float | None]:
    """The least by metric; None where only the most is limited."""
    return {**dict.fromkeys(rules.upper_limits), **rules.targets}


def list_row(one: Benchmark) -> tuple[str, ...]:
    """Name, task, scenarios, what it needs."""
    return (one.name, one.task, scenarios(one), needs(one))


def scenarios(one: Benchmark) -> str:
    """The scenarios it runs, short."""
    return " ".join(SHORT[scenario] for scenario in one.all_scenarios)


def needs(one: Benchmark) -> str:
    """The greatest obstacle, in a few words."""
    words = []
    if one.retired:
        words.append(f"retired after {one.retired}")
    elif not one.has_mlcr_model:
        words.append("mlcr cannot run it yet")
    if one.needs.disk_bytes:
        words.append(f"{metrics.size(one.needs.disk_bytes)} disk")
    if one.needs.gpu_memory_bytes:
        words.append(f"{metrics.size(one.needs.gpu_memory_bytes)} GPU memory")
    if one.needs.licence:
        words.append("licence")
    return ", ".join(words)
