"""Health probes -> panels, rows, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tui.engine.probe.history import Past
from tui.engine.probe.metrics import METRICS
from tui.engine.telemetry.gpus import reasons_of
from tui.present import metrics
from tui.present.run import VERDICTS
from widgets.rows import Badge, Cell, Chart, Column, Curve, Fact, Panel, Reason, Tone

UNKNOWN = Badge("not measured", Tone.UNKNOWN)
COLUMNS = (
    Column("metric", 24, most=30),
    Column("value", 14, right=True, most=20),
    Column("spread", 8, right=True),
    Column("of ceiling", 12),
    Column("baseline", 9, right=True),
    Column("matters from", 12, right=True, spare=1),
    Column("ceiling", 17, right=True, spare=2),
    Column("graded", 7, spare=3),
)
"""The metrics in the app."""
MARGIN = 0.1
"""A trend is drawn with so much of its range above and below it."""
NARROWEST = 0.02
"""A trend shows at least so much of its value, so that noise does not look like news."""
MOST_POINTS = 40


def badge(verdict: str | None) -> Badge:
    """The verdict as word and tone."""
    return Badge(verdict, VERDICTS[verdict]) if verdict in VERDICTS else UNKNOWN


def gpu_name(result: Mapping[str, Any]) -> str:
    """Which GPU was probed."""
    device = result.get("device") or {}
    index = device.get("index")
    words = (f"GPU {index}" if index is not None else "GPU", device.get("name"))
    return "  ".join(word for word in words if word)


def panel(result: Mapping[str, Any], length: str = "") -> Panel:
    """The object of `probe --json` as a panel: verdict, why, every number."""
    return Panel(
        title=f"{gpu_name(result)}  probe{f', {length}' if length else ''}",
        badge=badge(result["verdict"]),
        headline=headline(result),
        notes=tuple(_note(one) for one in result["notes"]),
        reasons=reasons(result),
        facts=(*(_fact(row) for row in result["metrics"]), *_curves(result), *_about(result)),
    )


def headline(result: Mapping[str, Any]) -> str:
    """The numbers that one asks for first."""
    values = {row["name"]: row for row in result["metrics"] if row["name"] in METRICS}
    names = ("d2d", "h2d_pinned", "gemm_bf16", "gemm_fp32", "launch_sync")
    return "  ".join(
        f"{METRICS[name].title} {quantity(values[name])}" for name in names if name in values
    )


def reasons(result: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Why it is not healthy, or could not be measured."""
    return tuple(Reason(one["text"], one["fix"]) for one in result["reasons"])


def _note(one: Mapping[str, Any]) -> str:
    return f"{one['text']}. {one['fix']}" if one.get("fix") else str(one["text"])


def quantity(row: Mapping[str, Any]) -> str:
    """Value and unit."""
    return f"{number(row['value'])} {row['unit']}"


def number(value: float) -> str:
    """Four significant digits: no metric is known better."""
    places = 0 if value >= 1000 else 1 if value >= 100 else 2 if value >= 10 else 3
    return f"{value:,.{places}f}".replace(",", " ")


def spread(row: Mapping[str, Any]) -> str:
    """How far its repeats scatter."""
    return f"±{100 * row['cv']:.1f} %"


def delta(row: Mapping[str, Any]) -> str:
    """Against the baseline, with its sign; within what chance does, `~`."""
    change = row["delta_pct"]
    if change is None:
        return metrics.NOTHING
    if abs(change) < row["smallest_pct"]:
        return f"~ {change:+.1f} %"
    return f"{change:+.1f} %"


def _share(row: Mapping[str, Any]) -> float | None:
    return row["value"] / row["ceiling"] if row["ceiling"] else None


def _fact(row: Mapping[str, Any]) -> Fact:
    words = [quantity(row), spread(row)]
    if (share := _share(row)) is not None:
        words.append(f"{100 * share:.0f} % of {number(row['ceiling'])}")
    if row["delta_pct"] is not None:
        words.append(f"baseline {delta(row)}")
    if "alloc_us" in row:
        words.append(f"alloc {row['alloc_us']:.1f} µs, free {row['free_us']:.1f} µs")
    if row["name"].endswith("pageable"):
        words.append("as fast as the host copies; not graded")
    return Fact(row["title"], "  ".join(words), tone(row))


def tone(row: Mapping[str, Any]) -> Tone:
    """Marked where the judge found it too slow."""
    return Tone.WARNING if row["slow"] else Tone.PLAIN


def _curves(result: Mapping[str, Any]) -> list[Fact]:
    found = []
    for one in result.get("curves", ()):
        title = METRICS[one["name"]].title if one["name"] in METRICS else one["name"]
        points = [one for one in one["points"] if _is_point(one)]
        words = (f"{_binary(p['bytes'])} {number(p['value'])}" for p in points)
        found.append(Fact(f"{title}, by size", "  ".join(words) + "  GB/s"))
    return found


def _is_point(one: Any) -> bool:
    numbers = (one.get("bytes"), one.get("value")) if isinstance(one, dict) else ("",)
    return all(isinstance(each, (int, float)) for each in numbers)


def _binary(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def _about(result: Mapping[str, Any]) -> list[Fact]:
    device, facts = result.get("device") or {}, []
    for one in result.get("checks", ()):
        if one["name"] == "pattern" and one.get("mismatches") == 0 and one.get("bytes"):
            facts.append(Fact("memory test", f"{one['bytes'] / 1e9:.1f} GB keep what is written"))
    errors = [
        f"{one['name'].removeprefix('gemm_').upper()} {one['error']:.1e}"
        for one in result.get("checks", ())
        if one["name"].startswith("gemm") and isinstance(one.get("error"), float)
    ]
    if errors:
        facts.append(Fact("GEMM error", "  ".join(errors) + "  against float64"))
    if clocks := _clocks(result.get("readings", ())):
        facts.append(Fact("SM clock", clocks))
    if result.get("baseline_probes"):
        count = metrics.count(result["baseline_probes"], "probe", "probes")
        facts.append(Fact("baseline", f"{count} of this GPU, driver and environment"))
    if result.get("datasheet"):
        facts.append(Fact("ceilings", f"datasheet of {result['datasheet']}"))
    if device:
        known = (one for one in device.get("packages") or () if isinstance(one, dict))
        packages = ", ".join(f"{one.get('name')} {one.get('version')}" for one in known)
        words = (device.get("uuid"), f"driver {device.get('driver')}", packages)
        facts.append(Fact("with", "  ".join(str(word) for word in words if word)))
    if result.get("seconds") is not None:
        facts.append(Fact("took", f"{result['seconds']:.1f} s"))
    return facts


def _clocks(readings: Sequence[Mapping[str, Any]]) -> str:
    """The clock before, under load and after, with what slowed it."""
    words = []
    for when in ("before", "load", "after"):
        one = next((each for each in readings if each["when"] == when), None)
        if one is not None and isinstance(one.get("sm_clock_mhz"), (int, float)):
            why = ", ".join(reasons_of(one.get("throttle_bits")) or ())
            label = "under load" if when == "load" else when
            words.append(f"{one['sm_clock_mhz']:,.0f} MHz {label}".replace(",", " "))
            words[-1] += f" ({why})" if why else ""
    return "  ".join(words)


def row(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    """One metric in the app's list."""
    share = _share(one)
    ceiling = f"{number(one['ceiling'])} {one['unit']}" if one["ceiling"] else metrics.NOTHING
    return (
        Cell(one["title"], tone(one)),
        Cell(quantity(one)),
        Cell(spread(one), quiet=True),
        Cell(f" {100 * share:.0f} %", share=share) if share is not None else Cell(metrics.NOTHING),
        Cell(delta(one)),
        Cell(f"{one['smallest_pct']:g} %", quiet=True),
        Cell(ceiling, quiet=True),
        Cell("yes" if one["graded"] else "no", quiet=True),
    )


def last_words(past: Past, now: datetime) -> str:
    """How long ago a probe was: `3 h ago`; empty where its time is not known."""
    age = metrics.seconds_since(past.created, now)
    return f"{metrics.age(age)} ago" if age is not None else ""


def beside_run(past: Past, created: str | None) -> Fact:
    """The last probe before a run, for beside its results."""
    began = metrics.parsed(created)
    age = metrics.seconds_since(past.created, began) if began is not None else None
    words = [str(past.result["verdict"])]
    words += [f"{metrics.age(age)} before this run"] if age is not None else []
    values = {row["name"]: row for row in past.result["metrics"]}
    words += [
        f"{METRICS[n].title} {quantity(values[n])}" for n in ("d2d", "launch_sync") if n in values
    ]
    return Fact("GPU probe", "  ".join(words), VERDICTS.get(past.result["verdict"], Tone.PLAIN))


def trend(name: str, probes: Sequence[Past]) -> Chart:
    """One metric over a GPU's probes, the oldest first; each is as wide as the others.

    The curve does not begin at zero: a few percent are what one looks for.

    Args:
        name: the metric's.
        probes: of one GPU, newest first.
    """
    found = [
        (one, value)
        for one in reversed(probes[:MOST_POINTS])
        if (value := one.value(name)) is not None
    ]
    if not found:
        return Chart(0.0, 1.0)
    values = [value for _, value in found]
    low, high = min(values), max(values)
    room = max((high - low) * MARGIN, NARROWEST * high)
    bottom, top = max(0.0, low - room), high + room
    # Not filled: an area over an axis that does not begin at 0 would look like a share.
    points = [(float(n), 0.0, value - bottom) for n, value in enumerate(values)]
    count = len(found)
    newest = next(row for row in found[-1][0].result["metrics"] if row["name"] == name)
    words = f"{newest['unit']}, {number(bottom)} to {number(top)}   last {number(values[-1])}   "
    if newest["baseline"] is not None:
        words += f"baseline {number(newest['baseline'])}   "
    words += metrics.count(count, "probe", "probes")
    ends = {0: found[0][0], count - 1: found[-1][0]}
    return Chart(
        0.0,
        float(count),
        curves=(
            Curve(newest["title"], [*points, (float(count), None, None)], top - bottom, words),
        ),
        ticks=tuple((float(n), _day(one.created)) for n, one in ends.items()),
        gap_s=1.5,
    )


def _day(created: str) -> str:
    return f"{created[5:10]} {metrics.local_time(created)}"
