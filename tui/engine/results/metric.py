"""MLCommons' number of a run: by scenario, benchmark and round, never the summary's first line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tui.engine.catalog import Round
from tui.engine.results import text
from tui.engine.results.model import Inferred, Metric
from tui.engine.results.rulebook import Case
from tui.engine.rules import Rules
from tui.engine.scenario import NUMBERS

SCALE_OF_UNIT = {"s": ("ms", 1e-3)}
"""Units of a benchmark that are another one's multiple."""
PERCENTILES = {"SingleStream": 90.0, "MultiStream": 99.0}


def key_of(
    values: Mapping[str, Any], case: Case, rounds: Iterable[Round], scenario: str | None
) -> str | None:
    """The detail log's key of the official number; None for a scenario nobody has rules for.

    The benchmark's own key in its round comes first, where the log has it; else the round's for
    runs of that sort.
    """
    if scenario is None:
        return None
    own = {_of_scenario(rules, scenario) for rules in ([case.rules] if case.rules else case.twins)}
    if len(own) == 1 and (key := own.pop()) is not None and key in values:
        return key
    return _default(values, case.round, rounds, scenario)


def _of_scenario(rules: Rules, scenario: str) -> str | None:
    return rules.result_keys.get(scenario)


def _default(
    values: Mapping[str, Any], own: Round | None, rounds: Iterable[Round], scenario: str
) -> str | None:
    """A log without a round's seeds is read as in the newest round that has runs of its sort."""
    if values.get("is_endpoints"):
        sort = "endpoints_result_keys"
    elif values.get("requested_use_token_latencies") is True:
        sort = "token_result_keys"
    elif any(name.startswith("result_inferred_") for name in values):
        sort = "inferred_token_result_keys"
    else:
        sort = "result_keys"
    candidates = [own] if own else []
    candidates += [] if own and sort == "result_keys" else sorted(rounds, key=_age)
    keys = [key for one in candidates if (key := getattr(one, sort).get(scenario)) is not None]
    if own is None or not keys:
        keys += [key] if own and (key := own.result_keys.get(scenario)) else []
        return next((key for key in keys if key in values), keys[0] if keys else None)
    return str(keys[0])


def _age(one: Round) -> tuple[int, ...]:
    return tuple(-int(part) for part in one.name.removeprefix("v").split(".") if part.isdecimal())


def read(
    values: Mapping[str, Any], key: str | None, scenario: str | None, units: Mapping[str, str]
) -> Metric | None:
    """The number under a key; None where it is not logged, or 0 (too few queries to estimate).

    Args:
        values: of the detail log.
        key: from `key_of`.
        scenario: as the rules call it.
        units: the benchmark's own, by scenario.
    """
    value = text.number(values.get(key or ""))
    known = NUMBERS.get(key or "")
    if value is None or known is None or value <= 0:
        return None
    unit, scale = known.unit, known.scale
    base, more = SCALE_OF_UNIT.get(units.get(scenario or "", ""), (None, 1.0))
    if base == unit:
        unit, scale = units[scenario or ""], scale * more
    return Metric(_named(known.name, values, scenario), _scaled(value, scale), unit, known.better)


def _scaled(value: float, scale: float) -> float:
    """Divided rather than multiplied: 361604 ns are 0.361604 ms to the last digit."""
    return value if scale == 1 else value / round(1 / scale)


def _named(name: str, values: Mapping[str, Any], scenario: str | None) -> str:
    share = text.number(values.get("effective_target_latency_percentile"))
    percent = share * 100 if share else PERCENTILES.get(scenario or "", 99.0)
    return name.format(p=f"{percent:g}")


def inferred(values: Mapping[str, Any], scenario: str | None) -> tuple[Inferred, ...]:
    """What edge systems may infer from this run; formulas of the checker's get_inferred_result."""
    found = []
    if scenario == "SingleStream":
        found.append(("Offline", _rate(values)))
        estimate = text.positive(values.get("early_stopping_latency_ms"))
        if estimate and values.get("requested_use_token_latencies") is not True:
            name = "8 x 99th percentile latency (early-stopping estimate), inferred"
            found.append(("MultiStream", Metric(name, estimate * 8 / 1e6, "ms", "lower")))
    elif scenario == "MultiStream":
        mean = text.positive(values.get("result_mean_query_latency_ns"))
        each = text.positive(values.get("effective_samples_per_query"))
        if mean and each:
            name = "samples a query over mean query latency, inferred"
            found.append(
                ("Offline", Metric(name, each * 1000 / (mean / 1e6), "Samples/s", "higher"))
            )
    return tuple(Inferred(one, metric) for one, metric in found if metric is not None)


def _rate(values: Mapping[str, Any]) -> Metric | None:
    key = "result_qps_without_loadgen_overhead"
    return read(values, key, None, {})
