"""MLPerf Endpoints (v6.1): `result_summary.json` and `accuracy_results.json` for LoadGen's logs.

Which field stands for which of LoadGen's: ENDPOINTS_MAPPINGS and `endpoints_parser.py` of
MLCommons' submission checker, v6.1. Percentiles are the early-stopping ones, as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui.engine.results import model, text
from tui.engine.results.model import Result

SUMMARY, ACCURACY = "result_summary.json", "accuracy_results.json"
CONFIGS = ("config.yaml", "config.yml")
SCENARIOS = {"offline": "Offline", "online": "Server"}
PERCENTS = {
    "p50": "50.0",
    "p90": "90.0",
    "p95": "95.0",
    "p97": "97.0",
    "p99": "99.0",
    "p99.9": "99.9",
}


def matches(path: Path) -> bool:
    """By its name, and by what only Endpoints writes."""
    if path.name not in (SUMMARY, ACCURACY):
        return False
    found = text.json_object(path)
    return found is None or "n_samples_issued" in found or "accuracy_scores" in found


def read(path: Path) -> list[Result]:
    """The one run of a summary, or of an accuracy file.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb"):  # says so where it cannot be opened
        found = text.json_object(path)
    config = _config(path)
    if path.name == ACCURACY:
        return [_accuracy_run(path, found, config)]
    return [_performance_run(path, found, config)]


def _config(path: Path) -> Mapping[str, Any]:
    """The run's own configuration, beside it or in the scenario's folder."""
    from tui.engine import yaml_file

    for folder in (path.parent, path.parent.parent):
        for name in CONFIGS:
            if (found := text.small(folder / name)) is not None:
                try:
                    value = yaml_file.loads(found)
                except yaml_file.NotYaml:
                    return {}
                return value if isinstance(value, dict) else {}
    return {}


def _at(found: Any, *names: str) -> Any:
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _performance_run(path: Path, found: Any, config: Mapping[str, Any]) -> Result:
    if found is None:
        return _broken(path, model.PERFORMANCE)
    values = _values(found, config)
    failed = text.whole(found.get("n_samples_failed"))
    is_complete = found.get("complete") is True and found.get("state") == "complete"
    duration = text.positive(found.get("duration_ns"))
    return Result(
        path=str(path),
        source="endpoints",
        kind=model.PERFORMANCE,
        scenario=text.word(values.get("effective_scenario")),
        mode="PerformanceOnly",
        status=model.COMPLETE if is_complete else model.INCOMPLETE,
        loadgen_version=_version(found),
        system=text.word(_at(config, "model_params", "name")),
        latency_ns=_spread(found.get("latency")),
        ttft_ns=_spread(found.get("ttft")),
        tpot_ns=_spread(found.get("tpot")),
        queries=text.whole(found.get("n_samples_completed")),
        samples=text.whole(found.get("n_samples_completed")) if is_complete else None,
        duration_s=duration / 1e9 if duration else None,
        errors=failed,
        error_messages=(f"{failed} sample(s) failed",) if failed else (),
        log_values=values,
    )


def _values(found: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Under LoadGen's keys; only what is there."""
    runtime = _at(config, "settings", "runtime")
    own = found.get("run_config")
    tokens = text.number(found.get("tps"))
    values = {
        "is_endpoints": True,
        "effective_scenario": SCENARIOS.get(str(config.get("type", "")).lower()),
        "effective_schedule_rng_seed": _at(own, "scheduler_random_seed")
        or _at(runtime, "scheduler_random_seed"),
        "effective_sample_index_rng_seed": _at(own, "dataloader_random_seed")
        or _at(runtime, "dataloader_random_seed"),
        "effective_min_duration_ms": text.number(_at(runtime, "min_duration_ms")),
        "effective_target_qps": text.number(_at(own, "load_pattern", "target_qps")),
        "generated_query_count": text.whole(found.get("n_samples_issued")),
        "result_samples_per_second": _rate(found),
        "result_completed_samples_per_sec": _rate(found),
        "result_tokens_per_second": tokens,
        "result_completed_tokens_per_second": tokens,
        "result_mean_latency_ns": text.number(_at(found, "latency", "avg")),
        "result_90.00_percentile_latency_ns": text.number(
            _at(found, "latency", "early_stopping_percentiles", "90.0")
        ),
    }
    return {name: value for name, value in values.items() if value is not None}


def _rate(found: Mapping[str, Any]) -> float | None:
    """`qps`, else samples over seconds."""
    if (rate := text.number(found.get("qps"))) is not None:
        return rate
    issued, duration = (
        text.positive(found.get(key)) for key in ("n_samples_issued", "duration_ns")
    )
    return issued / (duration / 1e9) if issued and duration else None


def _spread(found: Any) -> dict[str, int | None] | None:
    if not isinstance(found, dict):
        return None
    spread = {
        "min": text.whole(found.get("min")),
        "mean": text.whole(found.get("avg")),
        "max": text.whole(found.get("max")),
    }
    for short, percent in PERCENTS.items():
        value = _at(found, "early_stopping_percentiles", percent)
        if value is None:
            value = _at(found, "percentiles", percent)
        spread[short] = text.whole(value)
    return spread if any(value is not None for value in spread.values()) else None


def _version(found: Mapping[str, Any]) -> str | None:
    version = text.word(found.get("version"))
    return f"endpoints {version}" if version else None


def _accuracy_run(path: Path, found: Any, config: Mapping[str, Any]) -> Result:
    if found is None:
        return _broken(path, model.ACCURACY)
    listed = found.get("accuracy_scores")
    scores = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    counts = [text.whole(one.get("total_samples")) for one in scores]
    values: dict[str, Any] = {
        "is_endpoints": True,
        "scores": [text.number(one.get("score")) for one in scores],
    }
    if counts and None not in counts:
        values["effective_accuracy_sample_count"] = sum(one for one in counts if one is not None)
    is_complete = bool(scores) and all(one.get("complete") is not False for one in scores)
    return Result(
        path=str(path),
        source="endpoints",
        kind=model.ACCURACY,
        scenario=SCENARIOS.get(str(config.get("type", "")).lower()),
        mode="AccuracyOnly",
        status=model.COMPLETE if is_complete else model.INCOMPLETE,
        system=text.word(_at(config, "model_params", "name")),
        has_accuracy_file=True,
        errors=0,
        log_values=values,
    )


def _broken(path: Path, kind: str) -> Result:
    return Result(
        path=str(path), source="endpoints", kind=kind, scenario=None, mode=None,
        status=model.CORRUPT, log_values={"unreadable": "it is no JSON object"},
    )  # fmt: skip
