"""A result -> a panel: headline number, verdict, reasons with fixes, latency, host checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tui.present import metrics
from widgets.rows import Badge, Fact, Panel, Reason, Tone

VERDICTS = {
    "VALID": Tone.GOOD,
    "INVALID": Tone.BAD,
    "ERRORS": Tone.BAD,
    "INCOMPLETE": Tone.WARNING,
}
CHECKS = {True: Tone.GOOD, False: Tone.WARNING, None: Tone.UNKNOWN}
UNVERIFIED = "Unverified local run, not an official MLPerf result."
LATENCIES = ("min", "p50", "p90", "p99", "p99.9", "max")


def panel(result: Mapping[str, Any]) -> Panel:
    """The panel of one result, given as the contract's JSON object."""
    words = (result["benchmark"], result["scenario"], _part(result))
    return Panel(
        title=" · ".join(word for word in words if word) or "unknown run",
        badge=badge(result["verdict"]),
        headline=headline(result),
        notes=(note(result),),
        facts=tuple(_facts(result)),
        reasons=tuple(Reason(one["text"], one["fix"]) for one in result["reasons"]),
    )


def badge(verdict: str | None) -> Badge:
    """The verdict as word and tone."""
    return Badge(verdict or metrics.NOTHING, VERDICTS.get(verdict or "", Tone.UNKNOWN))


def headline(result: Mapping[str, Any]) -> str:
    """The number that counts, with its direction."""
    accuracy, metric = result["accuracy"], result["metric"]
    if result["kind"] == "accuracy" and accuracy:
        target = accuracy["target"]
        goal = f", target {target:g}" if target is not None else ", no target known"
        return f"{accuracy['metric']}: {accuracy['value']:g}{goal}"
    if metric:
        amount = metrics.quantity(metric["value"], metric["unit"])
        return f"{amount}   {metrics.DIRECTIONS[metric['better']]}"
    return "no number"


def short_metric(metric: Mapping[str, Any] | None) -> str:
    """The number and unit alone, for a list."""
    return metrics.quantity(metric["value"], metric["unit"]) if metric else metrics.NOTHING


def note(result: Mapping[str, Any]) -> str:
    """What must be said beside every number."""
    for check in result["official"]["checks"]:
        if check["id"] == "benchmark" and check["ok"] is False:
            return (
                f"{check['detail']}: it says whether LoadGen, clock and scheduler of this host can "
                "be trusted."
            )
    return UNVERIFIED


def _part(result: Mapping[str, Any]) -> str:
    return "performance" if result["kind"] == "performance" else str(result["kind"])


def _facts(result: Mapping[str, Any]) -> list[Fact]:
    facts = []
    latency, metric = result["latency_ns"], result["metric"]
    if metric:
        facts.append(Fact("metric", metric["name"]))
    if latency:
        values = (f"{name} {metrics.milliseconds(latency[name])}" for name in LATENCIES)
        facts.append(Fact("latency", "  ".join(values) + " ms"))
    counts = [
        metrics.count(result[plural], one, plural)
        for one, plural in (("query", "queries"), ("sample", "samples"))
        if result[plural] is not None
    ]
    if result["duration_s"] is not None:
        counts.append(f"{result['duration_s']:.1f} s")
    if counts:
        facts.append(Fact("ran", ", ".join(counts)))
    if result["warnings"]:
        facts.append(Fact("warnings", str(result["warnings"]), Tone.WARNING))
    facts += [Fact(one["id"], one["detail"], CHECKS[one["ok"]]) for one in result["host_checks"]]
    facts.append(Fact("log", result["path"]))
    return facts


COLUMNS = (
    "benchmark",
    "scenario",
    "kind",
    "verdict",
    "value",
    "unit",
    "accuracy",
    "samples",
    "queries",
    "duration_s",
    "errors",
    "path",
)


def table_row(result: Mapping[str, Any]) -> tuple[Any, ...]:
    """One row of `results --csv` and `--markdown`: numbers in full."""
    metric, accuracy = result["metric"] or {}, result["accuracy"] or {}
    values = {
        **result,
        "value": metric.get("value"),
        "unit": metric.get("unit"),
        "accuracy": accuracy.get("value"),
    }
    return tuple(values[name] for name in COLUMNS)
