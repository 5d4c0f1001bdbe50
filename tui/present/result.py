"""A result -> a panel: headline number, verdict, reasons with fixes, latency, accuracy, checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tui.present import metrics
from widgets.rows import Badge, Cell, Column, Fact, Gauge, Panel, Reason, Spread, Tone

if TYPE_CHECKING:
    from tui.engine.published import Figure

VERDICTS = {
    "VALID": Tone.GOOD,
    "INVALID": Tone.BAD,
    "ERRORS": Tone.BAD,
    "INCOMPLETE": Tone.WARNING,
}
CHECKS = {True: Tone.GOOD, False: Tone.BAD, None: Tone.UNKNOWN}
HOST_CHECKS = {True: Tone.GOOD, False: Tone.WARNING, None: Tone.UNKNOWN}
UNVERIFIED = "Unverified local run, not an official MLPerf result."
LATENCIES = ("min", "p50", "p90", "p99", "p99.9", "max")
SHARES = {
    "min": 0.0, "p50": 0.5, "p90": 0.9, "p95": 0.95, "p97": 0.97, "p99": 0.99, "p99.9": 0.999,
    "max": 1.0,
}  # fmt: skip
"""How much lies below each."""
SPREADS = (
    ("latency", "latency_ns", "latency_limit_ns"),
    ("TTFT", "ttft_ns", "ttft_limit_ns"),
    ("TPOT", "tpot_ns", "tpot_limit_ns"),
)
ACCURACIES = {"acc": "top-1 accuracy (%)", "WER": "accuracy by WER (%)", "DICE": "mean DICE"}
"""Names that say more than those of the submission checker."""
SHOWN_CHECKS = 3
"""So many checks fit into the line that says whether a run would count."""


def panel(result: Mapping[str, Any], figures: Sequence[Figure] = ()) -> Panel:
    """The panel of one result.

    Args:
        result: the contract's JSON object.
        figures: published ones of the same GPUs, to set beside it.
    """
    words = (result["benchmark"], result["scenario"], *_part(result))
    return Panel(
        title=" · ".join(word for word in words if word) or "unknown run",
        badge=badge(result["verdict"]),
        headline=headline(result),
        notes=(note(result), *_published(result, figures)),
        spreads=tuple(_spreads(result)),
        gauges=tuple(_gauges(result)),
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
        return _accuracy_words(accuracy)
    if metric:
        amount = metrics.quantity(metric["value"], metric["unit"])
        return f"{amount}   {metrics.DIRECTIONS[metric['better']]}"
    return "" if result["kind"] == "compliance" else "no number"


def _accuracy_words(accuracy: Mapping[str, Any]) -> str:
    value, target = accuracy["value"], accuracy["target"]
    goal = f", target {target:g}" if target is not None else ", no target known"
    name = accuracy_name(accuracy["metric"])
    return f"{name}: {value:g}{goal}" if value is not None else "no number"


def accuracy_name(name: str) -> str:
    """An accuracy metric as it is shown."""
    return ACCURACIES.get(name, name)


def short_metric(metric: Mapping[str, Any] | None) -> str:
    """The number and unit alone, for a list."""
    return metrics.quantity(metric["value"], metric["unit"]) if metric else metrics.NOTHING


def note(result: Mapping[str, Any]) -> str:
    """What must be said beside every number."""
    for check in result["official"]["checks"]:
        if check["id"] == "benchmark" and "not an MLPerf benchmark" in check["detail"]:
            return (
                f"{check['detail']}: it says whether LoadGen, clock and scheduler of this host can "
                "be trusted."
            )
    return UNVERIFIED


def _published(result: Mapping[str, Any], figures: Sequence[Figure]) -> Iterator[str]:
    """Each with what ours is of it; rates as a share, times as a multiple."""
    metric = result["metric"]
    for one in figures if metric else ():
        amount = metrics.quantity(one.value, one.unit)
        where = f"{one.round}, {one.accelerator} x{one.count}, {one.software.split(',')[0]}"
        mark = f", {one.mark}" if one.mark else ""
        ratio = metric["value"] / one.value
        ours = f"{100 * ratio:.3g} %" if metric["better"] == "higher" else f"{ratio:.3g} times that"
        yield f"published: {amount} ({where}, {one.submitter}{mark}); yours is {ours}"


def _part(result: Mapping[str, Any]) -> Iterator[str]:
    """The kind; of a compliance run also which tests."""
    yield str(result["kind"])
    if result["kind"] == "compliance":
        yield from dict.fromkeys(
            one["id"].partition("-")[0]
            for one in result["official"]["checks"]
            if one["id"].startswith("TEST")
        )


# --- latency and accuracy -----------------------------------------------------------------------


def _spreads(result: Mapping[str, Any]) -> Iterator[Spread]:
    for label, key, limit_key in SPREADS:
        found, limit = result.get(key), result.get(limit_key)
        if not found:
            continue
        values = [
            f"{name} {metrics.milliseconds(found[name])}" for name in LATENCIES if found[name]
        ]
        tail = found["p99"]
        tone = Tone.UNKNOWN
        if limit is not None and tail is not None:
            tone = Tone.GOOD if tail <= limit else Tone.BAD
        yield Spread(
            label,
            tuple(_points(found)),
            "  ".join(values) + " ms",
            limit,
            f"limit {limit / 1e6:,g} ms".replace(",", " ") if limit is not None else "",
            tone,
        )


def _points(found: Mapping[str, int | None]) -> Iterator[tuple[float, float]]:
    """Rising in both, as a distribution is; a damaged log may say otherwise."""
    last = 0
    for name, share in SHARES.items():
        value = found.get(name)
        if value is not None and value > 0 and value >= last:
            last = value
            yield float(value), share


def _gauges(result: Mapping[str, Any]) -> Iterator[Gauge]:
    accuracy = result["accuracy"]
    for one in accuracy.get("metrics", ()) if accuracy else ():
        if one["value"] is None:
            continue
        words = f"{accuracy_name(one['name'])} {one['value']:g}"
        if one["target"] is not None:
            words += f", at least {one['target']:g}"
        if one["limit"] is not None:
            words += f", at most {one['limit']:g}"
        tone = CHECKS[one["ok"]] if one["ok"] is not None else Tone.PLAIN
        yield Gauge("accuracy", one["value"], words, one["target"], one["limit"], tone)


# --- facts --------------------------------------------------------------------------------------


def _facts(result: Mapping[str, Any]) -> Iterator[Fact]:
    if result["metric"]:
        yield Fact("metric", result["metric"]["name"])
    for one in result.get("inferred", ()):
        words = f"{one['scenario']} {short_metric(one['metric'])} ({one['metric']['name']})"
        yield Fact("inferred", words)
    if power := result["power"]:
        where = "whole system, at the wall" if power["source"] == "wall" else "GPU boards"
        yield Fact("power", f"{metrics.quantity(power['value'], power['unit'])} ({where})")
    if words := _counts(result):
        yield Fact("ran", words)
    yield from _beside(result.get("telemetry"))
    if result["kind"] == "compliance":
        yield from check_facts(result)
    elif verdict := counts(result):
        yield verdict
    for notice in result.get("notices", ()):
        yield Fact("note", notice["text"], Tone.WARNING)
    if result["warnings"]:
        yield Fact("warnings", f"{result['warnings']} in the detail log")
    for check in result["host_checks"]:
        yield Fact(check["id"], check["detail"], HOST_CHECKS[check["ok"]])
    yield Fact("log", result["path"])


def _beside(telemetry: Mapping[str, Any] | None) -> Iterator[Fact]:
    """What the GPUs did inside the LoadGen window."""
    if not telemetry:
        return
    if telemetry["power_w_mean"] is not None or telemetry["utilization_pct_mean"] is not None:
        words = [
            f"{metrics.percent(telemetry['utilization_pct_mean'])} busy",
            f"{metrics.whole(telemetry['power_w_mean'], 'W')} mean",
        ]
        if telemetry["joules_per_sample"] is not None:
            joules = metrics.quantity(telemetry["joules_per_sample"], "J/sample")
            words.append(f"{joules} (GPU boards, not MLPerf power)")
        if telemetry["power_cap_pct"]:
            words.append(f"at its power cap {metrics.percent(telemetry['power_cap_pct'])} (normal)")
        yield Fact("GPU", " · ".join(words))
    if telemetry["throttled_pct"]:
        share = metrics.percent(telemetry["throttled_pct"])
        yield Fact("throttled", f"{share} of the window, by more than its power cap", Tone.WARNING)
    if telemetry["gpu_used"]:
        used = ", ".join(telemetry["devices_used"]).replace("gpu", "GPU ")
        yield Fact("GPU used", " · ".join(one for one in (telemetry["gpu_used"], used) if one))
    if host := telemetry["devices"].get("host"):
        cpu, steal = host["utilization_pct_mean"], host["steal_pct_mean"]
        yield Fact("host", f"cpu {metrics.percent(cpu)} · steal {metrics.tenths(steal, '%')}")


def _counts(result: Mapping[str, Any]) -> str:
    found = [
        metrics.count(result[plural], one, plural)
        for one, plural in (("query", "queries"), ("sample", "samples"))
        if result[plural] is not None
    ]
    if result["duration_s"] is not None:
        found.append(f"{result['duration_s']:.1f} s")
    return ", ".join(found)


def counts(result: Mapping[str, Any]) -> Fact | None:
    """Would it pass as a closed-division run, in one line; None where nothing was looked at."""
    checks = result["official"]["checks"]
    if not checks or (len(checks) == 1 and checks[0]["id"] == "benchmark"):
        return None
    failed = [one for one in checks if one["ok"] is False]
    unsure = [one for one in checks if one["ok"] is None]
    if not failed and not unsure:
        return Fact("counts?", f"all {len(checks)} official checks pass", Tone.GOOD)
    passed = len(checks) - len(failed) - len(unsure)
    shown = [*failed, *unsure][:SHOWN_CHECKS]
    words = [f"{passed} of {len(checks)} checks pass"]
    for one in shown:
        sign = CHECKS[one["ok"]].sign(ascii_only=False)
        words.append(f"{sign} {one['id']}: {metrics.one_line(one['detail'], 48)}")
    if left := len(failed) + len(unsure) - len(shown):
        words.append(f"({left} more)")
    return Fact("counts?", "  ".join(words))


def check_facts(result: Mapping[str, Any]) -> list[Fact]:
    """Every official check, those that failed first."""
    order = {False: 0, None: 1, True: 2}
    checks = sorted(result["official"]["checks"], key=lambda one: order[one["ok"]])
    return [Fact(one["id"], one["detail"], CHECKS[one["ok"]]) for one in checks]


def checks_panel(result: Mapping[str, Any]) -> Panel:
    """All official checks, for a sheet of their own."""
    words = {
        True: "It would pass as a closed-division run.",
        False: "It would not pass as a closed-division run.",
        None: "Whether it would pass as a closed-division run cannot be told.",
    }
    ok = result["official"]["ok"]
    return Panel(
        title="Would it count?",
        badge=Badge({True: "yes", False: "no", None: "unknown"}[ok], CHECKS[ok]),
        headline=words[ok] if result["official"]["checks"] else "Nothing was looked at.",
        notes=(
            f"Rules of {result['round'] or 'the newest round that lists it'}, as MLCommons' "
            "submission checker has them; ? is what the log and the files beside it do not tell.",
        ),
        facts=tuple(check_facts(result)),
    )


# --- lists --------------------------------------------------------------------------------------

COLUMNS = (
    "benchmark",
    "scenario",
    "kind",
    "round",
    "verdict",
    "value",
    "unit",
    "accuracy",
    "power",
    "power_unit",
    "counts",
    "samples",
    "queries",
    "duration_s",
    "errors",
    "path",
)


def table_row(result: Mapping[str, Any]) -> tuple[Any, ...]:
    """One row of `results --csv` and `--markdown`: numbers in full."""
    metric, accuracy = result["metric"] or {}, result["accuracy"] or {}
    power = result["power"] or {}
    values = {
        **result,
        "value": metric.get("value"),
        "unit": metric.get("unit"),
        "accuracy": accuracy.get("value"),
        "power": power.get("value"),
        "power_unit": power.get("unit"),
        "counts": {True: "yes", False: "no", None: "unknown"}[result["official"]["ok"]],
    }
    return tuple(values[name] for name in COLUMNS)


LISTED = (
    Column("verdict", 12),
    Column("benchmark", 14, most=22),
    Column("scenario", 12),
    Column("result", 19, right=True),
    Column("kind", 11, most=14),
    Column("round", 5, spare=2),
    Column("where", 30, most=120, spare=1),
)
"""Results found below a path, in the app."""


def listed_row(result: Mapping[str, Any], root: str) -> tuple[Cell, ...]:
    """One row of that list; its place as seen from `root`."""
    path = str(result["path"])
    folder, _, name = path.rpartition("/")
    inside = folder if name.startswith("mlperf_log_") else path
    where = inside.removeprefix(root).lstrip("/") or name
    number, accuracy = short_metric(result["metric"]), result["accuracy"]
    if result["kind"] == "accuracy" and accuracy and accuracy["value"] is not None:
        number = f"{accuracy['metric']} {accuracy['value']:.6g}"
    return (
        Cell(result["verdict"], VERDICTS[result["verdict"]]),
        Cell(result["benchmark"] or metrics.NOTHING),
        Cell(result["scenario"] or metrics.NOTHING),
        Cell(number),
        Cell(result["kind"], quiet=True),
        Cell(result["round"] or metrics.NOTHING, quiet=True),
        Cell(where, quiet=True),
    )


def rerun_options(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """mlcr's options that mend what made these results INVALID.

    Of one key the first counts; of counts and durations the greatest, which is enough for all.
    """
    found: dict[str, str] = {}
    options = [
        option
        for result in results
        for reason in result["reasons"]
        for option in reason.get("rerun_with") or ()
    ]
    for option in options:
        key, _, value = option.partition("=")
        before = found.setdefault(key, value)
        if key.endswith(("_count", "_duration")) and float(value) > float(before):
            found[key] = value
    return [f"{key}={value}" for key, value in found.items()]
