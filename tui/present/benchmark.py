"""A benchmark -> the contract's object and a row of the list."""

from __future__ import annotations

from typing import Any

from tui.engine.catalog import Benchmark
from tui.engine.scenario import Scenario

COLUMNS = ("benchmark", "what it is", "scenarios", "needs")


SHORT = {
    Scenario.SINGLE_STREAM: "SS",
    Scenario.MULTI_STREAM: "MS",
    Scenario.SERVER: "Srv",
    Scenario.OFFLINE: "Off",
    Scenario.INTERACTIVE: "Int",
}
"""The scenarios in a narrow list."""


def to_json(one: Benchmark) -> dict[str, Any]:
    """The object of `benchmarks --json`."""
    target = one.accuracy_target
    return {
        "name": one.name,
        "title": one.title,
        "about": one.about or None,
        "area": one.area,
        "task": one.task,
        "dataset": one.dataset,
        "official": one.official,
        "installation": one.installation,
        "retired": one.retired,
        "scenarios": {
            category: [scenario.value for scenario in some]
            for category, some in one.scenarios.items()
        },
        "devices": list(one.devices),
        "targets": (
            [{"metric": one.accuracy_metric, "value": target}] if target is not None else []
        ),
        "needs": {"disk_bytes": one.disk_bytes},
    }


def list_row(one: Benchmark) -> tuple[str, ...]:
    """Name, title, scenarios, disk."""
    scenarios = " ".join(SHORT[scenario] for scenario in one.all_scenarios)
    return (one.name, one.title, scenarios, f"{one.disk_bytes / 1e6:,.0f} MB free")
