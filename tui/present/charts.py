"""Curves of a device over time -> a chart: live, or of a run's record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tui.engine.beside import PhaseSpan
from tui.engine.telemetry.record import Point
from tui.present import metrics
from tui.present.live import PHASES, LiveRun
from widgets.rows import Chart, Curve, Mark

LOADGEN = "loadgen"
SHIFTS = 6
"""A live chart moves on by a sixth of its time at once: what is drawn stays where it is."""
TICKS = 4
NAMES = {
    "utilization_pct": "utilization",
    "power_w": "power",
    "memory_used_bytes": "memory",
    "temperature_c": "temperature",
}


def live_span(now_s: float, length_s: float) -> tuple[float, float]:
    """Begin and end of a live chart."""
    step = length_s / SHIFTS
    end = math.ceil(now_s / step) * step
    return end - length_s, end


def chart(
    device: str,
    curves: Mapping[str, Sequence[Point]],
    span: tuple[float, float],
    *,
    phases: Sequence[PhaseSpan] = (),
    prefix: str = "",
    clock: tuple[float, datetime] | None = None,
    zero_s: float | None = None,
    limit_w: float | None = None,
    total_bytes: float | None = None,
    gap_s: float = 3.0,
    cursor_s: float | None = None,
) -> Chart:
    """One device's chart.

    Args:
        device: `host`, or as in a reading.
        curves: its points by measure.
        span: from and to, CLOCK_BOOTTIME.
        phases: to be marked.
        prefix: before each curve's name.
        clock: a moment on CLOCK_BOOTTIME and its local time: the axis tells the time of day.
        zero_s: the axis tells the time since then.
        limit_w: the power limit.
        total_bytes: the memory there is.
        gap_s: what is farther apart is a gap.
        cursor_s: where values are read.
    """
    tops = {
        "utilization_pct": 100.0,
        "power_w": limit_w or _most(curves.get("power_w", ())),
        "memory_used_bytes": total_bytes or _most(curves.get("memory_used_bytes", ())),
        "temperature_c": 100.0,
    }
    limits = {"power_w": limit_w, "memory_used_bytes": total_bytes}
    shown = [
        Curve(
            prefix + ("cpu" if device == "host" and key == "utilization_pct" else words),
            points,
            tops[key],
            _words(key, _at(points, cursor_s, gap_s), limits.get(key)),
        )
        for key, words in NAMES.items()
        if (points := curves.get(key)) and any(one[1] is not None for one in points)
    ]
    return Chart(
        *span,
        curves=tuple(shown),
        marks=tuple(_marks(phases)),
        ticks=tuple(_ticks(span, clock, zero_s)),
        gap_s=gap_s,
        cursor_s=cursor_s,
    )


def name_of(device: str) -> str:
    """A device of a record as one calls it."""
    return device.replace("gpu", "GPU ")


MOST_IN_FULL = 2
MOST_BESIDE = 6
BESIDE = ("utilization_pct", "power_w", "memory_used_bytes")


def side(
    live: LiveRun,
    curves: Mapping[str, Mapping[str, Sequence[Point]]],
    phases: Sequence[PhaseSpan],
    span: tuple[float, float],
) -> Chart:
    """A run so far, for beside its log: of one or two GPUs all curves, of more the utilization.

    Args:
        live: what is known of the run; its last readings are added.
        curves: by device and measure, in tens of seconds.
        phases: to be marked.
        span: from and to, CLOCK_BOOTTIME.
    """
    gpus = [one for one in live.devices if one != "host"]
    keys = BESIDE if len(gpus) <= MOST_IN_FULL else BESIDE[:1]
    found: list[Curve] = []
    for device in (*gpus[:MOST_BESIDE], *(["host"] if "host" in live.devices else [])):
        limit_w, total = live.limits(device)
        joined = _joined(curves.get(device, {}), live.recent(device))
        wanted = ("utilization_pct",) if device == "host" else keys
        points = {key: joined[key] for key in wanted if key in joined}
        found += chart(
            device,
            points,
            span,
            prefix=f"{name_of(device)} ",
            limit_w=limit_w,
            total_bytes=total,
            gap_s=30,
        ).curves
    more = len(gpus) - MOST_BESIDE
    if more > 0 and found:
        found[-1] = replace(found[-1], text=f"{found[-1].text}   … and {more} more GPUs: p")
    return Chart(
        *span,
        curves=tuple(found),
        marks=tuple(_marks(phases)),
        ticks=tuple(_ticks(span, None, span[0])),
        gap_s=30.0,
    )


def _joined(
    tens: Mapping[str, Sequence[Point]], recent: Mapping[str, Sequence[Point]]
) -> dict[str, list[Point]]:
    """Ten seconds each, and what came after the last of them."""
    found = {}
    for key, points in recent.items():
        before = list(tens.get(key, ()))
        since = before[-1][0] + 5.0 if before else 0.0
        found[key] = [*before, *(one for one in points if one[0] > since)]
    return found


def _at(points: Sequence[Point], cursor_s: float | None, gap_s: float) -> Point | None:
    """The point at the cursor; without one, the latest."""
    if cursor_s is None:
        return points[-1]
    near = min(points, key=lambda one: abs(one[0] - cursor_s))
    return near if abs(near[0] - cursor_s) <= gap_s else None


def _words(key: str, point: Point | None, top: float | None) -> str:
    if point is None or point[1] is None:
        return metrics.NOTHING
    _, mean, most = point
    assert mean is not None
    if key == "memory_used_bytes":
        return metrics.gigabytes(int(mean), int(top) if top else None)
    unit = {"utilization_pct": "%", "power_w": "W", "temperature_c": "°C"}[key]
    words = metrics.of(mean, top, unit) if key == "power_w" else metrics.whole(mean, unit)
    peak = most if most is not None and round(most) != round(mean) else None
    return f"{words}, most {metrics.whole(peak, unit)}" if peak is not None else words


def _most(points: Sequence[Point]) -> float | None:
    return max((one[2] for one in points if one[2] is not None), default=None)


def _marks(phases: Sequence[PhaseSpan]) -> list[Mark]:
    return [
        Mark(
            PHASES.get(one.name, (one.name, ""))[0],
            one.begin_s,
            one.end_s,
            strong=one.name == LOADGEN,
        )
        for one in phases
    ]


def _ticks(
    span: tuple[float, float], clock: tuple[float, datetime] | None, zero_s: float | None
) -> list[tuple[float, str]]:
    """Some times along the axis."""
    length = span[1] - span[0]
    found = []
    for nth in range(TICKS + 1):
        at = span[0] + length * nth / TICKS
        if zero_s is not None:
            found.append((at, metrics.duration(max(0.0, at - zero_s))))
        elif clock is not None:
            when = clock[1] + timedelta(seconds=at - clock[0])
            found.append((at, when.strftime("%H:%M:%S")))
    return found
